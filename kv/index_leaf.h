/* SPDX-License-Identifier: MIT */
/* index_leaf.h -- a leaf of the index: up to LEAF_KEYS_MAX keys in order, without the keys' bytes.
 *
 * A key's bytes are in the store, once; the leaf reaches them through the key_index. To look there
 * seldom, it keeps the length of the prefix that its keys share and, per key, a hint: the next four
 * bytes as a number, zeros past the end of the key. Hints order as keys do, but keys with equal
 * hints must be looked at. A key that is sought may lack the prefix: the way down the tree has
 * shown some bytes of it to be right, and the leaf's copy of its tail mostly answers for the rest.
 */
#ifndef DECREE_KV_INDEX_LEAF_H
#define DECREE_KV_INDEX_LEAF_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator.h"
#include "key_index.h"
#include "store.h"

#define LEAF_KEYS_MAX 64u
#define LEAF_TAIL_BYTES 8u

struct leaf {
    uint16_t count, capacity;      /* keys */
    uint32_t prefix;               /* bytes that all keys share, of which hints say nothing */
    uint8_t tail[LEAF_TAIL_BYTES]; /* the last of these bytes, or all of them and then anything */
    uint32_t hints[];              /* capacity of them; then as many key_index */
};

/* capacity is even, so that these are aligned. */
static inline struct key_index *leaf_key_indexes(struct leaf *leaf)
{
    return (struct key_index *)(void *)(leaf->hints + leaf->capacity);
}

/* -1, 0 or 1: keys order as bytes, a prefix before what it begins. */
int key_compare(struct kv_bytes a, struct kv_bytes b);

/* The number of bytes that they share at the front. */
uint32_t key_shared(struct kv_bytes a, struct kv_bytes b);

struct leaf *leaf_new(struct allocator *allocator);

/* Also frees what its keys own. */
void leaf_free(struct leaf *leaf, struct allocator *allocator);

struct kv_bytes leaf_key(struct leaf *leaf, const struct store *store, unsigned at);

/* Asks the processor for a leaf that will be searched soon. */
void leaf_prefetch(const struct leaf *leaf);

/* Where the key is, or would be. Its first known bytes are known to be those that the leaf's
 * keys begin with. */
unsigned leaf_search(struct leaf *leaf, const struct store *store, struct kv_bytes key,
                     uint32_t known, bool *ret_found);

/* Adds a key at the place where leaf_search() did not find it. The leaf has room; it may move. */
void leaf_insert(struct leaf **leaf, struct allocator *allocator, const struct store *store,
                 unsigned at, struct kv_bytes key, struct key_index key_index);

/* Takes a key out, with what it owns; the leaf may move. */
void leaf_remove(struct leaf **leaf, struct allocator *allocator, unsigned at);

/* Moves the keys from at on to a new leaf, which is returned; the old one may move. */
struct leaf *leaf_split(struct leaf **leaf, struct allocator *allocator, const struct store *store,
                        unsigned at);

/* The number of keys, before end, that are alive. */
unsigned leaf_alive(struct leaf *leaf, unsigned end);

#endif
