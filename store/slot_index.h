/* SPDX-License-Identifier: MIT */
/* slot_index.h -- where in the journal each slot's last accept record stands.
 *
 * Slots come dense, so it is an array in chunks: 8 bytes a slot. What the array cannot hold, for
 * want of memory or because a slot lies absurdly far from the others, is simply not found; it is
 * never found wrongly.
 */
#ifndef DECREE_STORE_SLOT_INDEX_H
#define DECREE_STORE_SLOT_INDEX_H

#include <decree/paxos.h>

#define SLOT_INDEX_CHUNK_SLOTS 4096u

struct slot_index {
    uint64_t **chunks; /* by slot / SLOT_INDEX_CHUNK_SLOTS; NULL: nothing there */
    uint64_t chunk_count;
};

/* A zeroed struct is an empty index. */
void slot_index_release(struct slot_index *index);

/* Position 0 is none. */
void slot_index_set(struct slot_index *index, decree_slot slot, uint64_t position);
uint64_t slot_index_get(const struct slot_index *index, decree_slot slot);

#endif
