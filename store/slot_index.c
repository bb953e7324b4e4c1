/* SPDX-License-Identifier: MIT */
/* slot_index.c -- where in the journal each slot's last accept record stands. */
#include "slot_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS_AHEAD_MAX \
    16384u /* a jump by more slots than these hold (67 million) is not followed */

void slot_index_release(struct slot_index *index)
{
    for (uint64_t i = 0; i < index->chunk_count; i++)
        free(index->chunks[i]);
    free(index->chunks);
    *index = (struct slot_index){.chunks = NULL};
}

static bool slot_index_grow(struct slot_index *index, uint64_t chunk)
{
    uint64_t count = index->chunk_count < 64 ? 64 : index->chunk_count;
    uint64_t **chunks;

    if (chunk - index->chunk_count > CHUNKS_AHEAD_MAX)
        return false;
    while (count <= chunk)
        count *= 2;
    chunks = realloc(index->chunks, count * sizeof(*chunks));
    if (chunks == NULL)
        return false;
    memset(chunks + index->chunk_count, 0, (count - index->chunk_count) * sizeof(*chunks));
    index->chunks = chunks;
    index->chunk_count = count;
    return true;
}

void slot_index_set(struct slot_index *index, decree_slot slot, uint64_t position)
{
    uint64_t chunk = slot / SLOT_INDEX_CHUNK_SLOTS;

    assert(slot > 0);
    assert(position > 0);
    if (chunk >= index->chunk_count && !slot_index_grow(index, chunk))
        return;
    assert(chunk < index->chunk_count);
    if (index->chunks[chunk] == NULL) {
        index->chunks[chunk] = calloc(SLOT_INDEX_CHUNK_SLOTS, sizeof(uint64_t));
        if (index->chunks[chunk] == NULL)
            return;
    }
    index->chunks[chunk][slot % SLOT_INDEX_CHUNK_SLOTS] = position;
}

uint64_t slot_index_get(const struct slot_index *index, decree_slot slot)
{
    uint64_t chunk = slot / SLOT_INDEX_CHUNK_SLOTS;

    if (chunk >= index->chunk_count || index->chunks[chunk] == NULL)
        return 0;
    return index->chunks[chunk][slot % SLOT_INDEX_CHUNK_SLOTS];
}
