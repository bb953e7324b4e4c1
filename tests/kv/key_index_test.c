/* SPDX-License-Identifier: MIT */
/* key_index_test.c -- one key's generations, asked for at every revision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "key_index.h"
#include "kv_help.h"

static void *resize(void *context, void *memory, size_t size)
{
    unsigned *calls = context;

    ++*calls;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

struct key {
    unsigned calls; /* of resize */
    struct allocator allocator;
    struct store store;
    struct key_index key_index;
};

static void key_init(struct key *key)
{
    *key = (struct key){.allocator = {.context = &key->calls, .resize = resize}};
    store_init(&key->store, &key->allocator, NULL);
}

static void key_release(struct key *key)
{
    key_index_release(&key->key_index, &key->allocator);
    store_release(&key->store);
    assert_int_equal(key->allocator.bytes, 0);
}

static uint64_t append(struct key *key, int64_t revision, bool tombstone)
{
    struct record record = {.revision = {revision, 0},
                            .key = text("k"),
                            .tombstone = tombstone,
                            .create_revision = revision,
                            .version = 1};

    return store_append(&key->store, &record);
}

static void add(struct key *key, int64_t revision, bool tombstone)
{
    key_index_append(&key->key_index, &key->allocator, append(key, revision, tombstone), tombstone);
}

/* The revision of the put seen at a revision; 0 for none. */
static int64_t seen_at(const struct key *key, int64_t revision)
{
    struct horizon horizon = store_horizon(&key->store, revision);
    struct record record;
    uint64_t position;

    if (!key_index_get(key->key_index, &key->store, &horizon, &position))
        return 0;
    store_read(&key->store, position, &record);
    assert_false(record.tombstone);
    return record.revision.main;
}

static void one_revision_needs_no_list(void **state)
{
    struct key key;
    uint64_t position;

    (void)state;
    key_init(&key);
    position = append(&key, 5, false);
    key.calls = 0;
    key.key_index = key_index_make(position);
    assert_int_equal(key.calls, 0);
    assert_true(key_index_alive(key.key_index));
    assert_true(key_index_last(key.key_index) == position);
    assert_int_equal(seen_at(&key, 4), 0);
    assert_int_equal(seen_at(&key, 5), 5);
    assert_int_equal(seen_at(&key, 99), 5);
    key_release(&key);
}

static void a_tombstone_ends_a_generation(void **state)
{
    static const int64_t expected[] = {0, 0, 2, 2, 4, 4, 0, 0, 8, 9, 0, 0};
    struct key key;

    (void)state;
    key_init(&key);
    key.key_index = key_index_make(append(&key, 2, false));
    add(&key, 4, false);
    assert_true(key_index_alive(key.key_index));
    add(&key, 6, true);
    assert_false(key_index_alive(key.key_index));
    add(&key, 8, false);
    assert_true(key_index_alive(key.key_index));
    add(&key, 9, false);
    add(&key, 10, true);
    assert_false(key_index_alive(key.key_index));
    for (int64_t revision = 0; revision < 12; revision++)
        assert_int_equal(seen_at(&key, revision), expected[revision]);
    key_release(&key);
}

static void a_long_list_grows_seldom(void **state)
{
    struct key key;
    unsigned count = 100000;

    (void)state;
    key_init(&key);
    key.key_index = key_index_make(append(&key, 1, false));
    for (int64_t revision = 2; revision <= count; revision++)
        add(&key, revision, revision % 10 == 0);
    assert_true(key.calls < 100); /* slabs included */
    assert_int_equal(key_index_last(key.key_index), store_seek(&key.store, count));
    for (int64_t revision = 1; revision <= count; revision += 7)
        assert_int_equal(seen_at(&key, revision), revision % 10 == 0 ? 0 : revision);
    key_release(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_revision_needs_no_list),
        cmocka_unit_test(a_tombstone_ends_a_generation),
        cmocka_unit_test(a_long_list_grows_seldom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
