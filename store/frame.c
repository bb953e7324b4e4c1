/* SPDX-License-Identifier: MIT */
/* frame.c -- putting a batch of records together for one write.
 *
 * A small value is copied, because a piece of its own costs the kernel more than the copy costs
 * here.
 */
#include "frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

#define COPIED_VALUE_MAX 1024u

void frame_release(struct frame *frame)
{
    free(frame->buffer);
    free(frame->pieces);
    free(frame->offsets);
    *frame = (struct frame){.record_count = 0};
}

void frame_plan(struct frame *frame, const struct decree_record *records, uint32_t count,
                uint64_t bytes_max)
{
    uint64_t bytes = FRAME_HEADER_BYTES;
    uint32_t planned = 0;

    assert(count > 0);
    for (; planned < count; planned++) {
        uint64_t size = record_size(&records[planned]);

        if (planned > 0 && bytes + size > bytes_max)
            break;
        bytes += size;
    }
    assert(bytes <= UINT32_MAX);
    frame->record_count = planned;
    frame->bytes = bytes;
}

/* Makes room for count things of that size, at least doubling; what was there may be lost. */
static void *memory_ensure(void *memory, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = count > 2 * *capacity ? count : 2 * *capacity;
    void *larger;

    if (count <= *capacity)
        return memory;
    larger = malloc(wanted * size);
    if (larger == NULL)
        return NULL;
    free(memory);
    *capacity = wanted;
    return larger;
}

static bool is_copied(const struct decree_value *value)
{
    return value == NULL || value->size <= COPIED_VALUE_MAX;
}

static bool frame_reserve(struct frame *frame, const struct decree_record *records)
{
    size_t buffer_bytes = FRAME_HEADER_BYTES + (size_t)frame->record_count * RECORD_BYTES_MAX;
    size_t piece_count = 1;
    void *memory;

    for (uint32_t i = 0; i < frame->record_count; i++) {
        const struct decree_value *value = records[i].pvalue.command.value;

        if (!is_copied(value))
            piece_count += 2;
        else if (value != NULL)
            buffer_bytes += value->size;
    }
    if ((memory = memory_ensure(frame->buffer, &frame->buffer_capacity, buffer_bytes, 1)) == NULL)
        return false;
    frame->buffer = memory;
    memory = memory_ensure(frame->pieces, &frame->pieces_capacity, piece_count,
                           sizeof(struct iovec));
    if (memory == NULL)
        return false;
    frame->pieces = memory;
    memory = memory_ensure(frame->offsets, &frame->offsets_capacity, frame->record_count,
                           sizeof(uint32_t));
    if (memory == NULL)
        return false;
    frame->offsets = memory;
    return true;
}

static void frame_add_piece(struct frame *frame, const uint8_t *data, size_t size)
{
    assert(frame->piece_count < frame->pieces_capacity);
    assert(size > 0);
    frame->pieces[frame->piece_count++] = (struct iovec){.iov_base = (void *)(uintptr_t)data,
                                                         .iov_len = size};
}

/* One record; piece is where the bytes not yet in a piece begin. */
static uint64_t frame_add_record(struct frame *frame, struct writer *writer, const uint8_t **piece,
                                 const struct decree_record *record, uint64_t chain)
{
    const struct decree_value *value = record->pvalue.command.value;
    const uint8_t *header = writer->at;

    record_write_header(writer, record);
    chain = record_checksum(header, (size_t)(writer->at - header), value, chain);
    if (!is_copied(value)) {
        frame_add_piece(frame, *piece, (size_t)(writer->at - *piece));
        frame_add_piece(frame, value->data, value->size);
        *piece = writer->at;
    } else if (value != NULL) {
        write_bytes(writer, value->data, value->size);
    }
    write_u64(writer, chain);
    return chain;
}

int frame_build(struct frame *frame, const struct decree_record *records,
                struct frame_header header, uint64_t incarnation, uint64_t position,
                uint64_t *ret_chain)
{
    struct writer writer;
    const uint8_t *piece;
    uint64_t chain, offset = FRAME_HEADER_BYTES;

    assert(frame->record_count > 0);
    if (!frame_reserve(frame, records))
        return DECREE_NOMEM;
    header.record_count = frame->record_count;
    header.body_bytes = (uint32_t)(frame->bytes - FRAME_HEADER_BYTES);
    frame->piece_count = 0;
    piece = frame->buffer;
    writer_init(&writer, frame->buffer, frame->buffer_capacity);
    chain = frame_header_encode(&header, incarnation, position,
                                write_space(&writer, FRAME_HEADER_BYTES));
    for (uint32_t i = 0; i < frame->record_count; i++) {
        const struct decree_value *value = records[i].pvalue.command.value;
        const uint8_t *start = writer.at;

        assert(records[i].lsn == header.first_lsn + i);
        frame->offsets[i] = (uint32_t)offset;
        chain = frame_add_record(frame, &writer, &piece, &records[i], chain);
        offset += (uint64_t)(writer.at - start) + (is_copied(value) ? 0 : value->size);
    }
    frame_add_piece(frame, piece, (size_t)(writer.at - piece));
    assert(!writer.failed);
    assert(offset == frame->bytes);
    *ret_chain = chain;
    return 0;
}
