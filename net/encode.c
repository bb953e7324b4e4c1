/* SPDX-License-Identifier: MIT */
/* encode.c -- from a message to a frame.
 *
 * Fields and runs are written to the encoder's buffer first, because their length decides about the
 * frame. Then one allocation takes the frame, its list of pieces, header, fields and the values
 * that are small; larger values are pieces of their own.
 */
#include <assert.h>
#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "codec_fields.h"

#define FIELDS_BYTES_MAX (1u + VARINTS_BYTES_MAX(9u)) /* all fields of a paxos message */
#define RUN_BYTES_MAX VARINTS_BYTES_MAX(7u)           /* a run of one pvalue, with its size */

/* How a message is to be laid out. */
struct layout {
    size_t fields_size;
    size_t copied_size, kept_size; /* bytes of values */
    uint32_t kept_count;
};

void encoder_init(struct encoder *encoder, uint32_t frame_bytes_max)
{
    assert(frame_bytes_max >= HELLO_FRAME_BYTES);
    *encoder = (struct encoder){.frame_bytes_max = frame_bytes_max};
}

void encoder_release(struct encoder *encoder)
{
    free(encoder->fields);
    *encoder = (struct encoder){0};
}

static bool reserve(struct encoder *encoder, size_t size)
{
    uint8_t *fields;

    if (size <= encoder->fields_size_max)
        return true;
    fields = realloc(encoder->fields, size);
    if (fields == NULL)
        return false;
    encoder->fields = fields;
    encoder->fields_size_max = size;
    return true;
}

static bool ballots_equal(struct decree_ballot a, struct decree_ballot b)
{
    return a.round == b.round && a.node == b.node;
}

static void write_fields(struct writer *writer, const struct decree_message *message)
{
    unsigned bits = (field_ballot_is_set(message->ballot) ? FIELD_BALLOT : 0u) |
                    (message->slot != 0 ? FIELD_SLOT : 0u) |
                    (message->last != 0 ? FIELD_LAST : 0u) |
                    (message->decided != 0 ? FIELD_DECIDED : 0u) |
                    (message->round != 0 ? FIELD_ROUND : 0u) |
                    (message->age_ns != 0 ? FIELD_AGE : 0u) |
                    (message->count != 0 ? FIELD_COUNT : 0u) |
                    (message->pvalue_count != 0 ? FIELD_PVALUES : 0u);

    write_u8(writer, (uint8_t)bits);
    if (bits & FIELD_BALLOT)
        write_ballot(writer, message->ballot);
    write_field(writer, message->slot);
    write_field(writer, message->last);
    write_field(writer, message->decided);
    write_field(writer, message->round);
    write_field(writer, message->age_ns);
    write_field(writer, message->count);
    write_field(writer, message->pvalue_count);
}

/* Whether a pvalue goes on a run in which slots and sequences rise by these steps. */
static bool follows(const struct decree_pvalue *next, const struct decree_pvalue *previous,
                    uint64_t slot_step, uint64_t sequence_step)
{
    const struct decree_command *a = &previous->command, *b = &next->command;

    return next->slot == previous->slot + slot_step && b->sequence == a->sequence + sequence_step &&
           b->origin == a->origin && b->incarnation == a->incarnation &&
           ballots_equal(next->ballot, previous->ballot) &&
           (b->value == NULL) == (a->value == NULL);
}

static uint32_t run_length(const struct decree_pvalue *pvalues, uint32_t count)
{
    uint64_t slot_step = run_step(pvalues[0].slot);
    uint64_t sequence_step = run_step(pvalues[0].command.sequence);
    uint32_t length = 1;

    assert(count > 0);
    while (length < count &&
           follows(&pvalues[length], &pvalues[length - 1], slot_step, sequence_step))
        length++;
    return length;
}

