/* SPDX-License-Identifier: MIT */
/* format.c -- segment header, seal and frame header to bytes and back, as format.h says. */
#include "format.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"

static const char segment_magic[9] = "decreeJ\n";
static const char seal_magic[9] = "decreeS\n";

void segment_header_encode(const struct segment_header *header, uint8_t *data)
{
    struct writer writer;

    assert(header->number > 0);
    writer_init(&writer, data, SEGMENT_HEADER_BYTES);
    write_bytes(&writer, segment_magic, 8);
    write_u32(&writer, header->version);
    write_u32(&writer, 0);
    write_u64(&writer, header->incarnation);
    write_u64(&writer, header->number);
    write_u64(&writer, header->bytes);
    write_u64(&writer, checksum(data, SEGMENT_HEADER_BYTES - 8, 0));
    assert(!writer.failed);
    assert(writer.at == writer.end);
}

bool segment_header_decode(const uint8_t *data, struct segment_header *ret_header)
{
    struct reader reader;
    struct segment_header header;

    reader_init(&reader, data, SEGMENT_HEADER_BYTES);
    if (memcmp(read_bytes(&reader, 8), segment_magic, 8) != 0)
        return false;
    header.version = read_u32(&reader);
    read_u32(&reader);
    header.incarnation = read_u64(&reader);
    header.number = read_u64(&reader);
    header.bytes = read_u64(&reader);
    if (read_u64(&reader) != checksum(data, SEGMENT_HEADER_BYTES - 8, 0))
        return false;
    assert(reader_done(&reader));
    *ret_header = header;
    return true;
}

static uint64_t seal_seed(uint64_t incarnation, uint64_t segment)
{
    return incarnation ^ position_make(segment, SEGMENT_SEAL_AT);
}

void seal_encode(uint64_t incarnation, uint64_t segment, uint64_t synced, uint8_t *data)
{
    struct writer writer;

    assert(position_segment(synced) == segment);
    writer_init(&writer, data, SEGMENT_SEAL_BYTES);
    write_bytes(&writer, seal_magic, 8);
    write_u64(&writer, synced);
    write_u64(&writer, checksum(data, SEGMENT_SEAL_BYTES - 8, seal_seed(incarnation, segment)));
    assert(!writer.failed);
}

bool seal_decode(uint64_t incarnation, uint64_t segment, const uint8_t *data, uint64_t *ret_synced)
{
    struct reader reader;
    uint64_t synced;

    reader_init(&reader, data, SEGMENT_SEAL_BYTES);
    if (memcmp(read_bytes(&reader, 8), seal_magic, 8) != 0)
        return false;
    synced = read_u64(&reader);
    if (read_u64(&reader) !=
        checksum(data, SEGMENT_SEAL_BYTES - 8, seal_seed(incarnation, segment)))
        return false;
    *ret_synced = synced;
    return true;
}

uint64_t frame_header_encode(const struct frame_header *header, uint64_t incarnation,
                             uint64_t position, uint8_t *data)
{
    struct writer writer;
    uint64_t sum;

    assert(header->record_count > 0);
    assert(header->synced <= position);
    writer_init(&writer, data, FRAME_HEADER_BYTES);
    write_u32(&writer, FRAME_MAGIC);
    write_u32(&writer, header->body_bytes);
    write_u32(&writer, header->record_count);
    write_u32(&writer, 0);
    write_u64(&writer, header->first_lsn);
    write_u64(&writer, header->synced);
    write_u64(&writer, header->previous);
    sum = checksum(data, FRAME_HEADER_BYTES - 8, incarnation ^ position);
    write_u64(&writer, sum);
    assert(!writer.failed);
    return sum;
}

bool frame_header_decode(const uint8_t *data, uint64_t incarnation, uint64_t position,
                         struct frame_header *ret_header, uint64_t *ret_checksum)
{
    struct reader reader;
    struct frame_header header;
    uint64_t sum;

    reader_init(&reader, data, FRAME_HEADER_BYTES);
    if (read_u32(&reader) != FRAME_MAGIC)
        return false;
    header.body_bytes = read_u32(&reader);
    header.record_count = read_u32(&reader);
    read_u32(&reader);
    header.first_lsn = read_u64(&reader);
    header.synced = read_u64(&reader);
    header.previous = read_u64(&reader);
    sum = read_u64(&reader);
    if (sum != checksum(data, FRAME_HEADER_BYTES - 8, incarnation ^ position))
        return false;
    assert(reader_done(&reader));
    *ret_header = header;
    *ret_checksum = sum;
    return true;
}
