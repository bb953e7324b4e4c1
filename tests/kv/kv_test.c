/* SPDX-License-Identifier: MIT */
/* kv_test.c -- what etcd's clients rely on, sentence by sentence. */
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

static const struct kv_bytes zero = {(const uint8_t *)"\0", 1};

static int set_up(void **state)
{
    *state = kv_new(NULL);
    return *state == NULL;
}

static int tear_down(void **state)
{
    kv_free(*state);
    return 0;
}

static void assert_put(struct kv *kv, const char *key, const char *value, const char *expected)
{
    struct kv_result result = put(kv, key, value);

    assert_string_equal(shown_result(&result), expected);
}

static void assert_delete(struct kv *kv, const char *key, const char *range_end,
                          const char *expected)
{
    struct kv_result result = delete_range(kv, key, range_end);

    assert_string_equal(shown_result(&result), expected);
}

static void a_new_store_has_revision_1(void **state)
{
    assert_int_equal(kv_revision(*state), 1);
    assert_string_equal(shown_range(*state, "a", "", 0), "count=0");
    assert_string_equal(shown_range(*state, "a", "", 1), "count=0");
    assert_string_equal(shown_range(*state, "a", "z", 1), "count=0");
}

static void the_first_write_makes_revision_2(void **state)
{
    assert_put(*state, "a", "1", "ok 2 deleted=0 ");
    assert_string_equal(shown_range(*state, "a", "", 0), "a=1 2 2 1; count=1");
    assert_int_equal(kv_revision(*state), 2);
}

static void an_overwrite_raises_version_and_mod_revision(void **state)
{
    put(*state, "a", "1");
    put(*state, "b", "1");
    assert_put(*state, "a", "2", "ok 4 deleted=0 a=1 2 2 1; ");
    assert_string_equal(shown_range(*state, "a", "", 0), "a=2 2 4 2; count=1");
}

static void a_delete_of_nothing_makes_no_revision(void **state)
{
    put(*state, "b", "1");
    assert_delete(*state, "a", "", "ok 2 deleted=0 ");
    assert_delete(*state, "c", "z", "ok 2 deleted=0 ");
    delete_range(*state, "b", "");
    assert_delete(*state, "b", "", "ok 3 deleted=0 ");
    assert_delete(*state, "a", "z", "ok 3 deleted=0 ");
}

static void a_key_put_again_begins_a_generation(void **state)
{
    put(*state, "a", "1");
    put(*state, "a", "2");
    assert_delete(*state, "a", "", "ok 4 deleted=1 a=2 2 3 2; ");
    assert_string_equal(shown_range(*state, "a", "", 0), "count=0");
    assert_put(*state, "a", "3", "ok 5 deleted=0 ");
    assert_string_equal(shown_range(*state, "a", "", 0), "a=3 5 5 1; count=1");
}

static bool collect_revisions(void *context, const struct kv_change *change)
{
    char *line = context;
    size_t used = strlen(line);

    snprintf(line + used, 200 - used, "%d.%d%c%.*s ", (int)change->pair.mod_revision,
             (int)change->sub, change->deleted ? '-' : '+', (int)change->pair.key.size,
             change->pair.key.data);
    return change->pair.mod_revision < 6;
}

static void a_range_is_deleted_in_one_revision(void **state)
{
    char line[200] = "";

    put(*state, "a", "1");
    put(*state, "b", "2");
    put(*state, "c", "3");
    put(*state, "d", "4");
    assert_delete(*state, "b", "d", "ok 6 deleted=2 b=2 3 3 1; c=3 4 4 1; ");
    assert_string_equal(shown_range(*state, "a", "z", 0), "a=1 2 2 1; d=4 5 5 1; count=2");
    kv_changes(*state, 4, collect_revisions, line);
    assert_string_equal(line, "4.0+c 5.0+d 6.0-b ");
    line[0] = '\0';
    put(*state, "e", "5");
    kv_changes(*state, 7, collect_revisions, line);
    assert_string_equal(line, "7.0+e ");
    line[0] = '\0';
    kv_changes(*state, 8, collect_revisions, line);
    assert_string_equal(line, "");
}

