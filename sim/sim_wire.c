/* SPDX-License-Identifier: MIT */
/* sim_wire.c -- the shipped encoders and decoders, one message at a time. */
#include "sim_wire.h"

#include <assert.h>

#include "peer_proto.h"
#include "protobuf_json.h"

#define WIRE_FRAME 0u
#define WIRE_PROTOBUF 1u
#define WIRE_CLUSTER 1u
#define ARENA_BYTES_MAX (64u << 20)
#define KEPT_BYTES (1u << 20)

void sim_wire_init(struct sim_wire *wire, uint64_t kind)
{
    assert(kind < SIM_WIRES);
    *wire = (struct sim_wire){.kind = kind};
    encoder_init(&wire->encoder, SIM_FRAME_BYTES_MAX);
    decoder_init(&wire->decoder);
    arena_init(&wire->sending, ARENA_BYTES_MAX);
    arena_init(&wire->receiving, ARENA_BYTES_MAX);
}

void sim_wire_release(struct sim_wire *wire)
{
    encoder_release(&wire->encoder);
    decoder_release(&wire->decoder);
    arena_release(&wire->sending);
    arena_release(&wire->receiving);
    byte_buffer_release(&wire->bytes);
}

static int write_frame(struct sim_wire *wire, const struct peer_message *message)
{
    struct frame *frame;
    uint8_t *space;
    int error = encoder_encode(&wire->encoder, message, &frame);

    if (error != 0)
        return error;
    space = byte_buffer_reserve(&wire->bytes, frame->size);
    if (space != NULL) {
        frame_copy(frame, space);
        byte_buffer_grew(&wire->bytes, frame->size);
    }
    frame_free(frame);
    return wire->bytes.failed ? DECREE_NOMEM : 0;
}

static int write_proto(struct sim_wire *wire, const struct peer_message *message)
{
    const Decree__V1__Message *wrapped = peer_proto_wrap(&wire->sending, WIRE_CLUSTER, message);
    size_t size;
    uint8_t *space;

    if (wrapped == NULL)
        return DECREE_NOMEM;
    if (wire->kind == WIRE_PROTOBUF) {
        size = protobuf_c_message_get_packed_size(&wrapped->base);
        space = byte_buffer_reserve(&wire->bytes, size);
        if (space != NULL)
            byte_buffer_grew(&wire->bytes, protobuf_c_message_pack(&wrapped->base, space));
    } else {
        protobuf_json_write(&wire->bytes, &wrapped->base);
    }
    arena_reset(&wire->sending);
    return wire->bytes.failed ? DECREE_NOMEM : 0;
}

int sim_wire_write(struct sim_wire *wire, const struct peer_message *message)
{
    byte_buffer_reset(&wire->bytes, KEPT_BYTES);
    return wire->kind == WIRE_FRAME ? write_frame(wire, message) : write_proto(wire, message);
}

static int read_frame(struct sim_wire *wire, decree_node_id from, decree_node_id to,
                      const uint8_t *bytes, size_t size, struct peer_letter *ret_letter)
{
    struct chunk *chunk = chunk_new(size);
    struct frame_header header;
    int error;

    assert(chunk != NULL);
    memcpy(chunk->data, bytes, size);
    error = frame_header_read(&header, chunk->data, SIM_FRAME_BYTES_MAX);
    if (error == 0 && (header.payload_size != size - FRAME_HEADER_BYTES ||
                       !frame_is_sound(&header, chunk->data + FRAME_HEADER_BYTES)))
        error = DECREE_CORRUPT;
    if (error == 0)
        error = decoder_decode(&wire->decoder, &header, chunk->data + FRAME_HEADER_BYTES, chunk,
                               from, to, ret_letter);
    if (error == 0)
        wire->frame = chunk;
    else
        chunk_unref(chunk);
    return error;
}

static int read_proto(struct sim_wire *wire, decree_node_id from, decree_node_id to,
                      const uint8_t *bytes, size_t size, struct peer_letter *ret_letter)
{
    char sentence[PROTOBUF_JSON_SENTENCE_BYTES];
    ProtobufCMessage *message = NULL;
    const Decree__V1__Message *wrapped;

    if (wire->kind == WIRE_PROTOBUF)
        message = protobuf_c_message_unpack(&decree__v1__message__descriptor,
                                            &wire->receiving.allocator, size, bytes);
    else
        (void)protobuf_json_read(&message, (const char *)bytes, size, NULL,
                                 &decree__v1__message__descriptor, &wire->receiving, sentence);
    wrapped = (const Decree__V1__Message *)message;
    if (wrapped == NULL || wrapped->cluster_id != WIRE_CLUSTER || wrapped->sender != from ||
        wrapped->receiver != to)
        return DECREE_CORRUPT;
    return peer_proto_unwrap(&wire->receiving, wrapped, ret_letter) == NULL ? 0 : DECREE_CORRUPT;
}

int sim_wire_read(struct sim_wire *wire, decree_node_id from, decree_node_id to,
                  const uint8_t *bytes, size_t size, struct peer_letter *ret_letter)
{
    assert(from != to);
    assert(wire->frame == NULL); /* one letter at a time */
    return wire->kind == WIRE_FRAME ? read_frame(wire, from, to, bytes, size, ret_letter)
                                    : read_proto(wire, from, to, bytes, size, ret_letter);
}

void sim_wire_drop(struct sim_wire *wire, const struct peer_letter *letter)
{
    if (wire->kind == WIRE_FRAME) {
        decoder_drop(&wire->decoder, letter);
        chunk_unref(wire->frame);
        wire->frame = NULL;
    } else {
        peer_proto_drop(letter);
        arena_reset(&wire->receiving);
    }
}
