/* SPDX-License-Identifier: MIT */
/* test_faults.c -- every file operation of a journal's life fails in turn: nothing that was
 * promised is lost, nothing is promised that was not kept, and what can go on goes on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal_fixture.h"
#include "segment.h"

#define BATCHES 24u
#define VALUE_MAX 1200u
#define TRIES_MAX 3

struct life {
    struct fixture fixture;
    bool died;    /* a sync failed, or opening did */
    bool retried; /* a write failed and worked when tried again */
};

/* Appends the next batch; a write that fails is tried again. */
static bool append_somehow(struct life *life, uint32_t count)
{
    struct fixture *fixture = &life->fixture;
    decree_lsn target = disk_journal_written_lsn(fixture->journal) + count;

    for (int tries = 0; tries < TRIES_MAX; tries++) {
        decree_lsn written = disk_journal_written_lsn(fixture->journal);
        int result = fixture_append(fixture, (uint32_t)(target - written));

        if (result == 0)
            return true;
        assert_int_equal(result, DECREE_IO);
        assert_true(fixture->error.system_errno > 0);
        assert_true(strlen(fixture->error.text) > 0);
        life->retried = true;
        if (fixture->error.fatal)
            return false;
    }
    return false;
}

/* Opens and writes, with the faults that the disk was told of; then the power fails. */
static void live(struct life *life, decree_lsn *promised, decree_lsn *written)
{
    int result = fixture_open(&life->fixture);

    *promised = *written = 0;
    life->died = result != 0;
    if (result != 0) {
        assert_int_equal(result, DECREE_IO);
        assert_true(life->fixture.error.system_errno > 0);
        fixture_crash(&life->fixture);
        return;
    }
    for (uint32_t batch = 0; batch < BATCHES && !life->died; batch++)
        life->died = !append_somehow(life, 1 + batch % 7);
    *promised = disk_journal_synced_lsn(life->fixture.journal);
    *written = disk_journal_written_lsn(life->fixture.journal);
    fixture_crash(&life->fixture);
}

static uint64_t count_operations(void)
{
    struct life life = {.died = false};
    uint64_t count;

    fixture_init(&life.fixture, 1, VALUE_MAX);
    assert_int_equal(fixture_open(&life.fixture), 0);
    for (uint32_t batch = 0; batch < BATCHES; batch++)
        assert_true(append_somehow(&life, 1 + batch % 7));
    count = life.fixture.disk->count;
    assert_non_null(fake_disk_file(life.fixture.disk, FIXTURE_DIRECTORY "/0000000003.journal"));
    fixture_release(&life.fixture);
    return count;
}

static void fail_in_turn(int fail_errno, bool all_after, bool short_writes)
{
    uint64_t operations = count_operations(), retried = 0, died = 0;

    for (uint64_t n = 1; n <= operations; n++) {
        struct life life = {.died = false};
        decree_lsn promised, written;

        fixture_init(&life.fixture, n, VALUE_MAX);
        life.fixture.disk->fail_at = n;
        life.fixture.disk->fail_errno = fail_errno;
        life.fixture.disk->fail_all_after = all_after;
        life.fixture.disk->short_writes = short_writes;
        live(&life, &promised, &written);
        retried += life.retried;
        died += life.died;
        if (fixture_open(&life.fixture) != 0)
            fail_msg("after operation %d: %s", (int)n, life.fixture.error.text);
        assert_true(life.fixture.restored >= promised);
        if (!life.died)
            assert_int_equal(promised, written);
        assert_int_equal(fixture_append(&life.fixture, 3), 0);
        fixture_release(&life.fixture);
    }
    assert_true(died > 0);
    assert_true(all_after || retried > 0);
    assert_true(all_after || died < operations);
}

static void test_each_operation_fails_once(void **state)
{
    (void)state;
    fail_in_turn(EIO, false, false);
}

static void test_each_operation_fails_once_after_a_short_write(void **state)
{
    (void)state;
    fail_in_turn(ENOSPC, false, true);
}

static void test_everything_fails_from_some_operation_on(void **state)
{
    (void)state;
    fail_in_turn(EIO, true, false);
    fail_in_turn(EIO, true, true);
}

