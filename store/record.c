/* SPDX-License-Identifier: MIT */
/* record.c -- one journal record to bytes and back. Fields that are zero are left out. */
#include "record.h"

#include <assert.h>

#include "checksum.h"

#define RECORD_FIELDS_KNOWN \
    (RECORD_FIELD_BALLOT | RECORD_FIELD_SLOT | RECORD_FIELD_COMMAND | RECORD_FIELD_VALUE)

static uint8_t record_fields(const struct decree_pvalue *pvalue)
{
    const struct decree_command *command = &pvalue->command;
    unsigned fields = 0;

    if (pvalue->ballot.round != 0 || pvalue->ballot.node != 0)
        fields |= RECORD_FIELD_BALLOT;
    if (pvalue->slot != 0)
        fields |= RECORD_FIELD_SLOT;
    if (command->origin != 0 || command->incarnation != 0 || command->sequence != 0)
        fields |= RECORD_FIELD_COMMAND;
    if (command->value != NULL)
        fields |= RECORD_FIELD_VALUE;
    return (uint8_t)fields;
}

static uint64_t varint_size(uint64_t number)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(number | 1);

    return (bits + 6) / 7;
}

uint64_t record_size(const struct decree_record *record)
{
    const struct decree_pvalue *pvalue = &record->pvalue;
    const struct decree_command *command = &pvalue->command;
    uint8_t fields = record_fields(pvalue);
    uint64_t size = 2 + RECORD_CHECKSUM_BYTES;

    if (fields & RECORD_FIELD_BALLOT)
        size += varint_size(pvalue->ballot.round) + varint_size(pvalue->ballot.node);
    if (fields & RECORD_FIELD_SLOT)
        size += varint_size(pvalue->slot);
    if (fields & RECORD_FIELD_COMMAND)
        size += varint_size(command->origin) + varint_size(command->incarnation) +
                varint_size(command->sequence);
    if (fields & RECORD_FIELD_VALUE)
        size += varint_size(command->value->size) + command->value->size;
    return size;
}

void record_write_header(struct writer *writer, const struct decree_record *record)
{
    const struct decree_pvalue *pvalue = &record->pvalue;
    uint8_t fields = record_fields(pvalue);

    assert(record->type >= DECREE_RECORD_BOOT);
    assert(record->type <= DECREE_RECORD_FOREIGN);
    write_u8(writer, (uint8_t)record->type);
    write_u8(writer, fields);
    if (fields & RECORD_FIELD_BALLOT) {
        write_varint(writer, pvalue->ballot.round);
        write_varint(writer, pvalue->ballot.node);
    }
    if (fields & RECORD_FIELD_SLOT)
        write_varint(writer, pvalue->slot);
    if (fields & RECORD_FIELD_COMMAND) {
        write_varint(writer, pvalue->command.origin);
        write_varint(writer, pvalue->command.incarnation);
        write_varint(writer, pvalue->command.sequence);
    }
    if (fields & RECORD_FIELD_VALUE)
        write_varint(writer, pvalue->command.value->size);
}

static uint64_t sum_of_two(const uint8_t *header, size_t header_size, const uint8_t *value,
                           size_t value_size, uint64_t chain)
{
    uint64_t sum = checksum(header, header_size, chain);

    return value == NULL ? sum : checksum(value, value_size, sum);
}

uint64_t record_checksum(const uint8_t *header, size_t header_size,
                         const struct decree_value *value, uint64_t chain)
{
    static const uint8_t empty;

    assert(header_size >= 2);
    assert(header_size <= RECORD_HEADER_BYTES_MAX);
    if (value == NULL)
        return sum_of_two(header, header_size, NULL, 0, chain);
    return sum_of_two(header, header_size, value->size > 0 ? value->data : &empty, value->size,
                      chain);
}

/* A number that must fit into 32 bits. */
static uint32_t read_varint32(struct reader *reader)
{
    uint64_t number = read_varint(reader);

    if (number > UINT32_MAX) {
        reader->failed = true;
        return 0;
    }
    return (uint32_t)number;
}

bool record_read_header(struct reader *reader, struct record_image *ret_image)
{
    struct record_image image = {.record = {.lsn = 0}};
    struct decree_pvalue *pvalue = &image.record.pvalue;
    uint8_t fields;

    image.record.type = (enum decree_record_type)read_u8(reader);
    fields = read_u8(reader);
    if (fields & RECORD_FIELD_BALLOT) {
        pvalue->ballot.round = read_varint(reader);
        pvalue->ballot.node = read_varint32(reader);
    }
    if (fields & RECORD_FIELD_SLOT)
        pvalue->slot = read_varint(reader);
    if (fields & RECORD_FIELD_COMMAND) {
        pvalue->command.origin = read_varint32(reader);
        pvalue->command.incarnation = read_varint(reader);
        pvalue->command.sequence = read_varint(reader);
    }
    image.has_value = (fields & RECORD_FIELD_VALUE) != 0;
    if (image.has_value)
        image.value_size = read_varint32(reader);
    if (fields & ~RECORD_FIELDS_KNOWN)
        reader->failed = true;
    if (reader->failed)
        return false;
    *ret_image = image;
    return true;
}

bool record_read(struct reader *reader, uint64_t *chain, struct record_image *ret_image)
{
    const uint8_t *header = reader->at;
    struct record_image image;
    size_t header_size;
    uint64_t sum;

    if (!record_read_header(reader, &image))
        return false;
    header_size = (size_t)(reader->at - header);
    if (image.has_value)
        image.value = read_bytes(reader, image.value_size);
    if (reader->failed)
        return false;
    sum = sum_of_two(header, header_size, image.value, image.value_size, *chain);
    if (read_u64(reader) != sum || reader->failed)
        return false;
    *chain = sum;
    *ret_image = image;
    return true;
}

bool record_known(const struct record_image *image)
{
    switch (image->record.type) {
    case DECREE_RECORD_BOOT:
    case DECREE_RECORD_PROMISE:
    case DECREE_RECORD_ACCEPT:
    case DECREE_RECORD_DECIDE:
    case DECREE_RECORD_FOREIGN:
        return true;
    }
    return false;
}
