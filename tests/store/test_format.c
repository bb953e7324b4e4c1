/* SPDX-License-Identifier: MIT */
/* test_format.c -- the bytes of the journal are these and no others; readers take nothing else for
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checksum.h"
#include "fake_disk.h"
#include "journal_fixture.h"
#include "record.h"
#include "slot_index.h"

static const char golden_segment_header[] = "6465637265654a0a" /* magic */
                                            "0100000000000000" /* version */
                                            "d70d3259e4e1cb63" /* incarnation */
                                            "0100000000000000" /* number */
                                            "0000010000000000" /* bytes */
                                            "0b7381e55fd96976";
static const char golden_seal[] = "646563726565530a" /* magic */
                                  "a820000001000000" /* synced: segment 1, byte 8360 */
                                  "33d4d3a77bd49017";
static const char golden_frames[] = "4366724d31000000" /* magic, 49 bytes */
                                    "0300000000000000" /* 3 records */
                                    "0100000000000000" /* first lsn */
                                    "0020000001000000" /* synced: segment 1, byte 8192 */
                                    "d70d3259e4e1cb63" /* previous: the incarnation */
                                    "d1bb8a7166824c6e"
                                    "0104000100" /* boot, incarnation 1 */
                                    "2716a35100cd20f1"
                                    "0201ac0202" /* promise, <300, 2> */
                                    "175b9f90d0e56d55"
                                    "030fac020201"       /* accept, <300, 2>, slot 1 */
                                    "0101070568656c6c6f" /* 1, 1, 7, "hello" */
                                    "7509c9de265048f8"
                                    "00000000000000" /* the next frame begins at a multiple of 8 */
                                    "4366724d0b000000" /* magic, 11 bytes */
                                    "0100000000000000" /* 1 record */
                                    "0400000000000000" /* first lsn */
                                    "6820000001000000" /* synced: segment 1, byte 8296 */
                                    "7509c9de265048f8" /* previous */
                                    "16e870abb1b85498"
                                    "040201" /* decide, slot 1 */
                                    "94fce2fd2c3e8fb5";
static const char golden_identity[] = "decree 1\n"
                                      "cluster decree\n"
                                      "member n1\n"
                                      "id 1\n"
                                      "incarnation 63cbe1e459320dd7\n"
                                      "checksum 7d4b48d4eab6c48e\n";

static char *to_hex(const uint8_t *data, size_t size)
{
    char *text = malloc(2 * size + 1);

    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", data[i]);
    text[2 * size] = '\0';
    return text;
}

static void assert_bytes(const uint8_t *data, size_t size, const char *golden)
{
    char *text = to_hex(data, size);

    assert_string_equal(text, golden);
    free(text);
}

static int restore_nothing(void *context, const struct decree_record *record)
{
    (void)context;
    (void)record;
    return 0;
}

/* A journal of four records in two batches, closed: every byte that is not zero. */
static void test_a_small_journal_has_these_bytes(void **state)
{
    struct fake_disk *disk = fake_disk_new(7);
    struct disk_journal_options options = {.fs = &disk->fs,
                                           .directory = "d",
                                           .member_name = "n1",
                                           .member_id = 1,
                                           .segment_bytes = 65536,
                                           .value_bytes_max = 1000};
    struct decree_value *value = decree_value_copy("hello", 5);
    struct decree_record records[4] = {
        {.lsn = 1, .type = DECREE_RECORD_BOOT, .pvalue = {.command = {.incarnation = 1}}},
        {.lsn = 2, .type = DECREE_RECORD_PROMISE, .pvalue = {.ballot = {300, 2}}},
        {.lsn = 3, .type = DECREE_RECORD_ACCEPT, .pvalue = {{300, 2}, 1, {1, 1, 7, value}}},
        {.lsn = 4, .type = DECREE_RECORD_DECIDE, .pvalue = {.slot = 1}}};
    struct disk_journal *journal;
    struct store_error error;
    struct fake_file *file;

    (void)state;
    assert_int_equal(disk_journal_open(&journal, &options, &error), 0);
    assert_int_equal(disk_journal_recover(journal, restore_nothing, NULL, &error), 0);
    assert_int_equal(disk_journal_append(journal, records, 3, &error), 0);
    assert_int_equal(disk_journal_append(journal, records + 3, 1, &error), 0);
    disk_journal_close(journal);
    file = fake_disk_file(disk, "d/0000000001.journal");
    assert_non_null(file);
    assert_int_equal(file->seen_size, 65536);
    assert_bytes(file->seen, SEGMENT_HEADER_BYTES, golden_segment_header);
    assert_bytes(file->seen + SEGMENT_SEAL_AT, SEGMENT_SEAL_BYTES, golden_seal);
    assert_bytes(file->seen + SEGMENT_FRAMES_AT, sizeof(golden_frames) / 2, golden_frames);
    for (size_t i = SEGMENT_FRAMES_AT + sizeof(golden_frames) / 2; i < file->seen_size; i++)
        assert_int_equal(file->seen[i], 0);
    decree_value_unref(value);
    fake_disk_free(disk);
}

