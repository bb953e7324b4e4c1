/* SPDX-License-Identifier: MIT */
/* snapshot_test.c -- what random histories (kv_history_snapshot.c) do not reach: a store much larger
 * than a slice, changed and compacted while it is written; what is in the bytes, and what each kind
 * of damage is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv_help.h"
#include "kv_inside.h"
#include "prng.h"
#include "snapshot_format.h"

#define KEYS 20000u
#define PORTION 32768u

struct bytes {
    uint8_t *data;
    size_t size;
};

static void read_some(struct snapshot_writer *writer, struct bytes *bytes)
{
    size_t got;

    bytes->data = realloc(bytes->data, bytes->size + PORTION);
    assert_non_null(bytes->data);
    assert_true(snapshot_writer_read(writer, bytes->data + bytes->size, PORTION, &got));
    bytes->size += got;
}

static struct bytes written(struct kv *kv)
{
    struct snapshot_writer *writer = snapshot_writer_new(kv);
    struct bytes bytes = {0};

    assert_non_null(writer);
    while (snapshot_writer_measure(writer)) {}
    while (snapshot_writer_left(writer) > 0)
        read_some(writer, &bytes);
    snapshot_writer_free(writer);
    return bytes;
}

static enum snapshot_error load(const struct bytes *bytes, struct kv **ret_kv, char *reason,
                                uint64_t *ret_offset)
{
    struct snapshot_loader *loader = snapshot_loader_new(NULL);
    enum snapshot_error error;

    assert_non_null(loader);
    *ret_kv = NULL;
    error = snapshot_loader_add(loader, bytes->data, bytes->size);
    if (error == SNAPSHOT_OK)
        error = snapshot_loader_finish(loader, ret_kv);
    snprintf(reason, 128, "%s", snapshot_loader_reason(loader, ret_offset));
    snapshot_loader_free(loader);
    return error;
}

static struct kv *loaded(const struct bytes *bytes)
{
    char reason[128];
    uint64_t offset;
    struct kv *kv;

    assert_int_equal(load(bytes, &kv, reason, &offset), SNAPSHOT_OK);
    return kv;
}

static void put_number(struct kv *kv, uint32_t number, uint32_t stamp)
{
    char key[32], value[200];

    snprintf(key, sizeof(key), "key/%06u", number);
    snprintf(value, sizeof(value), "%0150u", stamp);
    assert_int_equal(put(kv, key, value).error, KV_OK);
}

static void compact(struct kv *kv, int64_t revision)
{
    struct command command = {.op = COMMAND_COMPACT, .u.compact = (uint64_t)revision};

    assert_int_equal(apply(kv, &command).error, KV_OK);
}

/* Keys with a past, half of them on leases, a compaction in the middle, an alarm, a member. */
static struct kv *full_store(void)
{
    struct kv *kv = kv_new(NULL);
    struct kv_bytes url = text("http://127.0.0.1:2379");
    struct command command = {.op = COMMAND_MEMBER};

    assert_non_null(kv);
    command.u.member = (struct command_member){
        .id = 7, .name = text("n1"), .urls = &url, .url_count = 1};
    assert_int_equal(apply(kv, &command).error, KV_OK);
    for (int64_t id = 3000; id > 0; id--) {
        command = (struct command){.op = COMMAND_LEASE_GRANT, .u.lease_grant = {id * 7919, 60}};
        assert_int_equal(apply(kv, &command).error, KV_OK);
    }
    for (uint32_t i = 0; i < KEYS; i++)
        put_number(kv, i, 1);
    for (uint32_t i = 0; i < KEYS; i += 2)
        put_number(kv, i, 2);
    compact(kv, kv_revision(kv) - 100);
    command = (struct command){.op = COMMAND_ALARM, .u.alarm = {9, ALARM_CORRUPT, false}};
    (void)apply(kv, &command);
    for (uint32_t i = 0; i < 1000; i++) {
        char key[32];

        snprintf(key, sizeof(key), "leased/%u", i);
        command = (struct command){.op = COMMAND_PUT};
        command.u.put = (struct command_put){
            .key = text(key), .value = text("v"), .lease = (1 + i % 3000) * 7919};
        assert_int_equal(apply(kv, &command).error, KV_OK);
    }
    assert_int_equal(delete_range(kv, "key/000100", "key/000200").deleted, 100);
    command = (struct command){.op = COMMAND_ALARM, .u.alarm = {9, ALARM_NOSPACE, true}};
    assert_int_equal(apply(kv, &command).error, KV_OK);
    return kv;
}

