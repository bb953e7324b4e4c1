/* SPDX-License-Identifier: MIT */
/* recovery.c -- reading the journal back after a stop of any kind.
 *
 *  1. Look at every segment, in order: follow the chain as far as it goes, hand out its records,
 *     and collect the marks of everything that comes after its end.
 *  2. Judge: is the end of the chain the end of the journal, or is something missing there? In the
 *     second case stop; nothing on disk was changed.
 *  3. Mend: write once more what no mark vouches for, put zeros behind the end, sync, seal.
 *
 * The rules and their reasons are in format.h.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk_journal_inside.h"
#include "record.h"
#include "segment_scan.h"

struct recovery {
    struct disk_journal *journal;
    disk_journal_restore *restore;
    void *context;
    struct store_error *error;
    struct segment_scan scan; /* the segment at hand; number 0: none */
    uint8_t *data;            /* its bytes */
    uint64_t capacity;
    uint64_t end;   /* position where the chain ends */
    uint64_t chain; /* the checksum that ends it */
    decree_lsn next_lsn;
    uint64_t mark; /* the highest position that is said to be synced */
    enum frame_state end_state;
    uint64_t junk_end; /* position past the last byte behind the end that is not zero; 0: none */
};

static int recovery_io(struct recovery *recovery, int result, const char *what, const char *path)
{
    assert(result < 0);
    return store_error_set(recovery->error, DECREE_IO, -result, "cannot %s %s: %s", what, path,
                           strerror(-result));
}

static int recovery_corrupt(struct recovery *recovery, uint64_t position, const char *why)
{
    char path[FS_PATH_MAX];

    disk_journal_path(recovery->journal, position_segment(position), path);
    return store_error_set(recovery->error, DECREE_CORRUPT, 0,
                           "%s is damaged at byte %" PRIu64
                           ": %s; the records before it, up to lsn %" PRIu64 ", are intact",
                           path, position_offset(position), why, recovery->next_lsn - 1);
}

static int check_header(struct recovery *recovery, uint64_t number, uint64_t file_bytes)
{
    struct segment_header header;
    char path[FS_PATH_MAX];

    if (file_bytes < SEGMENT_FRAMES_AT)
        return recovery_corrupt(recovery, position_make(number, file_bytes),
                                "the file is too short");
    if (!segment_header_decode(recovery->data, &header))
        return recovery_corrupt(recovery, position_make(number, 0), "its header does not check");
    disk_journal_path(recovery->journal, number, path);
    if (header.version != FORMAT_VERSION)
        return store_error_set(recovery->error, DECREE_VERSION, 0,
                               "%s is of version %" PRIu32 ", this program knows %u", path,
                               header.version, FORMAT_VERSION);
    if (header.incarnation != recovery->journal->identity.incarnation)
        return store_error_set(recovery->error, DECREE_IDENTITY, 0,
                               "%s comes from another data directory", path);
    if (header.number != number)
        return recovery_corrupt(recovery, position_make(number, 24),
                                "it is another segment by its header");
    if (header.bytes != file_bytes)
        return recovery_corrupt(
            recovery, position_make(number, file_bytes < header.bytes ? file_bytes : header.bytes),
            "the file is shorter or longer than it was made");
    if (file_bytes % SEGMENT_UNIT != 0)
        return recovery_corrupt(recovery, position_make(number, 32),
                                "its length is none that is ever made");
    return 0;
}

static int read_segment(struct recovery *recovery, int file, const char *path, uint64_t *ret_bytes)
{
    struct fs *fs = recovery->journal->fs;
    uint64_t bytes;
    ssize_t got;
    int result = fs->ops->size(fs, file, &bytes);

    if (result != 0)
        return recovery_io(recovery, result, "stat", path);
    if (bytes > SEGMENT_BYTES_MAX)
        bytes = SEGMENT_BYTES_MAX + FRAME_ALIGNMENT;
    if (bytes > recovery->capacity) {
        free(recovery->data);
        recovery->capacity = 0;
        recovery->data = malloc(bytes);
        if (recovery->data == NULL)
            return store_error_set(recovery->error, DECREE_NOMEM, 0, "out of memory for reading %s",
                                   path);
        recovery->capacity = bytes;
    }
    got = fs_read_all(fs, file, recovery->data, bytes, 0);
    if (got < 0)
        return recovery_io(recovery, (int)got, "read", path);
    *ret_bytes = (uint64_t)got;
    return 0;
}

