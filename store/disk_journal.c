/* SPDX-License-Identifier: MIT */
/* disk_journal.c -- appending to the journal: frames, segments, syncs and what happens when they
 * fail.
 *
 * The place where the next frame goes is always followed by zeros. A write that failed half-way
 * breaks that, so the next write first puts the zeros back and syncs them; only then may anything,
 * even the same frame, be written again. recovery.c relies on it.
 *
 * A segment is synced as a whole before the next one is written to.
 */
#include "disk_journal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk_journal_inside.h"

#define FRAME_BYTES_MAX (UINT64_C(4) << 20)
#define GROWTH 4u      /* a segment has up to this many times the size of the one before */
#define ORDER_PART 16u /* the next one is ordered when a 16th of the current one is used */

static int journal_fail(struct disk_journal *journal, int result, const char *what,
                        struct store_error *error)
{
    char path[FS_PATH_MAX];

    assert(result < 0);
    disk_journal_path(journal, journal->segment, path);
    return store_error_set(error, DECREE_IO, -result, "cannot %s %s: %s", what, path,
                           strerror(-result));
}

int disk_journal_sync_file(struct disk_journal *journal, struct store_error *error)
{
    int result;

    assert(!journal->dead);
    result = journal->fs->ops->sync(journal->fs, journal->file);
    if (result == 0)
        return 0;
    journal->dead = true;
    journal_fail(journal, result, "sync", error);
    error->fatal = true;
    return error->code;
}

static int journal_dead(struct disk_journal *journal, struct store_error *error)
{
    journal_fail(journal, -EIO, "go on after a failed sync of", error);
    error->fatal = true;
    return error->code;
}

int disk_journal_sync(struct disk_journal *journal, struct store_error *ret_error)
{
    int result;

    assert(journal->recovered);
    if (journal->dead)
        return journal_dead(journal, ret_error);
    if (journal->synced_lsn == journal->written_lsn)
        return 0;
    if ((result = disk_journal_sync_file(journal, ret_error)) != 0)
        return result;
    journal->synced = disk_journal_position(journal);
    journal->synced_lsn = journal->written_lsn;
    return 0;
}

/* What a new segment has room for. */
static uint64_t frame_bytes_max(const struct disk_journal *journal)
{
    uint64_t room = journal->segment_bytes - SEGMENT_FRAMES_AT;

    return room < FRAME_BYTES_MAX ? room : FRAME_BYTES_MAX;
}

static bool journal_fits(const struct disk_journal *journal, uint64_t bytes)
{
    assert(journal->offset >= SEGMENT_FRAMES_AT);
    return journal->offset + bytes <= journal->segment_size;
}

static uint64_t whole_units(uint64_t bytes)
{
    return (bytes + SEGMENT_UNIT - 1) & ~(uint64_t)(SEGMENT_UNIT - 1);
}

/* The smallest segment worth making when the disk is nearly full: room for a frame of any size. */
static uint64_t segment_bytes_min(const struct disk_journal *journal)
{
    uint64_t frame = (uint64_t)journal->value_bytes_max + FRAME_HEADER_BYTES + RECORD_BYTES_MAX;
    uint64_t bytes = SEGMENT_FRAMES_AT + (frame > FRAME_BYTES_MAX ? frame : FRAME_BYTES_MAX);

    bytes = whole_units(bytes);
    return bytes < journal->segment_bytes ? bytes : journal->segment_bytes;
}

/* The next one is larger, up to the size asked for: a journal that is hardly used stays small. Only a
 * frame that does not fit into that size, of frame_bytes, gets more. */
static void journal_order(const struct disk_journal *journal, uint64_t frame_bytes,
                          struct segment_order *ret_order)
{
    uint64_t bytes = GROWTH * journal->segment_size, bytes_min = segment_bytes_min(journal);
    uint64_t needed = whole_units(SEGMENT_FRAMES_AT + frame_bytes);

