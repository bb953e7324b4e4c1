/* SPDX-License-Identifier: MIT */
/* command.c -- commands to bytes and back. What comes in may be anything, so decode trusts no
 * size. */
#include "command.h"

#include <assert.h>

#include "bytes.h"

#define COMMAND_HEAD_BYTES 3u
#define LEASE_BYTES 8u

static size_t varint_size(uint64_t number)
{
    size_t size = 1;

    for (; number >= 0x80; number >>= 7)
        size++;
    assert(size <= VARINT_BYTES_MAX);
    return size;
}

static size_t sized_bytes_size(struct kv_bytes bytes)
{
    return varint_size(bytes.size) + bytes.size;
}

static void write_sized_bytes(struct writer *writer, struct kv_bytes bytes)
{
    write_varint(writer, bytes.size);
    write_bytes(writer, bytes.data, bytes.size);
}

static struct kv_bytes read_sized_bytes(struct reader *reader)
{
    uint64_t size = read_varint(reader);

    if (size > reader_left(reader))
        reader->failed = true;
    if (reader->failed)
        return (struct kv_bytes){NULL, 0};
    return (struct kv_bytes){read_bytes(reader, (size_t)size), (size_t)size};
}

static unsigned put_flags(const struct command_put *put)
{
    return (put->prev_kv ? COMMAND_PREV_KV : 0u) | (put->ignore_value ? COMMAND_IGNORE_VALUE : 0u) |
           (put->ignore_lease ? COMMAND_IGNORE_LEASE : 0u) |
           (put->lease != 0 ? COMMAND_HAS_LEASE : 0u);
}

size_t command_size(const struct command *command)
{
    const struct command_put *put = &command->u.put;
    const struct command_delete_range *delete_range = &command->u.delete_range;

    switch (command->op) {
    case COMMAND_PUT:
        return COMMAND_HEAD_BYTES + sized_bytes_size(put->key) + sized_bytes_size(put->value) +
               (put->lease != 0 ? LEASE_BYTES : 0);
    case COMMAND_DELETE_RANGE:
        return COMMAND_HEAD_BYTES + sized_bytes_size(delete_range->key) +
               sized_bytes_size(delete_range->range_end);
    }
    assert(false);
    return 0;
}

static void encode_put(struct writer *writer, const struct command_put *put)
{
    assert(put->key.size > 0);
    assert(!put->ignore_value || put->value.size == 0);
    assert(!put->ignore_lease || put->lease == 0);
    write_u8(writer, (uint8_t)put_flags(put));
    write_sized_bytes(writer, put->key);
    write_sized_bytes(writer, put->value);
    if (put->lease != 0)
        write_u64(writer, (uint64_t)put->lease);
}

static void encode_delete_range(struct writer *writer,
                                const struct command_delete_range *delete_range)
{
    assert(delete_range->key.size > 0);
    write_u8(writer, delete_range->prev_kv ? COMMAND_PREV_KV : 0);
    write_sized_bytes(writer, delete_range->key);
    write_sized_bytes(writer, delete_range->range_end);
}

void command_encode(const struct command *command, uint8_t *data, size_t size)
{
    struct writer writer;

    assert(size == command_size(command));
    writer_init(&writer, data, size);
    write_u8(&writer, COMMAND_MACHINE_KV);
    write_u8(&writer, (uint8_t)command->op);
    switch (command->op) {
    case COMMAND_PUT:
        encode_put(&writer, &command->u.put);
        break;
    case COMMAND_DELETE_RANGE:
        encode_delete_range(&writer, &command->u.delete_range);
        break;
    }
    assert(!writer.failed);
    assert(writer.at == writer.end);
}

static bool decode_put(struct reader *reader, struct command_put *ret_put)
{
    uint8_t flags = read_u8(reader);
    uint8_t known = COMMAND_PREV_KV | COMMAND_IGNORE_VALUE | COMMAND_IGNORE_LEASE |
                    COMMAND_HAS_LEASE;

    ret_put->prev_kv = (flags & COMMAND_PREV_KV) != 0;
    ret_put->ignore_value = (flags & COMMAND_IGNORE_VALUE) != 0;
    ret_put->ignore_lease = (flags & COMMAND_IGNORE_LEASE) != 0;
    ret_put->key = read_sized_bytes(reader);
    ret_put->value = read_sized_bytes(reader);
    if ((flags & COMMAND_HAS_LEASE) != 0) {
        ret_put->lease = (int64_t)read_u64(reader);
        if (ret_put->lease == 0 || ret_put->ignore_lease)
            return false;
    }
    if (ret_put->ignore_value && ret_put->value.size > 0)
        return false;
    return (flags & ~known) == 0 && ret_put->key.size > 0;
}

static bool decode_delete_range(struct reader *reader,
                                struct command_delete_range *ret_delete_range)
{
    uint8_t flags = read_u8(reader);

    ret_delete_range->prev_kv = (flags & COMMAND_PREV_KV) != 0;
    ret_delete_range->key = read_sized_bytes(reader);
    ret_delete_range->range_end = read_sized_bytes(reader);
    return (flags & ~COMMAND_PREV_KV) == 0 && ret_delete_range->key.size > 0;
}

bool command_decode(const uint8_t *data, size_t size, struct command *ret_command)
{
    struct command command = {0};
    struct reader reader;
    bool good = false;

    reader_init(&reader, data, size);
    if (size > COMMAND_BYTES_MAX || read_u8(&reader) != COMMAND_MACHINE_KV)
        return false;
    switch (read_u8(&reader)) {
    case COMMAND_PUT:
        command.op = COMMAND_PUT;
        good = decode_put(&reader, &command.u.put);
        break;
    case COMMAND_DELETE_RANGE:
        command.op = COMMAND_DELETE_RANGE;
        good = decode_delete_range(&reader, &command.u.delete_range);
        break;
    }
    if (!good || !reader_done(&reader))
        return false;
    *ret_command = command;
    return true;
}
