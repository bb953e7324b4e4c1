/* SPDX-License-Identifier: MIT */
/* decode.c -- from a frame to a message, without trust.
 *
 * Runs are read first; only when all of them are there and their sizes are exactly what is left are
 * the values made: one block of memory for all of a message. If the values fill a good part of the
 * chunk that they were received in, they stay there and the block keeps the chunk; else they are
 * copied into the block, so that a small value never keeps much more than itself.
 */
#include <assert.h>
#include <stdlib.h>

#include "bytes.h"
#include "codec_fields.h"
#include "value_block.h"

#define PVALUES_FIRST 256u
#define SIZE_NONE UINT32_MAX /* no value */
#define BORROW_SHARE 4u /* of a chunk that values must fill to stay in it, as one part of so many */

void decoder_init(struct decoder *decoder)
{
    *decoder = (struct decoder){0};
}

void decoder_release(struct decoder *decoder)
{
    free(decoder->pvalues);
    free(decoder->sizes);
    *decoder = (struct decoder){0};
}

static bool reserve(struct decoder *decoder, uint32_t count)
{
    uint32_t max = decoder->pvalues_max < PVALUES_FIRST ? PVALUES_FIRST : decoder->pvalues_max;
    struct decree_pvalue *pvalues;
    uint32_t *sizes;

    assert(count <= FRAME_PVALUES_MAX);
    if (count <= decoder->pvalues_max)
        return true;
    while (max < count)
        max *= 2;
    pvalues = realloc(decoder->pvalues, max * sizeof(*pvalues));
    if (pvalues == NULL)
        return false;
    decoder->pvalues = pvalues;
    sizes = realloc(decoder->sizes, max * sizeof(*sizes));
    if (sizes == NULL)
        return false;
    decoder->sizes = sizes;
    decoder->pvalues_max = max;
    return true;
}

static void read_fields(struct reader *reader, struct decree_message *message)
{
    uint8_t bits = read_u8(reader);

    if (bits & FIELD_BALLOT)
        message->ballot = read_ballot(reader);
    if (bits & FIELD_SLOT)
        message->slot = read_varint(reader);
    if (bits & FIELD_LAST)
        message->last = read_varint(reader);
    if (bits & FIELD_DECIDED)
        message->decided = read_varint(reader);
    if (bits & FIELD_ROUND)
        message->round = read_varint(reader);
    if (bits & FIELD_AGE)
        message->age_ns = read_varint(reader);
    if (bits & FIELD_COUNT)
        message->count = read_varint_u32(reader);
    if (bits & FIELD_PVALUES)
        message->pvalue_count = read_varint_u32(reader);
    if (message->pvalue_count > FRAME_PVALUES_MAX)
        reader->failed = true;
}

/* Reads what a run begins with into the first of its pvalues; returns the run's bits. */
static unsigned read_run_head(struct reader *reader, struct run_expected *expected,
                              struct decree_pvalue *ret_first, uint64_t *ret_count)
{
    uint64_t head = read_varint(reader);
    uint64_t count = head >> RUN_COUNT_SHIFT;
    struct decree_pvalue first = {0};
    uint64_t *incarnation, *sequence;

    first.ballot = head & RUN_BALLOT ? read_ballot(reader) : expected->ballot;
    first.slot = expected->slot + (head & RUN_SLOT ? unzigzag(read_varint(reader)) : 0);
    first.command.origin = head & RUN_ORIGIN ? read_varint_u32(reader) : expected->origin;
    incarnation = &expected->origins[first.command.origin % RUN_ORIGINS].incarnation;
    sequence = &expected->origins[first.command.origin % RUN_ORIGINS].sequence;
    *incarnation += head & RUN_INCARNATION ? unzigzag(read_varint(reader)) : 0;
    *sequence += head & RUN_SEQUENCE ? unzigzag(read_varint(reader)) : 0;
    first.command.incarnation = *incarnation;
    first.command.sequence = *sequence;
    expected->ballot = first.ballot;
    expected->slot = first.slot + count * run_step(first.slot);
    expected->origin = first.command.origin;
    *sequence += count * run_step(*sequence);
    *ret_first = first;
    *ret_count = count;
    return (unsigned)head & ((1u << RUN_COUNT_SHIFT) - 1);
}

