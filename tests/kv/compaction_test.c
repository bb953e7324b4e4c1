/* SPDX-License-Identifier: MIT */
/* compaction_test.c -- many slabs of history given up a bit at a time, while readers read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_help.h"
#include "prng.h"

#define KEYS 2000u
#define ROUNDS 60u
#define CHANGES_A_ROUND 2000u
#define VALUE_BYTES 100u

struct shadow { /* what each key is: the number that its value begins with; 0: not there */
    uint64_t now[KEYS], then[KEYS];
    int64_t then_revision;
};

static struct kv_bytes key_of(uint32_t number, char *room, size_t size)
{
    snprintf(room, size, "key/%06u", number);
    return text(room);
}

static void change(struct kv *kv, struct shadow *shadow, struct prng *prng, uint64_t stamp)
{
    uint32_t number = (uint32_t)prng_below(prng, KEYS);
    char key[32], value[VALUE_BYTES + 1];
    struct command command = {.op = COMMAND_PUT};

    snprintf(value, sizeof(value), "%0*llu", (int)VALUE_BYTES, (unsigned long long)stamp);
    command.u.put = (struct command_put){.key = key_of(number, key, sizeof(key)),
                                         .value = text(value)};
    shadow->now[number] = stamp;
    if (prng_below(prng, 4) == 0) {
        command = (struct command){.op = COMMAND_DELETE_RANGE};
        command.u.delete_range.key = key_of(number, key, sizeof(key));
        shadow->now[number] = 0;
    }
    assert_int_equal(apply(kv, &command).error, KV_OK);
}

struct check {
    const uint64_t *expected;
    uint32_t next;
    uint64_t count;
};

static void see(void *context, const struct kv_pair *pair)
{
    struct check *check = context;
    char key[32], value[VALUE_BYTES + 1];

    while (check->next < KEYS && check->expected[check->next] == 0)
        check->next++;
    assert_true(check->next < KEYS);
    snprintf(value, sizeof(value), "%0*llu", (int)VALUE_BYTES,
             (unsigned long long)check->expected[check->next]);
    assert_int_equal(pair->value.size, VALUE_BYTES);
    assert_memory_equal(pair->value.data, value, VALUE_BYTES);
    (void)key_of(check->next, key, sizeof(key));
    assert_memory_equal(pair->key.data, key, pair->key.size);
    check->next++;
    check->count++;
}

static void check_all(const struct kv *kv, const uint64_t *expected, int64_t revision)
{
    struct kv_range_request request = {
        .key = text("key/"), .range_end = text("key0"), .revision = revision};
    struct check check = {.expected = expected};
    struct kv_range_result result;

    assert_int_equal(kv_range(kv, &request, see, &check, &result), KV_OK);
    while (check.next < KEYS && expected[check.next] == 0)
        check.next++;
    assert_int_equal(check.next, KEYS);
    assert_int_equal(check.count, result.count);
}

static void compact(struct kv *kv, int64_t revision)
{
    struct command command = {.op = COMMAND_COMPACT};

    command.u.compact = (uint64_t)revision;
    assert_int_equal(apply(kv, &command).error, KV_OK);
}

static void memory_comes_back_while_readers_read(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct shadow *shadow = test_calloc(1, sizeof(*shadow));
    struct kv_stats stats;
    struct prng prng;
    uint64_t stamp = 0;

    (void)state;
    prng_init(&prng, 1);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < CHANGES_A_ROUND; i++) {
            change(kv, shadow, &prng, ++stamp);
            if (i % 64 == 0)
                (void)kv_tidy(kv);
        }
        if (shadow->then_revision > 0)
            check_all(kv, shadow->then, shadow->then_revision);
        check_all(kv, shadow->now, 0);
        shadow->then_revision = kv_revision(kv);
        for (uint32_t i = 0; i < KEYS; i++)
            shadow->then[i] = shadow->now[i];
        compact(kv, shadow->then_revision);
    }
    while (kv_tidy(kv)) {}
    check_all(kv, shadow->now, 0);
    kv_stats(kv, &stats);
    assert_in_range(stats.changes, stats.keys, stats.keys + 1);
    /* All of it together was more than 13 MB; what is needed, and one slab that is being filled,
     * is left. */
    assert_true(stats.memory_bytes < 3 * stats.record_bytes + (2u << 20));
    test_free(shadow);
    kv_free(kv);
}

