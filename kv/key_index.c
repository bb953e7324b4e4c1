/* SPDX-License-Identifier: MIT */
/* key_index.c -- one word for one revision, a list that grows by half for more.
 *
 * A list holds a mark for each revision: position << 2, plus 2 for a tombstone, which is also the
 * word of a key_index with that revision alone. As positions are ordered by revision, so are marks,
 * and what was there at a revision is found by halving.
 */
#include "key_index.h"

#include <assert.h>
#include <stddef.h>

#define LIST 1u
#define DELETED 2u
#define TAGS ((uint64_t)(LIST | DELETED))

struct revisions {
    uint32_t count, capacity;
    uint64_t marks[];
};

static uint64_t mark_make(uint64_t position, bool tombstone)
{
    assert(position >> STORE_POSITION_BITS == 0);
    return position << 2 | (tombstone ? DELETED : 0u);
}

static size_t revisions_size(uint32_t capacity)
{
    return offsetof(struct revisions, marks) + capacity * sizeof(uint64_t);
}

static struct revisions *list_of(struct key_index key_index)
{
    assert((key_index.word & LIST) != 0);
    return (struct revisions *)(uintptr_t)(key_index.word & ~TAGS);
}

struct key_index key_index_make(uint64_t position)
{
    return (struct key_index){mark_make(position, false)};
}

void key_index_release(struct key_index *key_index, struct allocator *allocator)
{
    if ((key_index->word & LIST) != 0)
        allocator_free(allocator, list_of(*key_index),
                       revisions_size(list_of(*key_index)->capacity));
    key_index->word = 0;
}

/* The list with room for one more; made from the only revision if there is none yet. */
static struct revisions *list_grow(struct key_index key_index, struct allocator *allocator)
{
    struct revisions *list = NULL;
    uint32_t capacity = 2;

    if ((key_index.word & LIST) != 0) {
        list = list_of(key_index);
        if (list->count < list->capacity)
            return list;
        assert(list->capacity < UINT32_MAX / 2);
        capacity = list->capacity < 8 ? 2 * list->capacity : list->capacity + list->capacity / 2;
        list = allocator_resize(allocator, list, revisions_size(list->capacity),
                                revisions_size(capacity));
    } else {
        list = allocator_new(allocator, revisions_size(capacity));
        list->count = 1;
        list->marks[0] = key_index.word;
    }
    list->capacity = capacity;
    return list;
}

void key_index_append(struct key_index *key_index, struct allocator *allocator, uint64_t position,
                      bool tombstone)
{
    struct revisions *list = list_grow(*key_index, allocator);

    assert(list->count < list->capacity);
    assert(list->marks[list->count - 1] >> 2 < position);
    assert(((uintptr_t)list & TAGS) == 0);
    list->marks[list->count++] = mark_make(position, tombstone);
    key_index->word = (uint64_t)(uintptr_t)list | LIST | (tombstone ? DELETED : 0u);
}

uint64_t key_index_last(struct key_index key_index)
{
    if ((key_index.word & LIST) == 0)
        return key_index.word >> 2;
    assert(list_of(key_index)->count > 0);
    return list_of(key_index)->marks[list_of(key_index)->count - 1] >> 2;
}

/* The number of marks, of count, that were there at the horizon. */
static uint32_t marks_visible(const uint64_t *marks, uint32_t count, const struct store *store,
                              const struct horizon *horizon)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (store_visible(store, horizon, marks[middle] >> 2))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool key_index_get(struct key_index key_index, const struct store *store,
                   const struct horizon *horizon, uint64_t *ret_position)
{
    const uint64_t *marks = &key_index.word;
    uint32_t count = 1, visible;

    if ((key_index.word & LIST) != 0) {
        marks = list_of(key_index)->marks;
        count = list_of(key_index)->count;
    }
    visible = marks_visible(marks, count, store, horizon);
    if (visible == 0 || (marks[visible - 1] & DELETED) != 0)
        return false;
    *ret_position = marks[visible - 1] >> 2;
    return true;
}
