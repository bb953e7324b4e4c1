/* SPDX-License-Identifier: MIT */
/* kv_messages.c -- see kv_messages.h. */
#include "kv_messages.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define HEADER_BYTES_MAX (4u * (1 + VARINT_BYTES_MAX))

static const struct wire_field RANGE_FIELDS[] = {
    {WIRE_BYTES, offsetof(struct range_request, key)},
    {WIRE_BYTES, offsetof(struct range_request, range_end)},
    {WIRE_INT64, offsetof(struct range_request, limit)},
    {WIRE_INT64, offsetof(struct range_request, revision)},
    {WIRE_INT32, offsetof(struct range_request, sort_order)},
    {WIRE_INT32, offsetof(struct range_request, sort_target)},
    {WIRE_BOOL, offsetof(struct range_request, serializable)},
    {WIRE_BOOL, offsetof(struct range_request, keys_only)},
    {WIRE_BOOL, offsetof(struct range_request, count_only)},
    {WIRE_INT64, offsetof(struct range_request, min_mod_revision)},
    {WIRE_INT64, offsetof(struct range_request, max_mod_revision)},
    {WIRE_INT64, offsetof(struct range_request, min_create_revision)},
    {WIRE_INT64, offsetof(struct range_request, max_create_revision)},
};

static const struct wire_field PUT_FIELDS[] = {
    {WIRE_BYTES, offsetof(struct put_request, key)},
    {WIRE_BYTES, offsetof(struct put_request, value)},
    {WIRE_INT64, offsetof(struct put_request, lease)},
    {WIRE_BOOL, offsetof(struct put_request, prev_kv)},
    {WIRE_BOOL, offsetof(struct put_request, ignore_value)},
    {WIRE_BOOL, offsetof(struct put_request, ignore_lease)},
};

static const struct wire_field DELETE_RANGE_FIELDS[] = {
    {WIRE_BYTES, offsetof(struct delete_range_request, key)},
    {WIRE_BYTES, offsetof(struct delete_range_request, range_end)},
    {WIRE_BOOL, offsetof(struct delete_range_request, prev_kv)},
};

static const struct wire_field COMPACTION_FIELDS[] = {
    {WIRE_INT64, offsetof(struct compaction_request, revision)},
    {WIRE_BOOL, offsetof(struct compaction_request, physical)},
};

bool range_request_read(const uint8_t *message, size_t size, struct range_request *ret_request)
{
    *ret_request = (struct range_request){0};
    return wire_read(message, size, RANGE_FIELDS, COUNT(RANGE_FIELDS), ret_request);
}

bool put_request_read(const uint8_t *message, size_t size, struct put_request *ret_request)
{
    *ret_request = (struct put_request){0};
    return wire_read(message, size, PUT_FIELDS, COUNT(PUT_FIELDS), ret_request);
}

bool delete_range_request_read(const uint8_t *message, size_t size,
                               struct delete_range_request *ret_request)
{
    *ret_request = (struct delete_range_request){0};
    return wire_read(message, size, DELETE_RANGE_FIELDS, COUNT(DELETE_RANGE_FIELDS), ret_request);
}

bool compaction_request_read(const uint8_t *message, size_t size,
                             struct compaction_request *ret_request)
{
    *ret_request = (struct compaction_request){0};
    return wire_read(message, size, COMPACTION_FIELDS, COUNT(COMPACTION_FIELDS), ret_request);
}

void response_header_write(struct byte_buffer *out, const struct response_header *header)
{
    size_t size = wire_int_size(header->cluster_id) + wire_int_size(header->member_id) +
                  wire_int_size((uint64_t)header->revision) + wire_int_size(header->term);
    uint8_t *room = byte_buffer_reserve(out, 2 + HEADER_BYTES_MAX);
    struct writer writer;

    if (room == NULL)
        return;
    writer_init(&writer, room, 2 + HEADER_BYTES_MAX);
    wire_write_message_head(&writer, 1, size);
    wire_write_int(&writer, 1, header->cluster_id);
    wire_write_int(&writer, 2, header->member_id);
    wire_write_int(&writer, 3, (uint64_t)header->revision);
    wire_write_int(&writer, 4, header->term);
    assert(!writer.failed);
    assert((size_t)(writer.at - room) == 2 + size);
    byte_buffer_grew(out, 2 + size);
}

void pair_write(struct byte_buffer *out, uint32_t field, const struct kv_pair *pair, bool keys_only)
{
    struct kv_bytes value = keys_only ? (struct kv_bytes){NULL, 0} : pair->value;
    size_t size = wire_bytes_size(pair->key.size) + wire_int_size((uint64_t)pair->create_revision) +
                  wire_int_size((uint64_t)pair->mod_revision) +
                  wire_int_size((uint64_t)pair->version) + wire_bytes_size(value.size) +
                  wire_int_size((uint64_t)pair->lease);
    size_t whole = 1 + wire_varint_size(size) + size;
    uint8_t *room = byte_buffer_reserve(out, whole);
    struct writer writer;

    if (room == NULL)
        return;
    writer_init(&writer, room, whole);
    wire_write_message_head(&writer, field, size);
    wire_write_bytes(&writer, 1, pair->key);
    wire_write_int(&writer, 2, (uint64_t)pair->create_revision);
    wire_write_int(&writer, 3, (uint64_t)pair->mod_revision);
    wire_write_int(&writer, 4, (uint64_t)pair->version);
    wire_write_bytes(&writer, 5, value);
    wire_write_int(&writer, 6, (uint64_t)pair->lease);
    assert(!writer.failed);
    assert(writer.at == writer.end);
    byte_buffer_grew(out, whole);
}

/* The size takes one byte, as that of most messages does, until it is known to need more. */
size_t message_begin(struct byte_buffer *out, uint32_t field)
{
    uint8_t head[] = {(uint8_t)(field << 3 | 2), 0};

    assert(field < 16);
    byte_buffer_append(out, head, sizeof(head));
    return out->size;
}

void message_end(struct byte_buffer *out, size_t begun)
{
    size_t size = out->size - begun;
    size_t more = wire_varint_size(size) - 1;
    struct writer writer;

    if (out->failed || byte_buffer_reserve(out, more) == NULL)
        return;
    assert(out->size >= begun);
    memmove(out->data + begun + more, out->data + begun, size);
    byte_buffer_grew(out, more);
    writer_init(&writer, out->data + begun - 1, more + 1);
    write_varint(&writer, size);
    assert(!writer.failed);
}

void number_write(struct byte_buffer *out, uint32_t field, uint64_t number)
{
    size_t size = wire_int_size(number);
    uint8_t *room = byte_buffer_reserve(out, size);
    struct writer writer;

    if (room == NULL || size == 0)
        return;
    writer_init(&writer, room, size);
    wire_write_int(&writer, field, number);
    assert(writer.at == writer.end);
    byte_buffer_grew(out, size);
}
