/* SPDX-License-Identifier: MIT */
/* test_ordered_log.c -- indexes, request ids, the window, items of all sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ordered_log.h"
#include "prng.h"

static struct ordered_log *ordered;

static int set_up(void **state)
{
    (void)state;
    ordered = ordered_log_new();
    return ordered == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    ordered_log_free(ordered);
    return 0;
}

static struct ordered_log_result enter(decree_node_id origin, uint64_t request_id,
                                       const void *value, size_t size)
{
    struct decree_log_value values[] = {{value, size}};
    struct log_command command = {.origin = origin, .request_id = request_id, .value_count = 1};
    size_t bytes = log_command_size(&command, values);
    uint8_t *data = malloc(bytes);
    struct ordered_log_result result;

    log_command_encode(&command, values, data, bytes);
    result = ordered_log_apply(ordered, data, bytes);
    memset(data, 0xdd, bytes); /* the log has a copy */
    free(data);
    return result;
}

static struct ordered_log_result enter_text(decree_node_id origin, uint64_t request_id,
                                            const char *text)
{
    return enter(origin, request_id, text, strlen(text));
}

static void assert_item(uint64_t index, decree_node_id origin, uint64_t request_id,
                        const char *text)
{
    struct log_command item = ordered_log_item(ordered, index, NULL);
    struct decree_log_value value = log_command_next(&item);

    assert_int_equal(item.origin, origin);
    assert_int_equal(item.request_id, request_id);
    assert_int_equal(item.value_count, 1);
    assert_int_equal(value.size, strlen(text));
    assert_memory_equal(value.data, text, value.size);
}

static void test_indexes_from_1_without_gaps(void **state)
{
    static const uint8_t other[] = {0x4b, 1, 2};

    (void)state;
    assert_int_equal(ordered_log_last(ordered), 0);
    assert_int_equal(enter_text(1, 0, "a").index, 1);
    assert_int_equal(ordered_log_apply(ordered, other, sizeof(other)).error, DECREE_INVALID);
    assert_int_equal(ordered_log_apply(ordered, other, 0).error, DECREE_INVALID);
    assert_int_equal(enter_text(2, 0, "b").index, 2);
    assert_int_equal(enter_text(1, 0, "a").index, 3); /* without an id all are entered */
    assert_int_equal(ordered_log_last(ordered), 3);
    assert_item(1, 1, 0, "a");
    assert_item(2, 2, 0, "b");
    assert_item(3, 1, 0, "a");
}

static void test_an_id_is_entered_once_for_each_origin(void **state)
{
    struct ordered_log_result result;
    struct ordered_log_stats stats;

    (void)state;
    assert_true(enter_text(1, 17, "a").entered);
    assert_true(enter_text(2, 17, "b").entered);
    result = enter_text(1, 17, "a");
    assert_int_equal(result.error, 0);
    assert_false(result.entered);
    assert_int_equal(result.index, 1);
    result = enter_text(2, 17, "a");
    assert_int_equal(result.error, DECREE_CONFLICT);
    assert_int_equal(result.index, 2);
    assert_int_equal(ordered_log_last(ordered), 2);
    assert_int_equal(ordered_log_find(ordered, 1, 17), 1);
    assert_int_equal(ordered_log_find(ordered, 2, 17), 2);
    assert_int_equal(ordered_log_find(ordered, 3, 17), 0);
    assert_int_equal(ordered_log_find(ordered, 1, 18), 0);
    assert_int_equal(ordered_log_find(ordered, 1, 0), 0);
    ordered_log_stats(ordered, &stats);
    assert_int_equal(stats.repeated, 1);
    assert_int_equal(stats.conflicts, 1);
}

