/* SPDX-License-Identifier: MIT */
/* codec.c -- frames, their headers and hellos; encode.c and decode.c have the messages. */
#include "codec.h"

#include <assert.h>
#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "codec_fields.h"

void frame_header_write(uint8_t *data, uint8_t type, uint32_t payload_size)
{
    struct writer writer;

    writer_init(&writer, data, FRAME_SEED_BYTES);
    write_u16(&writer, FRAME_MAGIC);
    write_u8(&writer, FRAME_VERSION);
    write_u8(&writer, type);
    write_u32(&writer, payload_size);
    assert(!writer.failed);
}

uint64_t frame_seed(const uint8_t *data)
{
    struct reader reader;

    reader_init(&reader, data, FRAME_SEED_BYTES);
    return read_u64(&reader);
}

void frame_checksum_write(uint8_t *data, uint64_t sum)
{
    struct writer writer;

    writer_init(&writer, data + FRAME_SEED_BYTES, FRAME_HEADER_BYTES - FRAME_SEED_BYTES);
    write_u64(&writer, sum);
    assert(!writer.failed);
}

int frame_header_read(struct frame_header *ret_header, const uint8_t *data,
                      uint32_t frame_bytes_max)
{
    struct frame_header header = {.seed = frame_seed(data)};
    struct reader reader;
    uint16_t magic;

    assert(frame_bytes_max >= HELLO_FRAME_BYTES);
    reader_init(&reader, data, FRAME_HEADER_BYTES);
    magic = read_u16(&reader);
    header.version = read_u8(&reader);
    header.type = read_u8(&reader);
    header.payload_size = read_u32(&reader);
    header.checksum = read_u64(&reader);
    if (magic != FRAME_MAGIC)
        return DECREE_CORRUPT;
    if (header.version != FRAME_VERSION)
        return DECREE_VERSION;
    if (header.payload_size > frame_bytes_max - FRAME_HEADER_BYTES)
        return DECREE_TOO_LARGE;
    *ret_header = header;
    return 0;
}

bool frame_is_sound(const struct frame_header *header, const uint8_t *payload)
{
    return checksum(payload, header->payload_size, header->seed) == header->checksum;
}

void hello_write(const struct hello *hello, uint8_t *data)
{
    struct writer writer;

    frame_header_write(data, FRAME_HELLO, HELLO_PAYLOAD_BYTES);
    writer_init(&writer, data + FRAME_HEADER_BYTES, HELLO_PAYLOAD_BYTES);
    write_u64(&writer, hello->cluster_id);
    write_u32(&writer, hello->from);
    write_u32(&writer, hello->to);
    write_u64(&writer, hello->urgent);
    assert(!writer.failed);
    frame_checksum_write(
        data, checksum(data + FRAME_HEADER_BYTES, HELLO_PAYLOAD_BYTES, frame_seed(data)));
}

int hello_read(struct hello *ret_hello, const struct frame_header *header, const uint8_t *payload)
{
    struct hello hello;
    struct reader reader;

    if (header->type != FRAME_HELLO || header->payload_size != HELLO_PAYLOAD_BYTES)
        return DECREE_CORRUPT;
    reader_init(&reader, payload, header->payload_size);
    hello.cluster_id = read_u64(&reader);
    hello.from = read_u32(&reader);
    hello.to = read_u32(&reader);
    hello.urgent = read_u64(&reader) & 1;
    assert(reader_done(&reader));
    *ret_hello = hello;
    return 0;
}

void frame_free(struct frame *frame)
{
    if (frame == NULL)
        return;
    assert(frame->next == NULL);
    for (uint32_t i = 0; i < frame->value_count; i++)
        decree_value_unref(frame->values[i]);
    free(frame);
}

void frame_copy(const struct frame *frame, uint8_t *data)
{
    size_t at = 0;

    for (uint32_t i = 0; i < frame->piece_count; i++) {
        memcpy(data + at, frame->pieces[i].iov_base, frame->pieces[i].iov_len);
        at += frame->pieces[i].iov_len;
    }
    assert(at == frame->size);
}