static void the_past_stays_readable(void **state)
{
    put(*state, "a", "1");         /* 2 */
    put(*state, "b", "1");         /* 3 */
    put(*state, "a", "2");         /* 4 */
    delete_range(*state, "a", ""); /* 5 */
    put(*state, "a", "3");         /* 6 */
    assert_string_equal(shown_range(*state, "a", "z", 1), "count=0");
    assert_string_equal(shown_range(*state, "a", "z", 2), "a=1 2 2 1; count=1");
    assert_string_equal(shown_range(*state, "a", "z", 3), "a=1 2 2 1; b=1 3 3 1; count=2");
    assert_string_equal(shown_range(*state, "a", "z", 4), "a=2 2 4 2; b=1 3 3 1; count=2");
    assert_string_equal(shown_range(*state, "a", "z", 5), "b=1 3 3 1; count=1");
    assert_string_equal(shown_range(*state, "a", "z", 6), "a=3 6 6 1; b=1 3 3 1; count=2");
    assert_string_equal(shown_range(*state, "a", "", 5), "count=0");
    assert_string_equal(shown_range(*state, "a", "", 4), "a=2 2 4 2; count=1");
}

static void the_future_is_an_error(void **state)
{
    put(*state, "a", "1");
    assert_string_equal(shown_range(*state, "a", "", 3),
                        "mvcc: required revision is a future revision");
    assert_string_equal(shown_range(*state, "a", "", -1), "a=1 2 2 1; count=1");
}

static void ranges_are_half_open_or_from_a_key_on(void **state)
{
    struct kv_range_request request = {.key = text("b"), .range_end = zero};

    put(*state, "a", "1");
    put(*state, "b", "2");
    put(*state, "ba", "3");
    put(*state, "c", "4");
    assert_string_equal(shown_range(*state, "b", "", 0), "b=2 3 3 1; count=1");
    assert_string_equal(shown_range(*state, "a", "b", 0), "a=1 2 2 1; count=1");
    assert_string_equal(shown_range(*state, "b", "c", 0), "b=2 3 3 1; ba=3 4 4 1; count=2");
    assert_string_equal(shown_range(*state, "aa", "bz", 0), "b=2 3 3 1; ba=3 4 4 1; count=2");
    assert_string_equal(shown_range(*state, "b", "b", 0), "count=0");
    assert_string_equal(shown_range(*state, "c", "a", 0), "count=0");
    assert_string_equal(shown(*state, &request), "b=2 3 3 1; ba=3 4 4 1; c=4 5 5 1; count=3");
    request.key = zero;
    assert_string_equal(shown(*state, &request),
                        "a=1 2 2 1; b=2 3 3 1; ba=3 4 4 1; c=4 5 5 1; count=4");
}

static void count_does_not_heed_the_limit(void **state)
{
    struct kv_range_request request = {.key = text("a"), .range_end = text("z"), .limit = 2};

    put(*state, "a", "1");
    put(*state, "b", "2");
    put(*state, "c", "3");
    delete_range(*state, "b", "");
    put(*state, "d", "4");
    assert_string_equal(shown(*state, &request), "a=1 2 2 1; c=3 4 4 1; count=3 more");
    request.limit = 3;
    assert_string_equal(shown(*state, &request), "a=1 2 2 1; c=3 4 4 1; d=4 6 6 1; count=3");
    request.limit = 1;
    request.revision = 4;
    assert_string_equal(shown(*state, &request), "a=1 2 2 1; count=3 more");
    request.count_only = true;
    assert_string_equal(shown(*state, &request), "count=3");
    request.revision = 0;
    assert_string_equal(shown(*state, &request), "count=3");
    request.limit = 0;
    request.count_only = false;
    request.keys_only = true;
    assert_string_equal(shown(*state, &request), "a= 2 2 1; c= 4 4 1; d= 6 6 1; count=3");
}

