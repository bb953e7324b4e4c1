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
#include <string.h>

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

void key_index_bury(struct key_index *key_index)
{
    assert((key_index->word & TAGS) == 0);
    key_index->word |= DELETED;
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

/* The marks, of which there are *ret_count; key_index is where a single one is kept. */
static uint64_t *marks_of(struct key_index *key_index, uint32_t *ret_count)
{
    *ret_count = 1;
    if ((key_index->word & LIST) == 0)
        return &key_index->word;
    *ret_count = list_of(*key_index)->count;
    return list_of(*key_index)->marks;
}

uint32_t key_index_count(struct key_index key_index, const struct store *store,
                         const struct horizon *horizon, uint64_t *ret_last, bool *ret_tombstone)
{
    uint32_t count;
    const uint64_t *marks = marks_of(&key_index, &count);
    uint32_t visible = marks_visible(marks, count, store, horizon);

    if (visible > 0) {
        *ret_last = marks[visible - 1] >> 2;
        *ret_tombstone = (marks[visible - 1] & DELETED) != 0;
    }
    return visible;
}

bool key_index_get(struct key_index key_index, const struct store *store,
                   const struct horizon *horizon, uint64_t *ret_position)
{
    bool tombstone;

    return key_index_count(key_index, store, horizon, ret_position, &tombstone) > 0 && !tombstone;
}

uint32_t key_index_size(struct key_index key_index)
{
    uint32_t count;

    (void)marks_of(&key_index, &count);
    return count;
}

uint64_t key_index_at(struct key_index key_index, uint32_t at)
{
    uint32_t count;
    const uint64_t *marks = marks_of(&key_index, &count);

    assert(at < count);
    return marks[at] >> 2;
}

void key_index_drop(struct key_index *key_index, struct allocator *allocator, uint32_t count)
{
    struct revisions *list;
    uint64_t last;

    if (count == 0)
        return;
    list = list_of(*key_index);
    assert(count < list->count);
    list->count -= count;
    memmove(list->marks, list->marks + count, list->count * sizeof(list->marks[0]));
    last = list->marks[0];
    if (list->count > 1)
        return;
    allocator_free(allocator, list, revisions_size(list->capacity));
    key_index->word = last;
}

uint64_t *key_index_find(struct key_index *key_index, uint64_t position)
{
    uint32_t low = 0, high;
    uint64_t *marks = marks_of(key_index, &high);
    uint32_t count = high;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (marks[middle] >> 2 < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && marks[low] >> 2 == position ? &marks[low] : NULL;
}

void key_index_move(uint64_t *mark, uint64_t position)
{
    assert((*mark & LIST) == 0);
    *mark = mark_make(position, (*mark & DELETED) != 0);
}
