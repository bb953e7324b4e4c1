/* SPDX-License-Identifier: MIT */
/* send_queue.c -- a list of frames with a mark in the first one. */
#include "send_queue.h"

#include <assert.h>

void send_queue_push(struct send_queue *queue, struct frame *frame)
{
    assert(frame->next == NULL);
    assert((queue->first == NULL) == (queue->last == NULL));
    if (queue->last == NULL)
        queue->first = frame;
    else
        queue->last->next = frame;
    queue->last = frame;
    queue->bytes += frame->size;
}

/* Unlinks the first frame, which has nothing or all of it written. */
static struct frame *pop(struct send_queue *queue)
{
    struct frame *frame = queue->first;

    assert(frame != NULL);
    assert(queue->written == 0 || queue->written == frame->size);
    queue->bytes -= frame->size - queue->written;
    queue->written = 0;
    queue->first = frame->next;
    if (queue->first == NULL)
        queue->last = NULL;
    frame->next = NULL;
    return frame;
}

uint32_t send_queue_trim(struct send_queue *queue, uint64_t bytes_max)
{
    struct frame *partial = NULL;
    size_t written = queue->written, partial_left = 0;
    uint32_t count = 0;

    if (queue->bytes <= bytes_max || queue->first == queue->last)
        return 0;
    if (written > 0) { /* set aside */
        queue->bytes += written;
        queue->written = 0;
        partial = pop(queue);
        partial_left = partial->size - written;
    }
    while (queue->bytes + partial_left > bytes_max && queue->first != queue->last) {
        frame_free(pop(queue));
        count++;
    }
    if (partial != NULL) {
        partial->next = queue->first;
        queue->first = partial;
        queue->bytes += partial_left;
        queue->written = written;
    }
    return count;
}

uint32_t send_queue_clear(struct send_queue *queue)
{
    uint32_t count = 0;

    queue->bytes += queue->written;
    queue->written = 0;
    for (; queue->first != NULL; count++)
        frame_free(pop(queue));
    assert(queue->bytes == 0);
    return count;
}

uint32_t send_queue_gather(const struct send_queue *queue, struct iovec *ret_pieces,
                           uint32_t pieces_max, size_t *ret_bytes)
{
    size_t skip = queue->written, bytes = 0;
    uint32_t count = 0;

    for (const struct frame *frame = queue->first; frame != NULL; frame = frame->next) {
        for (uint32_t i = 0; i < frame->piece_count; i++) {
            const struct iovec *piece = &frame->pieces[i];

            if (count == pieces_max)
                goto out;
            if (skip >= piece->iov_len) {
                skip -= piece->iov_len;
                continue;
            }
            ret_pieces[count] = (struct iovec){(uint8_t *)piece->iov_base + skip,
                                               piece->iov_len - skip};
            bytes += ret_pieces[count].iov_len;
            count++;
            skip = 0;
        }
    }
out:
    *ret_bytes = bytes;
    return count;
}

uint32_t send_queue_written(struct send_queue *queue, size_t bytes)
{
    uint32_t count = 0;

    assert(bytes <= queue->bytes);
    while (bytes > 0) {
        size_t left = queue->first->size - queue->written;
        size_t part = bytes < left ? bytes : left;

        queue->written += part;
        queue->bytes -= part;
        bytes -= part;
        if (part == left) {
            frame_free(pop(queue));
            count++;
        }
    }
    return count;
}

void send_queue_split(struct send_queue *queue, struct send_queue *to, size_t bytes_max)
{
    assert(send_queue_is_empty(to));
    assert(!send_queue_is_empty(queue));
    to->written = queue->written;
    queue->bytes += queue->written;
    queue->written = 0;
    do {
        send_queue_push(to, pop(queue));
    } while (queue->first != NULL && to->bytes + queue->first->size <= bytes_max);
    to->bytes -= to->written;
}
