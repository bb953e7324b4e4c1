/* SPDX-License-Identifier: MIT */
/* lease_keys.c -- an array of blocks, each an array of keys. A full block is split in the middle; one
 * that has become empty goes.
 */
#include "lease_keys.h"

#include <assert.h>
#include <string.h>

#include "index_leaf.h"

struct lease_key {
    size_t size;
    uint8_t bytes[];
};

struct lease_block {
    struct lease_key **keys;
    uint32_t count, capacity;
};

static struct kv_bytes bytes_of(const struct lease_key *key)
{
    return (struct kv_bytes){key->bytes, key->size};
}

static void free_key(struct allocator *allocator, struct lease_key *key)
{
    allocator_free(allocator, key, sizeof(*key) + key->size);
}

static void free_block(struct allocator *allocator, struct lease_block *block)
{
    allocator_free(allocator, block->keys, block->capacity * sizeof(block->keys[0]));
}

/* ---- places ---- */

/* The block that has the key, or would have it: the last that does not begin behind it. */
static uint32_t find_block(const struct lease_keys *keys, struct kv_bytes key)
{
    uint32_t low = 0, high = keys->block_count;

    assert(high > 0);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (key_compare(bytes_of(keys->blocks[middle].keys[0]), key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

/* Where in the block the key is, or would be. */
static uint32_t find_key(const struct lease_block *block, struct kv_bytes key, bool *ret_found)
{
    uint32_t low = 0, high = block->count;

    *ret_found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = key_compare(bytes_of(block->keys[middle]), key);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- blocks ---- */

/* Adds an empty block at that place. */
static struct lease_block *add_block(struct lease_keys *keys, struct allocator *allocator,
                                     uint32_t at)
{
    if (keys->block_count == keys->block_capacity) {
        uint32_t capacity = keys->block_capacity == 0 ? 1 : 2 * keys->block_capacity;

        keys->blocks = allocator_resize(allocator, keys->blocks,
                                        keys->block_capacity * sizeof(keys->blocks[0]),
                                        capacity * sizeof(keys->blocks[0]));
        keys->block_capacity = capacity;
    }
    memmove(keys->blocks + at + 1, keys->blocks + at,
            (keys->block_count - at) * sizeof(keys->blocks[0]));
    keys->block_count++;
    keys->blocks[at] = (struct lease_block){0};
    return &keys->blocks[at];
}

static void reserve(struct lease_block *block, struct allocator *allocator, uint32_t capacity)
{
    assert(capacity <= LEASE_BLOCK_KEYS);
    block->keys = allocator_resize(allocator, block->keys, block->capacity * sizeof(block->keys[0]),
                                   capacity * sizeof(block->keys[0]));
    block->capacity = capacity;
}

/* Half of the block's keys go to a new one behind it. */
static void split(struct lease_keys *keys, struct allocator *allocator, uint32_t at)
{
    struct lease_block *right = add_block(keys, allocator, at + 1);
    struct lease_block *left = &keys->blocks[at];
    uint32_t half = left->count / 2;

    reserve(right, allocator, LEASE_BLOCK_KEYS);
    right->count = left->count - half;
    memcpy(right->keys, left->keys + half, right->count * sizeof(right->keys[0]));
    left->count = half;
}

/* The block that the key belongs into, with room for it. */
static struct lease_block *block_for(struct lease_keys *keys, struct allocator *allocator,
                                     struct kv_bytes key)
{
    struct lease_block *block;
    uint32_t at;

    if (keys->block_count == 0)
        (void)add_block(keys, allocator, 0);
    else if (keys->blocks[at = find_block(keys, key)].count == LEASE_BLOCK_KEYS)
        split(keys, allocator, at);
    block = keys->count == 0 ? keys->blocks : &keys->blocks[find_block(keys, key)];
    if (block->count == block->capacity)
        reserve(block, allocator, block->capacity == 0 ? 1 : 2 * block->capacity);
    return block;
}

/* ---- keys ---- */

void lease_keys_add(struct lease_keys *keys, struct allocator *allocator, struct kv_bytes key)
{
    struct lease_key *copy = allocator_new(allocator, sizeof(*copy) + key.size);
    struct lease_block *block = block_for(keys, allocator, key);
    bool found;
    uint32_t at = find_key(block, key, &found);

    assert(!found);
    copy->size = key.size;
    memcpy(copy->bytes, key.data, key.size);
    memmove(block->keys + at + 1, block->keys + at, (block->count - at) * sizeof(block->keys[0]));
    block->keys[at] = copy;
    block->count++;
    keys->count++;
}

void lease_keys_remove(struct lease_keys *keys, struct allocator *allocator, struct kv_bytes key)
{
    uint32_t number = find_block(keys, key);
    struct lease_block *block = &keys->blocks[number];
    bool found;
    uint32_t at = find_key(block, key, &found);

    assert(found);
    free_key(allocator, block->keys[at]);
    keys->count--;
    block->count--;
    memmove(block->keys + at, block->keys + at + 1, (block->count - at) * sizeof(block->keys[0]));
    if (block->count > 0)
        return;
    free_block(allocator, block);
    keys->block_count--;
    memmove(block, block + 1, (keys->block_count - number) * sizeof(*block));
}

void lease_keys_release(struct lease_keys *keys, struct allocator *allocator)
{
    for (uint32_t i = 0; i < keys->block_count; i++) {
        for (uint32_t at = 0; at < keys->blocks[i].count; at++)
            free_key(allocator, keys->blocks[i].keys[at]);
        free_block(allocator, &keys->blocks[i]);
    }
    allocator_free(allocator, keys->blocks, keys->block_capacity * sizeof(keys->blocks[0]));
    *keys = (struct lease_keys){0};
}

bool lease_keys_next(const struct lease_keys *keys, struct lease_keys_place *place,
                     struct kv_bytes *ret_key)
{
    if (place->block == keys->block_count)
        return false;
    *ret_key = bytes_of(keys->blocks[place->block].keys[place->at]);
    if (++place->at == keys->blocks[place->block].count)
        *place = (struct lease_keys_place){.block = place->block + 1};
    return true;
}
