/* SPDX-License-Identifier: MIT */
/* index_leaf.c -- search by hints, then by keys; a prefix that shrinks when a stranger comes and is
 * measured anew when a split leaves closer relatives together.
 *
 * A leaf is allocated for what it holds, in steps of LEAF_STEP keys: half-full leaves, which splits
 * leave behind, would otherwise cost more than everything else in the index.
 */
#include "index_leaf.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define LEAF_STEP 8u
#define HINT_BYTES 4u
#define CACHE_LINE_BYTES 64u

int key_compare(struct kv_bytes a, struct kv_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

uint32_t key_shared(struct kv_bytes a, struct kv_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    size_t shared = 0;

    assert(shorter <= UINT32_MAX);
    while (shared < shorter && a.data[shared] == b.data[shared])
        shared++;
    return (uint32_t)shared;
}

static uint32_t hint_of(struct kv_bytes key, uint32_t prefix)
{
    const uint8_t *at = key.data + prefix;
    uint32_t hint = 0;

    if (key.size >= (size_t)prefix + HINT_BYTES)
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    for (uint32_t i = 0; i < HINT_BYTES; i++)
        hint = hint << 8 | ((size_t)prefix + i < key.size ? key.data[prefix + i] : 0u);
    return hint;
}

static size_t leaf_size(unsigned capacity)
{
    assert(capacity % 2 == 0);
    return offsetof(struct leaf, hints) + capacity * (sizeof(uint32_t) + sizeof(struct key_index));
}

struct leaf *leaf_new(struct allocator *allocator)
{
    struct leaf *leaf = allocator_new(allocator, leaf_size(LEAF_STEP));

    *leaf = (struct leaf){.capacity = LEAF_STEP};
    return leaf;
}

void leaf_free(struct leaf *leaf, struct allocator *allocator)
{
    assert(leaf != NULL);
    for (unsigned i = 0; i < leaf->count; i++)
        key_index_release(&leaf_key_indexes(leaf)[i], allocator);
    allocator_free(allocator, leaf, leaf_size(leaf->capacity));
}

struct kv_bytes leaf_key(struct leaf *leaf, const struct store *store, unsigned at)
{
    assert(at < leaf->count);
    return store_key(store, key_index_last(leaf_key_indexes(leaf)[at]));
}

void leaf_prefetch(const struct leaf *leaf)
{
    for (size_t i = 0; i < leaf_size(LEAF_KEYS_MAX); i += CACHE_LINE_BYTES)
        __builtin_prefetch((const uint8_t *)leaf + i);
}

/* Gives the leaf room for exactly as many keys as that, at least count. */
static void leaf_resize(struct leaf **leaf, struct allocator *allocator, unsigned capacity)
{
    struct leaf *old = *leaf;
    struct leaf *resized;

    assert(capacity >= old->count);
    if (capacity == old->capacity)
        return;
    resized = allocator_new(allocator, leaf_size(capacity));
    *resized = *old;
    resized->capacity = (uint16_t)capacity;
    memcpy(resized->hints, old->hints, old->count * sizeof(uint32_t));
    memcpy(leaf_key_indexes(resized), leaf_key_indexes(old), old->count * sizeof(struct key_index));
    allocator_free(allocator, old, leaf_size(old->capacity));
    *leaf = resized;
}

static unsigned capacity_for(unsigned count)
{
    return count == 0 ? LEAF_STEP : (count + LEAF_STEP - 1) / LEAF_STEP * LEAF_STEP;
}

/* The first of [low, high) whose hint is at least hint. */
static unsigned first_hint(const struct leaf *leaf, uint32_t hint)
{
    unsigned low = 0, left = leaf->count;

    while (left > 0) {
        unsigned half = left / 2;
        bool below = leaf->hints[low + half] < hint;

        low = below ? low + half + 1 : low;
        left = below ? left - half - 1 : half;
    }
    return low;
}

/* Less or more than 0 if the key is before or after all that begin with the leaf's prefix, else
 * 0. */
static int prefix_compare(struct leaf *leaf, const struct store *store, struct kv_bytes key,
                          uint32_t known)
{
    struct kv_bytes prefix;

    if (leaf->prefix <= known)
        return 0;
    if (leaf->prefix - known <= LEAF_TAIL_BYTES && key.size >= leaf->prefix) {
        uint32_t size = leaf->prefix < LEAF_TAIL_BYTES ? leaf->prefix : LEAF_TAIL_BYTES;

        return memcmp(key.data + leaf->prefix - size, leaf->tail, size);
    }
    prefix = leaf_key(leaf, store, 0);
    assert(prefix.size >= leaf->prefix);
    prefix.size = leaf->prefix;
    if (key.size > prefix.size)
        key.size = prefix.size;
    return key_compare(key, prefix);
}

unsigned leaf_search(struct leaf *leaf, const struct store *store, struct kv_bytes key,
                     uint32_t known, bool *ret_found)
{
    uint32_t hint = hint_of(key, leaf->prefix);
    unsigned low, high;
    int order;

    *ret_found = false;
    if (leaf->count == 0)
        return 0;
    low = first_hint(leaf, hint);
    order = prefix_compare(leaf, store, key, known);
    if (order != 0)
        return order < 0 ? 0 : leaf->count;
    for (high = low; high < leaf->count && leaf->hints[high] == hint; high++)
        ;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        order = key_compare(key, leaf_key(leaf, store, middle));
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void set_prefix(struct leaf *leaf, struct kv_bytes key, uint32_t prefix)
{
    uint32_t size = prefix < LEAF_TAIL_BYTES ? prefix : LEAF_TAIL_BYTES;

    assert(prefix <= key.size);
    leaf->prefix = prefix;
    memcpy(leaf->tail, key.data + prefix - size, size);
}

/* Makes the prefix one that the new key shares. The first key can tell for all others what hints
 * must now say of the bytes that were part of the prefix. */
static void shorten_prefix(struct leaf *leaf, const struct store *store, struct kv_bytes key)
{
    struct kv_bytes first;
    uint32_t shared, gained;

    if (leaf->count == 0) {
        set_prefix(leaf, key, (uint32_t)key.size);
        return;
    }
    first = leaf_key(leaf, store, 0);
    shared = key_shared(first, key);
    if (shared >= leaf->prefix)
        return;
    gained = leaf->prefix - shared;
    first.size = leaf->prefix;
    for (unsigned i = 0; i < leaf->count; i++) {
        uint32_t rest = gained < HINT_BYTES ? leaf->hints[i] >> (8 * gained) : 0;

        leaf->hints[i] = hint_of(first, shared) | rest;
    }
    set_prefix(leaf, first, shared);
}

void leaf_insert(struct leaf **leaf, struct allocator *allocator, const struct store *store,
                 unsigned at, struct kv_bytes key, struct key_index key_index)
{
    struct leaf *into = *leaf;
    unsigned after = into->count - at;

    assert(at <= into->count);
    assert(into->count < LEAF_KEYS_MAX);
    if (into->count == into->capacity) {
        leaf_resize(leaf, allocator, into->capacity + LEAF_STEP);
        into = *leaf;
    }
    shorten_prefix(into, store, key);
    memmove(into->hints + at + 1, into->hints + at, after * sizeof(uint32_t));
    memmove(leaf_key_indexes(into) + at + 1, leaf_key_indexes(into) + at,
            after * sizeof(struct key_index));
    into->hints[at] = hint_of(key, into->prefix);
    leaf_key_indexes(into)[at] = key_index;
    into->count++;
}

/* The prefix stays good for those that are left. Memory is given back once half of it is idle. */
void leaf_remove(struct leaf **leaf, struct allocator *allocator, unsigned at)
{
    struct leaf *from = *leaf;
    unsigned after = from->count - at - 1u;

    assert(at < from->count);
    key_index_release(&leaf_key_indexes(from)[at], allocator);
    memmove(from->hints + at, from->hints + at + 1, after * sizeof(uint32_t));
    memmove(leaf_key_indexes(from) + at, leaf_key_indexes(from) + at + 1,
            after * sizeof(struct key_index));
    from->count--;
    if (2u * from->count <= from->capacity)
        leaf_resize(leaf, allocator, capacity_for(from->count));
}

/* Makes the prefix as long as it can be. */
static void lengthen_prefix(struct leaf *leaf, const struct store *store)
{
    uint32_t shared;

    if (leaf->count == 0)
        return;
    shared = key_shared(leaf_key(leaf, store, 0), leaf_key(leaf, store, leaf->count - 1u));
    assert(shared >= leaf->prefix);
    if (shared == leaf->prefix)
        return;
    for (unsigned i = 0; i < leaf->count; i++)
        store_prefetch(store, key_index_last(leaf_key_indexes(leaf)[i]));
    for (unsigned i = 0; i < leaf->count; i++)
        leaf->hints[i] = hint_of(leaf_key(leaf, store, i), shared);
    set_prefix(leaf, leaf_key(leaf, store, 0), shared);
}

struct leaf *leaf_split(struct leaf **leaf, struct allocator *allocator, const struct store *store,
                        unsigned at)
{
    struct leaf *left = *leaf;
    struct leaf *right = leaf_new(allocator);
    unsigned count = left->count - at;

    assert(at <= left->count);
    leaf_resize(&right, allocator, capacity_for(count));
    right->count = (uint16_t)count;
    right->prefix = left->prefix;
    memcpy(right->tail, left->tail, LEAF_TAIL_BYTES);
    memcpy(right->hints, left->hints + at, count * sizeof(uint32_t));
    memcpy(leaf_key_indexes(right), leaf_key_indexes(left) + at, count * sizeof(struct key_index));
    left->count = (uint16_t)at;
    leaf_resize(leaf, allocator, capacity_for(at));
    lengthen_prefix(*leaf, store);
    lengthen_prefix(right, store);
    return right;
}

unsigned leaf_alive(struct leaf *leaf, unsigned end)
{
    unsigned alive = 0;

    assert(end <= leaf->count);
    for (unsigned i = 0; i < end; i++)
        alive += key_index_alive(leaf_key_indexes(leaf)[i]);
    return alive;
}
