/* SPDX-License-Identifier: MIT */
/* segment_scan.h -- what recovery wants to know of a segment's bytes; pure, over a buffer.
 *
 * The rules by which a torn tail is told from rot are in format.h.
 */
#ifndef DECREE_STORE_SEGMENT_SCAN_H
#define DECREE_STORE_SEGMENT_SCAN_H

#include <decree/paxos.h>

#include "format.h"

struct segment_scan {
    const uint8_t *data; /* the whole segment */
    uint64_t bytes;      /* a multiple of 8 */
    uint64_t incarnation;
    uint64_t number;
};

enum frame_state {
    FRAME_GOOD = 1, /* continues the chain, every record checks */
    FRAME_NONE,    /* nothing, or a write that was cut off; or, rarely, damage that looks like it */
    FRAME_ROTTEN,  /* written in full, and changed since */
    FRAME_FOREIGN, /* whole, but does not continue the chain */
    FRAME_UNKNOWN  /* holds a type of record that this version does not know */
};

struct frame_found {
    struct frame_header header;
    uint64_t body_at; /* where its records begin */
    uint64_t end;     /* where the next frame begins */
    uint64_t chain;   /* the checksum that ends it */
};

/* Looks at the place of a frame. ret_found is set if GOOD. */
enum frame_state segment_scan_frame(const struct segment_scan *scan, uint64_t offset,
                                    uint64_t chain, decree_lsn first_lsn,
                                    struct frame_found *ret_found);

/* True if a frame's header stands here that continues the chain, whatever its records are. */
bool segment_scan_continues(const struct segment_scan *scan, uint64_t offset, uint64_t chain,
                            decree_lsn first_lsn);

/* Goes over all that is at offset and behind it. ret_used_end: past the last byte that is not zero;
 * offset if there is none. ret_mark: the highest synced position that a frame there tells of; 0:
 * none. */
void segment_scan_rest(const struct segment_scan *scan, uint64_t offset, uint64_t *ret_used_end,
                       uint64_t *ret_mark);

#endif