static void disarm(struct kv *kv)
{
    struct command command = {.op = COMMAND_ALARM, .u.alarm = {9, ALARM_NOSPACE, false}};

    assert_int_equal(apply(kv, &command).error, KV_OK);
}

static void it_is_of_one_moment_whatever_happens_meanwhile(void **state)
{
    struct kv *kv = full_store(), *copy;
    struct bytes expected = written(kv), bytes = {0};
    struct snapshot_writer *writer = snapshot_writer_new(kv);
    uint64_t before = hash_of(kv), total;
    uint32_t slices = 0;
    struct kv_stats stats;

    (void)state;
    assert_non_null(writer);
    disarm(kv);
    while (snapshot_writer_measure(writer)) {
        put_number(kv, slices, 3 + slices);
        slices++;
        if (slices == 5)
            compact(kv, kv_revision(kv));
        (void)kv_tidy(kv);
    }
    assert_true(slices > 20);
    total = snapshot_writer_left(writer);
    while (snapshot_writer_left(writer) > 0) {
        read_some(writer, &bytes);
        (void)delete_range(kv, "key/00", "key/01");
        compact(kv, kv_revision(kv));
        put_number(kv, slices % KEYS, slices);
        slices++;
        assert_false(kv_tidy(kv)); /* not now */
    }
    snapshot_writer_free(writer);
    assert_int_equal(bytes.size, total);
    assert_int_equal(bytes.size, expected.size);
    assert_memory_equal(bytes.data, expected.data, expected.size);
    copy = loaded(&bytes);
    assert_true(hash_of(copy) == before);
    while (kv_tidy(kv)) {} /* what was held back is given back */
    kv_stats(kv, &stats);
    assert_in_range(stats.changes, stats.keys, stats.keys + 1);
    kv_free(copy);
    kv_free(kv);
    free(bytes.data);
    free(expected.data);
}

static bool count_change(void *context, const struct kv_change *change)
{
    assert_true(change->pair.mod_revision > 0);
    ++*(uint64_t *)context;
    return true;
}

static void all_of_it_comes_back(void **state)
{
    struct kv *kv = full_store(), *copy;
    struct bytes bytes = written(kv);
    uint64_t changes = 0, changes_of_copy = 0;
    struct kv_lease lease;
    size_t count;

    (void)state;
    copy = loaded(&bytes);
    while (kv_tidy(kv)) {}
    assert_int_equal(kv_revision(copy), kv_revision(kv));
    assert_int_equal(kv_compacted(copy), kv_compacted(kv));
    kv_changes(kv, kv_compacted(kv), count_change, &changes);
    kv_changes(copy, kv_compacted(kv), count_change, &changes_of_copy);
    assert_int_equal(changes, changes_of_copy);
    assert_true(kv_lease(copy, 7919, &lease));
    assert_int_equal(lease.granted, 60);
    assert_int_equal(lease.key_count, 1);
    assert_true(kv_lease_stamp(copy) == kv_lease_stamp(kv));
    assert_int_equal(kv_alarms(copy, &count)[0].member, 9);
    assert_int_equal(count, 1);
    assert_int_equal(kv_members(copy, &count)[0].id, 7);
    assert_int_equal(count, 1);
    assert_string_equal((const char *)kv_members(copy, &count)[0].urls[0].data,
                        "http://127.0.0.1:2379");
    kv_free(copy);
    kv_free(kv);
    free(bytes.data);
}

