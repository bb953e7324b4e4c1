/* SPDX-License-Identifier: MIT */
/* test_fetch.c -- reading decided slots back: what the slot accepted last, checked, without
 * gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format.h"
#include "journal_fixture.h"

#define SEGMENT_1 FIXTURE_DIRECTORY "/0000000001.journal"
#define SLOTS_MAX 400u
#define VALUE_MAX 600u

static void assert_pvalue(const struct decree_pvalue *found, decree_lsn lsn)
{
    struct decree_record wanted = fixture_record(lsn, VALUE_MAX);
    const struct decree_value *a = wanted.pvalue.command.value, *b = found->command.value;

    assert_int_equal(found->slot, wanted.pvalue.slot);
    assert_int_equal(found->ballot.round, wanted.pvalue.ballot.round);
    assert_int_equal(found->ballot.node, wanted.pvalue.ballot.node);
    assert_int_equal(found->command.sequence, wanted.pvalue.command.sequence);
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL) {
        assert_int_equal(b->refs, 1);
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->data, b->data, a->size);
    }
    fixture_drop(&wanted, 1);
}

static void drop(struct decree_pvalue *pvalues, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        decree_value_unref(pvalues[i].command.value);
}

/* For each slot, the lsn of its last accept; 0: it never accepted. */
static void find_last_accepts(const struct fixture *fixture, decree_lsn *last_accept)
{
    memset(last_accept, 0, (SLOTS_MAX + 2) * sizeof(*last_accept));
    for (decree_lsn lsn = 1; lsn <= disk_journal_written_lsn(fixture->journal); lsn++) {
        struct decree_record record = fixture_record(lsn, VALUE_MAX);

        if (record.type == DECREE_RECORD_ACCEPT && record.pvalue.slot <= SLOTS_MAX)
            last_accept[record.pvalue.slot] = lsn;
        fixture_drop(&record, 1);
    }
}

/* Every slot, from every start, is its last accept; one that never accepted ends the answer. */
static void check_all(struct fixture *fixture)
{
    decree_lsn last_accept[SLOTS_MAX + 2];
    struct decree_pvalue pvalues[SLOTS_MAX];

    find_last_accepts(fixture, last_accept);
    for (decree_slot first = 1; first <= SLOTS_MAX; first++) {
        uint32_t count = 99;

        assert_int_equal(disk_journal_fetch(fixture->journal, first, SLOTS_MAX, pvalues, SLOTS_MAX,
                                            &count, &fixture->error),
                         0);
        for (uint32_t i = 0; i < count; i++)
            assert_pvalue(&pvalues[i], last_accept[first + i]);
        assert_int_equal(first + count <= SLOTS_MAX ? last_accept[first + count] : 0, 0);
        drop(pvalues, count);
    }
}

static void test_the_last_accept_of_a_slot_wins_before_and_after_recovery(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 1, VALUE_MAX);
    assert_int_equal(fixture_open(&fixture), 0);
    for (int batch = 0; batch < 30; batch++) {
        assert_int_equal(fixture_append(&fixture, 20), 0);
        if (batch % 10 == 0)
            check_all(&fixture);
    }
    check_all(&fixture);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), 0);
    check_all(&fixture);
    fixture_release(&fixture);
}

static void test_an_answer_is_bounded(void **state)
{
    struct decree_pvalue pvalues[600];
    static uint8_t data[100000];
    struct disk_journal *journal;
    struct store_error error;
    struct fake_disk *disk = fake_disk_new(1);
    struct disk_journal_options options = {.fs = &disk->fs,
                                           .directory = FIXTURE_DIRECTORY,
                                           .member_name = "n1",
                                           .member_id = 1,
                                           .segment_bytes = 8 << 20,
                                           .value_bytes_max = sizeof(data)};
    uint32_t count;

    (void)state;
    assert_int_equal(disk_journal_open(&journal, &options, &error), 0);
    assert_int_equal(disk_journal_recover(journal, NULL, NULL, &error), 0);
    for (decree_lsn lsn = 1; lsn <= 40; lsn++) {
        struct decree_value *value = decree_value_copy(data, sizeof(data));
        struct decree_record record = {
            .lsn = lsn, .type = DECREE_RECORD_ACCEPT, .pvalue = {{1, 1}, lsn, {1, 1, lsn, value}}};

        assert_int_equal(disk_journal_append(journal, &record, 1, &error), 0);
        decree_value_unref(value);
    }
    assert_int_equal(disk_journal_fetch(journal, 1, 40, pvalues, 600, &count, &error), 0);
    assert_int_equal(count, 11); /* the one that exceeds 1 MiB is the last */
    drop(pvalues, count);
    assert_int_equal(disk_journal_fetch(journal, 1, 40, pvalues, 3, &count, &error), 0);
    assert_int_equal(count, 3);
    drop(pvalues, count);
    assert_int_equal(disk_journal_fetch(journal, 39, UINT64_MAX, pvalues, 600, &count, &error), 0);
    assert_int_equal(count, 2);
    drop(pvalues, count);
    assert_int_equal(disk_journal_fetch(journal, 41, 50, pvalues, 600, &count, &error), 0);
    assert_int_equal(count, 0);
    disk_journal_close(journal);
    fake_disk_free(disk);
}

static void test_a_record_that_rotted_since_is_not_given_out(void **state)
{
    struct decree_pvalue pvalues[SLOTS_MAX];
    decree_lsn last_accept[SLOTS_MAX + 2];
    struct fixture fixture;
    struct fake_file *file;
    uint32_t count, corrupt = 0;

    (void)state;
    fixture_init(&fixture, 2, VALUE_MAX);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 20), 0);
    find_last_accepts(&fixture, last_accept);
    file = fake_disk_file(fixture.disk, SEGMENT_1);
    for (uint64_t at = SEGMENT_FRAMES_AT; at < SEGMENT_FRAMES_AT + 3000; at++) {
        file->seen[at] ^= 16;
        for (decree_slot slot = 1; slot <= 20; slot++) {
            int result = disk_journal_fetch(fixture.journal, slot, slot, pvalues, 1, &count,
                                            &fixture.error);

            if (result == DECREE_CORRUPT) {
                corrupt++;
                continue;
            }
            assert_int_equal(result, 0);
            assert_int_equal(count, last_accept[slot] != 0);
            if (count > 0)
                assert_pvalue(&pvalues[0], last_accept[slot]);
            drop(pvalues, count);
        }
        file->seen[at] ^= 16;
    }
    assert_true(corrupt > 1000);
    check_all(&fixture);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_accept_of_a_slot_wins_before_and_after_recovery),
        cmocka_unit_test(test_an_answer_is_bounded),
        cmocka_unit_test(test_a_record_that_rotted_since_is_not_given_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
