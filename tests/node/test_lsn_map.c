/* SPDX-License-Identifier: MIT */
/* test_lsn_map.c -- two dense numberings in one, against a list that remembers everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsn_map.h"
#include "prng.h"

#define RECORDS_MAX 20000u

/* The picture at the head of lsn_map.h. */
static void test_the_picture(void **state)
{
    static const uint64_t core[11] = {0, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6};
    struct lsn_map map = {0};

    (void)state;
    lsn_map_append_own(&map, 3);
    lsn_map_append_foreign(&map, 2);
    lsn_map_append_own(&map, 2);
    lsn_map_append_foreign(&map, 1);
    lsn_map_append_foreign(&map, 1);
    lsn_map_append_own(&map, 1);
    assert_int_equal(map.appended, 10);
    assert_int_equal(map.foreign, 4);
    for (uint64_t lsn = 0; lsn <= 10; lsn++) {
        assert_int_equal(lsn_map_persisted(&map, lsn), core[lsn]);
        assert_int_equal(map.foreign_persisted, lsn - core[lsn]);
    }
    assert_int_equal(map.run_count, 0);
}

static void test_alone_the_numbers_are_the_same(void **state)
{
    struct lsn_map map = {0};

    (void)state;
    lsn_map_append_own(&map, 1000);
    assert_int_equal(lsn_map_persisted(&map, 700), 700);
    assert_int_equal(lsn_map_persisted(&map, 1000), 1000);
    assert_int_equal(map.foreign_persisted, 0);
}

static void test_room_ends_and_comes_back(void **state)
{
    struct lsn_map map = {0};
    uint32_t runs = 0;

    (void)state;
    for (; lsn_map_has_room(&map); runs++) {
        lsn_map_append_foreign(&map, 1);
        lsn_map_append_own(&map, 1);
    }
    assert_int_equal(runs, LSN_RUNS_MAX);
    assert_int_equal(lsn_map_persisted(&map, 1), 0);
    assert_true(lsn_map_has_room(&map));
}

static void test_any_order_of_appends_and_syncs(void **state)
{
    static bool foreign[RECORDS_MAX + 1];
    struct lsn_map map = {0};
    uint64_t durable = 0, own_durable = 0, foreign_durable = 0, restored;
    struct prng prng;

    (void)state;
    prng_init(&prng, 4711);
    for (restored = 0; restored < 100; restored++) {
        bool is_foreign = prng_below(&prng, 2) == 0;

        lsn_map_restored(&map, is_foreign);
        durable++;
        *(is_foreign ? &foreign_durable : &own_durable) += 1;
    }
    assert_int_equal(lsn_map_persisted(&map, durable), own_durable);
    while (map.appended + 10 < RECORDS_MAX) {
        bool is_foreign = prng_below(&prng, 3) == 0 && lsn_map_has_room(&map);
        uint32_t count = 1 + (uint32_t)prng_below(&prng, 9);
        uint64_t target;

        for (uint32_t i = 1; i <= count; i++)
            foreign[map.appended + i] = is_foreign;
        if (is_foreign)
            lsn_map_append_foreign(&map, count);
        else
            lsn_map_append_own(&map, count);
        target = durable + prng_below(&prng, map.appended - durable + 1);
        while (durable < target)
            *(foreign[++durable] ? &foreign_durable : &own_durable) += 1;
        assert_int_equal(lsn_map_persisted(&map, durable), own_durable);
        assert_int_equal(map.foreign_persisted, foreign_durable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_picture),
        cmocka_unit_test(test_alone_the_numbers_are_the_same),
        cmocka_unit_test(test_room_ends_and_comes_back),
        cmocka_unit_test(test_any_order_of_appends_and_syncs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
