/* SPDX-License-Identifier: MIT */
/* arena.h -- memory for one decoded message, given back all at once.
 *
 * protobuf-c asks for many small pieces and frees each; an arena hands them out one behind the
 * other and frees nothing until the reset. The first block stays for the next message. bytes_max
 * bounds what a hostile message, small on the wire and large in memory, can ask for: past it there
 * is no memory.
 */
#ifndef DECREE_RPC_ARENA_H
#define DECREE_RPC_ARENA_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

struct arena_block;

struct arena {
    ProtobufCAllocator allocator; /* to be given to protobuf-c */
    struct arena_block *blocks;   /* the one in use first, the one that stays last */
    size_t bytes, bytes_max;      /* of all blocks */
    size_t first_block_bytes;
    bool exhausted; /* since the last reset, something was not to be had */
};

void arena_init(struct arena *arena, size_t bytes_max);

/* For one of many arenas, each with little in it most of the time: the first block is small. */
void arena_init_small(struct arena *arena, size_t bytes_max);

void arena_release(struct arena *arena);

/* Aligned for anything; not zeroed; NULL when there is none. */
void *arena_alloc(struct arena *arena, size_t size);

/* Everything handed out is gone. */
void arena_reset(struct arena *arena);

#endif
