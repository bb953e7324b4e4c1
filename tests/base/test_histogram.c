/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "histogram.h"

static void test_bounds_belong_to_their_bucket(void **state)
{
    struct histogram histogram;

    (void)state;
    histogram_init(&histogram, 10, 2, 3);
    assert_int_equal(histogram.bounds[0], 10);
    assert_int_equal(histogram.bounds[2], 40);
    for (uint64_t number = 0; number <= 41; number++)
        histogram_add(&histogram, number);
    assert_int_equal(histogram.counts[0], 11);
    assert_int_equal(histogram.counts[1], 10);
    assert_int_equal(histogram.counts[2], 20);
    assert_int_equal(histogram.counts[3], 1);
    assert_int_equal(histogram_count(&histogram), 42);
    assert_int_equal(histogram.sum, 41 * 42 / 2);
}

static void test_above(void **state)
{
    static const uint64_t BOUNDS[] = {1, 5, 7};
    struct histogram histogram;

    (void)state;
    histogram_init_bounds(&histogram, BOUNDS, 3);
    histogram_add(&histogram, 5);
    histogram_add(&histogram, 6);
    histogram_add(&histogram, UINT64_MAX / 2);
    assert_int_equal(histogram_above(&histogram, 1), 3);
    assert_int_equal(histogram_above(&histogram, 5), 2);
    assert_int_equal(histogram_above(&histogram, 7), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_belong_to_their_bucket),
        cmocka_unit_test(test_above),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