static uint32_t read_size(struct reader *reader)
{
    uint32_t size = read_varint_u32(reader);

    if (size == SIZE_NONE)
        reader->failed = true;
    return size;
}

/* Fills in a run of count pvalues from the first one on. */
static void read_run(struct reader *reader, struct decree_pvalue *pvalues, uint32_t *sizes,
                     const struct decree_pvalue *first, uint32_t count, bool with_values)
{
    struct decree_pvalue next = *first;
    uint64_t slot_step = run_step(first->slot), sequence_step = run_step(first->command.sequence);

    assert(count > 0);
    assert(first->command.value == NULL);
    for (uint32_t i = 0; i < count; i++) {
        pvalues[i] = next;
        sizes[i] = with_values ? read_size(reader) : SIZE_NONE;
        next.slot += slot_step;
        next.command.sequence += sequence_step;
    }
}

/* Reads all runs of count pvalues. Errors: CORRUPT, NOMEM. */
static int read_runs(struct decoder *decoder, struct reader *reader,
                     const struct decree_message *message)
{
    struct run_expected expected;
    struct decree_pvalue first;
    uint64_t count;

    run_expected_init(&expected, message->ballot, message->slot);
    for (uint32_t i = 0; i < message->pvalue_count; i += (uint32_t)count) {
        unsigned bits = read_run_head(reader, &expected, &first, &count);

        if (reader->failed || count == 0 || count > message->pvalue_count - i)
            return DECREE_CORRUPT;
        if (bits & RUN_VALUES && count > reader_left(reader))
            return DECREE_CORRUPT;
        if (!reserve(decoder, i + (uint32_t)count))
            return DECREE_NOMEM;
        read_run(reader, decoder->pvalues + i, decoder->sizes + i, &first, (uint32_t)count,
                 bits & RUN_VALUES);
    }
    return reader->failed ? DECREE_CORRUPT : 0;
}

/* How many values there are and how long together. */
static uint32_t count_values(const struct decoder *decoder, uint32_t count, uint64_t *ret_size)
{
    uint32_t values = 0;
    uint64_t size = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (decoder->sizes[i] == SIZE_NONE)
            continue;
        values++;
        size += decoder->sizes[i];
    }
    *ret_size = size;
    return values;
}

/* A block for value_count values with the size bytes at data, which lie in chunk. NULL when out of
 * memory. */
static struct value_block *make_block(uint32_t value_count, struct chunk *chunk,
                                      const uint8_t *data, size_t size)
{
    bool borrow = size >= chunk->capacity / BORROW_SHARE;

    assert(data >= chunk->data);
    assert(size <= (size_t)(chunk->data + chunk->capacity - data));
    return value_block_new(value_count, size, borrow ? chunk : NULL);
}

/* Makes the values from the bytes at data, which are as many as the sizes say. */
static int make_values(struct decoder *decoder, uint32_t pvalue_count, uint32_t value_count,
                       struct chunk *chunk, const uint8_t *data, size_t size)
{
    struct value_block *block = make_block(value_count, chunk, data, size);

    if (block == NULL)
        return DECREE_NOMEM;
    for (uint32_t i = 0; i < pvalue_count; i++) {
        if (decoder->sizes[i] == SIZE_NONE)
            continue;
        decoder->pvalues[i].command.value = value_block_add(block, data, decoder->sizes[i]);
        data += decoder->sizes[i];
    }
    return 0;
}

static int decode_paxos(struct decoder *decoder, struct reader *reader, struct chunk *chunk,
                        struct decree_message *message)
{
    uint32_t value_count;
    uint64_t values_size;
    int error;

