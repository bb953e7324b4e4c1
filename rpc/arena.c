/* SPDX-License-Identifier: MIT */
/* arena.c -- see arena.h. */
#include "arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_BYTES (64u * 1024)
#define SMALL_BLOCK_BYTES 992u /* with its head, what malloc has at hand */
#define ALIGNMENT alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size, used; /* bytes */
    alignas(max_align_t) uint8_t data[];
};

static void *alloc_hook(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static void free_hook(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

void arena_init(struct arena *arena, size_t bytes_max)
{
    assert(bytes_max >= BLOCK_BYTES);
    *arena = (struct arena){.bytes_max = bytes_max, .first_block_bytes = BLOCK_BYTES};
    arena->allocator = (ProtobufCAllocator){
        .alloc = alloc_hook, .free = free_hook, .allocator_data = arena};
}

void arena_init_small(struct arena *arena, size_t bytes_max)
{
    arena_init(arena, bytes_max);
    arena->first_block_bytes = SMALL_BLOCK_BYTES;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t least = arena->blocks == NULL ? arena->first_block_bytes : BLOCK_BYTES;
    size_t block_size = size > least ? size : least;
    struct arena_block *block;

    if (size > arena->bytes_max || arena->bytes > arena->bytes_max - block_size)
        return NULL;
    block = malloc(sizeof(*block) + block_size);
    if (block == NULL)
        return NULL;
    *block = (struct arena_block){.next = arena->blocks, .size = block_size};
    arena->blocks = block;
    arena->bytes += block_size;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    void *memory;

    if (size > arena->bytes_max) {
        arena->exhausted = true;
        return NULL;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (block == NULL || block->size - block->used < size)
        block = add_block(arena, size);
    if (block == NULL) {
        arena->exhausted = true;
        return NULL;
    }
    memory = block->data + block->used;
    block->used += size;
    return memory;
}

static void free_blocks_until(struct arena *arena, const struct arena_block *last)
{
    while (arena->blocks != last) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        arena->bytes -= block->size;
        free(block);
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_block *oldest = arena->blocks;

    while (oldest != NULL && oldest->next != NULL)
        oldest = oldest->next;
    if (oldest != NULL && oldest->size > BLOCK_BYTES)
        oldest = NULL;
    free_blocks_until(arena, oldest);
    if (oldest != NULL)
        oldest->used = 0;
    arena->exhausted = false;
}

void arena_release(struct arena *arena)
{
    free_blocks_until(arena, NULL);
    assert(arena->bytes == 0);
}