/* Ids that are dense, sparse, or equal in their low bits are all found, while the buckets grow. */
static void test_ids_are_found_while_the_log_grows(void **state)
{
    const uint64_t count = 50000;

    (void)state;
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t id = i % 3 == 0 ? i : i % 3 == 1 ? i << 32 : UINT64_MAX - i;

        assert_true(enter((decree_node_id)(i % 5 + 1), id, &i, sizeof(i)).entered);
    }
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t id = i % 3 == 0 ? i : i % 3 == 1 ? i << 32 : UINT64_MAX - i;

        assert_int_equal(ordered_log_find(ordered, (decree_node_id)(i % 5 + 1), id), i);
    }
}

static void test_an_id_is_forgotten_after_the_window(void **state)
{
    (void)state;
    assert_int_equal(enter_text(1, 7, "old").index, 1);
    assert_int_equal(enter_text(1, 8, "older than nothing").index, 2);
    for (uint64_t i = 3; i <= DECREE_LOG_WINDOW; i++)
        enter_text(2, i % 3 == 0 ? i : 0, "x");
    assert_int_equal(ordered_log_find(ordered, 1, 7), 1);
    assert_false(enter_text(1, 7, "old").entered);
    enter_text(2, 0, "one more");
    assert_int_equal(ordered_log_find(ordered, 1, 7), 0);
    assert_int_equal(ordered_log_find(ordered, 1, 8), 2);
    assert_true(enter_text(1, 7, "new").entered);
    assert_int_equal(ordered_log_find(ordered, 1, 7), DECREE_LOG_WINDOW + 2);
    assert_item(1, 1, 7, "old");
}

static void test_items_of_all_sizes_stay_as_they_are(void **state)
{
    uint8_t *value = malloc(3 << 20);
    struct ordered_log_stats stats;
    const struct decree_log_value *early;
    struct decree_log_value first;
    struct log_command item;
    struct prng prng;
    size_t bytes = 0;

    (void)state;
    prng_init(&prng, 1);
    enter(1, 1, "first", 5);
    item = ordered_log_item(ordered, 1, NULL);
    first = log_command_next(&item);
    early = &first;
    for (uint64_t i = 2; i <= 3000; i++) {
        size_t size = i % 500 == 0 ? 3 << 20 : i % 100 == 0 ? 300000 : prng_below(&prng, 2000);

        memset(value, (int)(i & 0xff), size);
        assert_int_equal(enter(1, i, value, size).index, i);
        bytes += size;
    }
    prng_init(&prng, 1);
    for (uint64_t i = 2; i <= 3000; i++) {
        size_t size = i % 500 == 0 ? 3 << 20 : i % 100 == 0 ? 300000 : prng_below(&prng, 2000);
        struct decree_log_value got;

        item = ordered_log_item(ordered, i, NULL);
        got = log_command_next(&item);
        memset(value, (int)(i & 0xff), size);
        assert_int_equal(got.size, size);
        assert_memory_equal(got.data, value, size);
    }
    assert_memory_equal(early->data, "first", 5);
    ordered_log_stats(ordered, &stats);
    assert_true(stats.item_bytes > bytes);
    assert_true(stats.memory_bytes < bytes + bytes / 2 + (4u << 20));
    free(value);
}

static void test_several_values_are_one_item(void **state)
{
    struct decree_log_value values[] = {
        {(const uint8_t *)"one", 3}, {NULL, 0}, {(const uint8_t *)"three", 5}};
    struct log_command command = {.origin = 3, .request_id = 5, .value_count = 3};
    uint8_t data[64];
    size_t size = log_command_size(&command, values);

    (void)state;
    log_command_encode(&command, values, data, size);
    assert_int_equal(ordered_log_apply(ordered, data, size).index, 1);
    command = ordered_log_item(ordered, 1, &size);
    assert_int_equal(size, log_command_size(&command, values));
    assert_int_equal(command.value_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct decree_log_value value = log_command_next(&command);

        assert_int_equal(value.size, values[i].size);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_indexes_from_1_without_gaps),
        TEST(test_an_id_is_entered_once_for_each_origin),
        TEST(test_ids_are_found_while_the_log_grows),
        TEST(test_an_id_is_forgotten_after_the_window),
        TEST(test_items_of_all_sizes_stay_as_they_are),
        TEST(test_several_values_are_one_item),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
