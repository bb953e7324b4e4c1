/* SPDX-License-Identifier: MIT */
/* codec_fields.h -- what the two directions of the codec share: the bits of codec.h, and what a run
 * follows from. */
#ifndef DECREE_NET_CODEC_FIELDS_H
#define DECREE_NET_CODEC_FIELDS_H

#include "codec.h"

#define FRAME_SEED_BYTES 8u

enum field_bit {
    FIELD_BALLOT = 1,
    FIELD_SLOT = 2,
    FIELD_LAST = 4,
    FIELD_DECIDED = 8,
    FIELD_ROUND = 16,
    FIELD_AGE = 32,
    FIELD_COUNT = 64,
    FIELD_PVALUES = 128
};

enum run_bit {
    RUN_BALLOT = 1,
    RUN_SLOT = 2,
    RUN_ORIGIN = 4,
    RUN_INCARNATION = 8,
    RUN_SEQUENCE = 16,
    RUN_VALUES = 32
};
#define RUN_COUNT_SHIFT 6u

#define RUN_ORIGINS 32u

/* What the next run is expected to be; both sides carry it along in the same way. */
struct run_expected {
    struct decree_ballot ballot;
    decree_slot slot;
    decree_node_id origin;
    struct {
        uint64_t incarnation, sequence;
    } origins[RUN_ORIGINS];
};

static inline void run_expected_init(struct run_expected *expected, struct decree_ballot ballot,
                                     decree_slot slot)
{
    *expected = (struct run_expected){.ballot = ballot, .slot = slot};
}

/* Slots and sequences rise by one, but what is unset stays so. */
static inline uint64_t run_step(uint64_t slot)
{
    return slot == 0 ? 0 : 1;
}

static inline uint64_t zigzag(uint64_t difference)
{
    return (difference << 1) ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t number)
{
    return (number >> 1) ^ (0 - (number & 1));
}

/* Parts of a frame's header; data is where the frame begins. */
void frame_header_write(uint8_t *data, uint8_t type, uint32_t payload_size);
uint64_t frame_seed(const uint8_t *data);
void frame_checksum_write(uint8_t *data, uint64_t sum);

#endif