static void a_value_may_be_kept_or_missed(void **state)
{
    struct command command = {.op = COMMAND_PUT};
    struct kv_result result;

    command.u.put = (struct command_put){.key = text("a"), .ignore_value = true};
    result = apply(*state, &command);
    assert_string_equal(shown_result(&result), "key not found 1 deleted=0 ");
    command.u.put = (struct command_put){.key = text("a"), .ignore_lease = true};
    result = apply(*state, &command);
    assert_string_equal(shown_result(&result), "key not found 1 deleted=0 ");
    put(*state, "a", "1");
    command.u.put = (struct command_put){
        .key = text("a"), .ignore_value = true, .ignore_lease = true};
    result = apply(*state, &command);
    assert_string_equal(shown_result(&result), "ok 3 deleted=0 ");
    assert_string_equal(shown_range(*state, "a", "", 0), "a=1 2 3 2; count=1");
    delete_range(*state, "a", "");
    result = apply(*state, &command);
    assert_string_equal(shown_result(&result), "key not found 4 deleted=0 ");
}

static void a_lease_that_was_never_granted_is_not_found(void **state)
{
    struct command command = {.op = COMMAND_PUT};
    struct kv_result result;

    command.u.put = (struct command_put){.key = text("a"), .value = text("1"), .lease = 7};
    result = apply(*state, &command);
    assert_string_equal(shown_result(&result), "requested lease not found 1 deleted=0 ");
    command.u.put = (struct command_put){.key = text("a"), .lease = 7, .ignore_value = true};
    result = apply(*state, &command);
    assert_int_equal(result.error, KV_LEASE_NOT_FOUND);
    assert_string_equal(shown_range(*state, "a", "", 0), "count=0");
}

static struct kv_result expire(struct kv *kv, int64_t id, uint64_t stamp)
{
    struct command command = {.op = COMMAND_LEASE_EXPIRE, .u.lease_expire = {id, stamp}};

    return apply(kv, &command);
}

static void renew(struct kv *kv, int64_t id, enum kv_error error)
{
    struct command command = {.op = COMMAND_LEASE_RENEW, .u.lease_renew = id};

    assert_int_equal(apply(kv, &command).error, error);
}

static void a_lease_renewed_meanwhile_does_not_expire(void **state)
{
    struct command grant = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {7, 10}};
    uint64_t stamp;

    assert_int_equal(apply(*state, &grant).error, KV_OK);
    grant.u.lease_grant.id = 8;
    assert_int_equal(apply(*state, &grant).error, KV_OK);
    stamp = kv_lease_stamp(*state);
    renew(*state, 7, KV_OK);
    renew(*state, 9, KV_LEASE_NOT_FOUND);
    assert_int_equal(expire(*state, 7, stamp).error, KV_OK);
    assert_true(kv_lease(*state, 7, &(struct kv_lease){0}));
    assert_int_equal(expire(*state, 8, stamp).error, KV_OK);
    assert_false(kv_lease(*state, 8, &(struct kv_lease){0}));
    assert_int_equal(expire(*state, 8, stamp).error, KV_LEASE_NOT_FOUND);
    stamp = kv_lease_stamp(*state);
    renew(*state, 0, KV_OK); /* another leader has begun */
    assert_int_equal(expire(*state, 7, stamp).error, KV_OK);
    assert_true(kv_lease(*state, 7, &(struct kv_lease){0}));
    assert_int_equal(expire(*state, 7, kv_lease_stamp(*state)).error, KV_OK);
    assert_false(kv_lease(*state, 7, &(struct kv_lease){0}));
}

static void write_down(struct kv *kv, uint64_t stamp, uint64_t seconds)
{
    const struct command_lease_grant left = {7, seconds};
    const struct command checkpoint = {
        .op = COMMAND_LEASE_CHECKPOINT,
        .u.checkpoint = {.stamp = stamp, .leases = &left, .lease_count = 1}};

    assert_int_equal(apply(kv, &checkpoint).error, KV_OK);
}

static int64_t remaining(const struct kv *kv)
{
    struct kv_lease lease;

    assert_true(kv_lease(kv, 7, &lease));
    return lease.remaining;
}

