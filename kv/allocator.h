/* SPDX-License-Identifier: MIT */
/* allocator.h -- where kv/ gets its memory: a function to resize, one for the day when there is
 * none left, and a count of the bytes. Callers know the sizes of what they own, so none are kept
 * beside the blocks.
 */
#ifndef DECREE_KV_ALLOCATOR_H
#define DECREE_KV_ALLOCATOR_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct allocator {
    void *context;
    void *(*resize)(void *context, void *memory, size_t size);
    void (*out_of_memory)(void *context, size_t size); /* NULL: the assertion below */
    uint64_t bytes;                                    /* allocated now */
};

/* memory, which has old_size bytes (NULL and 0: none yet), with new_size bytes; never NULL. */
static inline void *allocator_resize(struct allocator *allocator, void *memory, size_t old_size,
                                     size_t new_size)
{
    void *resized;

    assert(new_size > 0);
    resized = allocator->resize(allocator->context, memory, new_size);
    if (resized == NULL && allocator->out_of_memory != NULL)
        allocator->out_of_memory(allocator->context, new_size);
    assert(resized != NULL && "out of memory: a replica cannot go on");
    allocator->bytes += new_size - old_size;
    return resized;
}

static inline void *allocator_new(struct allocator *allocator, size_t size)
{
    return allocator_resize(allocator, NULL, 0, size);
}

/* NULL is fine. */
static inline void allocator_free(struct allocator *allocator, void *memory, size_t size)
{
    if (memory == NULL)
        return;
    assert(allocator->bytes >= size);
    allocator->bytes -= size;
    (void)allocator->resize(allocator->context, memory, 0);
}

#endif
