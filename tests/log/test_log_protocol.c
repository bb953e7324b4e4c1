/* SPDX-License-Identifier: MIT */
/* test_log_protocol.c -- lines as requests, right and wrong ones; which values can stand as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "log_protocol.h"
#include "prng.h"

static struct log_line parse(const char *text, struct log_complaint *complaint)
{
    struct log_line line;

    complaint->code = LOG_ERROR_NONE;
    log_line_parse((const uint8_t *)text, strlen(text), &line, complaint);
    return line;
}

static struct log_line understood(const char *text)
{
    struct log_complaint complaint;
    struct log_line line = parse(text, &complaint);

    if (complaint.code != LOG_ERROR_NONE)
        fail_msg("'%s': %s", text, complaint.sentence);
    return line;
}

static void assert_plain(const char *text, const char *value)
{
    struct log_line line = understood(text);

    assert_int_equal(line.verb, LOG_PROP);
    assert_false(line.value.counted);
    assert_int_equal(line.value.size, strlen(value));
    assert_memory_equal(line.value.data, value, line.value.size);
}

static void test_requests(void **state)
{
    struct log_line line;

    (void)state;
    assert_plain("PROP 1 a", "a");
    assert_plain("prop 18446744073709551615 a  b ", "a  b ");
    assert_plain("  PROP   007  x", " x");
    assert_plain("PROP 1 $", "$");
    assert_plain("PROP 1 $5 ", "$5 ");
    assert_plain("PROP 1 *x", "*x");
    line = understood("PROP 9 $300");
    assert_true(line.value.counted);
    assert_int_equal(line.value.size, 300);
    assert_int_equal(line.request_id, 9);
    line = understood("MPROP 5 65536");
    assert_int_equal(line.verb, LOG_MPROP);
    assert_int_equal(line.count, 65536);
    line = understood("GET 7");
    assert_int_equal(line.index, 7);
    assert_int_equal(line.count, 1);
    assert_int_equal(understood("Get 7 18446744073709551615").count, UINT64_MAX);
    assert_int_equal(understood("WAIT 3").index, 3);
    assert_int_equal(understood("sync").verb, LOG_SYNC);
    assert_int_equal(understood("STATUS ").verb, LOG_STATUS);
    assert_int_equal(understood("HELP").verb, LOG_HELP);
    assert_int_equal(understood("QUIT").verb, LOG_QUIT);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *text;
        enum log_error_code code;
        const char *words;
    } cases[] = {
        {"PRO 1 a", LOG_ERROR_UNKNOWN, "'PRO'"},
        {"PROPS 1 a", LOG_ERROR_UNKNOWN, "'PROPS'"},
        {"\xf0\x02 1", LOG_ERROR_UNKNOWN, "there is no"},
        {"averylongwordthatisnotarequestatall", LOG_ERROR_UNKNOWN, "'averylongwordthatisnotar'"},
        {"PROP", LOG_ERROR_SYNTAX, "the request id is missing"},
        {"PROP 1", LOG_ERROR_SYNTAX, "a value is missing"},
        {"PROP 1 ", LOG_ERROR_SYNTAX, "a value is missing"},
        {"PROP 1x a", LOG_ERROR_SYNTAX, "not '1x'"},
        {"PROP 18446744073709551616 a", LOG_ERROR_SYNTAX, "not '18446744073709551616'"},
        {"PROP 1 *3", LOG_ERROR_SYNTAX, "must be sent as $<size>"},
        {"PROP 1 $1073741825", LOG_ERROR_TOO_LARGE, "1073741824"},
        {"MPROP 1", LOG_ERROR_SYNTAX, "the number of values is missing"},
        {"MPROP 1 65537", LOG_ERROR_SYNTAX, "from 1 to 65536"},
        {"MPROP 1 2 3", LOG_ERROR_SYNTAX, "'3' is too much"},
        {"GET 0", LOG_ERROR_SYNTAX, "from 1 to"},
        {"GET 1 0", LOG_ERROR_SYNTAX, "the count"},
        {"WAIT", LOG_ERROR_SYNTAX, "the index is missing"},
        {"SYNC 1", LOG_ERROR_SYNTAX, "'1' is too much"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct log_complaint complaint;

        parse(cases[i].text, &complaint);
        assert_int_equal(complaint.code, cases[i].code);
        if (strstr(complaint.sentence, cases[i].words) == NULL)
            fail_msg("'%s': %s", cases[i].text, complaint.sentence);
    }
}

/* What stands as it is is read back as it is; what would be taken for a number is not plain. */
static void test_plain_values(void **state)
{
    static const char *const plain[] = {"a", " ", "a b", "$", "*", "$x", "$1 ", "1", "\xc3\xa4"};
    static const char *const others[] = {"$1", "*0", "a\n", "\r", "\t", "\x7f", "\xff"};

    (void)state;
    assert_false(log_value_is_plain((const uint8_t *)"", 0));
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        assert_true(log_value_is_plain((const uint8_t *)plain[i], strlen(plain[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(log_value_is_plain((const uint8_t *)others[i], strlen(others[i])));
}

/* Each byte in a block of its own, so that a sanitizer sees a read past the end. */
static void test_noise(void **state)
{
    static const char letters[] = "PROPGETMSWAIHLQU $*0123456789 abc\t\xff";
    struct prng prng;

    (void)state;
    prng_init(&prng, 11);
    for (unsigned i = 0; i < 100000; i++) {
        size_t size = prng_below(&prng, 24);
        uint8_t *bytes = malloc(size > 0 ? size : 1);
        struct log_complaint complaint = {0};
        struct log_line line;

        for (size_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)letters[prng_below(&prng, sizeof(letters) - 1)];
        if (prng_below(&prng, 2) == 0 && size > 7)
            memcpy(bytes, "PROP 1 ", 7);
        log_line_parse(bytes, size, &line, &complaint);
        if (complaint.code == LOG_ERROR_NONE && line.verb == LOG_PROP && !line.value.counted &&
            log_value_is_plain(line.value.data, line.value.size))
            assert_true(line.value.size <= size);
        assert_true(strlen(complaint.sentence) < LOG_SENTENCE_BYTES);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_plain_values),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