static void a_renewal_voids_the_checkpoint(void **state)
{
    const struct command grant = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {7, 10}};

    assert_int_equal(apply(*state, &grant).error, KV_OK);
    write_down(*state, kv_lease_stamp(*state), 3);
    assert_int_equal(remaining(*state), 3);
    renew(*state, 7, KV_OK);
    assert_int_equal(remaining(*state), 0);
}

/* Who wrote it knew nothing of what came between his word and its place in the log. */
static void a_checkpoint_that_comes_late_is_void(void **state)
{
    const struct command grant = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {7, 10}};
    uint64_t stamp;

    assert_int_equal(apply(*state, &grant).error, KV_OK);
    stamp = kv_lease_stamp(*state);
    renew(*state, 7, KV_OK);
    write_down(*state, stamp, 3);
    assert_int_equal(remaining(*state), 0);
    stamp = kv_lease_stamp(*state);
    renew(*state, 0, KV_OK); /* another leader has begun, and may have renewed it without the log */
    assert_int_equal(kv_leases_begun(*state), kv_lease_stamp(*state));
    write_down(*state, stamp, 3);
    assert_int_equal(remaining(*state), 0);
    write_down(*state, kv_lease_stamp(*state), 3);
    assert_int_equal(remaining(*state), 3);
}

static void many_are_renewed_at_once(void **state)
{
    const struct command grant = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {7, 10}};
    const int64_t ids[] = {6, 7, 0, 8};
    const struct command renewals = {.op = COMMAND_LEASE_RENEWALS,
                                     .u.lease_ids = {.ids = ids, .id_count = 4}};
    const struct command question = {.op = COMMAND_LEASE_QUESTION,
                                     .u.lease_ids = {.ids = ids, .id_count = 4}};
    uint64_t stamp, begun;

    assert_int_equal(apply(*state, &grant).error, KV_OK);
    stamp = kv_lease_stamp(*state);
    begun = kv_leases_begun(*state);
    write_down(*state, stamp, 3);
    assert_int_equal(apply(*state, &question).error, KV_OK);
    assert_int_equal(remaining(*state), 3);
    assert_int_equal(kv_lease_stamp(*state), stamp);
    assert_int_equal(apply(*state, &renewals).error, KV_OK);
    assert_int_equal(remaining(*state), 0);
    assert_int_equal(expire(*state, 7, stamp).error, KV_OK);
    assert_int_equal(remaining(*state), 0); /* it lives */
    assert_int_equal(kv_leases_begun(*state), begun);
}

static void prev_kvs_come_only_if_asked_for(void **state)
{
    struct command command = {.op = COMMAND_PUT};

    put(*state, "a", "1");
    command.u.put = (struct command_put){.key = text("a"), .value = text("2")};
    assert_int_equal(apply(*state, &command).pair_count, 0);
    command.op = COMMAND_DELETE_RANGE;
    command.u.delete_range = (struct command_delete_range){.key = text("a")};
    assert_int_equal(apply(*state, &command).pair_count, 0);
}

static void many_prev_kvs_leave_no_room_taken(void **state)
{
    struct kv_stats before, after;
    struct kv_result result;
    char key[16];

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key%04d", i);
        put(*state, key, "value");
    }
    result = delete_range(*state, "key", "kez");
    assert_int_equal(result.deleted, 1000);
    assert_int_equal(result.pair_count, 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key%04d", i);
        assert_memory_equal(result.pairs[i].key.data, key, 7);
        assert_int_equal(result.pairs[i].mod_revision, 2 + i);
    }
    kv_stats(*state, &before);
    delete_range(*state, "no", "");
    kv_stats(*state, &after);
    assert_int_equal(before.keys, 0);
    assert_int_equal(before.changes, 2000);
    assert_true(before.memory_bytes - after.memory_bytes >= 1000 * sizeof(struct kv_pair));
}

