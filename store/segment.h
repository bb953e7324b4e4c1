/* SPDX-License-Identifier: MIT */
/* segment.h -- making the files of the journal, full of zeros, before they are needed. */
#ifndef DECREE_STORE_SEGMENT_H
#define DECREE_STORE_SEGMENT_H

#include <stdbool.h>

#include "fs.h"
#include "store_error.h"

struct segment_order {
    struct fs *fs;
    const char *directory; /* borrowed from the journal */
    uint64_t incarnation;
    uint64_t number;
    uint64_t bytes; /* wanted */
    uint64_t
        bytes_min; /* if the disk is too full for more, halves of what is wanted down to this */
    /* Called between pieces of the work, each then synced, so that a background thread can leave
     * the disk to others; false: give up. NULL: as fast as possible. */
    bool (*pace)(void *context);
    void *pace_context;
};

/* The name of a segment's file, into name[FS_NAME_MAX], and back; 0: not the name of a segment. */
void segment_name(char *name, uint64_t number);
uint64_t segment_number(const char *name);

/* Deletes what a crash may have left of a segment that was being made. */
void segment_remove_unfinished(struct fs *fs, const char *directory);

/* Makes the segment: durable, with its name. Any thread; one at a time in a directory. On failure
 * nothing counts as made, and it can be tried again. Errors: IO, never fatal; CLOSED: pace() gave
 * up. */
int segment_prepare(const struct segment_order *order, struct store_error *ret_error);

#endif
