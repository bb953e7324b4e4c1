/* SPDX-License-Identifier: MIT */
/* store_test.c -- records come back as they went in, in their order, from slabs of all sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv_help.h"
#include "store.h"

static void *resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

struct fixture {
    struct allocator allocator;
    struct store store;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->allocator.resize = resize;
    store_init(&fixture->store, &fixture->allocator, NULL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    store_release(&fixture->store);
    assert_int_equal(fixture->allocator.bytes, 0);
    free(fixture);
    return 0;
}

static void assert_record(const struct record *record, const struct record *expected)
{
    assert_int_equal(revision_compare(record->revision, expected->revision), 0);
    assert_int_equal(record->create_revision, expected->create_revision);
    assert_int_equal(record->version, expected->version);
    assert_true(record->lease == expected->lease);
    assert_int_equal(record->tombstone, expected->tombstone);
    assert_int_equal(record->key.size, expected->key.size);
    assert_memory_equal(record->key.data, expected->key.data, expected->key.size);
    assert_int_equal(record->value.size, expected->value.size);
    if (expected->value.size > 0)
        assert_memory_equal(record->value.data, expected->value.data, expected->value.size);
}

static void every_field_comes_back(void **state)
{
    struct fixture *fixture = *state;
    const struct record records[] = {
        {.revision = {2, 0},
         .key = text("a"),
         .value = text("1"),
         .create_revision = 2,
         .version = 1},
        {.revision = {2, 1},
         .key = text("b"),
         .value = text(""),
         .create_revision = 2,
         .version = 1},
        {.revision = {300, 0},
         .key = text("a"),
         .value = text("2"),
         .create_revision = 2,
         .version = 200},
        {.revision = {301, 0},
         .key = text("a"),
         .value = text("3"),
         .create_revision = 2,
         .version = 201,
         .lease = INT64_MIN + 5},
        {.revision = {INT64_MAX - 1, 0}, .key = text("a"), .tombstone = true},
        {.revision = {INT64_MAX, INT64_MAX}, .key = text("b"), .tombstone = true},
    };
    uint64_t positions[6], next = 0;
    struct record record;
    struct kv_bytes raw;
    size_t total = 0;

    for (unsigned i = 0; i < 6; i++) {
        positions[i] = store_append(&fixture->store, &records[i]);
        assert_true(i == 0 || positions[i] > positions[i - 1]);
    }
    for (unsigned i = 0; i < 6; i++) {
        store_prefetch(&fixture->store, positions[i]);
        store_read(&fixture->store, positions[i], &record);
        assert_record(&record, &records[i]);
        assert_int_equal(store_key(&fixture->store, positions[i]).size, 1);
        assert_true(store_next(&fixture->store, &next, &record, &raw));
        assert_record(&record, &records[i]);
        total += raw.size;
    }
    assert_false(store_next(&fixture->store, &next, &record, NULL));
    assert_int_equal(total, fixture->store.record_bytes);
    assert_int_equal(fixture->store.record_count, 6);
}

static void the_first_put_of_a_key_costs_8_bytes(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t value[256];
    struct record record = {.revision = {1 << 27, 0},
                            .key = text("0123456789abcdef"),
                            .value = {value, sizeof(value)},
                            .create_revision = 1 << 27,
                            .version = 1};

    store_append(&fixture->store, &record);
    assert_int_equal(fixture->store.record_bytes, 16 + 256 + 8);
}

/* Revisions 2, 4, 6 ..., three records each, enough for many slabs. */
static void fill(struct store *store, uint64_t *positions, unsigned revisions)
{
    static const uint8_t value[1000];
    struct record record = {
        .key = text("k"), .value = {value, sizeof(value)}, .version = 7, .create_revision = 1};

    for (unsigned i = 0; i < 3 * revisions; i++) {
        record.revision = (struct revision){2 + 2 * (int64_t)(i / 3), i % 3};
        positions[i] = store_append(store, &record);
    }
    assert_true(store->slab_count > 4);
}

