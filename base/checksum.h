/* SPDX-License-Identifier: MIT */
/* checksum.h -- XXH3, 64 bits: the one checksum of journal and wire. */
#ifndef DECREE_BASE_CHECKSUM_H
#define DECREE_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of the bytes; seed chains one block to the block before it. */
uint64_t checksum(const void *data, size_t size, uint64_t seed);

#endif
