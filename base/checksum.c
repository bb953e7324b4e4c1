/* SPDX-License-Identifier: MIT */
/* checksum.c -- the only file that knows which hash it is. */
#include "checksum.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= CHECKSUM_STATE_BYTES, "the state of XXH3 fits");
_Static_assert(_Alignof(XXH3_state_t) <= 64, "and is aligned");

uint64_t checksum(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

void checksum_begin(struct checksum_stream *stream, uint64_t seed)
{
    XXH3_state_t *state = (XXH3_state_t *)(void *)stream->state;

    XXH3_INITSTATE(state);
    (void)XXH3_64bits_reset_withSeed(state, seed);
}

void checksum_add(struct checksum_stream *stream, const void *data, size_t size)
{
    assert(data != NULL || size == 0);
    (void)XXH3_64bits_update((XXH3_state_t *)(void *)stream->state, data, size);
}

uint64_t checksum_end(const struct checksum_stream *stream)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)stream->state);
}
