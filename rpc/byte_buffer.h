/* SPDX-License-Identifier: MIT */
/* byte_buffer.h -- bytes that grow at the end, for requests as they come in and responses as they
 * are made.
 *
 * Running out of memory makes the buffer failed: what is in it stays, every later call is a no-op,
 * and the owner asks once, at the end. Zero-initialised is empty.
 */
#ifndef DECREE_RPC_BYTE_BUFFER_H
#define DECREE_RPC_BYTE_BUFFER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_BUFFER_FIRST_BYTES 512u

struct byte_buffer {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
};

static inline void byte_buffer_release(struct byte_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct byte_buffer){0};
}

/* Empties the buffer; its memory is kept for the next use unless it is larger than keep_bytes. */
static inline void byte_buffer_reset(struct byte_buffer *buffer, size_t keep_bytes)
{
    if (buffer->capacity > keep_bytes)
        byte_buffer_release(buffer);
    buffer->size = 0;
    buffer->failed = false;
}

/* Room for size more bytes at data + size, to be taken with byte_buffer_grew(); NULL when there is
 * none. */
static inline uint8_t *byte_buffer_reserve(struct byte_buffer *buffer, size_t size)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BYTE_BUFFER_FIRST_BYTES;
    uint8_t *data;

    if (buffer->failed)
        return NULL;
    if (buffer->capacity - buffer->size >= size && buffer->data != NULL)
        return buffer->data + buffer->size;
    while (capacity - buffer->size < size && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    data = capacity - buffer->size >= size ? realloc(buffer->data, capacity) : NULL;
    if (data == NULL) {
        buffer->failed = true;
        return NULL;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return data + buffer->size;
}

static inline void byte_buffer_grew(struct byte_buffer *buffer, size_t size)
{
    assert(size <= buffer->capacity - buffer->size);
    buffer->size += size;
}

static inline void byte_buffer_append(struct byte_buffer *buffer, const void *data, size_t size)
{
    uint8_t *room = byte_buffer_reserve(buffer, size);

    if (room == NULL || size == 0)
        return;
    memcpy(room, data, size);
    byte_buffer_grew(buffer, size);
}

#endif
