/* SPDX-License-Identifier: MIT */
/* test_journal_thread.c -- the journal beside its owner: group commit, references, trouble, reading
 * back, close.
 *
 * Every wait is for something that the journal says; the suite's timeout ends a wait that is in
 * vain.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "gated_fs.h"
#include "journal_fixture.h"
#include "journal_thread.h"

#define VALUE_MAX 400u
#define BATCH_MAX 16u
#define SLOTS_MAX 5000u

struct owner {
    struct gated_fs gated;
    struct fake_disk *disk;
    struct journal_thread *thread;
    struct journal *port;
    decree_lsn appended, restored;

    /* What the sink was told. */
    decree_lsn persisted;
    uint32_t answers;
    decree_slot answer_first;
    uint32_t answer_count;
    uint64_t answer_ballot;
    int trouble_errno;
    uint32_t troubles;
    bool check_answers;
    bool default_fatal;
    decree_lsn last_accept[SLOTS_MAX];

    /* What other threads tell; under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t told;
    bool woken;
    uint32_t fatals;
};

static void owner_wake(void *context)
{
    struct owner *owner = context;

    pthread_mutex_lock(&owner->mutex);
    owner->woken = true;
    pthread_cond_signal(&owner->told);
    pthread_mutex_unlock(&owner->mutex);
}

static void owner_fatal(void *context, const char *sentence)
{
    struct owner *owner = context;

    pthread_mutex_lock(&owner->mutex);
    owner->fatals++;
    pthread_mutex_unlock(&owner->mutex);
    assert_non_null(strstr(sentence, "cannot sync data/"));
}

static void owner_persisted(void *context, decree_lsn lsn)
{
    struct owner *owner = context;

    assert_true(lsn > owner->persisted);
    assert_true(lsn <= owner->appended);
    owner->persisted = lsn;
}

static void owner_fetched(void *context, decree_node_id to, const struct decree_pvalue *pvalues,
                          uint32_t count)
{
    struct owner *owner = context;

    assert_int_equal(to, 7);
    assert_true(count > 0);
    owner->answers++;
    owner->answer_first = pvalues[0].slot;
    owner->answer_count = count;
    owner->answer_ballot = pvalues[0].ballot.round;
    for (uint32_t i = 0; i < count && owner->check_answers; i++) {
        struct decree_record wanted = fixture_record(owner->last_accept[pvalues[i].slot],
                                                     VALUE_MAX);
        const struct decree_value *value = wanted.pvalue.command.value;

        assert_int_equal(pvalues[i].slot, pvalues[0].slot + i);
        assert_int_equal(pvalues[i].ballot.round, wanted.pvalue.ballot.round);
        assert_int_equal(value == NULL, pvalues[i].command.value == NULL);
        if (value != NULL)
            assert_memory_equal(value->data, pvalues[i].command.value->data, value->size);
        fixture_drop(&wanted, 1);
    }
}

static void owner_trouble(void *context, int system_errno, const char *what)
{
    struct owner *owner = context;

    assert_true(strlen(what) > 0);
    owner->trouble_errno = system_errno;
    owner->troubles++;
}

static int owner_restore(void *context, const struct decree_record *record)
{
    struct owner *owner = context;

    assert_int_equal(record->lsn, owner->restored + 1);
    owner->restored = record->lsn;
    return 0;
}

/* Opens the journal on the disk and starts its threads. */
static void owner_start(struct owner *owner)
{
    struct disk_journal_options disk_options = {.fs = &owner->gated.fs,
                                                .directory = FIXTURE_DIRECTORY,
                                                .member_name = "n1",
                                                .member_id = 1,
                                                .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                                .value_bytes_max = FIXTURE_VALUE_MAX};
    struct journal_thread_options options = {
        .sink = {owner, owner_persisted, owner_fetched, owner_trouble},
        .wake = owner_wake,
        .wake_context = owner,
        .fatal = owner->default_fatal ? NULL : owner_fatal,
        .fatal_context = owner};
    struct disk_journal *journal;
    struct store_error error;

    owner->restored = 0;
    assert_int_equal(disk_journal_open(&journal, &disk_options, &error), 0);
    assert_int_equal(disk_journal_recover(journal, owner_restore, owner, &error), 0);
    owner->appended = owner->persisted = owner->restored;
    assert_int_equal(journal_thread_start(&owner->thread, journal, &options), 0);
    owner->port = journal_thread_port(owner->thread);
}

