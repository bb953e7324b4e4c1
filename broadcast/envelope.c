/* SPDX-License-Identifier: MIT */
/* envelope.c -- writes and reads the form that envelope.h defines. */
#include "envelope.h"

#include <assert.h>

#include "bytes.h"

uint32_t envelope_write(const struct envelope *envelope, uint8_t *data)
{
    struct writer writer;

    assert(envelope->origin >= 1 && envelope->origin <= DECREE_MEMBERS_MAX);
    assert(envelope->incarnation > 0 && envelope->sequence > 0);
    writer_init(&writer, data, ENVELOPE_BYTES_MAX);
    write_u8(&writer, ENVELOPE_MACHINE);
    write_varint(&writer, envelope->origin);
    write_varint(&writer, envelope->incarnation);
    write_varint(&writer, envelope->sequence);
    assert(!writer.failed);
    return (uint32_t)(writer.at - data);
}

bool envelope_read(struct envelope *ret_envelope, const uint8_t *command, uint32_t size)
{
    struct envelope envelope;
    struct reader reader;
    uint64_t origin;

    reader_init(&reader, command, size);
    if (read_u8(&reader) != ENVELOPE_MACHINE)
        return false;
    origin = read_varint(&reader);
    envelope.incarnation = read_varint(&reader);
    envelope.sequence = read_varint(&reader);
    envelope.message = reader.at;
    envelope.size = (uint32_t)reader_left(&reader);
    if (reader.failed || origin == 0 || origin > DECREE_MEMBERS_MAX || envelope.incarnation == 0 ||
        envelope.sequence == 0)
        return false;
    envelope.origin = (decree_node_id)origin;
    *ret_envelope = envelope;
    return true;
}