static void a_horizon_divides_the_records(void **state)
{
    struct fixture *fixture = *state;
    uint64_t positions[3000];

    fill(&fixture->store, positions, 1000);
    for (int64_t revision = 0; revision <= 2003; revision += 1 + revision % 7) {
        struct horizon horizon = store_horizon(&fixture->store, revision);

        for (unsigned i = 0; i < 3000; i++)
            assert_int_equal(store_visible(&fixture->store, &horizon, positions[i]),
                             2 + 2 * (int64_t)(i / 3) <= revision);
    }
}

static void a_seek_finds_the_first_of_a_revision(void **state)
{
    struct fixture *fixture = *state;
    uint64_t positions[3000];

    fill(&fixture->store, positions, 1000);
    for (int64_t revision = -1; revision <= 2003; revision++) {
        int64_t expected = revision <= 2 ? 2 : (revision + 1) / 2 * 2;
        uint64_t position = store_seek(&fixture->store, revision);
        struct record record;
        bool found = store_next(&fixture->store, &position, &record, NULL);

        assert_int_equal(found, expected <= 2000);
        if (found) {
            assert_int_equal(record.revision.main, expected);
            assert_int_equal(record.revision.sub, 0);
        }
    }
    assert_int_equal(store_seek(&fixture->store, INT64_MIN), 0);
}

static void a_record_may_be_larger_than_a_slab(void **state)
{
    struct fixture *fixture = *state;
    size_t size = (size_t)3 << 20;
    uint8_t *value = malloc(size);
    struct record large = {.revision = {3, 0},
                           .key = text("large"),
                           .value = {value, size},
                           .create_revision = 3,
                           .version = 1};
    struct record small = {.revision = {2, 0},
                           .key = text("small"),
                           .value = text("1"),
                           .create_revision = 2,
                           .version = 1};
    struct record record;
    uint64_t next = 0;

    assert_non_null(value);
    memset(value, 'v', size);
    store_append(&fixture->store, &small);
    store_append(&fixture->store, &large);
    small.revision.main = small.create_revision = 4;
    store_append(&fixture->store, &small);
    assert_true(store_next(&fixture->store, &next, &record, NULL));
    assert_true(store_next(&fixture->store, &next, &record, NULL));
    assert_record(&record, &large);
    assert_true(store_next(&fixture->store, &next, &record, NULL));
    assert_record(&record, &small);
    free(value);
}

static void revisions_order_by_main_then_sub(void **state)
{
    (void)state;
    assert_int_equal(revision_compare((struct revision){1, 9}, (struct revision){2, 0}), -1);
    assert_int_equal(revision_compare((struct revision){2, 1}, (struct revision){2, 0}), 1);
    assert_int_equal(revision_compare((struct revision){2, 0}, (struct revision){2, 1}), -1);
    assert_int_equal(revision_compare((struct revision){3, 0}, (struct revision){2, 1}), 1);
    assert_int_equal(revision_compare((struct revision){2, 1}, (struct revision){2, 1}), 0);
}

/* To copy a slab takes a look-up for each of its records, all in one go. */
static void a_slab_has_a_bounded_number_of_records(void **state)
{
    struct store *store = &((struct fixture *)*state)->store;
    struct record record = {.key = text("k"), .value = text("v"), .create_revision = 2};
    static const uint8_t large[1u << 18];

    for (int64_t i = 2; i < 100000; i++) {
        record.revision.main = i;
        record.version = i - 1;
        record.value = i % 50000 < 100 ? (struct kv_bytes){large, sizeof(large)} : text("v");
        (void)store_append(store, &record);
    }
    for (uint32_t i = 0; i < store->slab_count; i++)
        assert_in_range(store->slabs[i].record_count, 1, 16384);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_comes_back),
        TEST(the_first_put_of_a_key_costs_8_bytes),
        TEST(a_horizon_divides_the_records),
        TEST(a_seek_finds_the_first_of_a_revision),
        TEST(a_record_may_be_larger_than_a_slab),
        TEST(a_slab_has_a_bounded_number_of_records),
        cmocka_unit_test(revisions_order_by_main_then_sub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
