/* SPDX-License-Identifier: MIT */
/* pool_memory.c -- see pool_memory.h. */
#include "pool_memory.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

struct pool_piece {
    union {
        size_t size_class;       /* while in use; POOL_CLASSES: malloc's own */
        struct pool_piece *next; /* while kept */
    } u;
    size_t room; /* bytes behind the head */
    alignas(max_align_t) uint8_t data[];
};

static struct pool_piece *piece_of(void *memory)
{
    return (struct pool_piece *)(void *)((uint8_t *)memory - offsetof(struct pool_piece, data));
}

static void push(struct pool_piece **list, struct pool_piece *piece)
{
    piece->u.next = *list;
    *list = piece;
}

static struct pool_piece *pop(struct pool_piece **list)
{
    struct pool_piece *piece = *list;

    if (piece != NULL)
        *list = piece->u.next;
    return piece;
}

/* Malloc has nothing: what was set aside, if it is large enough. */
static struct pool_piece *pop_reserve(struct pool_memory *pool, size_t *size_class)
{
    struct pool_piece *piece = *size_class < POOL_CLASSES ? pop(&pool->reserve) : NULL;

    if (piece == NULL)
        return NULL;
    *size_class = POOL_CLASSES - 1;
    pool->reserve_count--;
    return piece;
}

static size_t room_of(size_t size_class)
{
    return (size_class + 1) * POOL_CLASS_BYTES - sizeof(struct pool_piece);
}

static void *pool_alloc(size_t size, void *context)
{
    struct pool_memory *pool = context;
    size_t size_class = (sizeof(struct pool_piece) + size - 1) / POOL_CLASS_BYTES;
    size_t whole = (size_class + 1) * POOL_CLASS_BYTES;
    struct pool_piece *piece;

    if (size > SIZE_MAX / 2)
        return NULL;
    if (size_class >= POOL_CLASSES) {
        size_class = POOL_CLASSES;
        piece = malloc(whole);
    } else if (pool->free_pieces[size_class] != NULL) {
        piece = pop(&pool->free_pieces[size_class]);
        pool->kept_bytes -= whole;
    } else {
        piece = malloc(whole);
    }
    if (piece == NULL && (piece = pop_reserve(pool, &size_class)) == NULL)
        return NULL;
    piece->u.size_class = size_class;
    piece->room = size_class < POOL_CLASSES ? room_of(size_class) : whole - sizeof(*piece);
    return piece->data;
}

static void pool_free(void *memory, void *context)
{
    struct pool_memory *pool = context;
    struct pool_piece *piece;
    size_t size_class, whole;

    if (memory == NULL)
        return;
    piece = piece_of(memory);
    size_class = piece->u.size_class;
    whole = piece->room + sizeof(*piece);
    assert(size_class <= POOL_CLASSES);
    if (size_class == POOL_CLASSES - 1 && pool->reserve_count < POOL_RESERVE) {
        push(&pool->reserve, piece);
        pool->reserve_count++;
        return;
    }
    if (size_class == POOL_CLASSES || pool->kept_bytes + whole > pool->kept_bytes_max) {
        free(piece);
        return;
    }
    push(&pool->free_pieces[size_class], piece);
    pool->kept_bytes += whole;
}

static void *pool_calloc(size_t count, size_t size, void *context)
{
    void *memory = size > 0 && count > SIZE_MAX / size ? NULL : pool_alloc(count * size, context);

    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

static void *pool_realloc(void *memory, size_t size, void *context)
{
    size_t room = memory != NULL ? piece_of(memory)->room : 0;
    void *larger;

    if (memory != NULL && size <= room)
        return memory;
    larger = pool_alloc(size, context);
    if (larger == NULL)
        return NULL;
    if (memory != NULL)
        memcpy(larger, memory, room);
    pool_free(memory, context);
    return larger;
}

int pool_memory_init(struct pool_memory *pool, size_t kept_bytes_max)
{
    *pool = (struct pool_memory){.kept_bytes_max = kept_bytes_max};
    pool->hooks = (nghttp2_mem){pool, pool_alloc, pool_free, pool_calloc, pool_realloc};
    while (pool->reserve_count < POOL_RESERVE) {
        struct pool_piece *piece = malloc(sizeof(*piece) + room_of(POOL_CLASSES - 1));

        if (piece == NULL) {
            pool_memory_release(pool);
            return DECREE_NOMEM;
        }
        push(&pool->reserve, piece);
        pool->reserve_count++;
    }
    return 0;
}

static void free_list(struct pool_piece **list)
{
    struct pool_piece *piece;

    while ((piece = pop(list)) != NULL)
        free(piece);
}

void pool_memory_release(struct pool_memory *pool)
{
    for (size_t size_class = 0; size_class < POOL_CLASSES; size_class++)
        free_list(&pool->free_pieces[size_class]);
    free_list(&pool->reserve);
    pool->kept_bytes = 0;
    pool->reserve_count = 0;
}
