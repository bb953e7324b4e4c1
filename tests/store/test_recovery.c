/* SPDX-License-Identifier: MIT */
/* test_recovery.c -- after any damage the journal gives back all, or a torn tail less, or says
 * CORRUPT; what it gives back is what was written (the fixture asserts each record).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_disk.h"
#include "format.h"
#include "journal_fixture.h"

#define SEGMENT_1 FIXTURE_DIRECTORY "/0000000001.journal"
#define SEGMENT_2 FIXTURE_DIRECTORY "/0000000002.journal"
#define SEGMENT_3 FIXTURE_DIRECTORY "/0000000003.journal"
#define SEGMENT_4 FIXTURE_DIRECTORY "/0000000004.journal"
#define SMALL 40u /* bytes of a value */

/* The same disk once more, to be damaged. */
static void copy_init(const struct fixture *fixture, struct fixture *copy)
{
    *copy = (struct fixture){.disk = fake_disk_copy(fixture->disk, 1),
                             .value_max = fixture->value_max};
}

static uint64_t used_end(const struct fake_file *file)
{
    uint64_t end = file->seen_size;

    while (end > SEGMENT_FRAMES_AT && file->seen[end - 1] == 0)
        end--;
    return end;
}

static void test_an_empty_journal_opens_again_and_again(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 1, SMALL);
    for (int turn = 0; turn < 20; turn++) {
        assert_int_equal(fixture_open(&fixture), 0);
        assert_int_equal(fixture.restored, 0);
        fixture_close(&fixture);
    }
    fixture_release(&fixture);
}

static void test_reopening_goes_on_where_it_was(void **state)
{
    struct fixture fixture;
    decree_lsn written = 0;

    (void)state;
    fixture_init(&fixture, 2, 400);
    for (uint32_t turn = 0; turn < 120; turn++) {
        assert_int_equal(fixture_open(&fixture), 0);
        assert_int_equal(fixture.restored, written);
        assert_int_equal(fixture_append(&fixture, 1 + turn % 5), 0);
        written += 1 + turn % 5;
        if (turn % 3 == 0)
            fixture_close(&fixture);
        else if (turn % 3 == 1)
            fixture_kill(&fixture);
        else
            fixture_crash(&fixture);
    }
    assert_non_null(fake_disk_file(fixture.disk, SEGMENT_4));
    fixture_release(&fixture);
}

static void test_what_was_written_but_not_synced_survives_a_kill(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 3, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 3), 0);
    assert_int_equal(fixture_write(&fixture, 4), 0);
    fixture_kill(&fixture);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture.restored, 7);
    fixture_crash(&fixture); /* what recovery gave out, it has made durable */
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture.restored, 7);
    fixture_release(&fixture);
}

/* The kernel may hold pages that look clean although their sync failed. */
static void test_recovery_writes_again_what_a_failed_sync_left(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 4, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 3), 0);
    fake_disk_heal(fixture.disk);
    fixture.disk->fail_op = FAKE_SYNC;
    fixture.disk->fail_at = 1;
    assert_int_equal(fixture_append(&fixture, 2), DECREE_IO);
    assert_true(fixture.error.fatal);
    assert_int_equal(disk_journal_synced_lsn(fixture.journal), 3);
    fake_disk_heal(fixture.disk);
    fixture_kill(&fixture);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture.restored, 5);
    fixture_crash(&fixture);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture.restored, 5);
    fixture_release(&fixture);
}

/* Flips each bit of [start, end) in turn and opens a copy. floor: the fewest records that may come
 * back. */
static void flip_bits(const struct fixture *fixture, const char *name, uint64_t start, uint64_t end,
                      unsigned step, decree_lsn floor, decree_lsn all, uint64_t ret_outcomes[3])
{
    for (uint64_t bit = start * 8; bit < end * 8; bit += step) {
        struct fixture copy;
        int result;

        copy_init(fixture, &copy);
        fake_disk_file(copy.disk, name)->seen[bit / 8] ^= (uint8_t)(1u << bit % 8);
        result = fixture_open(&copy);
        if (result == 0) {
            assert_true(copy.restored == all || copy.restored == floor);
            ret_outcomes[copy.restored == all ? 0 : 1]++;
        } else {
            assert_true(result == DECREE_CORRUPT || result == DECREE_IDENTITY);
            assert_non_null(strstr(copy.error.text, "0000000"));
            assert_non_null(strstr(copy.error.text, ".journal is damaged at byte "));
            ret_outcomes[2]++;
        }
        fixture_release(&copy);
    }
}

