/* SPDX-License-Identifier: MIT */
/* send_queue.h -- frames that wait for a connection, bounded by bytes.
 *
 * Only the first frame can have been written in part; the queue knows how much of it, and never
 * drops it then.
 */
#ifndef DECREE_NET_SEND_QUEUE_H
#define DECREE_NET_SEND_QUEUE_H

#include "codec.h"

struct send_queue {
    struct frame *first, *last;
    uint64_t bytes; /* still to be written */
    size_t written; /* bytes of first */
};

static inline bool send_queue_is_empty(const struct send_queue *queue)
{
    return queue->first == NULL;
}

/* Takes the frame, as the newest. */
void send_queue_push(struct send_queue *queue, struct frame *frame);

/* Drops the oldest frames until no more than bytes_max are left, but not one that is written in
 * part, nor the newest. Returns how many. */
uint32_t send_queue_trim(struct send_queue *queue, uint64_t bytes_max);

/* Frees all frames; returns how many. */
uint32_t send_queue_clear(struct send_queue *queue);

/* Names what is to be written next, from the oldest on: at most pieces_max. Returns how many;
 * ret_bytes is their sum. */
uint32_t send_queue_gather(const struct send_queue *queue, struct iovec *ret_pieces,
                           uint32_t pieces_max, size_t *ret_bytes);

/* So many bytes from the oldest on were written; returns how many frames that completed, which are
 * freed. */
uint32_t send_queue_written(struct send_queue *queue, size_t bytes);

/* Moves the oldest frames to the empty queue to: one at least, and more while these have no more
 * than bytes_max. */
void send_queue_split(struct send_queue *queue, struct send_queue *to, size_t bytes_max);

#endif
