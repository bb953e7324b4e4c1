/* SPDX-License-Identifier: MIT */
/* kv_shelf_test.c -- a store with a shelf answers as one without, whenever the shelf is done, also
 * when it has no room, and under compaction. The shelf here writes nothing to disk: it copies when
 * it is asked for the copy, and only then are the bytes that were given spoiled by their owner's
 * free(), so that a sanitizer sees who still reads them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_help.h"
#include "kv_inside.h"
#include "prng.h"

#define KEYS 40u
#define VALUE_BYTES_MAX 3000u
#define BLOCK_BYTES 15000u

struct shelf {
    struct prng prng;
    const uint8_t *given;
    size_t size;
    unsigned delay;   /* calls of take() before it is done */
    unsigned refused; /* in a hundred */
    uint64_t bytes;   /* on it */
    unsigned taken, dropped;
};

static void shelf_give(void *context, const uint8_t *bytes, size_t size)
{
    struct shelf *shelf = context;

    assert_null(shelf->given);
    assert_true(size > 0);
    shelf->given = bytes;
    shelf->size = size;
    shelf->delay = (unsigned)prng_below(&shelf->prng, 20);
}

static bool shelf_take(void *context, bool wait, const uint8_t **ret_copy)
{
    struct shelf *shelf = context;
    uint8_t *copy = NULL;

    assert_non_null(shelf->given);
    if (!wait && shelf->delay-- > 0)
        return false;
    if (prng_below(&shelf->prng, 100) >= shelf->refused) {
        copy = malloc(shelf->size);
        assert_non_null(copy);
        memcpy(copy, shelf->given, shelf->size);
        shelf->bytes += shelf->size;
        shelf->taken++;
    }
    shelf->given = NULL;
    *ret_copy = copy;
    return true;
}

static void shelf_drop(void *context, const uint8_t *copy, size_t size)
{
    struct shelf *shelf = context;

    assert_true(shelf->bytes >= size);
    shelf->bytes -= size;
    shelf->dropped++;
    free((uint8_t *)(uintptr_t)copy);
}

static struct kv *new_with(struct shelf *shelf, uint32_t slabs_kept)
{
    struct kv_shelf port = {shelf, slabs_kept, shelf_give, shelf_take, shelf_drop};
    struct kv_options options = {.shelf = &port};
    struct kv *kv = kv_new(&options);

    assert_non_null(kv);
    return kv;
}

/* ---- two stores, told the same ---- */

struct pair {
    struct kv *plain, *shelved;
    struct shelf shelf;
    struct prng prng;
};

static void apply_both(struct pair *pair, const struct command *command)
{
    struct kv_result a = apply(pair->plain, command), b = apply(pair->shelved, command);

    assert_int_equal(a.error, b.error);
    assert_int_equal(a.revision, b.revision);
    assert_int_equal(a.deleted, b.deleted);
    assert_int_equal(a.pair_count, b.pair_count);
    for (size_t i = 0; i < a.pair_count; i++) {
        assert_int_equal(a.pairs[i].mod_revision, b.pairs[i].mod_revision);
        assert_int_equal(a.pairs[i].value.size, b.pairs[i].value.size);
        assert_memory_equal(a.pairs[i].value.data, b.pairs[i].value.data, a.pairs[i].value.size);
    }
}

static void change_something(struct pair *pair)
{
    static uint8_t value[VALUE_BYTES_MAX];
    char key[16], end[16];
    struct command command = {.op = COMMAND_PUT};
    uint64_t what = prng_below(&pair->prng, 100);

    snprintf(key, sizeof(key), "key%02u", (unsigned)prng_below(&pair->prng, KEYS));
    memset(value, (int)prng_below(&pair->prng, 256), sizeof(value));
    if (what < 90) {
        command.u.put = (struct command_put){
            .key = text(key),
            .value = {value, (size_t)prng_below(&pair->prng, VALUE_BYTES_MAX)},
            .prev_kv = what < 45};
        if (what >= 80 && kv_revision(pair->plain) > 100) {
            command.u.put.ignore_value = true;
            command.u.put.value.size = 0;
        }
    } else {
        snprintf(end, sizeof(end), "key%02u", (unsigned)prng_below(&pair->prng, KEYS));
        command.op = COMMAND_DELETE_RANGE;
        command.u.delete_range = (struct command_delete_range){
            .key = text(key), .range_end = text(end), .prev_kv = true};
    }
    apply_both(pair, &command);
}

static void assert_same(struct pair *pair)
{
    int64_t revision = kv_revision(pair->plain);
    uint64_t a = 0, b = 0;

    if (revision > 2)
        revision -= (int64_t)prng_below(&pair->prng, (uint64_t)revision - 1);
    assert_int_equal(kv_hash(pair->plain, revision, &a), kv_hash(pair->shelved, revision, &b));
    assert_true(a == b);
}