static void test_no_flipped_bit_loses_a_record_of_a_closed_journal(void **state)
{
    uint64_t outcomes[3] = {0};
    struct fixture fixture;
    uint64_t end;

    (void)state;
    fixture_init(&fixture, 5, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    for (int batch = 0; batch < 4; batch++)
        assert_int_equal(fixture_append(&fixture, 3), 0);
    fixture_close(&fixture);
    end = used_end(fake_disk_file(fixture.disk, SEGMENT_1));
    flip_bits(&fixture, SEGMENT_1, SEGMENT_FRAMES_AT, end, 1, 12, 12, outcomes);
    assert_true(outcomes[0] <= 3 * 7 * 8); /* at most 7 bytes between two frames mean nothing */
    outcomes[0] = 0;
    flip_bits(&fixture, SEGMENT_1, 0, SEGMENT_HEADER_BYTES, 1, 12, 12, outcomes);
    assert_int_equal(outcomes[0], 0);
    flip_bits(&fixture, SEGMENT_1, SEGMENT_HEADER_BYTES, SEGMENT_FRAMES_AT, 3, 12, 12, outcomes);
    flip_bits(&fixture, SEGMENT_1, end, end + 200, 1, 12, 12, outcomes);
    assert_true(outcomes[0] > 0);
    fixture_release(&fixture);
}

/* No seal vouches for the last batch: it may go, whole, if the damage looks like a torn write;
 * never another. */
static void test_a_flipped_bit_costs_at_most_the_last_batch_of_a_killed_journal(void **state)
{
    uint64_t outcomes[3] = {0};
    struct fixture fixture;
    uint64_t last, end;

    (void)state;
    fixture_init(&fixture, 6, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    for (int batch = 0; batch < 3; batch++)
        assert_int_equal(fixture_append(&fixture, 3), 0);
    last = frame_align(used_end(fake_disk_file(fixture.disk, SEGMENT_1)));
    assert_int_equal(fixture_append(&fixture, 3), 0);
    end = used_end(fake_disk_file(fixture.disk, SEGMENT_1));
    fixture_kill(&fixture);
    flip_bits(&fixture, SEGMENT_1, SEGMENT_FRAMES_AT, last, 1, 9, 12, outcomes);
    assert_int_equal(outcomes[1], 0);
    assert_true(outcomes[0] <= 3 * 7 * 8);
    outcomes[0] = 0;
    flip_bits(&fixture, SEGMENT_1, last, end, 1, 9, 12, outcomes);
    assert_int_equal(outcomes[0], 0);
    assert_true(outcomes[1] < outcomes[2] / 10);
    fixture_release(&fixture);
}

static void test_a_file_that_became_shorter_is_damage(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 7, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 5), 0);
    fixture_close(&fixture);
    for (uint64_t size = 0; size < FIXTURE_SEGMENT_BYTES; size += 13) {
        struct fixture copy;

        copy_init(&fixture, &copy);
        fake_disk_file(copy.disk, SEGMENT_1)->seen_size = size;
        assert_int_equal(fixture_open(&copy), DECREE_CORRUPT);
        assert_non_null(strstr(copy.error.text, SEGMENT_1));
        fixture_release(&copy);
    }
    fixture_release(&fixture);
}

/* Every way of cutting the last write off at a byte, with zeros behind: the batch is dropped, and
 * nothing of it is ever there to follow what is written next. */
static void test_a_last_write_cut_off_anywhere_is_dropped_and_written_over(void **state)
{
    struct fixture fixture;
    uint64_t start, end;

    (void)state;
    fixture_init(&fixture, 8, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 6), 0);
    start = frame_align(used_end(fake_disk_file(fixture.disk, SEGMENT_1)));
    assert_int_equal(fixture_append(&fixture, 20), 0);
    end = used_end(fake_disk_file(fixture.disk, SEGMENT_1));
    fixture_kill(&fixture);
    for (uint64_t cut = start; cut < end; cut++) {
        struct fixture copy;
        struct fake_file *file;

        copy_init(&fixture, &copy);
        file = fake_disk_file(copy.disk, SEGMENT_1);
        memset(file->seen + cut, 0, end - cut);
        assert_int_equal(fixture_open(&copy), 0);
        assert_int_equal(copy.restored, 6);
        assert_int_equal(disk_journal_dropped_bytes(copy.journal) > 0, cut > start);
        assert_int_equal(used_end(file) <= start, true);
        assert_int_equal(fixture_append(&copy, 2), 0);
        fixture_kill(&copy);
        assert_int_equal(fixture_open(&copy), 0);
        assert_int_equal(copy.restored, 8);
        fixture_release(&copy);
    }
    fixture_release(&fixture);
}

