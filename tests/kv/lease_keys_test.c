/* SPDX-License-Identifier: MIT */
/* lease_keys_test.c -- keys come and go in any order; those that are there are seen in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kv_help.h"
#include "lease_keys.h"
#include "prng.h"

#define KEYS (20u * LEASE_BLOCK_KEYS)
#define KEY_BYTES 8u
#define MANY 100000u

static void *resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

static struct kv_bytes key_of(uint32_t number, char *room)
{
    snprintf(room, KEY_BYTES + 1, "%0*u", (int)KEY_BYTES, number);
    return text(room);
}

static void check(const struct lease_keys *keys, const bool *there)
{
    struct lease_keys_place place = {0};
    struct kv_bytes key;
    char room[KEY_BYTES + 1];
    size_t count = 0;

    for (uint32_t i = 0; i < KEYS; i++) {
        if (!there[i])
            continue;
        assert_true(lease_keys_next(keys, &place, &key));
        assert_int_equal(key.size, KEY_BYTES);
        assert_memory_equal(key.data, key_of(i, room).data, KEY_BYTES);
        count++;
    }
    assert_false(lease_keys_next(keys, &place, &key));
    assert_int_equal(keys->count, count);
}

/* Each round aims at another number of keys, none and all of them included. */
static void test_any_order(void **state)
{
    static const uint32_t shares[] = {100, 50, 90, 5, 0, 60, 100, 0, 30};
    struct allocator allocator = {.resize = resize};
    struct lease_keys keys = {0};
    struct prng prng;
    static bool there[KEYS];
    char room[KEY_BYTES + 1];

    (void)state;
    prng_init(&prng, 5);
    for (size_t round = 0; round < sizeof(shares) / sizeof(shares[0]); round++) {
        for (uint32_t i = 0; i < 8 * KEYS; i++) {
            uint32_t number = (uint32_t)prng_below(&prng, KEYS);
            bool wanted = prng_below(&prng, 100) < shares[round];

            if (wanted && !there[number])
                lease_keys_add(&keys, &allocator, key_of(number, room));
            else if (!wanted && there[number])
                lease_keys_remove(&keys, &allocator, key_of(number, room));
            there[number] = wanted;
        }
        check(&keys, there);
    }
    lease_keys_release(&keys, &allocator);
    assert_int_equal(allocator.bytes, 0);
}

/* Each goes in about the time of a look-up, however many there are; otherwise this takes minutes. */
static void test_many_keys_of_a_lease_are_deleted_together(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {7, 60}};
    struct kv_lease lease;
    char room[KEY_BYTES + 1];

    (void)state;
    assert_int_equal(apply(kv, &command).error, KV_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        command = (struct command){.op = COMMAND_PUT};
        command.u.put = (struct command_put){
            .key = key_of((uint32_t)((uint64_t)i * 7919 % MANY), room), .lease = 7};
        assert_int_equal(apply(kv, &command).error, KV_OK);
    }
    assert_true(kv_lease(kv, 7, &lease));
    assert_int_equal(lease.key_count, MANY);
    assert_int_equal(delete_range(kv, "0", "1").deleted, MANY);
    assert_true(kv_lease(kv, 7, &lease));
    assert_int_equal(lease.key_count, 0);
    kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_many_keys_of_a_lease_are_deleted_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
