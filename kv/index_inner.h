/* SPDX-License-Identifier: MIT */
/* index_inner.h -- an inner node of the index: children, what separates them, how many keys live
 * under each.
 *
 * Child i holds the keys from separator i on (child 0: from anywhere on) up to before separator i +
 * 1. A separator is the shortest key that does this, in memory of its own; as in leaves, the length
 * of the prefix that all share and a hint, here of eight bytes, answer most comparisons. There is
 * one separator for every 40 or so keys, so that these nodes together stay in the processor's cache
 * and their size hardly counts.
 */
#ifndef DECREE_KV_INDEX_INNER_H
#define DECREE_KV_INDEX_INNER_H

#include <stdint.h>

#include "allocator.h"
#include "command.h"

#define INNER_CHILDREN_MAX 128u

struct separator;

struct inner {
    uint32_t count;  /* children */
    uint32_t prefix; /* bytes that all separators share */
    uint64_t hints[INNER_CHILDREN_MAX];
    uint64_t alive[INNER_CHILDREN_MAX];               /* keys alive under the child */
    struct separator *separators[INNER_CHILDREN_MAX]; /* the first is NULL */
    void *children[INNER_CHILDREN_MAX];               /* of one kind: leaves or inner nodes */
};

/* A copy of the bytes. */
struct separator *separator_new(struct allocator *allocator, struct kv_bytes bytes);

/* A node with one child. */
struct inner *inner_new(struct allocator *allocator, void *child, uint64_t alive);

/* Frees the separators too, but no children. */
void inner_free(struct inner *inner, struct allocator *allocator);

/* The child where the key is, if anywhere. */
unsigned inner_search(const struct inner *inner, struct kv_bytes key);

/* Adds a child at place at, which is not the first; takes the separator. The node has room. */
void inner_insert(struct inner *inner, unsigned at, struct separator *separator, void *child,
                  uint64_t alive);

/* Takes out a child of several, with its separator: that of the second, if it is the first. */
void inner_remove(struct inner *inner, struct allocator *allocator, unsigned at);

/* Where to split a full node: near the middle, where the separator is shortest. There the keys
 * differ earliest, so that each half is left with more of a prefix, and its hints tell more. */
unsigned inner_middle(const struct inner *inner);

/* Moves the children from at on to a new node, which is returned. The separator between the two
 * nodes goes to ret_separator. */
struct inner *inner_split(struct inner *inner, struct allocator *allocator, unsigned at,
                          struct separator **ret_separator);

/* The number of keys alive under the children before end. */
uint64_t inner_alive(const struct inner *inner, unsigned end);

#endif