static void compact_both(struct pair *pair)
{
    struct command command = {.op = COMMAND_COMPACT};
    uint64_t rounds = prng_below(&pair->prng, 40);

    command.u.compact = 1 + prng_below(&pair->prng, (uint64_t)kv_revision(pair->plain));
    apply_both(pair, &command);
    for (uint64_t i = 0; i < rounds; i++) {
        (void)kv_tidy(pair->plain);
        (void)kv_tidy(pair->shelved);
    }
}

static void run_history(uint64_t seed, unsigned *taken, unsigned *dropped)
{
    struct pair pair = {.plain = kv_new(NULL)};

    prng_init(&pair.prng, seed);
    prng_init(&pair.shelf.prng, seed + 1);
    pair.shelf.refused = seed % 3 == 0 ? 30 : 0;
    pair.shelved = new_with(&pair.shelf, (uint32_t)(seed % 2));
    for (unsigned i = 0; i < 1500; i++) {
        change_something(&pair);
        if (prng_below(&pair.prng, 100) == 0)
            compact_both(&pair);
        if (prng_below(&pair.prng, 50) == 0)
            assert_same(&pair);
    }
    while (kv_tidy(pair.plain) || kv_tidy(pair.shelved))
        ;
    assert_same(&pair);
    *dropped += pair.shelf.dropped; /* by compaction */
    kv_free(pair.plain);
    kv_free(pair.shelved);
    *taken += pair.shelf.taken;
    assert_int_equal(pair.shelf.bytes, 0);
    assert_null(pair.shelf.given);
}

static void nothing_that_can_be_asked_depends_on_the_shelf(void **state)
{
    unsigned taken = 0, dropped = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        run_history(seed, &taken, &dropped);
    assert_true(taken > 200);
    assert_true(dropped > 50);
    assert_true(dropped < taken);
}

static void put_block(struct kv *kv, unsigned number)
{
    static uint8_t value[BLOCK_BYTES];
    char key[16];
    struct command command = {.op = COMMAND_PUT};

    snprintf(key, sizeof(key), "block%u", number);
    command.u.put = (struct command_put){.key = text(key), .value = {value, sizeof(value)}};
    assert_int_equal(apply(kv, &command).error, KV_OK);
}

static void memory_is_given_back_but_for_the_newest_slabs(void **state)
{
    struct shelf shelf = {0};
    struct kv *kv = new_with(&shelf, 2);
    struct kv_stats stats;

    (void)state;
    prng_init(&shelf.prng, 1);
    for (unsigned i = 0; i < 800; i++)
        put_block(kv, i);
    for (unsigned i = 0; i < 1000; i++)
        (void)kv_tidy(kv);
    kv_stats(kv, &stats);
    assert_int_equal(stats.shelved_bytes, shelf.bytes);
    assert_true(stats.record_bytes > UINT64_C(800) * BLOCK_BYTES);
    assert_true(stats.memory_bytes < UINT64_C(4) << 20);
    assert_true(stats.memory_bytes + stats.shelved_bytes >= stats.record_bytes);
    kv_free(kv);
    assert_int_equal(shelf.bytes, 0);
}

static void a_pinned_store_stays_where_it_is(void **state)
{
    struct shelf shelf = {0};
    struct kv *kv = new_with(&shelf, 0);

    (void)state;
    prng_init(&shelf.prng, 1);
    for (unsigned i = 0; i < 40; i++)
        put_block(kv, i);
    kv_pin(kv);
    shelf.taken = 0;
    for (unsigned i = 40; i < 400; i++)
        put_block(kv, i);
    for (unsigned i = 0; i < 100; i++)
        (void)kv_tidy(kv);
    assert_int_equal(shelf.taken, 0);
    kv_unpin(kv);
    for (unsigned i = 0; i < 1000; i++)
        (void)kv_tidy(kv);
    assert_true(shelf.taken > 5);
    kv_free(kv);
    assert_int_equal(shelf.bytes, 0);
}

/* Of each MiB of changes one small record is left: that is no reason to keep a file. */
static void what_is_left_of_a_slab_takes_no_place(void **state)
{
    struct shelf shelf = {0};
    struct kv *kv = new_with(&shelf, 2);
    struct kv_stats stats;
    struct command compact = {.op = COMMAND_COMPACT};
    char key[16];

    (void)state;
    prng_init(&shelf.prng, 1);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "kept%u", i);
        (void)put(kv, key, "v");
        for (unsigned j = 0; j < 80; j++)
            put_block(kv, 0);
    }
    assert_true(shelf.taken > 10);
    compact.u.compact = (uint64_t)kv_revision(kv);
    assert_int_equal(apply(kv, &compact).error, KV_OK);
    for (unsigned i = 0; i < 2000; i++)
        (void)kv_tidy(kv);
    kv_stats(kv, &stats);
    assert_int_equal(stats.changes, 21);
    assert_in_range(shelf.taken - shelf.dropped, 0, 1);
    kv_free(kv);
    assert_int_equal(shelf.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_can_be_asked_depends_on_the_shelf),
        cmocka_unit_test(memory_is_given_back_but_for_the_newest_slabs),
        cmocka_unit_test(a_pinned_store_stays_where_it_is),
        cmocka_unit_test(what_is_left_of_a_slab_takes_no_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