static void test_the_identity_is_this_text(void **state)
{
    struct fixture fixture;
    struct fake_file *file;
    char text[512];

    (void)state;
    fixture_init(&fixture, 7, 10);
    assert_int_equal(fixture_open(&fixture), 0);
    file = fake_disk_file(fixture.disk, FIXTURE_DIRECTORY "/identity");
    assert_non_null(file);
    assert_true(file->seen_size < sizeof(text));
    memcpy(text, file->seen, file->seen_size);
    text[file->seen_size] = '\0';
    assert_string_equal(text, golden_identity);
    fixture_release(&fixture);
}

static void test_records_come_back_as_they_went(void **state)
{
    uint8_t buffer[RECORD_BYTES_MAX + FIXTURE_VALUE_MAX];

    (void)state;
    for (decree_lsn lsn = 1; lsn < 2000; lsn++) {
        struct decree_record record = fixture_record(lsn, 300);
        struct decree_value *value = record.pvalue.command.value;
        struct record_image image;
        struct writer writer;
        struct reader reader;
        uint64_t chain = lsn, sum;

        writer_init(&writer, buffer, sizeof(buffer));
        record_write_header(&writer, &record);
        sum = record_checksum(buffer, (size_t)(writer.at - buffer), value, lsn);
        if (value != NULL)
            write_bytes(&writer, value->data, value->size);
        write_u64(&writer, sum);
        assert_int_equal(writer.at - buffer, record_size(&record));
        reader_init(&reader, buffer, (size_t)(writer.at - buffer));
        assert_true(record_read(&reader, &chain, &image));
        assert_true(reader_done(&reader));
        assert_int_equal(chain, sum);
        assert_int_equal(image.record.type, record.type);
        assert_int_equal(image.record.pvalue.ballot.round, record.pvalue.ballot.round);
        assert_int_equal(image.record.pvalue.slot, record.pvalue.slot);
        assert_int_equal(image.has_value, value != NULL);
        for (size_t cut = 0; cut < (size_t)(writer.at - buffer); cut += 7) {
            reader_init(&reader, buffer, cut);
            chain = lsn;
            assert_false(record_read(&reader, &chain, &image));
        }
        decree_value_unref(value);
    }
}

static void test_a_foreign_record_is_its_value(void **state)
{
    struct decree_value *value = decree_value_copy("theirs", 6);
    struct decree_record record = {
        .lsn = 9, .type = DECREE_RECORD_FOREIGN, .pvalue = {.command = {.value = value}}};
    uint8_t buffer[RECORD_BYTES_MAX + 8];
    struct record_image image;
    struct writer writer;
    struct reader reader;
    uint64_t chain = 1;

    (void)state;
    writer_init(&writer, buffer, sizeof(buffer));
    record_write_header(&writer, &record);
    write_bytes(&writer, value->data, value->size);
    write_u64(&writer, record_checksum(buffer, 3, value, chain));
    assert_int_equal(writer.at - buffer, record_size(&record));
    assert_bytes(buffer, 9,
                 "050806"         /* foreign, a value, 6 bytes */
                 "746865697273"); /* "theirs" */
    reader_init(&reader, buffer, (size_t)(writer.at - buffer));
    assert_true(record_read(&reader, &chain, &image));
    assert_true(record_known(&image));
    assert_int_equal(image.record.type, DECREE_RECORD_FOREIGN);
    assert_memory_equal(image.value, "theirs", 6);
    decree_value_unref(value);
}