    assert(message->pvalue_count == 0);
    read_fields(reader, message);
    if (reader->failed)
        return DECREE_CORRUPT;
    error = read_runs(decoder, reader, message);
    if (error != 0)
        return error;
    value_count = count_values(decoder, message->pvalue_count, &values_size);
    if (values_size != reader_left(reader))
        return DECREE_CORRUPT;
    if (value_count > 0)
        error = make_values(decoder, message->pvalue_count, value_count, chunk, reader->at,
                            (size_t)values_size);
    if (error != 0)
        return error;
    message->pvalues = message->pvalue_count > 0 ? decoder->pvalues : NULL;
    return 0;
}

/* What is left is the value, if there is one. */
static int decode_value(struct reader *reader, bool with_value, struct chunk *chunk,
                        struct decree_value **ret_value)
{
    const uint8_t *data = reader->at;
    size_t size = reader_left(reader);
    struct value_block *block;

    if (reader->failed || (!with_value && size > 0))
        return DECREE_CORRUPT;
    assert(size < UINT32_MAX);
    *ret_value = NULL;
    if (!with_value)
        return 0;
    block = make_block(1, chunk, data, size);
    if (block == NULL)
        return DECREE_NOMEM;
    *ret_value = value_block_add(block, data, (uint32_t)size);
    return 0;
}

static int decode_synod(struct reader *reader, struct chunk *chunk,
                        struct decree_synod_message *message)
{
    bool with_value = read_synod_fields(reader, message);

    return decode_value(reader, with_value, chunk, &message->value);
}

static int decode_register(struct reader *reader, struct chunk *chunk,
                           struct decree_register_message *message)
{
    bool with_value = read_register_fields(reader, message);

    return decode_value(reader, with_value, chunk, &message->value);
}

/* Whose message it is, and of which type. False: nobody's. */
static bool address_letter(struct peer_letter *letter, uint8_t type, decree_node_id from,
                           decree_node_id to)
{
    if (type > FRAME_HELLO && type < DECREE_MESSAGE_TYPES) {
        letter->protocol = PEER_PAXOS;
        letter->u.paxos = (struct decree_message){.type = type, .from = from, .to = to};
    } else if (type > FRAME_SYNOD && type < FRAME_SYNOD + PEER_SYNOD_TYPES) {
        letter->protocol = PEER_SYNOD;
        letter->u.synod = (struct decree_synod_message){
            .type = type - FRAME_SYNOD, .from = from, .to = to};
    } else if (type > FRAME_REGISTER && type < FRAME_REGISTER + DECREE_REGISTER_MESSAGE_TYPES) {
        letter->protocol = PEER_REGISTER;
        letter->u.reg = (struct decree_register_message){
            .type = type - FRAME_REGISTER, .from = from, .to = to};
    } else {
        return false;
    }
    return true;
}

int decoder_decode(struct decoder *decoder, const struct frame_header *header,
                   const uint8_t *payload, struct chunk *chunk, decree_node_id from,
                   decree_node_id to, struct peer_letter *ret_letter)
{
    struct reader reader;

    assert(from != to);
    if (!address_letter(ret_letter, header->type, from, to))
        return DECREE_CORRUPT;
    reader_init(&reader, payload, header->payload_size);
    switch (ret_letter->protocol) {
    case PEER_PAXOS:
        return decode_paxos(decoder, &reader, chunk, &ret_letter->u.paxos);
    case PEER_SYNOD:
        return decode_synod(&reader, chunk, &ret_letter->u.synod);
    case PEER_REGISTER:
        return decode_register(&reader, chunk, &ret_letter->u.reg);
    }
    return DECREE_CORRUPT;
}

void decoder_drop(struct decoder *decoder, const struct peer_letter *letter)
{
    const struct decree_message *paxos = &letter->u.paxos;

    switch (letter->protocol) {
    case PEER_PAXOS:
        assert(paxos->pvalues == NULL || paxos->pvalues == decoder->pvalues);
        for (uint32_t i = 0; i < paxos->pvalue_count; i++)
            decree_value_unref(decoder->pvalues[i].command.value);
        break;
    case PEER_SYNOD:
        decree_value_unref(letter->u.synod.value);
        break;
    case PEER_REGISTER:
        decree_value_unref(letter->u.reg.value);
        break;
    }
}
