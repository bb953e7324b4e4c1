/* SPDX-License-Identifier: MIT */
/* value_block.h -- the values of one received message, in one block of memory.
 *
 *     block = value_block_new(count, size, chunk)      once
 *     value = value_block_add(block, data, size)       count times, with size bytes in all
 *
 * The bytes are copied into the block, or, if there is a chunk, stay in it, and the block keeps the
 * chunk. The block is gone when the last of its values is.
 */
#ifndef DECREE_NET_VALUE_BLOCK_H
#define DECREE_NET_VALUE_BLOCK_H

#include <decree/paxos.h>

#include "chunk.h"

struct value_block;

/* For count values, at least 1. chunk may be NULL; it is referenced. NULL when out of memory. */
struct value_block *value_block_new(uint32_t count, size_t size, struct chunk *chunk);

/* The next value, with one reference. */
struct decree_value *value_block_add(struct value_block *block, const uint8_t *data, uint32_t size);

#endif
