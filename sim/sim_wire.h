/* SPDX-License-Identifier: MIT */
/* sim_wire.h -- messages as bytes, as each of the real transports has them.
 *
 *     0  frames of net/codec.h, as over tcp      1  protobuf, as over grpc      2  JSON, as over http
 */
#ifndef DECREE_SIM_SIM_WIRE_H
#define DECREE_SIM_SIM_WIRE_H

#include "arena.h"
#include "byte_buffer.h"
#include "codec.h"

#define SIM_FRAME_BYTES_MAX (8u << 20)
#define SIM_WIRES 3u

struct sim_wire {
    uint64_t kind;
    struct encoder encoder;
    struct decoder decoder;
    struct chunk *frame; /* the one that was read; a letter's key lies in it */
    struct arena sending, receiving;
    struct byte_buffer bytes; /* of the message that was written last */
};

void sim_wire_init(struct sim_wire *wire, uint64_t kind);
void sim_wire_release(struct sim_wire *wire);

/* The bytes are wire->bytes. Errors: as encoder_encode(). */
int sim_wire_write(struct sim_wire *wire, const struct peer_message *message);

/* Makes the letter that the bytes stand for; to be dropped before the next. Errors: CORRUPT. */
int sim_wire_read(struct sim_wire *wire, decree_node_id from, decree_node_id to,
                  const uint8_t *bytes, size_t size, struct peer_letter *ret_letter);
void sim_wire_drop(struct sim_wire *wire, const struct peer_letter *letter);

#endif
