/* SPDX-License-Identifier: MIT */
/* lease_keys.h -- the keys that hang on one lease: a copy of each, in order.
 *
 * They lie in blocks of a bounded size, so that a lease may have a million of them, and to hang one
 * more on it still costs no more than to look for its place.
 */
#ifndef DECREE_KV_LEASE_KEYS_H
#define DECREE_KV_LEASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocator.h"
#include "command.h"

#define LEASE_BLOCK_KEYS 256u

struct lease_block;

struct lease_keys { /* all zero: empty */
    struct lease_block *blocks;
    uint32_t block_count, block_capacity;
    size_t count;
};

/* The key is not there already, or is there. */
void lease_keys_add(struct lease_keys *keys, struct allocator *allocator, struct kv_bytes key);
void lease_keys_remove(struct lease_keys *keys, struct allocator *allocator, struct kv_bytes key);

void lease_keys_release(struct lease_keys *keys, struct allocator *allocator);

struct lease_keys_place { /* all zero: before the first */
    uint32_t block, at;
};

/* The next key in order, borrowed until the keys change; false at the end. */
bool lease_keys_next(const struct lease_keys *keys, struct lease_keys_place *place,
                     struct kv_bytes *ret_key);

#endif
