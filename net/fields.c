/* SPDX-License-Identifier: MIT */
/* fields.c -- both directions of what messages of all protocols share, and of the fields of the
 * small ones: those of a synod and of registers, which carry one value at most.
 */
#include <assert.h>

#include "codec_fields.h"

bool field_ballot_is_set(struct decree_ballot ballot)
{
    return ballot.round != 0 || ballot.node != 0;
}

void write_field(struct writer *writer, uint64_t number)
{
    if (number != 0)
        write_varint(writer, number);
}

void write_ballot(struct writer *writer, struct decree_ballot ballot)
{
    write_varint(writer, ballot.round);
    write_varint(writer, ballot.node);
}

uint32_t read_varint_u32(struct reader *reader)
{
    uint64_t number = read_varint(reader);

    if (number > UINT32_MAX)
        reader->failed = true;
    return (uint32_t)number;
}

struct decree_ballot read_ballot(struct reader *reader)
{
    struct decree_ballot ballot = {.round = read_varint(reader)};

    ballot.node = read_varint_u32(reader);
    return ballot;
}

void write_synod_fields(struct writer *writer, const struct decree_synod_message *message)
{
    unsigned bits = (field_ballot_is_set(message->ballot) ? SYNOD_BALLOT : 0u) |
                    (field_ballot_is_set(message->voted) ? SYNOD_VOTED : 0u) |
                    (message->value != NULL ? SYNOD_VALUE : 0u);

    assert(message->type > DECREE_SYNOD_NONE);
    assert((int)message->type < (int)PEER_SYNOD_TYPES);
    write_u8(writer, (uint8_t)bits);
    if (bits & SYNOD_BALLOT)
        write_ballot(writer, message->ballot);
    if (bits & SYNOD_VOTED)
        write_ballot(writer, message->voted);
}

bool read_synod_fields(struct reader *reader, struct decree_synod_message *message)
{
    unsigned bits = read_u8(reader);

    if (bits & ~(unsigned)SYNOD_BITS)
        reader->failed = true;
    if (bits & SYNOD_BALLOT)
        message->ballot = read_ballot(reader);
    if (bits & SYNOD_VOTED)
        message->voted = read_ballot(reader);
    return bits & SYNOD_VALUE;
}

static bool mark_is_set(const struct decree_register_mark *mark)
{
    return mark->node != 0 || mark->incarnation != 0 || mark->sequence != 0;
}

static void write_mark(struct writer *writer, const struct decree_register_mark *mark)
{
    write_varint(writer, mark->node);
    write_varint(writer, mark->incarnation);
    write_varint(writer, mark->sequence);
}

static struct decree_register_mark read_mark(struct reader *reader)
{
    struct decree_register_mark mark = {.node = read_varint_u32(reader)};

    mark.incarnation = read_varint(reader);
    mark.sequence = read_varint(reader);
    return mark;
}

void write_register_fields(struct writer *writer, const struct decree_register_message *message)
{
    unsigned bits = (message->version != 0 ? REGISTER_VERSION : 0u) |
                    (message->number != 0 ? REGISTER_NUMBER : 0u) |
                    (message->first != 0 || message->next != 0 ? REGISTER_FIRST : 0u) |
                    (field_ballot_is_set(message->ballot) ? REGISTER_BALLOT : 0u) |
                    (field_ballot_is_set(message->voted) ? REGISTER_VOTED : 0u) |
                    (mark_is_set(&message->mark) ? REGISTER_MARK : 0u) |
                    (message->decided ? REGISTER_DECIDED : 0u) |
                    (message->value != NULL ? REGISTER_VALUE : 0u);

    assert(message->type > DECREE_REGISTER_NONE);
    assert(message->type < DECREE_REGISTER_MESSAGE_TYPES);
    assert(message->key.size > 0);
    assert(message->key.size <= DECREE_REGISTER_KEY_BYTES_MAX);
    write_u8(writer, (uint8_t)bits);
    write_varint(writer, message->key.size);
    write_bytes(writer, message->key.data, message->key.size);
    write_field(writer, message->version);
    write_field(writer, message->number);
    if (bits & REGISTER_FIRST) {
        write_varint(writer, message->first);
        write_varint(writer, message->next);
    }
    if (bits & REGISTER_BALLOT)
        write_ballot(writer, message->ballot);
    if (bits & REGISTER_VOTED)
        write_ballot(writer, message->voted);
    if (bits & REGISTER_MARK)
        write_mark(writer, &message->mark);
}

static void read_key(struct reader *reader, struct decree_register_key *key)
{
    key->size = read_varint_u32(reader);
    if (key->size == 0 || key->size > DECREE_REGISTER_KEY_BYTES_MAX)
        reader->failed = true;
    key->data = read_bytes(reader, key->size);
}

bool read_register_fields(struct reader *reader, struct decree_register_message *message)
{
    unsigned bits = read_u8(reader);

    read_key(reader, &message->key);
    if (bits & REGISTER_VERSION)
        message->version = read_varint(reader);
    if (bits & REGISTER_NUMBER)
        message->number = read_varint(reader);
    if (bits & REGISTER_FIRST) {
        message->first = read_varint(reader);
        message->next = read_varint(reader);
    }
    if (bits & REGISTER_BALLOT)
        message->ballot = read_ballot(reader);
    if (bits & REGISTER_VOTED)
        message->voted = read_ballot(reader);
    if (bits & REGISTER_MARK)
        message->mark = read_mark(reader);
    message->decided = bits & REGISTER_DECIDED;
    return bits & REGISTER_VALUE;
}
