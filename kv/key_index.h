/* SPDX-License-Identifier: MIT */
/* key_index.h -- the revisions of one key, oldest first, as positions in the store.
 *
 * They fall into generations: one runs from the put that creates the key to the tombstone that
 * deletes it, and a later put begins the next. The records tell create_revision and version; here
 * it is enough to know which revisions are tombstones.
 *
 * Most keys have one revision, so that a key_index is one word:
 *
 *   bit 0 clear   bits 2..63 the position of the only revision
 *   bit 0 set     with bits 0 and 1 cleared, the address of the list of all revisions
 *   bit 1         the latest revision is a tombstone: the key is not there now
 */
#ifndef DECREE_KV_KEY_INDEX_H
#define DECREE_KV_KEY_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator.h"
#include "store.h"

struct key_index {
    uint64_t word;
};

/* A key with its first revision, a put. */
struct key_index key_index_make(uint64_t position);

/* Frees the list, if there is one. */
void key_index_release(struct key_index *key_index, struct allocator *allocator);

/* Adds the next revision. */
void key_index_append(struct key_index *key_index, struct allocator *allocator, uint64_t position,
                      bool tombstone);

/* The position of the latest revision, be it a put or a tombstone. */
uint64_t key_index_last(struct key_index key_index);

/* Finds the put that the key had at the horizon; false if the key was not there. */
bool key_index_get(struct key_index key_index, const struct store *store,
                   const struct horizon *horizon, uint64_t *ret_position);

/* Is the latest revision a put? */
static inline bool key_index_alive(struct key_index key_index)
{
    return (key_index.word & 2) == 0;
}

#endif
