/* SPDX-License-Identifier: MIT */
/* test_txn_duplicates.c -- random trees of txns over a few keys, held against a model that marks each
 * key by itself; and a tree that is deep and wide, which must cost no more than its ops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prng.h"
#include "txn_duplicates.h"

#define KEYS 6u
#define OPS_MAX 4u
#define TREES 60000u
#define ARENA_BYTES ((size_t)16 << 20)

static const uint8_t LETTERS[] = "abcdefgh";

static struct kv_bytes key_of(size_t number)
{
    return (struct kv_bytes){&LETTERS[number], 1};
}

/* ---- trees ---- */

static struct command make_op(struct arena *arena, struct prng *prng, unsigned depth);

static struct command *make_ops(struct arena *arena, struct prng *prng, unsigned depth,
                                size_t *ret_count)
{
    struct command *ops = arena_alloc(arena, OPS_MAX * sizeof(*ops));

    *ret_count = (size_t)prng_below(prng, OPS_MAX);
    for (size_t i = 0; i < *ret_count; i++)
        ops[i] = make_op(arena, prng, depth);
    return ops;
}

static struct command make_txn(struct arena *arena, struct prng *prng, unsigned depth)
{
    struct command command = {.op = COMMAND_TXN};

    command.u.txn.success = make_ops(arena, prng, depth, &command.u.txn.success_count);
    command.u.txn.failure = make_ops(arena, prng, depth, &command.u.txn.failure_count);
    return command;
}

static struct command make_op(struct arena *arena, struct prng *prng, unsigned depth)
{
    static const struct kv_bytes from_key_on = {(const uint8_t *)"", 1};
    struct command command = {.op = COMMAND_PUT};
    uint64_t kind = prng_below(prng, 10);
    size_t key = (size_t)prng_below(prng, KEYS);

    if (kind < 2 && depth > 0)
        return make_txn(arena, prng, depth - 1);
    command.u.put.key = key_of(key);
    if (kind >= 5)
        return command;
    command = (struct command){.op = kind == 4 ? COMMAND_RANGE : COMMAND_DELETE_RANGE};
    command.u.delete_range.key = key_of(key);
    if (kind == 3)
        command.u.delete_range.range_end = prng_below(prng, 3) == 0
                                               ? from_key_on
                                               : key_of((size_t)prng_below(prng, KEYS + 1));
    return command;
}

/* ---- the model ---- */

struct marks {
    bool put[KEYS], deleted[KEYS];
};

static bool deletes(const struct command_delete_range *range, size_t key)
{
    size_t from = (size_t)(range->key.data - LETTERS);

    if (range->range_end.size == 0)
        return key == from;
    return key >= from &&
           (range->range_end.data[0] == 0 || LETTERS[key] < range->range_end.data[0]);
}

static struct marks mark(const struct command *ops, size_t count, bool *found)
{
    struct marks marks = {{false}, {false}};

    for (size_t i = 0; i < count; i++)
        for (size_t key = 0; key < KEYS && ops[i].op == COMMAND_DELETE_RANGE; key++)
            marks.deleted[key] = marks.deleted[key] || deletes(&ops[i].u.delete_range, key);
    for (size_t i = 0; i < count; i++) {
        const struct command_txn *txn = &ops[i].u.txn;
        struct marks success, failure;

        if (ops[i].op != COMMAND_TXN)
            continue;
        success = mark(txn->success, txn->success_count, found);
        failure = mark(txn->failure, txn->failure_count, found);
        for (size_t key = 0; key < KEYS; key++) {
            bool put = success.put[key] || failure.put[key];

            *found = *found || (put && (marks.put[key] || marks.deleted[key]));
            marks.put[key] = marks.put[key] || put;
            marks.deleted[key] = marks.deleted[key] || success.deleted[key] || failure.deleted[key];
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t key = (size_t)(ops[i].u.put.key.data - LETTERS);

        if (ops[i].op != COMMAND_PUT)
            continue;
        *found = *found || marks.put[key] || marks.deleted[key];
        marks.put[key] = true;
    }
    return marks;
}

static void test_as_the_model_says(void **state)
{
    struct arena arena;
    struct prng prng;
    size_t found_count = 0;

    (void)state;
    prng_init(&prng, 3);
    arena_init(&arena, ARENA_BYTES);
    for (unsigned i = 0; i < TREES; i++) {
        struct command command = make_txn(&arena, &prng, 4);
        bool expected = false;

        (void)mark(command.u.txn.success, command.u.txn.success_count, &expected);
        (void)mark(command.u.txn.failure, command.u.txn.failure_count, &expected);
        assert_int_equal(txn_has_duplicates(&arena, &command.u.txn), expected);
        found_count += expected;
        arena_reset(&arena);
    }
    assert_in_range(found_count, TREES / 10, TREES - TREES / 10);
    arena_release(&arena);
}

/* ---- cost ---- */

#define DEPTH 60u
#define WIDTH 34u

static struct command *wide_ops(struct arena *arena, unsigned *serial)
{
    struct command *ops = arena_alloc(arena, WIDTH * sizeof(*ops));

    for (unsigned i = 0; i < WIDTH; i++) {
        uint8_t *key = arena_alloc(arena, sizeof(*serial));

        memcpy(key, serial, sizeof(*serial));
        ++*serial;
        ops[i] = (struct command){.op = COMMAND_PUT};
        ops[i].u.put.key = (struct kv_bytes){key, sizeof(*serial)};
    }
    return ops;
}

/* As deep and as wide as etcd's limits allow: the puts of the leaves are not listed at each level anew. */
static void test_depth_costs_little(void **state)
{
    struct arena arena, work;
    struct command *ops;
    size_t count = WIDTH;
    unsigned serial = 0;
    struct command_txn txn;

    (void)state;
    arena_init(&arena, ARENA_BYTES);
    arena_init(&work, ARENA_BYTES);
    ops = arena_alloc(&arena, WIDTH * sizeof(*ops));
    for (unsigned i = 0; i < WIDTH; i++) {
        ops[i] = (struct command){.op = COMMAND_TXN};
        ops[i].u.txn = (struct command_txn){.success = wide_ops(&arena, &serial),
                                            .failure = wide_ops(&arena, &serial),
                                            .success_count = WIDTH,
                                            .failure_count = WIDTH};
    }
    for (unsigned depth = 0; depth < DEPTH; depth++) {
        struct command *above = arena_alloc(&arena, sizeof(*above));

        *above = (struct command){.op = COMMAND_TXN};
        above->u.txn = (struct command_txn){.success = ops, .success_count = count};
        ops = above;
        count = 1;
    }
    txn = (struct command_txn){.success = ops, .success_count = count};
    assert_false(txn_has_duplicates(&work, &txn));
    assert_false(work.exhausted);
    assert_in_range(work.bytes, 1, (size_t)1 << 20);
    arena_release(&arena);
    arena_release(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_model_says),
        cmocka_unit_test(test_depth_costs_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
