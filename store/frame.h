/* SPDX-License-Identifier: MIT */
/* frame.h -- putting a batch of records together for one write, without copying large values.
 *
 *     plan()   how many of the records fit, and how long the frame will be
 *     build()  headers, checksums and small values into one buffer; pieces that point into it and
 *              at the large values, in the order of the file
 *
 * All memory is kept for the next frame.
 */
#ifndef DECREE_STORE_FRAME_H
#define DECREE_STORE_FRAME_H

#include <decree/paxos.h>
#include <sys/uio.h>

#include "format.h"

struct frame { /* zeroed: empty */
    uint32_t record_count;
    uint64_t bytes; /* with header */

    uint8_t *buffer;
    struct iovec *pieces;
    uint32_t *offsets; /* of each record, from the start of the frame */
    size_t buffer_capacity, pieces_capacity, offsets_capacity;
    size_t piece_count;
};

void frame_release(struct frame *frame);

/* Sets record_count (at least 1) and bytes so that bytes_max is not exceeded, unless by a single
 * record. */
void frame_plan(struct frame *frame, const struct decree_record *records, uint32_t count,
                uint64_t bytes_max);

/* Fills in the pieces as planned. header has first_lsn, synced and previous set. The checksum that
 * ends the frame is ret_chain. Error: NOMEM. */
int frame_build(struct frame *frame, const struct decree_record *records,
                struct frame_header header, uint64_t incarnation, uint64_t position,
                uint64_t *ret_chain);

#endif
