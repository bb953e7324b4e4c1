/* SPDX-License-Identifier: MIT */
/* value_block.c -- the values lie first, their bytes behind them. */
#include "value_block.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct block_value {
    struct decree_value value; /* first: the two addresses are one */
    struct value_block *block;
};

struct value_block {
    uint32_t refs;       /* of its values, those that are still in use or not yet made */
    uint32_t made;       /* values */
    struct chunk *chunk; /* NULL: the bytes are in the block */
    uint8_t *next, *end; /* of the bytes in the block */
    struct block_value values[];
};

struct value_block *value_block_new(uint32_t count, size_t size, struct chunk *chunk)
{
    size_t values_size = count * sizeof(struct block_value);
    size_t bytes_size = chunk == NULL ? size : 0;
    struct value_block *block = malloc(sizeof(*block) + values_size + bytes_size);

    assert(count > 0);
    if (block == NULL)
        return NULL;
    *block = (struct value_block){.refs = count,
                                  .chunk = chunk == NULL ? NULL : chunk_ref(chunk),
                                  .next = (uint8_t *)block->values + values_size};
    block->end = block->next + bytes_size;
    return block;
}

static void value_release(struct decree_value *value)
{
    struct value_block *block = ((struct block_value *)(void *)value)->block;

    assert(value->refs == 0);
    assert(block->refs > 0);
    if (--block->refs > 0)
        return;
    chunk_unref(block->chunk);
    free(block);
}

struct decree_value *value_block_add(struct value_block *block, const uint8_t *data, uint32_t size)
{
    struct block_value *value = &block->values[block->made];

    assert(block->made < block->refs);
    block->made++;
    if (block->chunk == NULL) {
        assert(size <= (size_t)(block->end - block->next));
        if (size > 0)
            memcpy(block->next, data, size);
        data = block->next;
        block->next += size;
    }
    *value = (struct block_value){
        .value = {.refs = 1, .size = size, .data = data, .release = value_release}, .block = block};
    return &value->value;
}
