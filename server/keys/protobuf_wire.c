/* SPDX-License-Identifier: MIT */
/* protobuf_wire.c -- see protobuf_wire.h. What is read may be anything. */
#include "protobuf_wire.h"

enum { KIND_VARINT = 0, KIND_64 = 1, KIND_BYTES = 2, KIND_32 = 5 };

static struct kv_bytes read_sized(struct reader *reader)
{
    uint64_t size = read_varint(reader);

    if (size > reader_left(reader))
        reader->failed = true;
    if (reader->failed)
        return (struct kv_bytes){NULL, 0};
    return (struct kv_bytes){read_bytes(reader, (size_t)size), (size_t)size};
}

static void skip(struct reader *reader, unsigned kind)
{
    if (kind == KIND_VARINT)
        read_varint(reader);
    else if (kind == KIND_64)
        read_bytes(reader, 8);
    else if (kind == KIND_BYTES)
        read_sized(reader);
    else if (kind == KIND_32)
        read_bytes(reader, 4);
    else
        reader->failed = true;
}

static void read_field(struct reader *reader, const struct wire_field *field, unsigned kind,
                       uint8_t *ret_struct)
{
    void *place = ret_struct + field->offset;

    if (kind != (field->kind == WIRE_BYTES ? KIND_BYTES : KIND_VARINT)) {
        reader->failed = true;
        return;
    }
    switch (field->kind) {
    case WIRE_BYTES:
        *(struct kv_bytes *)place = read_sized(reader);
        break;
    case WIRE_INT64:
        *(int64_t *)place = (int64_t)read_varint(reader);
        break;
    case WIRE_INT32:
        *(int32_t *)place = (int32_t)read_varint(reader);
        break;
    case WIRE_BOOL:
        *(bool *)place = read_varint(reader) != 0;
        break;
    }
}

bool wire_read(const uint8_t *message, size_t size, const struct wire_field *fields,
               size_t field_count, void *ret_struct)
{
    struct reader reader;

    reader_init(&reader, message, size);
    while (!reader.failed && reader_left(&reader) > 0) {
        uint64_t tag = read_varint(&reader);
        uint64_t number = tag >> 3;

        if (reader.failed || number == 0 || number > UINT32_MAX >> 3)
            return false;
        if (number <= field_count)
            read_field(&reader, &fields[number - 1], (unsigned)(tag & 7), ret_struct);
        else
            skip(&reader, (unsigned)(tag & 7));
    }
    return !reader.failed;
}

bool wire_next(struct reader *reader, struct wire_item *ret_item)
{
    uint64_t tag;

    if (reader->failed || reader_left(reader) == 0)
        return false;
    tag = read_varint(reader);
    if (tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
        reader->failed = true;
    *ret_item = (struct wire_item){.field = (uint32_t)(tag >> 3),
                                   .is_bytes = (tag & 7) == KIND_BYTES};
    if (ret_item->is_bytes)
        ret_item->bytes = read_sized(reader);
    else if ((tag & 7) == KIND_VARINT)
        ret_item->number = read_varint(reader);
    else
        skip(reader, (unsigned)(tag & 7));
    return !reader->failed;
}

size_t wire_varint_size(uint64_t number)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(number | 1);

    return (bits + 6) / 7;
}

size_t wire_int_size(uint64_t number)
{
    return number == 0 ? 0 : 1 + wire_varint_size(number);
}

size_t wire_bytes_size(size_t size)
{
    return size == 0 ? 0 : 1 + wire_varint_size(size) + size;
}

/* As write_varint(), with one look at the end instead of one for each byte. */
static void write_number(struct writer *writer, uint64_t number)
{
    size_t size = wire_varint_size(number);
    uint8_t *space = write_space(writer, size);

    for (size_t i = 0; space != NULL && i < size; i++, number >>= 7)
        space[i] = (uint8_t)(number | (i + 1 < size ? 0x80 : 0));
}

void wire_write_int(struct writer *writer, uint32_t field, uint64_t number)
{
    if (number == 0)
        return;
    write_number(writer, (uint64_t)field << 3 | KIND_VARINT);
    write_number(writer, number);
}

void wire_write_bytes(struct writer *writer, uint32_t field, struct kv_bytes bytes)
{
    if (bytes.size == 0)
        return;
    wire_write_message_head(writer, field, bytes.size);
    write_bytes(writer, bytes.data, bytes.size);
}

void wire_write_message_head(struct writer *writer, uint32_t field, size_t size)
{
    write_number(writer, (uint64_t)field << 3 | KIND_BYTES);
    write_number(writer, size);
}