static void owner_init(struct owner *owner)
{
    *owner = (struct owner){.disk = fake_disk_new(1)};
    gated_fs_init(&owner->gated, owner->disk);
    pthread_mutex_init(&owner->mutex, NULL);
    pthread_cond_init(&owner->told, NULL);
    owner_start(owner);
}

static void owner_stop(struct owner *owner)
{
    owner->port->ops->close(owner->port);
    owner->port = NULL;
}

static void owner_release(struct owner *owner)
{
    if (owner->port != NULL)
        owner_stop(owner);
    gated_fs_release(&owner->gated);
    fake_disk_free(owner->disk);
    pthread_cond_destroy(&owner->told);
    pthread_mutex_destroy(&owner->mutex);
}

/* Sleeps until the next wake, then polls. */
static void owner_poll(struct owner *owner)
{
    pthread_mutex_lock(&owner->mutex);
    while (!owner->woken)
        pthread_cond_wait(&owner->told, &owner->mutex);
    owner->woken = false;
    pthread_mutex_unlock(&owner->mutex);
    journal_thread_poll(owner->thread);
}

static void wait_persisted(struct owner *owner, decree_lsn lsn)
{
    while (owner->persisted < lsn)
        owner_poll(owner);
}

/* Appends records that can be made again; sync: and wants the last one durable. */
static void owner_append(struct owner *owner, uint32_t count, bool sync)
{
    struct decree_record records[BATCH_MAX];

    assert_true(count <= BATCH_MAX);
    fixture_records(records, count, owner->appended + 1, VALUE_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (records[i].type == DECREE_RECORD_ACCEPT && records[i].pvalue.slot < SLOTS_MAX)
            owner->last_accept[records[i].pvalue.slot] = records[i].lsn;
    owner->appended += count;
    owner->port->ops->append(owner->port, records, count, sync ? owner->appended : 0);
    fixture_drop(records, count);
}

static void accept_slot(struct owner *owner, decree_slot slot, uint64_t round,
                        struct decree_value *value, bool sync)
{
    struct decree_record record = {.lsn = ++owner->appended,
                                   .type = DECREE_RECORD_ACCEPT,
                                   .pvalue = {{round, 1}, slot, {1, 1, slot, value}}};

    owner->port->ops->append(owner->port, &record, 1, sync ? record.lsn : 0);
}

static uint64_t disk_count(struct owner *owner, enum fake_op op)
{
    uint64_t count;

    pthread_mutex_lock(&owner->gated.mutex);
    count = owner->disk->counts[op];
    pthread_mutex_unlock(&owner->gated.mutex);
    return count;
}

/* Waits until the segment ahead is made, so that operations can be counted. */
static void wait_segment_ahead(struct owner *owner, const char *name)
{
    owner_append(owner, BATCH_MAX, true); /* enough to want one */
    wait_persisted(owner, owner->appended);
    pthread_mutex_lock(&owner->gated.mutex);
    while (fake_disk_file(owner->disk, name) == NULL || owner->disk->change_count > 0)
        pthread_cond_wait(&owner->gated.changed, &owner->gated.mutex);
    pthread_mutex_unlock(&owner->gated.mutex);
}

static void test_nothing_is_persisted_before_its_sync(void **state)
{
    struct decree_value *value = decree_value_copy("hello", 5);
    struct owner owner;

    (void)state;
    owner_init(&owner);
    gated_fs_shut(&owner.gated);
    accept_slot(&owner, 1, 1, value, true);
    assert_int_equal(value->refs, 2);
    gated_fs_wait(&owner.gated);
    journal_thread_poll(owner.thread);
    assert_int_equal(owner.persisted, 0);
    assert_int_equal(value->refs, 2);
    gated_fs_open(&owner.gated);
    wait_persisted(&owner, 1);
    assert_int_equal(value->refs, 1);
    owner_release(&owner);
    decree_value_unref(value);
}

static void test_what_piles_up_during_a_sync_is_one_batch(void **state)
{
    struct owner owner;
    uint64_t syncs, writes;

    (void)state;
    owner_init(&owner);
    wait_segment_ahead(&owner, FIXTURE_DIRECTORY "/0000000002.journal");
    owner_append(&owner, 1, true);
    wait_persisted(&owner, owner.appended);
    gated_fs_shut(&owner.gated);
    syncs = disk_count(&owner, FAKE_SYNC);
    owner_append(&owner, 1, true);
    gated_fs_wait(&owner.gated);
    writes = disk_count(&owner, FAKE_WRITE);
    for (int i = 0; i < 30; i++)
        owner_append(&owner, 1, true);
    gated_fs_open(&owner.gated);
    wait_persisted(&owner, owner.appended);
    assert_int_equal(disk_count(&owner, FAKE_SYNC) - syncs, 2);
    assert_true(disk_count(&owner, FAKE_WRITE) - writes <= 2); /* the batch, perhaps a seal */
    owner_release(&owner);
}

static void test_what_nobody_waits_for_is_kept_all_the_same(void **state)
{
    struct owner owner;

    (void)state;
    owner_init(&owner);
    owner_append(&owner, 5, false);
    wait_persisted(&owner, 5);
    owner_append(&owner, 5, false);
    owner_stop(&owner);
    owner_start(&owner);
    assert_int_equal(owner.restored, 10);
    owner_release(&owner);
}

static void test_close_keeps_what_is_queued_and_drops_references(void **state)
{
    struct decree_value *value = decree_value_copy("x", 1);
    struct owner owner;

    (void)state;
    owner_init(&owner);
    for (decree_slot slot = 1; slot <= 3000; slot++)
        accept_slot(&owner, slot, 1, value, slot % 2 == 0);
    owner_stop(&owner);
    assert_int_equal(value->refs, 1);
    owner_start(&owner);
    assert_int_equal(owner.restored, 3000);
    owner_release(&owner);
    decree_value_unref(value);
}

static void set_disk_limit(struct owner *owner, uint64_t bytes_max)
{
    pthread_mutex_lock(&owner->gated.mutex);
    owner->disk->bytes_max = bytes_max;
    pthread_mutex_unlock(&owner->gated.mutex);
}

static void fill_disk(struct owner *owner)
{
    set_disk_limit(owner, FIXTURE_SEGMENT_BYTES + 2000);
    while (owner->troubles == 0) {
        owner_append(owner, 10, true);
        owner_poll(owner);
    }
}

static void test_a_full_disk_is_told_and_waited_for(void **state)
{
    struct owner owner;
    decree_lsn before;

    (void)state;
    owner_init(&owner);
    fill_disk(&owner);
    assert_int_equal(owner.trouble_errno, ENOSPC);
    assert_true(owner.persisted < owner.appended);
    before = owner.persisted;
    owner_append(&owner, 10, true);
    journal_thread_poll(owner.thread);
    assert_int_equal(owner.persisted, before);
    set_disk_limit(&owner, 0);
    wait_persisted(&owner, owner.appended);
    while (owner.trouble_errno != 0)
        owner_poll(&owner);
    assert_int_equal(owner.troubles, 2);
    before = owner.appended;
    owner_stop(&owner);
    owner_start(&owner);
    assert_int_equal(owner.restored, before);
    owner_release(&owner);
}

static void test_close_does_not_wait_for_a_full_disk(void **state)
{
    struct decree_value *value = decree_value_copy("x", 1);
    struct owner owner;
    decree_lsn promised;

    (void)state;
    owner_init(&owner);
    fill_disk(&owner);
    accept_slot(&owner, 1, 1, value, true);
    promised = owner.persisted;
    owner_stop(&owner);
    assert_int_equal(value->refs, 1);
    set_disk_limit(&owner, 0);
    owner_start(&owner);
    assert_true(owner.restored >= promised);
    owner_release(&owner);
    decree_value_unref(value);
}

static void test_a_failed_sync_is_fatal_and_nothing_follows_it(void **state)
{
    struct owner owner;
    decree_lsn promised;

    (void)state;
    owner_init(&owner);
    wait_segment_ahead(&owner, FIXTURE_DIRECTORY "/0000000002.journal");
    gated_fs_shut(&owner.gated);
    promised = owner.persisted;
    owner_append(&owner, 3, true);
    gated_fs_wait(&owner.gated);
    pthread_mutex_lock(&owner.gated.mutex);
    fake_disk_heal(owner.disk);
    owner.disk->fail_op = FAKE_SYNC;
    owner.disk->fail_at = 1;
    pthread_mutex_unlock(&owner.gated.mutex);
    gated_fs_open(&owner.gated);
    while (owner.troubles == 0)
        owner_poll(&owner);
    assert_int_equal(owner.trouble_errno, EIO);
    owner_append(&owner, 3, true);
    owner.port->ops->fetch(owner.port, &(struct decree_fetch){.to = 7, .first = 1, .last = 1});
    owner_stop(&owner);
    assert_int_equal(owner.persisted, promised);
    assert_int_equal(owner.fatals, 1);
    assert_int_equal(disk_count(&owner, FAKE_SYNC), 1);
    owner_release(&owner);
}

/* In a process of its own: the default is to end the process. */
static void test_a_failed_sync_ends_the_process(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        struct owner owner = {.disk = fake_disk_new(1), .default_fatal = true};

        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        gated_fs_init(&owner.gated, owner.disk);
        pthread_mutex_init(&owner.mutex, NULL);
        pthread_cond_init(&owner.told, NULL);
        owner_start(&owner);
        pthread_mutex_lock(&owner.gated.mutex);
        fake_disk_heal(owner.disk);
        owner.disk->fail_op = FAKE_SYNC;
        owner.disk->fail_at = 1;
        pthread_mutex_unlock(&owner.gated.mutex);
        owner_append(&owner, 1, true);
        for (;;)
            owner_poll(&owner);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EX_IOERR);
}