static void test_whatever_follows_a_hole_makes_it_damage(void **state)
{
    static const char *const names[] = {SEGMENT_1, SEGMENT_2, SEGMENT_3};
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 9, 400);
    assert_int_equal(fixture_open(&fixture), 0);
    while (fake_disk_file(fixture.disk, SEGMENT_3) == NULL)
        assert_int_equal(fixture_append(&fixture, 5), 0);
    fixture_kill(&fixture);
    for (size_t i = 0; i < 2; i++) {
        struct fixture copy;

        copy_init(&fixture, &copy); /* the file is gone */
        copy.disk->fs.ops->unlink(&copy.disk->fs, names[i]);
        assert_int_equal(fixture_open(&copy), DECREE_CORRUPT);
        assert_non_null(strstr(copy.error.text, names[i]));
        fixture_release(&copy);

        copy_init(&fixture, &copy); /* its frames never reached the disk */
        memset(fake_disk_file(copy.disk, names[i])->seen + SEGMENT_FRAMES_AT, 0,
               FIXTURE_SEGMENT_BYTES - SEGMENT_FRAMES_AT);
        assert_int_equal(fixture_open(&copy), DECREE_CORRUPT);
        fixture_release(&copy);

        copy_init(&fixture, &copy); /* one is a copy of the other */
        memcpy(fake_disk_file(copy.disk, names[i])->seen,
               fake_disk_file(copy.disk, names[i + 1])->seen, FIXTURE_SEGMENT_BYTES);
        assert_int_equal(fixture_open(&copy), DECREE_CORRUPT);
        fixture_release(&copy);
    }
    fixture_release(&fixture);
}

static void test_a_whole_frame_that_does_not_follow_is_damage(void **state)
{
    struct fixture fixture;
    struct fake_file *file;
    uint64_t at, incarnation;

    (void)state;
    fixture_init(&fixture, 14, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 3), 0);
    fixture_kill(&fixture);
    file = fake_disk_file(fixture.disk, SEGMENT_1);
    at = frame_align(used_end(file));
    memcpy(&incarnation, file->seen + 16, sizeof(incarnation));
    for (int turn = 0; turn < 2; turn++) {
        struct frame_header header = {.body_bytes = 20,
                                      .record_count = 1,
                                      .first_lsn = turn == 0 ? 4 : 5,
                                      .synced = position_make(1, SEGMENT_FRAMES_AT),
                                      .previous = 99};

        if (turn == 1)
            memcpy(&header.previous, file->seen + used_end(file) - 8, 8);
        frame_header_encode(&header, incarnation, position_make(1, at), file->seen + at);
        assert_int_equal(fixture_open(&fixture), DECREE_CORRUPT);
        assert_non_null(strstr(fixture.error.text, "does not belong here"));
        memset(file->seen + at, 0, FRAME_HEADER_BYTES);
    }
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture.restored, 3);
    fixture_release(&fixture);
}

static void test_a_corrupt_journal_is_left_as_it_is(void **state)
{
    struct fixture fixture, copy;
    uint64_t written;

    (void)state;
    fixture_init(&fixture, 10, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    for (int batch = 0; batch < 4; batch++)
        assert_int_equal(fixture_append(&fixture, 3), 0);
    fixture_close(&fixture);
    copy_init(&fixture, &copy);
    fake_disk_file(copy.disk, SEGMENT_1)->seen[SEGMENT_FRAMES_AT + 100] ^= 1;
    written = copy.disk->written_bytes;
    for (int turn = 0; turn < 3; turn++)
        assert_int_equal(fixture_open(&copy), DECREE_CORRUPT);
    assert_int_equal(copy.disk->written_bytes, written);
    fake_disk_file(copy.disk, SEGMENT_1)->seen[SEGMENT_FRAMES_AT + 100] ^= 1;
    assert_int_equal(fixture_open(&copy), 0);
    assert_int_equal(copy.restored, 12);
    fixture_release(&copy);
    fixture_release(&fixture);
}

static void test_a_refused_record_ends_the_recovery(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 11, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 9), 0);
    fixture_close(&fixture);
    fixture.refuse = 5;
    assert_int_equal(fixture_open(&fixture), DECREE_CORRUPT);
    assert_non_null(strstr(fixture.error.text, "record 5 at byte "));
    fixture.refuse = 0;
    assert_int_equal(fixture_open(&fixture), 0);
    fixture_release(&fixture);
}

static void test_another_version_is_said_to_be_one(void **state)
{
    struct fixture fixture;
    struct segment_header header;
    struct fake_file *file;

    (void)state;
    fixture_init(&fixture, 12, SMALL);
    assert_int_equal(fixture_open(&fixture), 0);
    fixture_close(&fixture);
    file = fake_disk_file(fixture.disk, SEGMENT_1);
    assert_true(segment_header_decode(file->seen, &header));
    header.version = 2;
    segment_header_encode(&header, file->seen);
    assert_int_equal(fixture_open(&fixture), DECREE_VERSION);
    header.version = FORMAT_VERSION;
    header.incarnation++;
    segment_header_encode(&header, file->seen);
    assert_int_equal(fixture_open(&fixture), DECREE_IDENTITY);
    fixture_release(&fixture);
}

