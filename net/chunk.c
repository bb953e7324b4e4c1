/* SPDX-License-Identifier: MIT */
/* chunk.c -- counted memory for what is received, and the cutting of a stream into frames. */
#include "chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Less room than this at the end of a chunk is not worth a read. */
#define ROOM_BYTES_MIN 4096u

struct chunk *chunk_new(size_t capacity)
{
    struct chunk *chunk = malloc(sizeof(*chunk));
    uint8_t *data = malloc(capacity);

    assert(capacity > 0);
    if (chunk == NULL || data == NULL) {
        free(chunk);
        free(data);
        return NULL;
    }
    *chunk = (struct chunk){.refs = 1, .capacity = capacity, .data = data};
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
    assert(chunk->refs > 0);
    assert(chunk->refs < UINT32_MAX);
    chunk->refs++;
    return chunk;
}

void chunk_unref(struct chunk *chunk)
{
    if (chunk == NULL)
        return;
    assert(chunk->refs > 0);
    if (--chunk->refs > 0)
        return;
    free(chunk->data);
    free(chunk);
}

void inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){0};
}

void inbox_release(struct inbox *inbox)
{
    chunk_unref(inbox->chunk);
    *inbox = (struct inbox){0};
}

/* What a chunk has to hold for the frame at start to go on: never more than twice what has arrived,
 * unless that is little. */
static size_t capacity_wanted(const struct inbox *inbox)
{
    size_t pending = inbox->used - inbox->start;
    size_t twice = pending * 2 > CHUNK_BYTES ? pending * 2 : CHUNK_BYTES;

    if (inbox->expected <= CHUNK_BYTES)
        return CHUNK_BYTES;
    return inbox->expected < twice ? inbox->expected : twice;
}

/* Nobody borrows from the chunk: the bytes that wait move to its beginning. */
static void slide(struct inbox *inbox)
{
    size_t pending = inbox->used - inbox->start;

    assert(inbox->chunk->refs == 1);
    if (pending > 0 && inbox->start > 0)
        memmove(inbox->chunk->data, inbox->chunk->data + inbox->start, pending);
    inbox->start = 0;
    inbox->used = pending;
}

/* Grows a chunk that nobody borrows from; large ones grow without a copy. */
static bool grow(struct inbox *inbox, size_t capacity)
{
    uint8_t *data = realloc(inbox->chunk->data, capacity);

    assert(inbox->chunk->refs == 1);
    if (data == NULL)
        return false;
    inbox->chunk->data = data;
    inbox->chunk->capacity = capacity;
    return true;
}

static bool move_to_new(struct inbox *inbox, size_t capacity)
{
    size_t pending = inbox->used - inbox->start;
    struct chunk *chunk = chunk_new(capacity);

    if (chunk == NULL)
        return false;
    assert(pending < capacity);
    if (pending > 0)
        memcpy(chunk->data, inbox->chunk->data + inbox->start, pending);
    chunk_unref(inbox->chunk);
    inbox->chunk = chunk;
    inbox->start = 0;
    inbox->used = pending;
    return true;
}

/* True when the frame at start can go on where it is, and the next read is worth its while. */
static bool room_is_fit(const struct inbox *inbox)
{
    size_t room = inbox->chunk->capacity - inbox->used;

    if (room == 0)
        return false;
    if (inbox->expected > 0 && inbox->start + inbox->expected <= inbox->chunk->capacity)
        return true;
    if (inbox->expected > CHUNK_BYTES)
        return inbox->start == 0;
    return room >= ROOM_BYTES_MIN;
}

static bool make_room(struct inbox *inbox)
{
    size_t capacity = capacity_wanted(inbox);

    if (inbox->chunk == NULL || inbox->chunk->refs > 1)
        return move_to_new(inbox, capacity);
    slide(inbox);
    return inbox->chunk->capacity >= capacity || grow(inbox, capacity);
}

uint8_t *inbox_space(struct inbox *inbox, size_t *ret_size)
{
    struct chunk *chunk = inbox->chunk;
    bool idle = inbox->start == inbox->used;

    /* A chunk of a large frame's own is not kept once that frame is gone. */
    if (chunk != NULL && idle && chunk->refs == 1 && chunk->capacity == CHUNK_BYTES)
        inbox->start = inbox->used = 0;
    else if (chunk != NULL && idle && chunk->capacity != CHUNK_BYTES) {
        chunk_unref(chunk);
        *inbox = (struct inbox){0};
    }
    if ((inbox->chunk == NULL || !room_is_fit(inbox)) && !make_room(inbox))
        return NULL;
    assert(inbox->used < inbox->chunk->capacity);
    *ret_size = inbox->chunk->capacity - inbox->used;
    return inbox->chunk->data + inbox->used;
}

void inbox_filled(struct inbox *inbox, size_t count)
{
    assert(inbox->chunk != NULL);
    assert(count <= inbox->chunk->capacity - inbox->used);
    inbox->used += count;
}

const uint8_t *inbox_peek(const struct inbox *inbox, size_t *ret_size)
{
    *ret_size = inbox->used - inbox->start;
    return inbox->chunk == NULL ? NULL : inbox->chunk->data + inbox->start;
}

void inbox_expect(struct inbox *inbox, size_t size)
{
    assert(size > inbox->used - inbox->start);
    inbox->expected = size;
}

void inbox_take(struct inbox *inbox, size_t size)
{
    assert(size > 0);
    assert(size <= inbox->used - inbox->start);
    inbox->start += size;
    inbox->expected = 0;
}
