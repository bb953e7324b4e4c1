/* SPDX-License-Identifier: MIT */
/* test_base.c -- the generator, the checksum and the table of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <decree/error.h>

#include "checksum.h"
#include "prng.h"

static void test_prng_is_splitmix64(void **state)
{
    /* The first numbers of the published algorithm for seed 1234567. */
    static const uint64_t expected[] = {UINT64_C(6457827717110365317),
                                        UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423)};
    struct prng prng;

    (void)state;
    prng_init(&prng, 1234567);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_true(prng_next(&prng) == expected[i]);
}

static void test_prng_stays_in_its_bounds(void **state)
{
    struct prng prng;
    unsigned hits = 0;

    (void)state;
    prng_init(&prng, 0);
    for (unsigned i = 0; i < 100000; i++) {
        assert_true(prng_below(&prng, 7) < 7);
        assert_false(prng_chance(&prng, 0));
        assert_true(prng_chance(&prng, 1000000));
        hits += prng_chance(&prng, 250000) ? 1 : 0;
    }
    assert_in_range(hits, 24000, 26000);
}

static void test_checksum_sees_each_bit_and_the_seed(void **state)
{
    uint8_t data[64];
    uint64_t before;

    (void)state;
    memset(data, 0x5a, sizeof(data));
    before = checksum(data, sizeof(data), 1);
    assert_true(before == checksum(data, sizeof(data), 1));
    assert_true(before != checksum(data, sizeof(data), 2));
    for (unsigned bit = 0; bit < 8 * sizeof(data); bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(before != checksum(data, sizeof(data), 1));
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_checksum_is_xxh3(void **state)
{
    (void)state;
    assert_true(checksum("", 0, 0) == UINT64_C(0x2d06800538d394c2)); /* XXH3's value for no bytes */
}

static void test_every_error_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    assert_string_equal(decree_error_name(DECREE_OK), "OK");
    assert_string_equal(decree_error_name(DECREE_FULL), "FULL");
    assert_string_equal(decree_error_name(-12345), "UNKNOWN");
    assert_non_null(decree_error_text(12345));
#define CHECK_ERROR(name, code, text)                    \
    assert_string_equal(decree_error_name(code), #name); \
    assert_string_equal(decree_error_text(code), text);
    DECREE_ERROR_TABLE(CHECK_ERROR)
#undef CHECK_ERROR
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prng_is_splitmix64),
        cmocka_unit_test(test_prng_stays_in_its_bounds),
        cmocka_unit_test(test_checksum_sees_each_bit_and_the_seed),
        cmocka_unit_test(test_checksum_is_xxh3),
        cmocka_unit_test(test_every_error_has_a_name_and_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
