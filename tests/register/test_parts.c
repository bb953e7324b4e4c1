/* SPDX-License-Identifier: MIT */
/* test_parts.c -- what the registers are built of: the table, the timers, the records, the cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cell.h"
#include "hash_table.h"
#include "prng.h"
#include "register_bed.h"
#include "register_record.h"
#include "timer_heap.h"

#define ENTRIES 400u

static bool is_in(const struct hash_table *table, const struct hash_entry *entry)
{
    size_t place = hash_table_begin(table, entry->hash);
    struct hash_entry *found;

    do
        found = hash_table_next(table, entry->hash, &place);
    while (found != NULL && found != entry);
    return found != NULL;
}

/* Against a plain array of what should be there, with many equal and neighbouring hashes. */
static void test_table_keeps_what_is_put_in(void **state)
{
    struct hash_entry entries[ENTRIES];
    bool in[ENTRIES] = {false};
    struct hash_table table = {.slots = NULL};
    struct prng prng;

    (void)state;
    prng_init(&prng, 5);
    for (uint32_t i = 0; i < ENTRIES; i++)
        entries[i].hash = prng_below(&prng, 200) + (prng_below(&prng, 2) << 40);
    for (uint32_t turn = 0; turn < 20000; turn++) {
        uint32_t one = (uint32_t)prng_below(&prng, ENTRIES);

        if (in[one]) {
            hash_table_remove(&table, &entries[one]);
        } else {
            assert_true(hash_table_reserve(&table, table.count + 1));
            hash_table_insert(&table, &entries[one]);
        }
        in[one] = !in[one];
        if (turn % 100 == 0)
            for (uint32_t i = 0; i < ENTRIES; i++)
                assert_int_equal(is_in(&table, &entries[i]), in[i]);
    }
    hash_table_release(&table);
}

static void test_timers_come_in_order(void **state)
{
    struct timer_node nodes[ENTRIES];
    struct timer_heap heap = {.nodes = NULL};
    struct prng prng;
    uint64_t last_ns = 0;

    (void)state;
    memset(nodes, 0, sizeof(nodes));
    prng_init(&prng, 9);
    assert_true(timer_heap_reserve(&heap, ENTRIES));
    for (uint32_t turn = 0; turn < 5000; turn++) {
        struct timer_node *node = &nodes[prng_below(&prng, ENTRIES)];

        if (prng_below(&prng, 3) == 0)
            timer_stop(&heap, node);
        else
            timer_set(&heap, node, prng_below(&prng, 1000));
    }
    while (timer_first(&heap) != NULL) {
        struct timer_node *first = timer_first(&heap);

        assert_true(first->at_ns >= last_ns);
        last_ns = first->at_ns;
        timer_stop(&heap, first);
        timer_stop(&heap, first); /* once more is fine */
    }
    timer_heap_release(&heap);
}

static void test_equal_times_come_as_they_were_set(void **state)
{
    struct timer_node nodes[8];
    struct timer_heap heap = {.nodes = NULL};

    (void)state;
    memset(nodes, 0, sizeof(nodes));
    assert_true(timer_heap_reserve(&heap, 8));
    for (uint32_t i = 0; i < 8; i++)
        timer_set(&heap, &nodes[(i * 3) % 8], 7);
    for (uint32_t i = 0; i < 8; i++) {
        assert_ptr_equal(timer_first(&heap), &nodes[(i * 3) % 8]);
        timer_stop(&heap, timer_first(&heap));
    }
    timer_heap_release(&heap);
}

static const struct register_record full_record = {
    .kind = REGISTER_VOTE,
    .key = {.data = (const uint8_t *)"key", .size = 3},
    .version = UINT64_MAX,
    .ballot = {.round = UINT64_MAX, .node = UINT32_MAX},
    .mark = {.node = UINT32_MAX, .incarnation = UINT64_MAX, .sequence = UINT64_MAX},
    .value = (const uint8_t *)"value",
    .value_size = 5};

