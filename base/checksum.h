/* SPDX-License-Identifier: MIT */
/* checksum.h -- XXH3, 64 bits: the one checksum of journal and wire. */
#ifndef DECREE_BASE_CHECKSUM_H
#define DECREE_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_STATE_BYTES 640u

/* Checksum of the bytes; seed chains one block to the block before it. */
uint64_t checksum(const void *data, size_t size, uint64_t seed);

/* The same checksum for bytes that lie in several places. The struct may not be moved while in
 * use. */
struct checksum_stream {
    _Alignas(64) uint8_t state[CHECKSUM_STATE_BYTES];
};

void checksum_begin(struct checksum_stream *stream, uint64_t seed);
void checksum_add(struct checksum_stream *stream, const void *data, size_t size);
uint64_t checksum_end(const struct checksum_stream *stream);

#endif