/* Reads a segment into memory and checks its header. */
static int load_segment(struct recovery *recovery, uint64_t number)
{
    struct disk_journal *journal = recovery->journal;
    char path[FS_PATH_MAX];
    uint64_t bytes = 0;
    int file, result;

    if (recovery->scan.number == number)
        return 0;
    recovery->scan.number = 0;
    disk_journal_path(journal, number, path);
    result = journal->fs->ops->open(journal->fs, path, FS_OPEN_READ, &file);
    if (result == -ENOENT)
        return recovery_corrupt(recovery, position_make(number, 0),
                                "the file is missing, others follow it");
    if (result != 0)
        return recovery_io(recovery, result, "open", path);
    result = read_segment(recovery, file, path, &bytes);
    journal->fs->ops->close(journal->fs, file);
    if (result == 0)
        result = check_header(recovery, number, bytes);
    if (result != 0)
        return result;
    recovery->scan = (struct segment_scan){.data = recovery->data,
                                           .bytes = bytes,
                                           .incarnation = journal->identity.incarnation,
                                           .number = number};
    return 0;
}

static int restore_record(struct recovery *recovery, const struct record_image *image,
                          uint64_t position)
{
    struct decree_record record = image->record;
    char path[FS_PATH_MAX];
    int result;

    record.lsn = recovery->next_lsn;
    if (record.type == DECREE_RECORD_ACCEPT && record.pvalue.slot > 0)
        slot_index_set(&recovery->journal->index, record.pvalue.slot, position);
    if (image->has_value) {
        record.pvalue.command.value = decree_value_copy(image->value, image->value_size);
        if (record.pvalue.command.value == NULL)
            return store_error_set(recovery->error, DECREE_NOMEM, 0,
                                   "out of memory for recovered records");
    }
    result = recovery->restore(recovery->context, &record);
    decree_value_unref(record.pvalue.command.value);
    if (result == 0) {
        recovery->next_lsn++;
        return 0;
    }
    disk_journal_path(recovery->journal, position_segment(position), path);
    return store_error_set(recovery->error, result, 0,
                           "record %" PRIu64 " at byte %" PRIu64 " of %s: %s", record.lsn,
                           position_offset(position), path, decree_error_text(result));
}

/* Hands out the records of a frame that has been checked. */
static int restore_frame(struct recovery *recovery, const struct frame_found *found)
{
    struct reader reader;

    reader_init(&reader, recovery->data + found->body_at, found->header.body_bytes);
    for (uint32_t i = 0; i < found->header.record_count; i++) {
        uint64_t offset = (uint64_t)(reader.at - recovery->data);
        struct record_image image;
        bool readable = record_read_header(&reader, &image);
        int result;

        assert(readable);
        image.value = read_bytes(&reader, image.value_size);
        read_bytes(&reader, RECORD_CHECKSUM_BYTES);
        assert(!reader.failed);
        result = restore_record(recovery, &image, position_make(recovery->scan.number, offset));
        if (result != 0)
            return result;
    }
    assert(reader_done(&reader));
    return 0;
}

/* Follows the chain through the segment at hand; leaves end and end_state. A segment whose first
 * frame was cut off counts as not begun: the end stays in the one before. */
static int follow_chain(struct recovery *recovery)
{
    uint64_t offset = SEGMENT_FRAMES_AT;
    struct frame_found found;

    for (;;) {
        enum frame_state state = segment_scan_frame(&recovery->scan, offset, recovery->chain,
                                                    recovery->next_lsn, &found);
        int result;

        if (state == FRAME_NONE && offset == SEGMENT_FRAMES_AT && recovery->scan.number > 1)
            return 0;
        recovery->end = position_make(recovery->scan.number, offset);
        recovery->end_state = state;
        if (state != FRAME_GOOD)
            return 0;
        if (found.header.synced > recovery->mark)
            recovery->mark = found.header.synced;
        if ((result = restore_frame(recovery, &found)) != 0)
            return result;
        recovery->chain = found.chain;
        offset = found.end;
    }
}