static void test_records_are_read_as_written(void **state)
{
    struct decree_value *bytes = register_record_encode(&full_record);
    struct register_record read;

    (void)state;
    assert_true(register_record_decode(bytes, &read));
    assert_int_equal(read.kind, REGISTER_VOTE);
    assert_int_equal(read.version, full_record.version);
    assert_memory_equal(&read.ballot, &full_record.ballot, sizeof(read.ballot.round));
    assert_int_equal(read.mark.sequence, full_record.mark.sequence);
    assert_memory_equal(read.key.data, "key", read.key.size);
    assert_int_equal(read.value_size, 5);
    assert_memory_equal(read.value, "value", 5);
    decree_value_unref(bytes);
}

/* The bytes on disk do not change from one release to the next. */
static void test_record_bytes(void **state)
{
    static const struct register_record vote = {
        .kind = REGISTER_VOTE,
        .key = {.data = (const uint8_t *)"k", .size = 1},
        .version = 300,
        .ballot = {.round = 1, .node = 2},
        .mark = {.node = 3, .incarnation = 4, .sequence = 5},
        .value = (const uint8_t *)"v",
        .value_size = 1};
    static const uint8_t expected[] = {3, 1, 'k', 0xac, 2, 1, 2, 3, 4, 5, 'v'};
    struct decree_value *bytes = register_record_encode(&vote);

    (void)state;
    assert_int_equal(bytes->size, sizeof(expected));
    assert_memory_equal(bytes->data, expected, sizeof(expected));
    decree_value_unref(bytes);
}

/* Whatever is in a record, it is refused or read within its bounds. */
static void test_damaged_records_do_no_harm(void **state)
{
    struct decree_value *bytes = register_record_encode(&full_record);
    struct register_record read;
    struct prng prng;

    (void)state;
    prng_init(&prng, 3);
    for (uint32_t size = 0; size <= bytes->size; size++) {
        for (uint32_t turn = 0; turn < 200; turn++) {
            struct decree_value *damaged = decree_value_copy(bytes->data, size);

            if (size > 0)
                ((uint8_t *)(uintptr_t)damaged->data)[prng_below(&prng, size)] = (uint8_t)prng_next(
                    &prng);
            (void)register_record_decode(damaged, &read);
            decree_value_unref(damaged);
        }
    }
    decree_value_unref(bytes);
}

static void vote(struct cell *cell, uint64_t version)
{
    struct decree_value *value = decree_value_copy("v", 1);
    struct cell_version *made = cell_make(cell, version);

    assert_non_null(made);
    cell_vote(cell, made, (struct decree_ballot){1, 1}, (struct decree_register_mark){0}, value);
    decree_value_unref(value);
}

static void test_cells_find_versions(void **state)
{
    struct cell *cell = cell_new(bed_key("k"), 1);
    static const uint64_t versions[] = {5, 6, 7, 3, 100, 8, 50, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        vote(cell, versions[i]);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        assert_int_equal(cell_find(cell, versions[i])->version, versions[i]);
    assert_null(cell_find(cell, 2));
    assert_null(cell_find(cell, 101));
    assert_int_equal(cell->latest, 100);
    assert_int_equal(cell_next(cell, 0), 1);
    assert_int_equal(cell_next(cell, 8), 50);
    assert_int_equal(cell_next(cell, 100), 0);
    cell_decide(cell, cell_find(cell, 50));
    assert_int_equal(cell_keep_from(cell, 2), 8);
    assert_int_equal(cell_keep_from(cell, 0), 1);
    cell_compact(cell, 8);
    assert_null(cell_find(cell, 7));
    assert_int_equal(cell_find(cell, 8)->version, 8);
    cell_free(cell);
}

/* Memory is given back, not only moved along. */
static void test_cells_stay_small(void **state)
{
    struct cell *cell = cell_new(bed_key("k"), 1);

    (void)state;
    for (uint64_t version = 1; version < 10000; version++) {
        vote(cell, version);
        cell_decide(cell, cell_find(cell, version));
        cell_compact(cell, cell_keep_from(cell, 3));
        assert_true(cell->count <= 3);
    }
    assert_true(cell->room <= 16);
    cell_free(cell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_keeps_what_is_put_in),
        cmocka_unit_test(test_timers_come_in_order),
        cmocka_unit_test(test_equal_times_come_as_they_were_set),
        cmocka_unit_test(test_records_are_read_as_written),
        cmocka_unit_test(test_record_bytes),
        cmocka_unit_test(test_damaged_records_do_no_harm),
        cmocka_unit_test(test_cells_find_versions),
        cmocka_unit_test(test_cells_stay_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
