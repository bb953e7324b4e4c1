/* SPDX-License-Identifier: MIT */
/* register_record.c -- see register_record.h. */
#include "register_record.h"

#include <assert.h>
#include <stdlib.h>

#include "bytes.h"

/* kind, size of the key, version, ballot, mark */
#define FIELDS_BYTES_MAX (1u + 8u * VARINT_BYTES_MAX)

static bool has_value(enum register_record_kind kind)
{
    return kind == REGISTER_VOTE || kind == REGISTER_LATE_VOTE || kind == REGISTER_LEARNED;
}

static bool has_ballot(enum register_record_kind kind)
{
    return kind != REGISTER_BOOT && kind != REGISTER_COMPACT;
}

static void write_fields(struct writer *writer, const struct register_record *record)
{
    write_u8(writer, (uint8_t)record->kind);
    if (record->kind == REGISTER_BOOT) {
        write_varint(writer, record->incarnation);
        return;
    }
    write_varint(writer, record->key.size);
    write_bytes(writer, record->key.data, record->key.size);
    write_varint(writer, record->version);
    if (has_ballot(record->kind)) {
        write_varint(writer, record->ballot.round);
        write_varint(writer, record->ballot.node);
    }
    if (!has_value(record->kind))
        return;
    write_varint(writer, record->mark.node);
    write_varint(writer, record->mark.incarnation);
    write_varint(writer, record->mark.sequence);
    write_bytes(writer, record->value, record->value_size);
}

static void free_bytes(struct decree_value *value)
{
    free(value);
}

struct decree_value *register_record_encode(const struct register_record *record)
{
    size_t room = FIELDS_BYTES_MAX + record->key.size + record->value_size;
    struct decree_value *value = malloc(sizeof(*value) + room);
    uint8_t *data = (uint8_t *)(value + 1);
    struct writer writer;

    if (value == NULL)
        return NULL;
    writer_init(&writer, data, room);
    write_fields(&writer, record);
    assert(!writer.failed);
    *value = (struct decree_value){
        .refs = 1, .size = (uint32_t)(writer.at - data), .data = data, .release = free_bytes};
    return value;
}

static uint32_t read_node(struct reader *reader)
{
    uint64_t node = read_varint(reader);

    if (node > UINT32_MAX)
        reader->failed = true;
    return (uint32_t)node;
}

static void read_key(struct reader *reader, struct decree_register_key *key)
{
    uint64_t size = read_varint(reader);

    if (size == 0 || size > DECREE_REGISTER_KEY_BYTES_MAX) {
        reader->failed = true;
        return;
    }
    key->size = (uint32_t)size;
    key->data = read_bytes(reader, key->size);
}

static void read_fields(struct reader *reader, struct register_record *record)
{
    if (record->kind == REGISTER_BOOT) {
        record->incarnation = read_varint(reader);
        return;
    }
    read_key(reader, &record->key);
    record->version = read_varint(reader);
    if (has_ballot(record->kind)) {
        record->ballot.round = read_varint(reader);
        record->ballot.node = read_node(reader);
    }
    if (!has_value(record->kind))
        return;
    record->mark.node = read_node(reader);
    record->mark.incarnation = read_varint(reader);
    record->mark.sequence = read_varint(reader);
    record->value_size = (uint32_t)reader_left(reader);
    record->value = read_bytes(reader, record->value_size);
}

bool register_record_decode(const struct decree_value *bytes, struct register_record *ret_record)
{
    struct reader reader;

    reader_init(&reader, bytes->data, bytes->size);
    *ret_record = (struct register_record){.kind = (enum register_record_kind)read_u8(&reader)};
    if (ret_record->kind < REGISTER_BOOT || ret_record->kind > REGISTER_COMPACT)
        return false;
    read_fields(&reader, ret_record);
    return reader_done(&reader);
}
