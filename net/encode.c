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

#define FIELDS_BYTES_MAX (1u + 9u * VARINT_BYTES_MAX) /* all fields of a message */
#define RUN_BYTES_MAX (7u * VARINT_BYTES_MAX)         /* a run of one pvalue, with its size */

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

static bool ballot_is_set(struct decree_ballot ballot)
{
    return ballot.round != 0 || ballot.node != 0;
}

static bool ballots_equal(struct decree_ballot a, struct decree_ballot b)
{
    return a.round == b.round && a.node == b.node;
}

static void write_ballot(struct writer *writer, struct decree_ballot ballot)
{
    write_varint(writer, ballot.round);
    write_varint(writer, ballot.node);
}

static void write_nonzero(struct writer *writer, uint64_t number)
{
    if (number != 0)
        write_varint(writer, number);
}

static void write_fields(struct writer *writer, const struct decree_message *message)
{
    unsigned bits = (ballot_is_set(message->ballot) ? FIELD_BALLOT : 0u) |
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
    write_nonzero(writer, message->slot);
    write_nonzero(writer, message->last);
    write_nonzero(writer, message->decided);
    write_nonzero(writer, message->round);
    write_nonzero(writer, message->age_ns);
    write_nonzero(writer, message->count);
    write_nonzero(writer, message->pvalue_count);
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

static void write_sizes(struct writer *writer, const struct decree_pvalue *pvalues, uint32_t count,
                        struct layout *layout)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = pvalues[i].command.value->size;

        write_varint(writer, size);
        if (size <= FRAME_COPY_BYTES_MAX) {
            layout->copied_size += size;
        } else {
            layout->kept_size += size;
            layout->kept_count++;
        }
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

/* Copies the small values behind the fields and names the large ones, in order. */
static void place_values(struct frame *frame, const struct decree_message *message, uint8_t *begin,
                         uint8_t *at)
{
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        struct decree_value *value = message->pvalues[i].command.value;

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

int encoder_encode(struct encoder *encoder, const struct decree_message *message,
                   struct frame **ret_frame)
{
    struct layout layout = {0};
    struct writer writer;
    struct frame *frame;
    uint8_t *bytes;

    assert(message->type > DECREE_MESSAGE_NONE);
    assert(message->type < DECREE_MESSAGE_TYPES);
    if (message->pvalue_count > FRAME_PVALUES_MAX)
        return DECREE_TOO_LARGE;
    if (!reserve(encoder, FIELDS_BYTES_MAX + (size_t)message->pvalue_count * RUN_BYTES_MAX))
        return DECREE_NOMEM;
    writer_init(&writer, encoder->fields, encoder->fields_size_max);
    write_fields(&writer, message);
    if (message->pvalue_count > 0)
        write_runs(&writer, message, &layout);
    assert(!writer.failed);
    layout.fields_size = (size_t)(writer.at - encoder->fields);
    if (layout.fields_size + layout.copied_size + layout.kept_size >
        encoder->frame_bytes_max - FRAME_HEADER_BYTES)
        return DECREE_TOO_LARGE;
    frame = frame_new(&layout, &bytes);
    if (frame == NULL)
        return DECREE_NOMEM;
    frame_header_write(bytes, (uint8_t)message->type, frame->size - FRAME_HEADER_BYTES);
    memcpy(bytes + FRAME_HEADER_BYTES, encoder->fields, layout.fields_size);
    place_values(frame, message, bytes, bytes + FRAME_HEADER_BYTES + layout.fields_size);
    assert(frame->value_count == layout.kept_count);
    frame_checksum_write(bytes, pieces_checksum(frame, frame_seed(bytes)));
    *ret_frame = frame;
    return 0;
}
