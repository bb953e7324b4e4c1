/* SPDX-License-Identifier: MIT */
/* disk_journal_inside.h -- what disk_journal.c, recovery.c and fetch.c share; nobody else includes
 * it. */
#ifndef DECREE_STORE_DISK_JOURNAL_INSIDE_H
#define DECREE_STORE_DISK_JOURNAL_INSIDE_H

#include "disk_journal.h"
#include "format.h"
#include "frame.h"
#include "fs_util.h"
#include "identity.h"
#include "segment.h"
#include "slot_index.h"

#define FILE_NONE (-1)

/* What fetch() has read last: bytes [offset, offset + size) of a segment. */
struct fetch_window {
    int file;
    uint64_t segment; /* 0: no file is open */
    uint64_t offset;
    uint8_t *data;
    size_t size, capacity;
};

struct disk_journal {
    struct fs *fs;
    char *directory;
    struct identity identity;
    uint64_t segment_bytes;
    uint32_t value_bytes_max;
    int lock_file;
    bool recovered;
    bool dead;              /* a sync failed */
    uint64_t dropped_bytes; /* of a torn tail */

    int file;              /* the segment that is written to */
    uint64_t segment;      /* its number */
    uint64_t segment_size; /* its length in bytes */
    uint64_t offset;       /* where its next frame begins */
    uint64_t dirty_end; /* a write failed: bytes from offset to here may not be zero; 0: all are */
    uint64_t chain;     /* the checksum that ends the last frame */
    uint64_t synced;    /* position up to which all is durable */
    uint64_t sealed;    /* position in the last seal */
    decree_lsn written_lsn, synced_lsn;
    uint64_t segment_last; /* highest number of a segment that is made */
    bool ordered;          /* somebody makes segment_last + 1 just now */

    struct frame frame;
    struct slot_index index;
    struct fetch_window window;
};

static inline uint64_t disk_journal_position(const struct disk_journal *journal)
{
    return position_make(journal->segment, journal->offset);
}

static inline void disk_journal_path(const struct disk_journal *journal, uint64_t segment,
                                     char *path)
{
    char name[FS_NAME_MAX];

    segment_name(name, segment);
    fs_path(path, journal->directory, name);
}

/* Syncs the current file; a failure is fatal. recovery.c uses it too. */
int disk_journal_sync_file(struct disk_journal *journal, struct store_error *error);

/* Writes the seal for what is synced, if it lies in the current segment. */
int disk_journal_write_seal(struct disk_journal *journal);

void fetch_window_release(struct fetch_window *window, struct fs *fs);

#endif
