/* SPDX-License-Identifier: MIT */
/* codec_fields.h -- what the two directions of the codec share: the bits of codec.h, and what a run
 * follows from. */
#ifndef DECREE_NET_CODEC_FIELDS_H
#define DECREE_NET_CODEC_FIELDS_H

#include "bytes.h"
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

enum synod_bit { SYNOD_BALLOT = 1, SYNOD_VOTED = 2, SYNOD_VALUE = 4, SYNOD_BITS = 7 };

enum register_bit {
    REGISTER_VERSION = 1,
    REGISTER_NUMBER = 2,
    REGISTER_FIRST = 4, /* and next */
    REGISTER_BALLOT = 8,
    REGISTER_VOTED = 16,
    REGISTER_MARK = 32,
    REGISTER_DECIDED = 64,
    REGISTER_VALUE = 128
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

/* fields.c: ballots, and the fields of the small messages. A failed reader reads nothing more. */
#define VARINTS_BYTES_MAX(count) ((count)*VARINT_BYTES_MAX)
#define SYNOD_FIELDS_BYTES_MAX (1u + VARINTS_BYTES_MAX(4u))
#define REGISTER_FIELDS_BYTES_MAX (1u + VARINTS_BYTES_MAX(12u) + DECREE_REGISTER_KEY_BYTES_MAX)

bool field_ballot_is_set(struct decree_ballot ballot);
void write_field(struct writer *writer, uint64_t number); /* unless it is 0 */
void write_ballot(struct writer *writer, struct decree_ballot ballot);
uint32_t read_varint_u32(struct reader *reader);
struct decree_ballot read_ballot(struct reader *reader);

void write_synod_fields(struct writer *writer, const struct decree_synod_message *message);
void write_register_fields(struct writer *writer, const struct decree_register_message *message);

/* True when a value follows. */
bool read_synod_fields(struct reader *reader, struct decree_synod_message *message);
bool read_register_fields(struct reader *reader, struct decree_register_message *message);

/* Parts of a frame's header; data is where the frame begins. */
void frame_header_write(uint8_t *data, uint8_t type, uint32_t payload_size);
uint64_t frame_seed(const uint8_t *data);
void frame_checksum_write(uint8_t *data, uint64_t sum);

#endif