static void all_that_was_deleted_leaves_nothing(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_stats stats;
    char key[32];

    (void)state;
    for (uint32_t i = 0; i < 20000; i++)
        (void)put(kv, key_of(i, key, sizeof(key)).size > 0 ? key : "", "value");
    assert_int_equal(delete_range(kv, "key/", "key0").deleted, 20000);
    (void)put(kv, "last", "one");
    compact(kv, kv_revision(kv));
    while (kv_tidy(kv)) {}
    kv_stats(kv, &stats);
    assert_int_equal(stats.keys, 1);
    assert_int_equal(stats.changes, 1);
    assert_string_equal(shown_range(kv, "a", "z", 0), "last=one 20003 20003 1; count=1");
    (void)put(kv, "key/1", "again"); /* the index grows from next to nothing */
    assert_string_equal(shown_range(kv, "key/", "key0", 0), "key/1=again 20004 20004 1; count=1");
    kv_free(kv);
}

#define MANY 60000u
#define RECORDS_A_STEP 17500u /* what a step may give up, whatever it meets */

/* How much the hardest step gives up. */
static uint64_t tidy_all(struct kv *kv)
{
    struct kv_stats before, after;
    uint64_t most = 0;
    bool more = true;

    compact(kv, kv_revision(kv));
    while (more) {
        kv_stats(kv, &before);
        more = kv_tidy(kv);
        kv_stats(kv, &after);
        if (before.changes - after.changes > most)
            most = before.changes - after.changes;
    }
    assert_true(kv_is_tidy(kv));
    return most;
}

static void a_key_with_a_long_past_is_trimmed_a_bit_at_a_time(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_stats stats;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        (void)put(kv, "hot", "v");
    assert_in_range(tidy_all(kv), 1, RECORDS_A_STEP);
    kv_stats(kv, &stats);
    assert_int_equal(stats.changes, 1);
    kv_free(kv);
}

static void a_revision_with_many_changes_is_trimmed_a_bit_at_a_time(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_stats stats;
    char key[32];

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        (void)key_of(i, key, sizeof(key));
        (void)put(kv, key, "v");
    }
    (void)tidy_all(kv); /* so that the keys are met in the one revision only */
    assert_int_equal(delete_range(kv, "key/", "key0").deleted, MANY);
    (void)put(kv, "last", "one");
    assert_in_range(tidy_all(kv), 1, RECORDS_A_STEP);
    kv_stats(kv, &stats);
    assert_int_equal(stats.changes, 1);
    kv_free(kv);
}

/* Another compaction while the one before is half done. */
static void a_walk_that_is_interrupted_begins_anew(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_stats stats;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        (void)put(kv, "hot", "v");
        if (i % 1000 != 999)
            continue;
        (void)put(kv, "other", "v");
        compact(kv, kv_revision(kv) - 1);
        (void)kv_tidy(kv);
    }
    (void)tidy_all(kv);
    kv_stats(kv, &stats);
    assert_int_equal(stats.changes, 2);
    kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_comes_back_while_readers_read),
        cmocka_unit_test(all_that_was_deleted_leaves_nothing),
        cmocka_unit_test(a_key_with_a_long_past_is_trimmed_a_bit_at_a_time),
        cmocka_unit_test(a_revision_with_many_changes_is_trimmed_a_bit_at_a_time),
        cmocka_unit_test(a_walk_that_is_interrupted_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