static void write_run_head(struct writer *writer, struct run_expected *expected,
                           const struct decree_pvalue *first, uint32_t count)
{
    const struct decree_command *command = &first->command;
    uint64_t *incarnation = &expected->origins[command->origin % RUN_ORIGINS].incarnation;
    uint64_t *sequence = &expected->origins[command->origin % RUN_ORIGINS].sequence;
    uint64_t bits = (ballots_equal(first->ballot, expected->ballot) ? 0u : RUN_BALLOT) |
                    (first->slot == expected->slot ? 0u : RUN_SLOT) |
                    (command->origin == expected->origin ? 0u : RUN_ORIGIN) |
                    (command->incarnation == *incarnation ? 0u : RUN_INCARNATION) |
                    (command->sequence == *sequence ? 0u : RUN_SEQUENCE) |
                    (command->value == NULL ? 0u : RUN_VALUES);

    assert(count > 0);
    assert(bits < 1u << RUN_COUNT_SHIFT);
    write_varint(writer, (uint64_t)count << RUN_COUNT_SHIFT | bits);
    if (bits & RUN_BALLOT)
        write_ballot(writer, first->ballot);
    if (bits & RUN_SLOT)
        write_varint(writer, zigzag(first->slot - expected->slot));
    if (bits & RUN_ORIGIN)
        write_varint(writer, command->origin);
    if (bits & RUN_INCARNATION)
        write_varint(writer, zigzag(command->incarnation - *incarnation));
    if (bits & RUN_SEQUENCE)
        write_varint(writer, zigzag(command->sequence - *sequence));
    expected->ballot = first->ballot;
    expected->slot = first->slot + count * run_step(first->slot);
    expected->origin = command->origin;
    *incarnation = command->incarnation;
    *sequence = command->sequence + count * run_step(command->sequence);
}

static void lay_out(struct layout *layout, uint32_t size)
{
    if (size <= FRAME_COPY_BYTES_MAX) {
        layout->copied_size += size;
    } else {
        layout->kept_size += size;
        layout->kept_count++;
    }
}

static void write_sizes(struct writer *writer, const struct decree_pvalue *pvalues, uint32_t count,
                        struct layout *layout)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = pvalues[i].command.value->size;

        write_varint(writer, size);
        lay_out(layout, size);
    }
}

static void write_runs(struct writer *writer, const struct decree_message *message,
                       struct layout *layout)
{
    struct run_expected expected;
    uint32_t count;

    run_expected_init(&expected, message->ballot, message->slot);
    for (uint32_t i = 0; i < message->pvalue_count; i += count) {
        count = run_length(message->pvalues + i, message->pvalue_count - i);
        write_run_head(writer, &expected, message->pvalues + i, count);
        if (message->pvalues[i].command.value != NULL)
            write_sizes(writer, message->pvalues + i, count, layout);
    }
}

/* One allocation: the frame, room for its pieces, its values, and its bytes, at ret_bytes. */
static struct frame *frame_new(const struct layout *layout, uint8_t **ret_bytes)
{
    size_t pieces_max = 1 + 2 * (size_t)layout->kept_count;
    size_t values_at = sizeof(struct frame) + pieces_max * sizeof(struct iovec);
    size_t bytes_at = values_at + layout->kept_count * sizeof(struct decree_value *);
    size_t bytes_size = FRAME_HEADER_BYTES + layout->fields_size + layout->copied_size;
    struct frame *frame = malloc(bytes_at + bytes_size);

    assert(layout->kept_count <= FRAME_PVALUES_MAX);
    assert(layout->fields_size > 0);
    if (frame == NULL)
        return NULL;
    *frame = (struct frame){
        .size = (uint32_t)(bytes_size + layout->kept_size),
        .values = (struct decree_value **)(void *)((uint8_t *)frame + values_at)};
    *ret_bytes = (uint8_t *)frame + bytes_at;
    return frame;
}

static void add_piece(struct frame *frame, const uint8_t *data, size_t size)
{
    /* The pieces are only read from. */
    if (size > 0)
        frame->pieces[frame->piece_count++] = (struct iovec){(void *)(uintptr_t)data, size};
}

static uint32_t value_count(const struct peer_message *message)
{
    return message->protocol == PEER_PAXOS ? message->u.paxos->pvalue_count : 1;
}

/* May be NULL. */
static struct decree_value *value_at(const struct peer_message *message, uint32_t index)
{
    switch (message->protocol) {
    case PEER_PAXOS:
        return message->u.paxos->pvalues[index].command.value;
    case PEER_SYNOD:
        return message->u.synod->value;
    case PEER_REGISTER:
        return message->u.reg->value;
    }
    return NULL;
}

/* Copies the small values behind the fields and names the large ones, in order. */
static void place_values(struct frame *frame, const struct peer_message *message, uint8_t *begin,
                         uint8_t *at)
{
    for (uint32_t i = 0; i < value_count(message); i++) {
        struct decree_value *value = value_at(message, i);

        if (value == NULL || value->size == 0)
            continue;
        if (value->size <= FRAME_COPY_BYTES_MAX) {
            memcpy(at, value->data, value->size);
            at += value->size;
            continue;
        }
        add_piece(frame, begin, (size_t)(at - begin));
        add_piece(frame, value->data, value->size);
        frame->values[frame->value_count++] = decree_value_ref(value);
        begin = at;
    }
    add_piece(frame, begin, (size_t)(at - begin));
}

