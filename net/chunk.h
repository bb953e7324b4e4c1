/* SPDX-License-Identifier: MIT */
/* chunk.h -- memory that bytes are received into, and that values go on living in.
 *
 * A chunk is counted: by who fills it and by each message whose values lie in it. Bytes go from the
 * socket to the journal, the peers and the state machine without another copy. The price is that a
 * value keeps its chunk; so only messages whose values fill a good part of a chunk borrow from it
 * (see codec.c), and a chunk that nobody borrows from is filled again.
 *
 * The inbox cuts a stream of bytes into frames:
 *
 *     chunk:   [ taken frames | start: a frame, perhaps cut short :used |   room   ]
 *
 *     space = inbox_space(inbox, &size)    where to receive to
 *     inbox_filled(inbox, count)           so many bytes came
 *     inbox_peek(inbox, &size)             what is there and not yet taken
 *     inbox_expect(inbox, size)            the frame that begins here has so many bytes
 *     inbox_take(inbox, size)              done with these
 *
 * A frame that does not fit into the chunk moves to one of its own, which grows as bytes arrive, at
 * most to twice what has arrived: a length that lies costs its sender as much as it costs us.
 */
#ifndef DECREE_NET_CHUNK_H
#define DECREE_NET_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_BYTES (64u << 10)

struct chunk { /* the count is not atomic: one thread */
    uint32_t refs;
    size_t capacity;
    uint8_t *data;
};

/* One with one reference; NULL when out of memory. */
struct chunk *chunk_new(size_t capacity);
struct chunk *chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk); /* NULL is fine */

struct inbox {
    struct chunk *chunk; /* NULL until something is to come */
    size_t start, used;  /* in chunk */
    size_t expected;     /* bytes of the frame at start, as far as known; else 0 */
};

void inbox_init(struct inbox *inbox);
void inbox_release(struct inbox *inbox);

/* Room for at least one byte, or NULL when out of memory. Valid until the next call. */
uint8_t *inbox_space(struct inbox *inbox, size_t *ret_size);
void inbox_filled(struct inbox *inbox, size_t count);

const uint8_t *inbox_peek(const struct inbox *inbox, size_t *ret_size);
void inbox_expect(struct inbox *inbox, size_t size);
void inbox_take(struct inbox *inbox, size_t size);

#endif
