/* SPDX-License-Identifier: MIT */
/* lease.h -- the leases that were granted, and which keys hang on each.
 *
 * Time does not pass here: when a lease ends is decided outside, and its revocation is a command
 * like any other. What is kept of time is what everybody must agree on after a change of leader:
 * the seconds that were granted, and those that were left when that was last written down.
 *
 * Leases lie in a hash table by id. As clients choose ids, the hash has a seed: who knows it could fill
 * one place with all of his. Nothing but the order of leases_next() depends on it.
 */
#ifndef DECREE_KV_LEASE_H
#define DECREE_KV_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocator.h"
#include "lease_keys.h"

struct lease {
    int64_t id;
    int64_t granted;   /* seconds */
    int64_t remaining; /* seconds, as of the last checkpoint; 0: none was made */
    uint64_t stamp;    /* of its grant or last renewal in the log */
    struct lease_keys keys;
};

struct leases {
    struct allocator *allocator;
    uint64_t seed;
    struct lease **places; /* a power of two of them; NULL: free */
    size_t place_count, count;
};

void leases_init(struct leases *leases, struct allocator *allocator, uint64_t seed);
void leases_release(struct leases *leases);

/* NULL: there is none of this id. Borrowed until it is removed. */
struct lease *leases_find(const struct leases *leases, int64_t id);

/* Adds a lease of an id that is not there. */
struct lease *leases_add(struct leases *leases, int64_t id, int64_t seconds);
void leases_remove(struct leases *leases, struct lease *lease);

/* The next lease after *at, in no order that means anything, or NULL; *at begins at 0. */
struct lease *leases_next(const struct leases *leases, size_t *at);

#endif
