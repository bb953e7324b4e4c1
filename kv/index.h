/* SPDX-License-Identifier: MIT */
/* index.h -- every key ever put, in order, each with its key_index: a B+-tree.
 *
 * Deleted keys stay, for reads of the past, until they are taken out; each inner node knows how many
 * keys under each child are alive, so that a range is counted by its two ends. A node that lost
 * keys is not merged with its neighbours, but one that lost all of them goes.
 *
 * A cursor names a place between keys: before the key that index_at() gives, or the end. It is good
 * until the next index_insert() or index_remove().
 */
#ifndef DECREE_KV_INDEX_H
#define DECREE_KV_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator.h"
#include "index_inner.h"
#include "index_leaf.h"
#include "key_index.h"
#include "store.h"

#define INDEX_HEIGHT_MAX 12u /* of inner nodes; nodes hold 32 and more, except at the end */

struct index {
    struct allocator *allocator;
    const struct store *store; /* where the keys' bytes are */
    void *root;                /* NULL, a leaf, or an inner node */
    unsigned height;           /* of inner nodes above the leaves */
    uint64_t alive;
};

struct index_cursor {
    struct leaf *leaf; /* NULL in an empty index */
    unsigned at;       /* in the leaf; may be its count */
    struct {
        struct inner *inner;
        unsigned at;
    } path[INDEX_HEIGHT_MAX]; /* from the root down */
};

void index_init(struct index *index, struct allocator *allocator, const struct store *store);
void index_release(struct index *index);

/* Puts the cursor before the first key that is not less than this one. Is it this one? */
bool index_seek(const struct index *index, struct kv_bytes key, struct index_cursor *ret_cursor);

/* Puts the cursor at the end. */
void index_end(const struct index *index, struct index_cursor *ret_cursor);

/* What follows the cursor; NULL at the end. The cursor may move over to the next leaf, which is
 * the same place. */
struct key_index *index_at(const struct index *index, struct index_cursor *cursor);

/* Moves past the key that index_at() gave. */
void index_next(struct index_cursor *cursor);

/* Asks the processor for a record a few keys ahead, for who reads one after the other. */
void index_prefetch(const struct index *index, const struct index_cursor *cursor);

/* Of two cursors over which index_at() has been called: are they at the same place? */
bool index_same(const struct index_cursor *a, const struct index_cursor *b);

/* Adds a key, alive. The cursor is as index_seek() left it when it did not find the key. */
void index_insert(struct index *index, struct index_cursor *cursor, struct kv_bytes key,
                  struct key_index key_index);

/* Counts the key after the cursor as come to life, or as died. */
void index_revived(struct index *index, struct index_cursor *cursor);
void index_died(struct index *index, struct index_cursor *cursor);

/* Takes out the key after the cursor, which is not alive. */
void index_remove(struct index *index, struct index_cursor *cursor);

/* The number of keys before the cursor that are alive. */
uint64_t index_alive_before(const struct index *index, const struct index_cursor *cursor);

#endif