static int look_at_segment(struct recovery *recovery, uint64_t number)
{
    uint64_t mark, used_end, rest = SEGMENT_FRAMES_AT;
    int result = load_segment(recovery, number);

    if (result != 0)
        return result;
    if (number == 1 || segment_scan_continues(&recovery->scan, SEGMENT_FRAMES_AT, recovery->chain,
                                              recovery->next_lsn)) {
        if ((result = follow_chain(recovery)) != 0)
            return result;
        if (position_segment(recovery->end) == number) {
            rest = position_offset(recovery->end);
            recovery->junk_end = 0;
        }
    }
    if (rest < recovery->scan.bytes) {
        segment_scan_rest(&recovery->scan, rest, &used_end, &mark);
        if (mark > recovery->mark)
            recovery->mark = mark;
        if (used_end > rest)
            recovery->junk_end = position_make(number, used_end);
    }
    if (seal_decode(recovery->scan.incarnation, number, recovery->data + SEGMENT_SEAL_AT, &mark) &&
        mark > recovery->mark)
        recovery->mark = mark;
    return 0;
}

/* Is the end of the chain the end of the journal? */
static int judge_end(struct recovery *recovery)
{
    char path[FS_PATH_MAX];

    if (recovery->mark > recovery->end)
        return recovery_corrupt(recovery, recovery->end,
                                "what follows says that more was synced here");
    switch (recovery->end_state) {
    case FRAME_GOOD:
    case FRAME_NONE:
        return 0;
    case FRAME_ROTTEN:
        return recovery_corrupt(recovery, recovery->end,
                                "a batch was written here and has changed since");
    case FRAME_FOREIGN:
        return recovery_corrupt(recovery, recovery->end,
                                "a batch is here that does not belong here");
    case FRAME_UNKNOWN:
        disk_journal_path(recovery->journal, position_segment(recovery->end), path);
        return store_error_set(recovery->error, DECREE_VERSION, 0,
                               "%s holds records of an unknown type, at or after byte %" PRIu64,
                               path, position_offset(recovery->end));
    }
    return 0;
}

/* Puts zeros over what is behind offset, in a segment that is loaded and open for writing. */
static int mend_rest(struct recovery *recovery, int file, uint64_t offset)
{
    uint64_t used_end, mark;
    char path[FS_PATH_MAX];
    int result;

    segment_scan_rest(&recovery->scan, offset, &used_end, &mark);
    if (used_end == offset)
        return 0;
    recovery->journal->dropped_bytes += used_end - offset;
    result = fs_write_zeros(recovery->journal->fs, file, used_end - offset, offset);
    if (result == 0)
        return 0;
    disk_journal_path(recovery->journal, recovery->scan.number, path);
    return recovery_io(recovery, result, "write zeros to", path);
}

/* A segment after the last used one: it must be all zeros when its turn comes. */
static int mend_unused(struct recovery *recovery, uint64_t number)
{
    struct fs *fs = recovery->journal->fs;
    char path[FS_PATH_MAX];
    int file, result;

    if ((result = load_segment(recovery, number)) != 0)
        return result;
    disk_journal_path(recovery->journal, number, path);
    if ((result = fs->ops->open(fs, path, FS_OPEN_WRITE, &file)) != 0)
        return recovery_io(recovery, result, "open", path);
    result = mend_rest(recovery, file, SEGMENT_FRAMES_AT);
    if (result == 0 && (result = fs->ops->sync(fs, file)) != 0)
        result = recovery_io(recovery, result, "sync", path);
    fs->ops->close(fs, file);
    return result;
}