    if (bytes < bytes_min)
        bytes = bytes_min;
    if (bytes > journal->segment_bytes)
        bytes = journal->segment_bytes;
    if (bytes < needed)
        bytes = needed;
    if (bytes_min < needed)
        bytes_min = needed;
    *ret_order = (struct segment_order){.fs = journal->fs,
                                        .directory = journal->directory,
                                        .incarnation = journal->identity.incarnation,
                                        .number = journal->segment_last + 1,
                                        .bytes = bytes,
                                        .bytes_min = bytes_min};
}

bool disk_journal_order_segment(struct disk_journal *journal, struct segment_order *ret_order)
{
    assert(journal->recovered);
    if (journal->ordered || journal->segment_last > journal->segment)
        return false;
    if (journal->offset < SEGMENT_FRAMES_AT + journal->segment_size / ORDER_PART)
        return false;
    journal_order(journal, 0, ret_order);
    journal->ordered = true;
    return true;
}

void disk_journal_order_done(struct disk_journal *journal, bool made)
{
    assert(journal->ordered);
    journal->ordered = false;
    if (made)
        journal->segment_last++;
}

bool disk_journal_needs_segment(const struct disk_journal *journal,
                                const struct decree_record *records, uint32_t count)
{
    struct frame frame = {.record_count = 0};

    if (journal->segment_last > journal->segment)
        return false;
    frame_plan(&frame, records, count, frame_bytes_max(journal));
    return !journal_fits(journal, frame.bytes);
}

/* Goes on to the next segment, made now if nobody has made it before: then with room for a frame of
 * frame_bytes. */
static int journal_roll(struct disk_journal *journal, uint64_t frame_bytes,
                        struct store_error *error)
{
    struct fs *fs = journal->fs;
    struct segment_order order;
    char path[FS_PATH_MAX];
    uint64_t size;
    int file, result;

    if ((result = disk_journal_sync(journal, error)) != 0)
        return result;
    if (journal->segment_last == journal->segment) {
        assert(!journal->ordered);
        journal_order(journal, frame_bytes, &order);
        if ((result = segment_prepare(&order, error)) != 0)
            return result;
        journal->segment_last++;
    }
    disk_journal_path(journal, journal->segment + 1, path);
    if ((result = fs->ops->open(fs, path, FS_OPEN_WRITE, &file)) != 0)
        return store_error_set(error, DECREE_IO, -result, "cannot open %s: %s", path,
                               strerror(-result));
    if ((result = fs->ops->size(fs, file, &size)) != 0) {
        fs->ops->close(fs, file);
        return store_error_set(error, DECREE_IO, -result, "cannot stat %s: %s", path,
                               strerror(-result));
    }
    /* The pages of the full segment then serve the one that is made next: to touch memory that was
     * never used costs several times what writing to it does. */
    if (fs->ops->uncache != NULL)
        fs->ops->uncache(fs, journal->file);
    fs->ops->close(fs, journal->file);
    journal->file = file;
    journal->segment++;
    journal->segment_size = size;
    journal->offset = SEGMENT_FRAMES_AT;
    return 0;
}

/* Puts back the zeros that a failed write may have touched. */
static int journal_repair(struct disk_journal *journal, struct store_error *error)
{
    uint64_t size = journal->dirty_end - journal->offset;
    int result;

    assert(journal->dirty_end > journal->offset);
    result = fs_write_zeros(journal->fs, journal->file, size, journal->offset);
    if (result != 0)
        return journal_fail(journal, result, "write zeros to", error);
    if ((result = disk_journal_sync_file(journal, error)) != 0)
        return result;
    journal->dirty_end = 0;
    return 0;
}

/* The frame is on its way to the disk: notes where its accepts are, and moves on. */
static void journal_advance(struct disk_journal *journal, const struct decree_record *records,
                            uint64_t chain)
{
    const struct frame *frame = &journal->frame;
    uint64_t position = disk_journal_position(journal);

    for (uint32_t i = 0; i < frame->record_count; i++)
        if (records[i].type == DECREE_RECORD_ACCEPT && records[i].pvalue.slot > 0)
            slot_index_set(&journal->index, records[i].pvalue.slot, position + frame->offsets[i]);
    journal->chain = chain;
    journal->written_lsn += frame->record_count;
    journal->offset = frame_align(journal->offset + frame->bytes);
    assert(records[frame->record_count - 1].lsn == journal->written_lsn);
}

