/* SPDX-License-Identifier: MIT */
/* user_frame.h -- what a user's transport moves: a batch of messages, or a piece of one.
 *
 *    0  2    0xdec5
 *    2  1    version of this format, 1
 *    3  1    0
 *    4  4    sender
 *    8  4    receiver
 *   12  4    bytes of the whole batch, at least 1
 *   16  8    cluster id
 *   24  8    number of the batch: rises from batch to batch of a sender's run
 *   32  4    where in the batch these bytes begin
 *   36  4    0
 *   40  8    checksum: XXH3-64 of the bytes that follow, seeded with that of the 40 before
 *   48 ...   bytes of the batch, at least 1, to the end of the frame
 *
 * Numbers are little-endian. The pieces of a batch have to arrive in order; a batch that misses one
 * is dropped when the next begins. Nothing is allocated on the word of a length that has not
 * arrived.
 */
#ifndef DECREE_NET_USER_FRAME_H
#define DECREE_NET_USER_FRAME_H

#include <decree/paxos.h>

#include "parcels.h"

#define USER_FRAME_MAGIC 0xdec5u
#define USER_FRAME_VERSION 1u
#define USER_FRAME_HEAD_BYTES 48u

struct user_frame_head {
    decree_node_id from, to;
    uint32_t batch_size, offset;
    uint64_t cluster_id, number;
};

/* Writes the head of a frame of size bytes; those behind the head are in place. */
void user_frame_write(const struct user_frame_head *head, uint8_t *frame, size_t size);

/* False: this is no frame, or its batch is longer than batch_size_max. */
bool user_frame_read(struct user_frame_head *ret_head, const uint8_t *frame, size_t size,
                     uint32_t batch_size_max);

/* True if the frame is the one that was written. Its head was read. */
bool user_frame_is_sound(const uint8_t *frame, size_t size);

/* The pieces of a batch of one sender, as far as they have come. */
struct user_batch {
    uint64_t number;
    uint32_t size, got;    /* bytes of it */
    struct parcels pieces; /* frames, their heads too */
};

/* Takes in a sound frame, with its head. Returns how many were dropped for it, of this batch or of
 * one that will never be whole. */
uint32_t user_batch_add(struct user_batch *batch, const struct user_frame_head *head,
                        struct parcel *frame);

/* True: all of it is there, and it is not empty. */
bool user_batch_is_whole(const struct user_batch *batch);

/* A whole batch in one chunk of its own, which is the caller's; then there is none in batch. offset:
 * where it begins in the chunk. NULL: no memory. */
struct chunk *user_batch_take(struct user_batch *batch, size_t *ret_offset);

void user_batch_release(struct user_batch *batch);

#endif
