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

/* The only revision is a tombstone: what a compaction may leave of a key. */
void key_index_bury(struct key_index *key_index);

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

/* The number of revisions, oldest first, that were there at the horizon; *ret_last, if there are
 * any, is the position of the last of them, and *ret_tombstone whether it is one. */
uint32_t key_index_count(struct key_index key_index, const struct store *store,
                         const struct horizon *horizon, uint64_t *ret_last, bool *ret_tombstone);

/* The position of a revision, of count from 0, the oldest. */
uint64_t key_index_at(struct key_index key_index, uint32_t at);
uint32_t key_index_size(struct key_index key_index);

/* Drops the oldest revisions; at least one stays. */
void key_index_drop(struct key_index *key_index, struct allocator *allocator, uint32_t count);

/* Where the position of a revision is kept, or NULL if the key has none at that position; for
 * key_index_move(), as long as the key_index does not change. */
uint64_t *key_index_find(struct key_index *key_index, uint64_t position);

/* The record of the revision is elsewhere now. */
void key_index_move(uint64_t *mark, uint64_t position);

/* Is the latest revision a put? */
static inline bool key_index_alive(struct key_index key_index)
{
    return (key_index.word & 2) == 0;
}

#endif