static void test_a_full_disk_is_waited_for(void **state)
{
    struct fixture fixture;
    struct fake_disk *disk;
    decree_lsn synced;

    (void)state;
    fixture_init(&fixture, 3, VALUE_MAX);
    disk = fixture.disk;
    disk->bytes_max = 3 * FIXTURE_SEGMENT_BYTES;
    assert_int_equal(fixture_open(&fixture), 0);
    while (fixture_append(&fixture, 4) == 0)
        continue;
    assert_int_equal(fixture.error.system_errno, ENOSPC);
    assert_false(fixture.error.fatal);
    assert_non_null(strstr(fixture.error.text, "segment.new"));
    synced = disk_journal_synced_lsn(fixture.journal);
    for (int turn = 0; turn < 5; turn++)
        assert_int_equal(fixture_append(&fixture, 20), DECREE_IO);
    assert_int_equal(disk_journal_synced_lsn(fixture.journal), synced);
    assert_null(fake_disk_file(disk, FIXTURE_DIRECTORY "/segment.new"));
    disk->bytes_max = 0;
    assert_int_equal(fixture_append(&fixture, 20), 0);
    synced = disk_journal_synced_lsn(fixture.journal);
    fixture_crash(&fixture);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture.restored, synced);
    fixture_release(&fixture);
}

static int restore_nothing(void *context, const struct decree_record *record)
{
    (void)context;
    (void)record;
    return 0;
}

static void test_a_nearly_full_disk_gets_a_smaller_segment(void **state)
{
    struct fake_disk *disk = fake_disk_new(1);
    struct disk_journal_options options = {.fs = &disk->fs,
                                           .directory = FIXTURE_DIRECTORY,
                                           .member_name = "n1",
                                           .member_id = 1,
                                           .first_segment_bytes = 8 << 20,
                                           .segment_bytes = 32 << 20};
    struct decree_value *value = decree_value_copy(disk, 60000);
    struct decree_record record = {.type = DECREE_RECORD_ACCEPT};
    struct disk_journal *journal;
    struct store_error error;

    (void)state;
    disk->bytes_max = 30 << 20;
    assert_int_equal(disk_journal_open(&journal, &options, &error), 0);
    assert_int_equal(disk_journal_recover(journal, restore_nothing, NULL, &error), 0);
    record.pvalue.command.value = value;
    for (record.lsn = 1; disk_journal_append(journal, &record, 1, &error) == 0; record.lsn++)
        record.pvalue.slot = record.lsn;
    assert_int_equal(error.system_errno, ENOSPC);
    assert_int_equal(fake_disk_file(disk, FIXTURE_DIRECTORY "/0000000002.journal")->seen_size,
                     16 << 20);
    disk->bytes_max = 0;
    assert_int_equal(disk_journal_append(journal, &record, 1, &error), 0);
    assert_int_equal(fake_disk_file(disk, FIXTURE_DIRECTORY "/0000000003.journal")->seen_size,
                     32 << 20);
    disk_journal_close(journal);
    assert_int_equal(disk_journal_open(&journal, &options, &error), 0);
    assert_int_equal(disk_journal_recover(journal, restore_nothing, NULL, &error), 0);
    assert_int_equal(disk_journal_written_lsn(journal), record.lsn);
    disk_journal_close(journal);
    decree_value_unref(value);
    fake_disk_free(disk);
}

/* A batch that failed may be tried again together with more, and may then go to the next segment:
 * no trace of the first try is left behind. */