static void test_the_largest_record_fits_its_bound(void **state)
{
    struct decree_record record = {.type = DECREE_RECORD_ACCEPT,
                                   .pvalue = {{UINT64_MAX, UINT32_MAX},
                                              UINT64_MAX,
                                              {UINT32_MAX, UINT64_MAX, UINT64_MAX, NULL}}};
    struct decree_value huge = {.refs = 1, .size = UINT32_MAX};

    (void)state;
    record.pvalue.command.value = &huge;
    assert_int_equal(record_size(&record), (uint64_t)RECORD_BYTES_MAX + UINT32_MAX);
}

static void test_random_bytes_are_no_record_and_no_header(void **state)
{
    uint8_t data[256];
    struct prng prng;

    (void)state;
    prng_init(&prng, 1);
    for (int turn = 0; turn < 100000; turn++) {
        struct segment_header segment;
        struct frame_header frame;
        struct record_image image;
        struct reader reader;
        uint64_t chain = 0, sum;
        size_t size = prng_below(&prng, sizeof(data));

        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = (uint8_t)(prng_next(&prng) >> prng_below(&prng, 8));
        data[0] = (uint8_t)(1 + prng_below(&prng, 4));
        data[1] &= 15;
        reader_init(&reader, data, size);
        assert_false(record_read(&reader, &chain, &image));
        assert_false(segment_header_decode(data, &segment));
        memcpy(data, "Cfrm", 4);
        assert_false(frame_header_decode(data, 1, 8192, &frame, &sum));
    }
}

static void test_a_frame_belongs_to_one_place_and_directory(void **state)
{
    struct frame_header header = {.record_count = 1, .first_lsn = 9, .synced = 5, .previous = 3},
                        found;
    uint8_t data[FRAME_HEADER_BYTES];
    uint64_t sum;

    (void)state;
    frame_header_encode(&header, 77, position_make(2, 8192), data);
    assert_true(frame_header_decode(data, 77, position_make(2, 8192), &found, &sum));
    assert_int_equal(found.first_lsn, 9);
    assert_false(frame_header_decode(data, 78, position_make(2, 8192), &found, &sum));
    assert_false(frame_header_decode(data, 77, position_make(3, 8192), &found, &sum));
    assert_false(frame_header_decode(data, 77, position_make(2, 8200), &found, &sum));
}

static void test_the_slot_index_finds_the_last_or_nothing(void **state)
{
    struct slot_index index = {.chunks = NULL};

    (void)state;
    assert_int_equal(slot_index_get(&index, 1), 0);
    for (decree_slot slot = 1; slot < 20000; slot++)
        slot_index_set(&index, slot, slot * 10);
    slot_index_set(&index, 5, 99);
    assert_int_equal(slot_index_get(&index, 5), 99);
    assert_int_equal(slot_index_get(&index, 19999), 199990);
    assert_int_equal(slot_index_get(&index, 20000), 0);
    slot_index_set(&index, UINT64_MAX, 7);
    assert_int_equal(slot_index_get(&index, UINT64_MAX), 0);
    slot_index_set(&index, 1000000, 8);
    assert_int_equal(slot_index_get(&index, 1000000), 8);
    assert_int_equal(slot_index_get(&index, 19999), 199990);
    slot_index_release(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_journal_has_these_bytes),
        cmocka_unit_test(test_the_identity_is_this_text),
        cmocka_unit_test(test_records_come_back_as_they_went),
        cmocka_unit_test(test_a_foreign_record_is_its_value),
        cmocka_unit_test(test_the_largest_record_fits_its_bound),
        cmocka_unit_test(test_random_bytes_are_no_record_and_no_header),
        cmocka_unit_test(test_a_frame_belongs_to_one_place_and_directory),
        cmocka_unit_test(test_the_slot_index_finds_the_last_or_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
