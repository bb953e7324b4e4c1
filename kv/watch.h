/* SPDX-License-Identifier: MIT */
/* watch.h -- whom a change concerns: a set of watches, each of a key or a range of keys.
 *
 * Watches of one range share a node, so that a thousand watchers of a key cost one. Nodes are a
 * treap by the beginning of their ranges, and each knows the furthest end below it (an interval
 * tree): the watches of a key are found in a time that grows with their number and the logarithm
 * of all.
 */
#ifndef DECREE_KV_WATCH_H
#define DECREE_KV_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "allocator.h"
#include "command.h"

struct watch_range;

struct watch { /* the first member, or any, of the owner's struct */
    struct watch_range *range;
    struct watch *next, **link; /* those of the same range */
};

struct watch_set {
    struct allocator *allocator;
    struct watch_range *root;
    size_t range_count, watch_count;
    uint64_t seed; /* set before the first watch: one that nobody can guess keeps the tree flat */
};

void watch_set_init(struct watch_set *set, struct allocator *allocator);

/* Adds a watch of a range in etcd's way of writing it; key and range_end are copied. An empty
 * range concerns nobody and is not to be added. */
void watch_add(struct watch_set *set, struct watch *watch, struct kv_bytes key,
               struct kv_bytes range_end);
void watch_remove(struct watch_set *set, struct watch *watch);

/* Visits every watch that the key concerns. visit may remove the watch that it is given, and no
 * other; it adds none. */
void watch_visit(const struct watch_set *set, struct kv_bytes key,
                 void (*visit)(void *context, struct watch *watch), void *context);

#endif