static void test_a_failed_write_leaves_no_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct fixture fixture;
        decree_lsn promised;
        struct prng prng;

        prng_init(&prng, seed);
        fixture_init(&fixture, seed, FIXTURE_VALUE_MAX);
        assert_int_equal(fixture_open(&fixture), 0);
        for (int turn = 0; turn < 12; turn++) {
            if (prng_below(&prng, 2) == 0)
                assert_int_equal(fixture_append(&fixture, (uint32_t)(1 + prng_below(&prng, 4))), 0);
            fake_disk_heal(fixture.disk);
            fixture.disk->fail_op = FAKE_WRITE;
            fixture.disk->fail_at = 1 + prng_below(&prng, 3);
            fixture.disk->short_writes = true;
            (void)fixture_write(&fixture, (uint32_t)(1 + prng_below(&prng, 6)));
            fake_disk_heal(fixture.disk);
            if (prng_below(&prng, 3) == 0)
                break;
        }
        promised = disk_journal_synced_lsn(fixture.journal);
        if (prng_below(&prng, 2) == 0)
            fixture_crash(&fixture);
        else
            fixture_kill(&fixture);
        if (fixture_open(&fixture) != 0)
            fail_msg("seed %d: %s", (int)seed, fixture.error.text);
        assert_true(fixture.restored >= promised);
        fixture_release(&fixture);
    }
}

static void test_a_failed_sync_is_the_end(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 5, VALUE_MAX);
    assert_int_equal(fixture_open(&fixture), 0);
    fake_disk_heal(fixture.disk);
    fixture.disk->fail_op = FAKE_SYNC;
    fixture.disk->fail_at = 1;
    assert_int_equal(fixture_append(&fixture, 3), DECREE_IO);
    assert_true(fixture.error.fatal);
    fake_disk_heal(fixture.disk);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(disk_journal_sync(fixture.journal, &fixture.error), DECREE_IO);
        assert_true(fixture.error.fatal);
        assert_int_equal(fixture_append(&fixture, 3), DECREE_IO);
        assert_true(fixture.error.fatal);
    }
    assert_int_equal(disk_journal_synced_lsn(fixture.journal), 0);
    assert_int_equal(fixture.disk->counts[FAKE_SYNC], 0);
    fixture_release(&fixture);
}

static void test_a_batch_is_one_write_and_one_sync(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 6, 100);
    assert_int_equal(fixture_open(&fixture), 0);
    fake_disk_heal(fixture.disk);
    assert_int_equal(fixture_append(&fixture, 30), 0);
    assert_int_equal(fixture.disk->counts[FAKE_WRITE], 1);
    assert_int_equal(fixture.disk->counts[FAKE_SYNC], 1);
    assert_int_equal(fixture.disk->count, 2);
    fixture_release(&fixture);
}

static void test_a_segment_made_ahead_costs_the_writer_no_making(void **state)
{
    struct segment_order order;
    struct fixture fixture;
    uint64_t batches = 0;

    (void)state;
    fixture_init(&fixture, 7, VALUE_MAX);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_false(disk_journal_order_segment(fixture.journal, &order));
    assert_int_equal(fixture_append(&fixture, 6), 0);
    assert_true(disk_journal_order_segment(fixture.journal, &order));
    assert_false(disk_journal_order_segment(fixture.journal, &order));
    assert_int_equal(segment_prepare(&order, &fixture.error), 0);
    disk_journal_order_done(fixture.journal, true);
    assert_false(disk_journal_order_segment(fixture.journal, &order));
    fake_disk_heal(fixture.disk);
    while (fixture.disk->counts[FAKE_OPEN] == 0) {
        assert_int_equal(fixture_append(&fixture, 6), 0);
        batches++;
    }
    assert_int_equal(fixture.disk->counts[FAKE_RENAME], 0);
    assert_int_equal(fixture.disk->counts[FAKE_WRITE], batches);
    assert_int_equal(fixture_append(&fixture, 6), 0);
    assert_true(disk_journal_order_segment(fixture.journal, &order));
    assert_int_equal(order.number, 3);
    disk_journal_order_done(fixture.journal, false);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_operation_fails_once),
        cmocka_unit_test(test_each_operation_fails_once_after_a_short_write),
        cmocka_unit_test(test_everything_fails_from_some_operation_on),
        cmocka_unit_test(test_a_full_disk_is_waited_for),
        cmocka_unit_test(test_a_nearly_full_disk_gets_a_smaller_segment),
        cmocka_unit_test(test_a_failed_write_leaves_no_trace),
        cmocka_unit_test(test_a_failed_sync_is_the_end),
        cmocka_unit_test(test_a_batch_is_one_write_and_one_sync),
        cmocka_unit_test(test_a_segment_made_ahead_costs_the_writer_no_making),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