static void test_random_bytes_behind_the_end_never_become_records(void **state)
{
    struct prng prng;

    (void)state;
    prng_init(&prng, 13);
    for (int turn = 0; turn < 400; turn++) {
        struct fixture fixture;
        struct fake_file *file;
        uint64_t at, size;
        int result;

        fixture_init(&fixture, prng_next(&prng), SMALL);
        assert_int_equal(fixture_open(&fixture), 0);
        assert_int_equal(fixture_append(&fixture, 8), 0);
        fixture_kill(&fixture);
        file = fake_disk_file(fixture.disk, SEGMENT_1);
        at = turn % 2 ? used_end(file) : SEGMENT_FRAMES_AT + prng_below(&prng, 6000);
        size = 1 + prng_below(&prng, 3000);
        for (uint64_t i = at; i < at + size; i++)
            file->seen[i] = (uint8_t)prng_next(&prng);
        result = fixture_open(&fixture);
        assert_true(result == DECREE_CORRUPT ||
                    (result == 0 && (fixture.restored == 8 || fixture.restored == 0)));
        fixture_release(&fixture);
    }
}

/* One life of a journal: batches, then the power fails; sometimes while recovery is at work. */
static void one_crash(struct fixture *fixture, struct prng *prng, decree_lsn *promised,
                      decree_lsn *written)
{
    int result;

    if (prng_below(prng, 4) == 0) {
        fake_disk_heal(fixture->disk);
        fixture->disk->fail_at = 1 + prng_below(prng, 24);
        fixture->disk->fail_all_after = true;
        fixture->disk->short_writes = prng_below(prng, 2) == 0;
        result = fixture_open(fixture);
        assert_true(result == 0 || result == DECREE_IO);
        fixture_crash(fixture);
    }
    if (fixture_open(fixture) != 0)
        fail_msg("%s", fixture->error.text);
    assert_true(fixture->restored >= *promised);
    assert_true(fixture->restored <= *written);
    *promised = *written = fixture->restored;
    for (uint64_t batches = prng_below(prng, 6); batches > 0; batches--) {
        assert_int_equal(fixture_write(fixture, (uint32_t)(1 + prng_below(prng, 8))), 0);
        *written = disk_journal_written_lsn(fixture->journal);
        if (prng_below(prng, 3) > 0)
            assert_int_equal(disk_journal_sync(fixture->journal, &fixture->error), 0);
        if (prng_below(prng, 8) == 0)
            disk_journal_seal(fixture->journal);
        *promised = disk_journal_synced_lsn(fixture->journal);
    }
}

static void test_a_power_failure_loses_nothing_that_was_synced_and_is_no_damage(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fixture fixture;
        decree_lsn promised = 0, written = 0;
        struct prng prng;

        prng_init(&prng, seed);
        fixture_init(&fixture, seed, seed % 2 ? SMALL : FIXTURE_VALUE_MAX);
        for (int life = 0; life < 12; life++) {
            one_crash(&fixture, &prng, &promised, &written);
            if (prng_below(&prng, 4) == 0)
                fixture_kill(&fixture);
            else
                fixture_crash(&fixture);
        }
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_journal_opens_again_and_again),
        cmocka_unit_test(test_reopening_goes_on_where_it_was),
        cmocka_unit_test(test_what_was_written_but_not_synced_survives_a_kill),
        cmocka_unit_test(test_recovery_writes_again_what_a_failed_sync_left),
        cmocka_unit_test(test_no_flipped_bit_loses_a_record_of_a_closed_journal),
        cmocka_unit_test(test_a_flipped_bit_costs_at_most_the_last_batch_of_a_killed_journal),
        cmocka_unit_test(test_a_file_that_became_shorter_is_damage),
        cmocka_unit_test(test_a_last_write_cut_off_anywhere_is_dropped_and_written_over),
        cmocka_unit_test(test_whatever_follows_a_hole_makes_it_damage),
        cmocka_unit_test(test_a_whole_frame_that_does_not_follow_is_damage),
        cmocka_unit_test(test_a_corrupt_journal_is_left_as_it_is),
        cmocka_unit_test(test_a_refused_record_ends_the_recovery),
        cmocka_unit_test(test_another_version_is_said_to_be_one),
        cmocka_unit_test(test_random_bytes_behind_the_end_never_become_records),
        cmocka_unit_test(test_a_power_failure_loses_nothing_that_was_synced_and_is_no_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