/* The checksum of everything behind the header, which begins the first piece. */
static uint64_t pieces_checksum(const struct frame *frame, uint64_t seed)
{
    const uint8_t *first = (const uint8_t *)frame->pieces[0].iov_base + FRAME_HEADER_BYTES;
    size_t first_size = frame->pieces[0].iov_len - FRAME_HEADER_BYTES;
    struct checksum_stream stream;

    assert(frame->piece_count > 0);
    assert(frame->pieces[0].iov_len > FRAME_HEADER_BYTES);
    if (frame->piece_count == 1)
        return checksum(first, first_size, seed);
    checksum_begin(&stream, seed);
    checksum_add(&stream, first, first_size);
    for (uint32_t i = 1; i < frame->piece_count; i++)
        checksum_add(&stream, frame->pieces[i].iov_base, frame->pieces[i].iov_len);
    return checksum_end(&stream);
}

static int write_paxos(struct encoder *encoder, const struct decree_message *message,
                       struct layout *layout)
{
    struct writer writer;

    assert(message->type > DECREE_MESSAGE_NONE);
    assert(message->type < DECREE_MESSAGE_TYPES);
    if (message->pvalue_count > FRAME_PVALUES_MAX)
        return DECREE_TOO_LARGE;
    if (!reserve(encoder, FIELDS_BYTES_MAX + (size_t)message->pvalue_count * RUN_BYTES_MAX))
        return DECREE_NOMEM;
    writer_init(&writer, encoder->fields, encoder->fields_size_max);
    write_fields(&writer, message);
    if (message->pvalue_count > 0)
        write_runs(&writer, message, layout);
    assert(!writer.failed);
    layout->fields_size = (size_t)(writer.at - encoder->fields);
    return 0;
}

/* A message of a synod or of a register, with one value at most. */
static int write_small(struct encoder *encoder, const struct peer_message *message,
                       struct layout *layout)
{
    const struct decree_value *value = value_at(message, 0);
    struct writer writer;

    if (!reserve(encoder, REGISTER_FIELDS_BYTES_MAX + SYNOD_FIELDS_BYTES_MAX))
        return DECREE_NOMEM;
    writer_init(&writer, encoder->fields, encoder->fields_size_max);
    if (message->protocol == PEER_SYNOD)
        write_synod_fields(&writer, message->u.synod);
    else
        write_register_fields(&writer, message->u.reg);
    assert(!writer.failed);
    layout->fields_size = (size_t)(writer.at - encoder->fields);
    if (value != NULL)
        lay_out(layout, value->size);
    return 0;
}

static uint8_t frame_type(const struct peer_message *message)
{
    switch (message->protocol) {
    case PEER_PAXOS:
        return (uint8_t)message->u.paxos->type;
    case PEER_SYNOD:
        return (uint8_t)(FRAME_SYNOD + message->u.synod->type);
    case PEER_REGISTER:
        return (uint8_t)(FRAME_REGISTER + message->u.reg->type);
    }
    return FRAME_HELLO;
}

int encoder_encode(struct encoder *encoder, const struct peer_message *message,
                   struct frame **ret_frame)
{
    struct layout layout = {0};
    struct frame *frame;
    uint8_t *bytes;
    int error = message->protocol == PEER_PAXOS ? write_paxos(encoder, message->u.paxos, &layout)
                                                : write_small(encoder, message, &layout);

    if (error != 0)
        return error;
    if (layout.fields_size + layout.copied_size + layout.kept_size >
        encoder->frame_bytes_max - FRAME_HEADER_BYTES)
        return DECREE_TOO_LARGE;
    frame = frame_new(&layout, &bytes);
    if (frame == NULL)
        return DECREE_NOMEM;
    frame_header_write(bytes, frame_type(message), frame->size - FRAME_HEADER_BYTES);
    memcpy(bytes + FRAME_HEADER_BYTES, encoder->fields, layout.fields_size);
    place_values(frame, message, bytes, bytes + FRAME_HEADER_BYTES + layout.fields_size);
    assert(frame->value_count == layout.kept_count);
    frame_checksum_write(bytes, pieces_checksum(frame, frame_seed(bytes)));
    *ret_frame = frame;
    return 0;
}