static int journal_write_frame(struct disk_journal *journal, const struct decree_record *records,
                               struct store_error *error)
{
    struct frame *frame = &journal->frame;
    struct frame_header header = {.first_lsn = journal->written_lsn + 1,
                                  .synced = journal->synced,
                                  .previous = journal->chain};
    uint64_t chain;
    int result;

    if (frame_build(frame, records, header, journal->identity.incarnation,
                    disk_journal_position(journal), &chain) != 0)
        return journal_fail(journal, -ENOMEM, "put together a batch for", error);
    result = fs_write_pieces(journal->fs, journal->file, frame->pieces, frame->piece_count,
                             journal->offset);
    if (result != 0) {
        journal->dirty_end = journal->offset + frame->bytes;
        return journal_fail(journal, result, "write to", error);
    }
    journal_advance(journal, records, chain);
    return 0;
}

int disk_journal_write(struct disk_journal *journal, const struct decree_record *records,
                       uint32_t count, uint32_t *ret_count, struct store_error *ret_error)
{
    int result;

    assert(journal->recovered);
    assert(records[0].lsn == journal->written_lsn + 1);
    if (journal->dead)
        return journal_dead(journal, ret_error);
    if (journal->dirty_end != 0 && (result = journal_repair(journal, ret_error)) != 0)
        return result;
    frame_plan(&journal->frame, records, count, frame_bytes_max(journal));
    assert(journal->frame.bytes <= SEGMENT_BYTES_MAX - SEGMENT_FRAMES_AT);
    while (!journal_fits(journal, journal->frame.bytes))
        if ((result = journal_roll(journal, journal->frame.bytes, ret_error)) != 0)
            return result;
    if ((result = journal_write_frame(journal, records, ret_error)) != 0)
        return result;
    *ret_count = journal->frame.record_count;
    return 0;
}

int disk_journal_append(struct disk_journal *journal, const struct decree_record *records,
                        uint32_t count, struct store_error *ret_error)
{
    while (count > 0) {
        uint32_t written;
        int result = disk_journal_write(journal, records, count, &written, ret_error);

        if (result != 0)
            return result;
        assert(written <= count);
        records += written;
        count -= written;
    }
    return disk_journal_sync(journal, ret_error);
}

int disk_journal_write_seal(struct disk_journal *journal)
{
    uint8_t seal[SEGMENT_SEAL_BYTES];
    int result;

    if (position_segment(journal->synced) != journal->segment || journal->sealed >= journal->synced)
        return 0;
    seal_encode(journal->identity.incarnation, journal->segment, journal->synced, seal);
    result = fs_write_all(journal->fs, journal->file, seal, sizeof(seal), SEGMENT_SEAL_AT);
    if (result == 0)
        journal->sealed = journal->synced;
    return result;
}

void disk_journal_seal(struct disk_journal *journal)
{
    assert(journal->recovered);
    if (!journal->dead)
        disk_journal_write_seal(journal);
}

decree_lsn disk_journal_written_lsn(const struct disk_journal *journal)
{
    return journal->written_lsn;
}

decree_lsn disk_journal_synced_lsn(const struct disk_journal *journal)
{
    return journal->synced_lsn;
}

uint64_t disk_journal_dropped_bytes(const struct disk_journal *journal)
{
    return journal->dropped_bytes;
}

void disk_journal_close(struct disk_journal *journal)
{
    struct store_error ignored;

    if (journal == NULL)
        return;
    if (journal->recovered && !journal->dead && disk_journal_sync(journal, &ignored) == 0 &&
        disk_journal_write_seal(journal) == 0)
        disk_journal_sync_file(journal, &ignored);
    if (journal->file != FILE_NONE)
        journal->fs->ops->close(journal->fs, journal->file);
    fetch_window_release(&journal->window, journal->fs);
    if (journal->lock_file != FILE_NONE)
        journal->fs->ops->close(journal->fs, journal->lock_file);
    frame_release(&journal->frame);
    slot_index_release(&journal->index);
    free(journal->directory);
    free(journal);
}
