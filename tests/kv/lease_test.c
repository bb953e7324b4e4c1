/* SPDX-License-Identifier: MIT */
/* lease_test.c -- ids that a client chose so that a hash without a seed puts them all into one place lie as
 * others do; and stores with other seeds tell the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv_help.h"
#include "lease.h"
#include "snapshot.h"

#define IDS 4096
#define SNAPSHOT_BYTES_MAX ((size_t)1 << 20)

static void *resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

/* Of a hash that multiplies by the golden ratio and takes what is above, all are 0. */
static int64_t chosen_id(uint64_t number)
{
    uint64_t inverse = UINT64_C(0x9e3779b97f4a7c15);

    for (int i = 0; i < 6; i++)
        inverse *= 2 - UINT64_C(0x9e3779b97f4a7c15) * inverse;
    return (int64_t)(inverse * number);
}

static size_t longest_run(const struct leases *leases)
{
    size_t longest = 0, run = 0;

    for (size_t i = 0; i < leases->place_count; i++) {
        run = leases->places[i] != NULL ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void test_chosen_ids_lie_apart(void **state)
{
    struct allocator allocator = {.resize = resize};
    struct leases leases;

    (void)state;
    leases_init(&leases, &allocator, 5);
    for (uint64_t i = 1; i <= IDS; i++)
        (void)leases_add(&leases, chosen_id(i), 60);
    assert_in_range(longest_run(&leases), 1, 100);
    for (uint64_t i = 1; i <= IDS; i++)
        leases_remove(&leases, leases_find(&leases, chosen_id(i)));
    assert_int_equal(leases.count, 0);
    leases_release(&leases);
    assert_int_equal(allocator.bytes, 0);
}

static size_t write_snapshot(const struct kv *kv, uint8_t *bytes)
{
    struct snapshot_writer *writer = snapshot_writer_new(kv);
    size_t size = 0, part;

    assert_non_null(writer);
    while (snapshot_writer_measure(writer))
        ;
    while (snapshot_writer_left(writer) > 0) {
        assert_true(snapshot_writer_read(writer, bytes + size, SNAPSHOT_BYTES_MAX - size, &part));
        size += part;
    }
    snapshot_writer_free(writer);
    return size;
}

/* The snapshot of a store with this seed. */
static uint8_t *snapshot_with(uint64_t seed, size_t *ret_size)
{
    const struct kv_options options = {.seed = seed};
    struct kv *kv = kv_new(&options);
    uint8_t *bytes = malloc(SNAPSHOT_BYTES_MAX);

    assert_non_null(kv);
    assert_non_null(bytes);
    for (uint64_t i = 1; i <= IDS; i++) {
        struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {chosen_id(i), i}};
        uint8_t room[64];
        struct kv_result result;

        command_encode(&command, room, command_size(&command));
        kv_apply(kv, room, command_size(&command), &result);
        assert_int_equal(result.error, KV_OK);
    }
    *ret_size = write_snapshot(kv, bytes);
    kv_free(kv);
    return bytes;
}

static void test_the_seed_cannot_be_seen(void **state)
{
    size_t one_size, other_size;
    uint8_t *one = snapshot_with(1, &one_size), *other = snapshot_with(2, &other_size);

    (void)state;
    assert_int_equal(one_size, other_size);
    assert_memory_equal(one, other, one_size);
    free(one);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen_ids_lie_apart),
        cmocka_unit_test(test_the_seed_cannot_be_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
