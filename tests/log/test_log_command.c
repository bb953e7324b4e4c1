/* SPDX-License-Identifier: MIT */
/* test_log_command.c -- items as bytes and back; bytes that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "log_command.h"
#include "prng.h"

static void test_the_form(void **state)
{
    static const uint8_t expected[] = {0x4c, 1, 2, 0xac, 0x02, 2, 3, 'a', 'b', 'c', 0};
    struct decree_log_value values[] = {{(const uint8_t *)"abc", 3}, {NULL, 0}}, value;
    struct log_command command = {.origin = 2, .request_id = 300, .value_count = 2}, back;
    uint8_t data[sizeof(expected)];

    (void)state;
    assert_int_equal(log_command_size(&command, values), sizeof(expected));
    log_command_encode(&command, values, data, sizeof(data));
    assert_memory_equal(data, expected, sizeof(expected));
    assert_true(log_command_decode(data, sizeof(data), &back));
    assert_int_equal(back.origin, 2);
    assert_int_equal(back.request_id, 300);
    assert_int_equal(back.value_count, 2);
    value = log_command_next(&back);
    assert_int_equal(value.size, 3);
    assert_memory_equal(value.data, "abc", 3);
    value = log_command_next(&back);
    assert_int_equal(value.size, 0);
}

static void test_what_is_no_command(void **state)
{
    static const struct {
        uint8_t data[12];
        size_t size;
    } bad[] = {
        {{0}, 0},
        {{0x4c}, 1},
        {{0x4b, 1, 1, 1, 1, 0}, 6},    /* another machine */
        {{0x4c, 2, 1, 1, 1, 0}, 6},    /* another operation */
        {{0x4c, 1, 0, 1, 1, 0}, 6},    /* no origin */
        {{0x4c, 1, 32, 1, 1, 0}, 6},   /* no such origin */
        {{0x4c, 1, 1, 1, 0}, 5},       /* no value */
        {{0x4c, 1, 1, 1, 1, 2, 0}, 7}, /* cut off */
        {{0x4c, 1, 1, 1, 1, 0, 0}, 7}, /* something follows */
        {{0x4c, 1, 1, 1, 0x81, 0x80, 4, 0}, 8},
        {{0x4c, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 12},
    };
    struct log_command command;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(log_command_decode(bad[i].data, bad[i].size, &command));
}

/* What is read from noise is in its bounds. */
static void test_noise(void **state)
{
    struct log_command command;
    struct prng prng;
    uint8_t data[32];
    unsigned good = 0;

    (void)state;
    prng_init(&prng, 7);
    for (unsigned i = 0; i < 200000; i++) {
        size_t size = prng_below(&prng, sizeof(data)), bytes = 0;

        for (size_t k = 0; k < size; k++)
            data[k] = (uint8_t)prng_below(&prng, 6);
        if (size > 2)
            data[0] = 0x4c, data[1] = 1;
        if (!log_command_decode(data, size, &command))
            continue;
        good++;
        for (uint32_t k = 0; k < command.value_count; k++)
            bytes += log_command_next(&command).size;
        assert_true(bytes < size);
    }
    assert_true(good > 100);
}

static void test_too_large_is_said_not_overflowed(void **state)
{
    struct decree_log_value values[] = {{(const uint8_t *)"", SIZE_MAX},
                                        {(const uint8_t *)"", SIZE_MAX}};
    struct log_command command = {.origin = 1, .value_count = 2};

    (void)state;
    assert_true(log_command_size(&command, values) > LOG_COMMAND_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_form),
        cmocka_unit_test(test_what_is_no_command),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_too_large_is_said_not_overflowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