static void malformed_commands_change_nothing(void **state)
{
    static const uint8_t bad[] = "\x4b\x01\x00\x01k\x09val";
    struct kv_result result;
    uint64_t hash;

    put(*state, "a", "1");
    hash = hash_of(*state);
    for (size_t size = 0; size < sizeof(bad); size++) {
        kv_apply(*state, bad, size, &result);
        assert_string_equal(shown_result(&result), "malformed command 2 deleted=0 ");
    }
    kv_apply(*state, NULL, 0, &result);
    assert_int_equal(result.error, KV_MALFORMED);
    assert_true(hash_of(*state) == hash);
}

/* Damaged commands, on two stores: what one takes the other takes, and what is refused leaves no
 * trace. */
static void any_bytes_are_applied_alike(void **state)
{
    static const uint8_t whole[] = "\x4b\x01\x01\x02kk\x05value";
    struct kv *other = kv_new(NULL);
    uint64_t taken = 0, hash = 0;
    struct prng prng;

    prng_init(&prng, 1);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t data[sizeof(whole)];
        size_t size = sizeof(whole) - 1 - prng_below(&prng, 2) * prng_below(&prng, sizeof(whole));
        struct kv_result result, again;

        memcpy(data, whole, sizeof(whole));
        for (uint64_t changes = prng_below(&prng, 3); changes > 0; changes--)
            data[prng_below(&prng, sizeof(data))] = (uint8_t)prng_below(&prng, i % 2 ? 256 : 12);
        kv_apply(*state, data, size, &result);
        kv_apply(other, data, size, &again);
        assert_int_equal(result.error, again.error);
        assert_int_equal(result.revision, again.revision);
        assert_int_equal(result.pair_count, again.pair_count);
        taken += result.error == KV_OK;
        if (i % 1000 == 999) {
            hash = hash_of(*state);
            assert_true(hash_of(other) == hash);
        }
    }
    assert_in_range(taken, 1000, 19000);
    assert_in_range(kv_revision(*state), 2, 1 + (int64_t)taken);
    kv_free(other);
}

static void the_hash_tells_histories_apart(void **state)
{
    struct kv *other = kv_new(NULL);
    uint64_t hash = hash_of(*state);

    assert_true(hash_of(other) == hash);
    put(*state, "a", "1");
    assert_true(hash_of(*state) != hash);
    put(other, "a", "2");
    assert_true(hash_of(*state) != hash_of(other));
    put(other, "a", "1");
    put(*state, "a", "1");
    assert_true(hash_of(*state) != hash_of(other));
    kv_free(other);
    other = kv_new(NULL);
    put(other, "a", "1");
    put(other, "a", "1");
    assert_true(hash_of(*state) == hash_of(other));
    delete_range(other, "a", "");
    assert_true(hash_of(*state) != hash_of(other));
    kv_free(other);
}

static void errors_have_etcds_words(void **state)
{
    (void)state;
    assert_string_equal(kv_error_text(KV_OK), "ok");
    assert_string_equal(kv_error_text(KV_KEY_NOT_FOUND), "key not found");
    assert_string_equal(kv_error_text((enum kv_error)99), "unknown error");
    kv_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_store_has_revision_1),
        TEST(the_first_write_makes_revision_2),
        TEST(an_overwrite_raises_version_and_mod_revision),
        TEST(a_delete_of_nothing_makes_no_revision),
        TEST(a_key_put_again_begins_a_generation),
        TEST(a_range_is_deleted_in_one_revision),
        TEST(the_past_stays_readable),
        TEST(the_future_is_an_error),
        TEST(ranges_are_half_open_or_from_a_key_on),
        TEST(count_does_not_heed_the_limit),
        TEST(a_value_may_be_kept_or_missed),
        TEST(a_lease_that_was_never_granted_is_not_found),
        TEST(a_lease_renewed_meanwhile_does_not_expire),
        TEST(a_renewal_voids_the_checkpoint),
        TEST(a_checkpoint_that_comes_late_is_void),
        TEST(many_are_renewed_at_once),
        TEST(prev_kvs_come_only_if_asked_for),
        TEST(many_prev_kvs_leave_no_room_taken),
        TEST(malformed_commands_change_nothing),
        TEST(any_bytes_are_applied_alike),
        TEST(the_hash_tells_histories_apart),
        TEST(errors_have_etcds_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
