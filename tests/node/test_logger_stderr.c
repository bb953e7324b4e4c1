/* SPDX-License-Identifier: MIT */
/* test_logger_stderr.c -- the lines of the log, as text and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "logger_stderr.h"

#define A_MOMENT INT64_C(1795233600123) /* 2026-11-21T04:00:00.123Z */

static void expect_line(enum log_format format, const char *details, const char *expected)
{
    char line[LOG_LINE_BYTES];
    size_t size = log_line_format(line, format, A_MOMENT, DECREE_LOG_INFO, "event_one", details);

    assert_true(size < sizeof(line));
    line[size] = '\0';
    assert_string_equal(line, expected);
}

static void a_line_for_people(void **state)
{
    (void)state;
    expect_line(LOG_FORMAT_TEXT, "", "2026-11-21T04:00:00.123Z info event_one\n");
    expect_line(LOG_FORMAT_TEXT, "node=n1 reason=\"a b\"",
                "2026-11-21T04:00:00.123Z info event_one node=n1 reason=\"a b\"\n");
    expect_line(LOG_FORMAT_TEXT, "node=\n\x1b[31m",
                "2026-11-21T04:00:00.123Z info event_one node=??[31m\n");
}

#define JSON_HEAD \
    "{\"time\":\"2026-11-21T04:00:00.123Z\",\"level\":\"info\",\"event\":\"event_one\""

static void a_line_for_programs(void **state)
{
    (void)state;
    expect_line(LOG_FORMAT_JSON, "", JSON_HEAD "}\n");
    expect_line(LOG_FORMAT_JSON, "node=n1 slot=17 zip=017 long=1234567890123456",
                JSON_HEAD
                ",\"node\":\"n1\",\"slot\":17,\"zip\":\"017\",\"long\":\"1234567890123456\"}\n");
    expect_line(LOG_FORMAT_JSON, "reason=\"it's \\ a \"b\" c\" d=e",
                JSON_HEAD ",\"reason\":\"it's \\\\ a \\\"b\\\" c\",\"d\":\"e\"}\n");
    expect_line(LOG_FORMAT_JSON, "a=b done", JSON_HEAD ",\"a\":\"b\",\"done\":true}\n");
    expect_line(LOG_FORMAT_JSON, "open=\"never closed", JSON_HEAD ",\"open\":\"never closed\"}\n");
    expect_line(LOG_FORMAT_JSON, "a=\xc3\xa4\xff\x01",
                JSON_HEAD ",\"a\":\"\xc3\xa4\\ufffd\\u0001\"}\n");
    expect_line(LOG_FORMAT_JSON, "=x", JSON_HEAD ",\"\":\"x\"}\n");
}

static void the_longest_details_fit(void **state)
{
    char details[1024], line[LOG_LINE_BYTES];
    size_t size;

    (void)state;
    memset(details, '\x01', sizeof(details) - 1);
    details[sizeof(details) - 1] = '\0';
    size = log_line_format(line, LOG_FORMAT_JSON, A_MOMENT, DECREE_LOG_ERROR, "event_one", details);
    assert_true(size > 6 * 1000);
    assert_memory_equal(line + size - 2, "}\n", 2);
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_find("warn"), DECREE_LOG_WARN);
    assert_int_equal(log_level_find("loud"), 0);
    assert_string_equal(log_level_name(DECREE_LOG_DEBUG), "debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_people),
        cmocka_unit_test(a_line_for_programs),
        cmocka_unit_test(the_longest_details_fit),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
