/* SPDX-License-Identifier: MIT */
/* user_frame.c -- heads, and the pieces that make a batch. */
#include "user_frame.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"

#define HEAD_BYTES USER_FRAME_HEAD_BYTES
#define SUMMED_BYTES 40u /* of the head */

static uint64_t sum_of(const uint8_t *frame, size_t size)
{
    return checksum(frame + HEAD_BYTES, size - HEAD_BYTES, checksum(frame, SUMMED_BYTES, 0));
}

void user_frame_write(const struct user_frame_head *head, uint8_t *frame, size_t size)
{
    struct writer writer;

    assert(size > HEAD_BYTES);
    writer_init(&writer, frame, HEAD_BYTES);
    write_u16(&writer, USER_FRAME_MAGIC);
    write_u8(&writer, USER_FRAME_VERSION);
    write_u8(&writer, 0);
    write_u32(&writer, head->from);
    write_u32(&writer, head->to);
    write_u32(&writer, head->batch_size);
    write_u64(&writer, head->cluster_id);
    write_u64(&writer, head->number);
    write_u32(&writer, head->offset);
    write_u32(&writer, 0);
    write_u64(&writer, sum_of(frame, size));
    assert(!writer.failed && writer.at == writer.end);
}

bool user_frame_read(struct user_frame_head *ret_head, const uint8_t *frame, size_t size,
                     uint32_t batch_size_max)
{
    struct reader reader;

    if (size <= HEAD_BYTES)
        return false;
    reader_init(&reader, frame, HEAD_BYTES);
    if (read_u16(&reader) != USER_FRAME_MAGIC || read_u8(&reader) != USER_FRAME_VERSION ||
        read_u8(&reader) != 0)
        return false;
    ret_head->from = read_u32(&reader);
    ret_head->to = read_u32(&reader);
    ret_head->batch_size = read_u32(&reader);
    ret_head->cluster_id = read_u64(&reader);
    ret_head->number = read_u64(&reader);
    ret_head->offset = read_u32(&reader);
    return read_u32(&reader) == 0 && ret_head->batch_size <= batch_size_max &&
           ret_head->offset <= ret_head->batch_size &&
           size - HEAD_BYTES <= ret_head->batch_size - ret_head->offset;
}

bool user_frame_is_sound(const uint8_t *frame, size_t size)
{
    struct reader reader;

    assert(size > HEAD_BYTES);
    reader_init(&reader, frame + SUMMED_BYTES, HEAD_BYTES - SUMMED_BYTES);
    return read_u64(&reader) == sum_of(frame, size);
}

static uint32_t batch_drop(struct user_batch *batch)
{
    struct parcel *piece;
    uint32_t count = 0;

    while ((piece = parcels_pop(&batch->pieces)) != NULL) {
        parcel_free(piece);
        count++;
    }
    batch->got = 0;
    return count;
}

uint32_t user_batch_add(struct user_batch *batch, const struct user_frame_head *head,
                        struct parcel *frame)
{
    bool same = batch->got > 0 && head->number == batch->number && head->batch_size == batch->size;
    uint32_t dropped = 0;

    assert(frame->size > HEAD_BYTES);
    if (!same && head->offset == 0) {
        dropped = batch_drop(batch);
        batch->number = head->number;
        batch->size = head->batch_size;
        same = true;
    }
    if (!same || head->offset != batch->got) { /* a copy, or one behind a hole */
        parcel_free(frame);
        return dropped + 1;
    }
    batch->got += (uint32_t)(frame->size - HEAD_BYTES);
    parcels_push(&batch->pieces, frame);
    return dropped;
}

bool user_batch_is_whole(const struct user_batch *batch)
{
    return batch->got > 0 && batch->got == batch->size;
}

/* The only piece gives its chunk away. */
static struct chunk *take_single(struct user_batch *batch, size_t *ret_offset)
{
    struct parcel *piece = parcels_pop(&batch->pieces);
    struct chunk *chunk = chunk_ref(piece->chunk);

    parcel_free(piece);
    batch->got = 0;
    *ret_offset = HEAD_BYTES;
    return chunk;
}

struct chunk *user_batch_take(struct user_batch *batch, size_t *ret_offset)
{
    struct parcel *piece;
    struct chunk *chunk;
    size_t used = 0;

    assert(user_batch_is_whole(batch));
    if (batch->pieces.first == batch->pieces.last)
        return take_single(batch, ret_offset);
    chunk = chunk_new(batch->size);
    for (; (piece = parcels_pop(&batch->pieces)) != NULL; parcel_free(piece)) {
        size_t size = piece->size - HEAD_BYTES;

        if (chunk != NULL)
            memcpy(chunk->data + used, piece->chunk->data + HEAD_BYTES, size);
        used += size;
    }
    assert(used == batch->size);
    batch->got = 0;
    *ret_offset = 0;
    return chunk;
}

void user_batch_release(struct user_batch *batch)
{
    (void)batch_drop(batch);
    assert(batch->pieces.first == NULL);
}
