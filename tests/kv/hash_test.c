/* SPDX-License-Identifier: MIT */
/* hash_test.c -- a hash in slices is of the moment at which it began, whatever becomes of the store
 * meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_help.h"
#include "prng.h"

#define KEYS 3000u

static void put_at_random(struct kv *kv, struct prng *prng, unsigned count)
{
    char key[16];

    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "k%04u", (unsigned)prng_below(prng, KEYS));
        if (prng_below(prng, 5) == 0)
            delete_range(kv, key, "");
        else
            put(kv, key, "some value");
    }
}

static void compact(struct kv *kv, int64_t revision)
{
    const struct command command = {.op = COMMAND_COMPACT, .u.compact = (uint64_t)revision};

    apply(kv, &command);
    for (int i = 0; i < 100; i++)
        (void)kv_tidy(kv);
}

static void a_hash_in_slices_is_of_one_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct kv *kv = kv_new(NULL);
        struct kv_hasher *hasher;
        struct prng prng;
        uint64_t expected;
        int64_t revision;
        unsigned steps = 1;

        prng_init(&prng, seed);
        put_at_random(kv, &prng, 4 * KEYS);
        if (seed % 2 == 0)
            compact(kv, kv_revision(kv) - 500);
        revision = kv_revision(kv) - (int64_t)prng_below(&prng, 400);
        assert_int_equal(kv_hash(kv, revision, &expected), KV_OK);
        assert_int_equal(kv_hasher_new(kv, revision, &hasher), KV_OK);
        for (; kv_hasher_step(hasher); steps++) {
            put_at_random(kv, &prng, 200);
            if (steps % 2 == 0)
                compact(kv, kv_revision(kv) - 10);
        }
        assert_true(steps >= 3);
        assert_true(kv_hasher_sum(hasher) == expected);
        assert_false(kv_is_tidy(kv));
        kv_hasher_free(hasher);
        for (int i = 0; i < 1000; i++)
            (void)kv_tidy(kv);
        assert_true(kv_is_tidy(kv));
        kv_free(kv);
    }
}

static void only_what_can_be_read_is_hashed(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_hasher *hasher;

    (void)state;
    assert_int_equal(kv_hasher_new(kv, 2, &hasher), KV_FUTURE_REVISION);
    assert_null(hasher);
    put(kv, "a", "1");
    put(kv, "a", "2");
    compact(kv, 3);
    assert_int_equal(kv_hasher_new(kv, 2, &hasher), KV_COMPACTED);
    assert_null(hasher);
    kv_hasher_free(NULL);
    assert_int_equal(kv_hasher_new(kv, 0, &hasher), KV_OK);
    assert_false(kv_hasher_step(hasher));
    assert_true(kv_hasher_sum(hasher) == hash_of(kv));
    kv_hasher_free(hasher);
    kv_free(kv);
}

static void a_key_with_a_long_past_is_hashed_in_slices(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_hasher *hasher;
    char value[1001];
    unsigned steps = 1;

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (unsigned i = 0; i < 5000; i++)
        (void)put(kv, "hot", value);
    (void)put(kv, "last", value);
    assert_int_equal(kv_hasher_new(kv, 0, &hasher), KV_OK);
    for (; kv_hasher_step(hasher); steps++) {}
    assert_true(steps >= 4);
    assert_true(kv_hasher_sum(hasher) == hash_of(kv));
    kv_hasher_free(hasher);
    kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_in_slices_is_of_one_moment),
        cmocka_unit_test(only_what_can_be_read_is_hashed),
        cmocka_unit_test(a_key_with_a_long_past_is_hashed_in_slices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
