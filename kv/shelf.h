/* SPDX-License-Identifier: MIT */
/* shelf.h -- a port: where bytes that never change again can lie, other than in memory of the
 * process' own: in a file that is mapped, say.
 *
 * The store gives a full slab to the shelf, goes on reading its own copy, and asks at its leisure
 * whether the shelf has one: then it reads that and frees its own. One slab is under way at a time.
 * Nothing that can be asked of the store depends on when that happens, or whether.
 */
#ifndef DECREE_KV_SHELF_H
#define DECREE_KV_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_shelf { /* give NULL: there is none */
    void *context;
    uint32_t slabs_kept; /* the newest slabs, which are read most, stay in memory */
    /* Begins to copy the bytes, which stay as they are until take() has told of the copy. */
    void (*give)(void *context, const uint8_t *bytes, size_t size);
    /* False: the copy is still being made; never, if wait. *ret_copy is the copy, good until
     * drop(), or NULL: there is no room. */
    bool (*take)(void *context, bool wait, const uint8_t **ret_copy);
    void (*drop)(void *context, const uint8_t *copy, size_t size);
};

#endif
