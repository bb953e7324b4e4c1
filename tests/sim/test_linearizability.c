/* SPDX-License-Identifier: MIT */
/* test_linearizability.c -- histories of one register that have an order, and some that have none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check_linearizability.h"
#include "prng.h"

static struct operation put(uint64_t called, uint64_t returned, uint64_t value)
{
    return (struct operation){.kind = OPERATION_PUT,
                              .outcome = returned != 0 ? OUTCOME_DONE : OUTCOME_UNKNOWN,
                              .called = called,
                              .returned = returned,
                              .written = value};
}

static struct operation read(uint64_t called, uint64_t returned, uint64_t seen)
{
    return (struct operation){.kind = OPERATION_READ,
                              .outcome = returned != 0 ? OUTCOME_DONE : OUTCOME_UNKNOWN,
                              .called = called,
                              .returned = returned,
                              .seen = seen};
}

static struct operation swap(uint64_t called, uint64_t returned, uint64_t value, uint64_t seen)
{
    struct operation operation = put(called, returned, value);

    operation.kind = OPERATION_SWAP;
    operation.seen = seen;
    return operation;
}

static bool judge(const struct operation *operations, size_t count)
{
    const struct operation *pointers[LINEARIZABILITY_OPERATIONS_MAX] = {NULL};

    for (size_t i = 0; i < count; i++)
        pointers[i] = &operations[i];
    return linearizable(pointers, count);
}

#define JUDGE(...)                           \
    judge((struct operation[]){__VA_ARGS__}, \
          sizeof((struct operation[]){__VA_ARGS__}) / sizeof(struct operation))

static void test_histories_with_an_order(void **state)
{
    (void)state;
    assert_true(judge(NULL, 0));
    assert_true(JUDGE(read(1, 2, 0)));
    assert_true(JUDGE(put(1, 2, 7), read(3, 4, 7)));
    assert_true(JUDGE(put(1, 4, 7), read(2, 3, 0)));
    assert_true(JUDGE(put(1, 4, 7), read(2, 3, 7)));
    assert_true(JUDGE(put(1, 6, 7), put(2, 5, 8), read(7, 8, 7)));
    assert_true(JUDGE(put(1, 6, 7), put(2, 5, 8), read(7, 8, 8)));
    assert_true(JUDGE(swap(1, 2, 7, 0), swap(3, 4, 8, 7), read(5, 6, 8)));
    /* Concurrent reads may see old and new, but not go back once they follow each other. */
    assert_true(JUDGE(put(1, 2, 7), put(3, 10, 8), read(4, 5, 7), read(6, 7, 8)));
}

static void test_unknown_outcomes(void **state)
{
    (void)state;
    /* It may have happened, late or never. */
    assert_true(JUDGE(put(1, 0, 7), read(2, 3, 0)));
    assert_true(JUDGE(put(1, 0, 7), read(2, 3, 7)));
    assert_true(JUDGE(put(1, 0, 7), read(2, 3, 0), put(4, 5, 8), read(6, 7, 7)));
    assert_true(JUDGE(swap(1, 0, 7, 0), swap(2, 3, 8, 7)));
    /* But not twice, not before its call, and not after another saw it undone. */
    assert_false(JUDGE(put(1, 0, 7), put(2, 3, 8), read(4, 5, 7), put(6, 7, 9), read(8, 9, 7)));
    assert_false(JUDGE(read(1, 2, 7), put(3, 0, 7)));
    assert_true(JUDGE(read(1, 0, 99)));
}

static void test_stale_and_lost(void **state)
{
    (void)state;
    assert_false(JUDGE(read(1, 2, 7)));
    assert_false(JUDGE(put(1, 2, 7), read(3, 4, 0)));
    assert_false(JUDGE(put(1, 2, 7), put(3, 4, 8), read(5, 6, 7)));
    assert_false(JUDGE(put(1, 2, 7), put(3, 10, 8), read(4, 5, 8), read(6, 7, 7)));
    assert_false(JUDGE(swap(1, 2, 7, 0), swap(3, 4, 8, 0)));
    assert_false(JUDGE(put(1, 6, 7), put(2, 5, 8), read(7, 8, 7), read(9, 10, 8)));
}

static void test_an_operation_that_never_was(void **state)
{
    struct operation never = put(1, 0, 7);

    (void)state;
    never.outcome = OUTCOME_NOTHING;
    assert_true(JUDGE(never, read(2, 3, 0)));
    assert_false(JUDGE(never, read(2, 3, 7)));
}

/* A random history made from a real register: each operation takes effect somewhere between call
 * and return. */
static size_t make_history(struct prng *prng, struct operation *operations)
{
    uint64_t value = 0, busy_until[4] = {0};
    size_t count = 40;

    for (size_t i = 0; i < count; i++) {
        unsigned client = (unsigned)prng_below(prng, 4);
        uint64_t effect = 1000 * (i + 1);
        uint64_t called = effect - 1 - prng_below(prng, 3000) % effect,
                 returned = effect + 1 + prng_below(prng, 3000);

        if (called <= busy_until[client])
            called = busy_until[client] + 1 < effect ? busy_until[client] + 1 : effect - 1;
        busy_until[client] = returned;
        if (prng_below(prng, 2) == 0) {
            operations[i] = read(called, returned, value);
        } else {
            operations[i] = swap(called, returned, i + 1, value);
            value = i + 1;
        }
    }
    return count;
}

static void test_random_histories_and_one_wrong_answer(void **state)
{
    struct operation operations[64];
    unsigned caught = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng prng;
        size_t count, at;

        prng_init(&prng, seed);
        count = make_history(&prng, operations);
        assert_true(judge(operations, count));
        /* A late answer that is very old cannot be explained. */
        at = count - 1 - prng_below(&prng, 5);
        operations[at].seen = operations[at].seen > 20 ? 1 : operations[at].seen + 1000;
        caught += !judge(operations, count);
    }
    assert_int_equal(caught, 200);
}

static void test_the_culprit_is_named(void **state)
{
    struct operation operations[] = {put(1, 2, 7), put(3, 4, 8), read(5, 6, 7), read(7, 8, 8)};
    const struct operation *pointers[] = {&operations[0], &operations[1], &operations[2],
                                          &operations[3]};
    struct verdict verdict = {.failed = false};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        operations[i].returned_ns = operations[i].returned * 1000000;
    linearizability_check(&verdict, 99, 5, pointers, 4);
    assert_true(verdict.failed);
    assert_string_equal(verdict.checker, "linearizability");
    assert_int_equal(verdict.at_ns, 6000000); /* the stale read, not the good one after it */
    assert_non_null(strstr(verdict.text, "read=7"));
    assert_null(strstr(verdict.text, "read=8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories_with_an_order),
        cmocka_unit_test(test_unknown_outcomes),
        cmocka_unit_test(test_stale_and_lost),
        cmocka_unit_test(test_an_operation_that_never_was),
        cmocka_unit_test(test_random_histories_and_one_wrong_answer),
        cmocka_unit_test(test_the_culprit_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
