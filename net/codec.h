/* SPDX-License-Identifier: MIT */
/* codec.h -- the wire form of messages: frames.
 *
 * Numbers are little-endian; a varint has 7 bits a byte, low ones first, the top bit set on all but
 * the last; a zigzag is the varint of (d << 1) ^ (d >> 63), so that small differences of either
 * sign are short.
 *
 * FRAME      16 bytes, then the payload
 *    0  2    0xdec4
 *    2  1    version of this format, 1
 *    3  1    type: 0 a hello; below 32 a message of paxos (enum decree_message_type); 32 and more one of a synod
 *            (enum decree_synod_message_type); 64 and more one of the registers (enum decree_register_message_type)
 *    4  4    bytes of payload
 *    8  8    checksum: XXH3-64 of the payload, seeded with the 8 bytes before, so that it covers these too
 *
 * HELLO      24 bytes: the first frame on a connection, and the answer to it
 *    0  8    cluster id: of equal clusters only; nodes that disagree do not talk
 *    8  4    sender
 *   12  4    receiver that is meant
 *   16  1    1: on the way for what is urgent, see peer_message_is_urgent(); 0: on the other
 *   17  7    0, for later
 *
 * Sender and receiver of a message are those of the hello, so that a frame is the same for every peer. A ballot is
 * two varints, round and node.
 *
 * PAXOS MESSAGE
 *    1       which fields are not zero, from bit 0: ballot, slot, last, decided, round, age_ns, count, pvalues
 *    ...     those fields, in this order: the ballot; pvalues is the varint of how many there are; each
 *            other one is a varint
 *    ...     runs, until all pvalues are named
 *    ...     the values, end to end, to the end of the payload
 *
 * RUN        pvalues that follow from one another: the same ballot, origin and incarnation, sequences and slots that
 *            rise by one (not those that are 0), and all with a value or all without
 *    varint  n << 6 | flags, for n >= 1 pvalues
 *    flag 1  ballot: round and node, varints. Else that of the run before; of the message, for the first
 *    flag 2  slot: zigzag of the difference to the expected one. Expected is what follows the run before;
 *            the message's slot, for the first
 *    flag 4  origin, a varint. Else that of the run before; 0 for the first
 *    flag 8  incarnation: zigzag of the difference to the last one with the same origin % 32 (0 at first)
 *    flag 16 sequence: zigzag of the difference to the expected one: what follows the last run with the
 *            same origin % 32 (0 at first)
 *    flag 32 n varints: the sizes of the values. Else there are no values (not even empty ones)
 *
 * A pvalue of a run that goes on costs what its size costs: two bytes for 128 to 16383 bytes. One
 * that breaks the run by its origin costs two bytes more.
 *
 * SYNOD MESSAGE
 *    1       which fields are there: 1 ballot, 2 voted, 4 value; the other bits are 0
 *    ...     those ballots, in this order
 *    ...     the value, to the end of the payload
 *
 * REGISTER MESSAGE
 *    1       which fields are there: 1 version, 2 number, 4 first and next, 8 ballot, 16 voted, 32 mark, 64 decided,
 *            128 value
 *    varint  bytes of the key, 1 to 4096; and these bytes
 *    ...     those fields, in this order: varints; the mark is three, node, incarnation and sequence; decided is
 *            the bit alone
 *    ...     the value, to the end of the payload
 *
 * A frame that differs from this by one bit, is cut short, has bytes left over, or names more than
 * the bounds below, is refused whole. Nothing is allocated on the word of a length that has not
 * arrived.
 */
#ifndef DECREE_NET_CODEC_H
#define DECREE_NET_CODEC_H

#include <sys/uio.h>

#include "chunk.h"
#include "peer_message.h"

#define FRAME_MAGIC 0xdec4u
#define FRAME_VERSION 1u
#define FRAME_HEADER_BYTES 16u
#define FRAME_HELLO 0u
#define FRAME_SYNOD 32u    /* plus the type in its protocol */
#define FRAME_REGISTER 64u /* likewise */
#define HELLO_PAYLOAD_BYTES 24u
#define HELLO_FRAME_BYTES (FRAME_HEADER_BYTES + HELLO_PAYLOAD_BYTES)
#define FRAME_BYTES_MAX_DEFAULT (64u << 20)
#define FRAME_PVALUES_MAX (1u << 17)

/* Values up to this size are copied into the frame: for them a copy is cheaper than one more
 * piece. */
#define FRAME_COPY_BYTES_MAX 1024u

struct frame_header {
    uint8_t version;
    uint8_t type;
    uint32_t payload_size;
    uint64_t seed, checksum;
};

struct hello {
    uint64_t cluster_id;
    decree_node_id from, to;
    bool urgent;
};

/* An encoded message: bytes of its own, and references on the larger values, which stay where they
 * are. */
struct frame {
    struct frame *next; /* for queues */
    uint32_t size;      /* bytes on the wire */
    uint32_t piece_count, value_count;
    struct decree_value **values; /* referenced */
    struct iovec pieces[];        /* together, the bytes on the wire */
};

/* Buffers that are used again from message to message. */
struct encoder {
    uint8_t *fields; /* what is written before the values */
    size_t fields_size_max;
    uint32_t frame_bytes_max;
};

struct decoder {
    struct decree_pvalue *pvalues;
    uint32_t *sizes;      /* of their values */
    uint32_t pvalues_max; /* allocated of both */
};

void encoder_init(struct encoder *encoder, uint32_t frame_bytes_max);
void encoder_release(struct encoder *encoder);

/* Encodes a message. The frame keeps references on values, to be dropped by frame_free() on the
 * same thread. Errors: TOO_LARGE, NOMEM. */
int encoder_encode(struct encoder *encoder, const struct peer_message *message,
                   struct frame **ret_frame);

/* NULL is fine. */
void frame_free(struct frame *frame);

/* Writes the whole frame to data, which has room for frame->size bytes. */
void frame_copy(const struct frame *frame, uint8_t *data);

/* Reads the header from its FRAME_HEADER_BYTES bytes. Errors: CORRUPT: not our magic; VERSION;
 * TOO_LARGE: it claims more than frame_bytes_max in all. */
int frame_header_read(struct frame_header *ret_header, const uint8_t *data,
                      uint32_t frame_bytes_max);

/* True when the payload is the one that the header speaks of. */
bool frame_is_sound(const struct frame_header *header, const uint8_t *payload);

void decoder_init(struct decoder *decoder);
void decoder_release(struct decoder *decoder);

/* Decodes a sound payload that lies in chunk; from and to are for the message. The pvalues belong
 * to the decoder until its next call, a key lies in the payload; each value has one reference,
 * which decoder_drop() drops; the values live in the chunk, or in memory of their own when they are
 * small for it. Errors: CORRUPT, NOMEM. */
int decoder_decode(struct decoder *decoder, const struct frame_header *header,
                   const uint8_t *payload, struct chunk *chunk, decree_node_id from,
                   decree_node_id to, struct peer_letter *ret_letter);
void decoder_drop(struct decoder *decoder, const struct peer_letter *letter);

/* Writes a hello with its header: HELLO_FRAME_BYTES bytes. */
void hello_write(const struct hello *hello, uint8_t *data);

/* Reads the payload of a sound hello. Errors: CORRUPT. */
int hello_read(struct hello *ret_hello, const struct frame_header *header, const uint8_t *payload);

#endif