static void an_empty_store_is_one_unit(void **state)
{
    struct kv *kv = kv_new(NULL), *copy;
    struct bytes bytes = written(kv);

    (void)state;
    assert_int_equal(bytes.size, SNAPSHOT_UNIT);
    copy = loaded(&bytes);
    assert_int_equal(kv_revision(copy), 1);
    assert_int_equal(kv_compacted(copy), -1);
    assert_int_equal(put(copy, "a", "b").revision, 2);
    kv_free(copy);
    kv_free(kv);
    free(bytes.data);
}

/* ---- damage ---- */

static void expect(struct bytes bytes, enum snapshot_error error, const char *reason,
                   uint64_t offset)
{
    char given[128];
    uint64_t at;
    struct kv *kv;

    assert_int_equal(load(&bytes, &kv, given, &at), error);
    assert_null(kv);
    assert_string_equal(given, reason);
    assert_int_equal(at, offset);
}

static void damage_is_called_by_name_and_place(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct bytes bytes;
    uint8_t kept;

    (void)state;
    (void)put(kv, "a", "1");
    (void)put(kv, "b", "2");
    bytes = written(kv);
    expect((struct bytes){bytes.data, 0}, SNAPSHOT_FOREIGN, "it is too short for a snapshot", 0);
    expect((struct bytes){bytes.data, 20}, SNAPSHOT_FOREIGN, "it is too short for a snapshot", 0);
    expect((struct bytes){bytes.data, 200}, SNAPSHOT_CUT_OFF, "it ends here, and should go on",
           164);
    expect((struct bytes){bytes.data, bytes.size - 1}, SNAPSHOT_CUT_OFF,
           "it ends here, and should go on", 164);
    bytes.data[60] ^= 1;
    expect(bytes, SNAPSHOT_DAMAGED, "the checksum of the header is wrong", 0);
    bytes.data[60] ^= 1;
    bytes.data[8]++;
    expect(bytes, SNAPSHOT_VERSION, "it was written by a later version of decree", 0);
    bytes.data[8]--;
    bytes.data[0]++;
    expect(bytes, SNAPSHOT_FOREIGN, "this is no snapshot of decree", 0);
    bytes.data[0]--;
    bytes.data[155] ^= 1;
    expect(bytes, SNAPSHOT_DAMAGED, "a checksum is wrong", 128);
    bytes.data[155] ^= 1;
    kept = bytes.data[131];
    bytes.data[131] = 0x7f; /* a chunk of 2 GiB */
    expect(bytes, SNAPSHOT_DAMAGED, "the head of a chunk makes no sense", 128);
    bytes.data[131] = kept;
    kv_free(loaded(&bytes));
    kv_free(kv);
    free(bytes.data);
}

/* Every byte matters but those that are zero in this version. */
/* Whoever can make a snapshot can make its checksums. */
static void a_lease_of_less_than_no_time_is_refused(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {7, 60}};
    struct bytes bytes;

    (void)state;
    assert_int_equal(apply(kv, &command).error, KV_OK);
    leases_find(&kv->leases, 7)->remaining = -1;
    bytes = written(kv);
    expect(bytes, SNAPSHOT_DAMAGED, "a lease makes no sense", SNAPSHOT_HEADER_BYTES);
    free(bytes.data);
    kv_free(kv);
}

static void no_bit_can_flip_unseen(void **state)
{
    struct kv *kv = kv_new(NULL), *copy;
    struct bytes bytes;
    char reason[128];
    uint64_t offset;

    (void)state;
    (void)put(kv, "a", "1");
    bytes = written(kv);
    for (size_t i = 0; i < 8 * bytes.size; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(load(&bytes, &copy, reason, &offset), SNAPSHOT_OK);
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t size = 0; size < bytes.size; size++) {
        struct bytes shorter = {bytes.data, size};

        assert_int_not_equal(load(&shorter, &copy, reason, &offset), SNAPSHOT_OK);
    }
    kv_free(kv);
    free(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_of_one_moment_whatever_happens_meanwhile),
        cmocka_unit_test(all_of_it_comes_back),
        cmocka_unit_test(an_empty_store_is_one_unit),
        cmocka_unit_test(damage_is_called_by_name_and_place),
        cmocka_unit_test(a_lease_of_less_than_no_time_is_refused),
        cmocka_unit_test(no_bit_can_flip_unseen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