/* What no mark vouches for is written once more, and what is behind the end becomes zeros again. */
static int mend_last(struct recovery *recovery)
{
    struct disk_journal *journal = recovery->journal;
    uint64_t end = position_offset(recovery->end), start = SEGMENT_FRAMES_AT;
    char path[FS_PATH_MAX];
    int result;

    if (position_segment(recovery->mark) == journal->segment)
        start = position_offset(recovery->mark);
    assert(start <= end);
    if (start == end && recovery->junk_end < recovery->end)
        return 0;
    if ((result = load_segment(recovery, journal->segment)) != 0)
        return result;
    if (start < end) {
        result = fs_write_all(journal->fs, journal->file, recovery->data + start, end - start,
                              start);
        if (result != 0) {
            disk_journal_path(journal, journal->segment, path);
            return recovery_io(recovery, result, "write to", path);
        }
    }
    return end < recovery->scan.bytes ? mend_rest(recovery, journal->file, end) : 0;
}

/* The last used segment becomes the one that is written to. */
static int open_last(struct recovery *recovery)
{
    struct disk_journal *journal = recovery->journal;
    char path[FS_PATH_MAX];
    int result;

    journal->segment = position_segment(recovery->end);
    journal->offset = position_offset(recovery->end);
    journal->chain = recovery->chain;
    disk_journal_path(journal, journal->segment, path);
    result = journal->fs->ops->open(journal->fs, path, FS_OPEN_WRITE, &journal->file);
    if (result != 0) {
        journal->file = FILE_NONE;
        return recovery_io(recovery, result, "open", path);
    }
    result = journal->fs->ops->size(journal->fs, journal->file, &journal->segment_size);
    return result == 0 ? 0 : recovery_io(recovery, result, "stat", path);
}

static int mend(struct recovery *recovery)
{
    struct disk_journal *journal = recovery->journal;
    int result;

    if ((result = open_last(recovery)) != 0)
        return result;
    for (uint64_t number = journal->segment + 1; number <= position_segment(recovery->junk_end);
         number++)
        if ((result = mend_unused(recovery, number)) != 0)
            return result;
    if ((result = mend_last(recovery)) != 0)
        return result;
    if ((result = disk_journal_sync_file(journal, recovery->error)) != 0)
        return result;
    result = journal->fs->ops->sync_directory(journal->fs, journal->directory);
    if (result != 0)
        return recovery_io(recovery, result, "sync directory", journal->directory);
    journal->written_lsn = recovery->next_lsn - 1;
    journal->synced_lsn = journal->written_lsn;
    journal->synced = recovery->end;
    if ((result = disk_journal_write_seal(journal)) != 0)
        return recovery_io(recovery, result, "write the seal in", journal->directory);
    return disk_journal_sync_file(journal, recovery->error);
}

static int note_segment(void *context, const char *name)
{
    uint64_t *highest = context;
    uint64_t number = segment_number(name);

    if (number > *highest)
        *highest = number;
    return 0;
}

static int recovery_run(struct recovery *recovery)
{
    struct disk_journal *journal = recovery->journal;
    uint64_t highest = 0;
    int result = journal->fs->ops->list(journal->fs, journal->directory, note_segment, &highest);

    if (result != 0)
        return recovery_io(recovery, result, "list", journal->directory);
    if (highest == 0)
        return recovery_corrupt(recovery, position_make(1, 0), "the file is missing");
    for (uint64_t number = 1; number <= highest; number++)
        if ((result = look_at_segment(recovery, number)) != 0)
            return result;
    journal->segment_last = highest;
    if ((result = judge_end(recovery)) != 0)
        return result;
    segment_remove_unfinished(journal->fs, journal->directory);
    return mend(recovery);
}

int disk_journal_recover(struct disk_journal *journal, disk_journal_restore *restore, void *context,
                         struct store_error *ret_error)
{
    struct recovery recovery = {.journal = journal,
                                .restore = restore,
                                .context = context,
                                .error = ret_error,
                                .chain = journal->identity.incarnation,
                                .next_lsn = 1};
    int result;

    assert(!journal->recovered);
    assert(!journal->dead);
    result = recovery_run(&recovery);
    free(recovery.data);
    journal->recovered = result == 0;
    return result;
}