/* The newest accept of a slot may still be queued when the slot is asked for. */
static void test_a_fetch_sees_what_was_appended_before_it(void **state)
{
    struct decree_value *value = decree_value_copy("abc", 3);
    struct owner owner;

    (void)state;
    owner_init(&owner);
    for (uint64_t round = 1; round <= 50; round++) {
        for (decree_slot slot = 1; slot <= 5; slot++)
            accept_slot(&owner, slot, round, value, false);
        owner.port->ops->fetch(owner.port, &(struct decree_fetch){.to = 7, .first = 2, .last = 4});
        while (owner.answers < round)
            owner_poll(&owner);
        assert_int_equal(owner.answer_first, 2);
        assert_int_equal(owner.answer_count, 3);
        assert_int_equal(owner.answer_ballot, round);
    }
    owner_release(&owner);
    decree_value_unref(value);
}

static void test_many_batches_roll_through_many_segments(void **state)
{
    struct owner owner;
    struct prng prng;

    (void)state;
    owner_init(&owner);
    owner.check_answers = true;
    prng_init(&prng, 1);
    for (int turn = 0; turn < 400; turn++) {
        owner_append(&owner, (uint32_t)(1 + prng_below(&prng, BATCH_MAX)),
                     prng_below(&prng, 4) > 0);
        if (prng_below(&prng, 10) == 0) {
            decree_slot first = 1 + prng_below(&prng, owner.appended);

            wait_persisted(&owner, owner.appended);
            if (owner.last_accept[first] != 0) {
                uint32_t answers = owner.answers;

                owner.port->ops->fetch(
                    owner.port,
                    &(struct decree_fetch){.to = 7, .first = first, .last = first + 20});
                while (owner.answers == answers)
                    owner_poll(&owner);
            }
        }
    }
    wait_persisted(&owner, owner.appended);
    assert_true(owner.answers > 0);
    owner_stop(&owner);
    owner_start(&owner);
    assert_int_equal(owner.restored, owner.persisted);
    owner_release(&owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_persisted_before_its_sync),
        cmocka_unit_test(test_what_piles_up_during_a_sync_is_one_batch),
        cmocka_unit_test(test_what_nobody_waits_for_is_kept_all_the_same),
        cmocka_unit_test(test_close_keeps_what_is_queued_and_drops_references),
        cmocka_unit_test(test_a_full_disk_is_told_and_waited_for),
        cmocka_unit_test(test_close_does_not_wait_for_a_full_disk),
        cmocka_unit_test(test_a_failed_sync_is_fatal_and_nothing_follows_it),
        cmocka_unit_test(test_a_failed_sync_ends_the_process),
        cmocka_unit_test(test_a_fetch_sees_what_was_appended_before_it),
        cmocka_unit_test(test_many_batches_roll_through_many_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
