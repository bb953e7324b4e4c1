/* SPDX-License-Identifier: MIT */
/* test_grpc_parse.c -- timeouts, content types, escaped texts, prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "grpc_parse.h"

static bool parse(const char *text, uint64_t *ret_ms)
{
    return grpc_parse_timeout((const uint8_t *)text, strlen(text), ret_ms);
}

static void test_timeout(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } GOOD[] = {
        {"1H", 3600000},
        {"2M", 120000},
        {"5S", 5000},
        {"100m", 100},
        {"1u", 1},
        {"1000u", 1},
        {"1001u", 2},
        {"1n", 1},
        {"0n", 0},
        {"99999999n", 100},
        {"99999999H", UINT64_C(359999996400000)},
    };
    static const char *const BAD[] = {"",    "S",          "5",   "5s",  "-5S",
                                      "5 S", "123456789S", "5SS", "1.5S"};
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        assert_true(parse(GOOD[i].text, &ms));
        assert_int_equal(ms, GOOD[i].ms);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(parse(BAD[i], &ms));
}

static bool is_type(const char *text)
{
    return grpc_is_content_type((const uint8_t *)text, strlen(text));
}

static void test_content_type(void **state)
{
    (void)state;
    assert_true(is_type("application/grpc"));
    assert_true(is_type("application/grpc+proto"));
    assert_true(is_type("application/grpc;charset=utf-8"));
    assert_false(is_type("application/grpc-web"));
    assert_false(is_type("application/grp"));
    assert_false(is_type("application/json"));
    assert_false(is_type(""));
}

static void assert_escaped(const char *text, size_t capacity, const char *escaped)
{
    char data[64];
    size_t size = grpc_escape(text, data, capacity);

    assert_int_equal(size, strlen(escaped));
    assert_memory_equal(data, escaped, size);
}

static void test_escape(void **state)
{
    (void)state;
    assert_escaped("etcdserver: no leader", 64, "etcdserver: no leader");
    assert_escaped("100% \n\x7f\xc3\xa9", 64, "100%25 %0A%7F%C3%A9");
    assert_escaped("abc", 2, "ab");
    assert_escaped("a%b", 3, "a");
    assert_escaped("", 0, "");
}

static void test_prefix(void **state)
{
    static const uint8_t BYTES[] = {0, 0x01, 0x02, 0x03, 0x04};
    uint8_t prefix[GRPC_PREFIX_BYTES];

    (void)state;
    grpc_prefix_write(prefix, 0x01020304);
    assert_memory_equal(prefix, BYTES, sizeof(BYTES));
    assert_int_equal(grpc_prefix_length(prefix), 0x01020304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_content_type),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
