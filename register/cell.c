/* SPDX-License-Identifier: MIT */
/* cell.c -- see cell.h. */
#include "cell.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "members.h"

struct cell *cell_new(struct decree_register_key key, uint64_t hash)
{
    struct cell *cell = calloc(1, sizeof(*cell));

    assert(key.size > 0);
    if (cell == NULL)
        return NULL;
    cell->name = decree_value_copy(key.data, key.size);
    if (cell->name == NULL) {
        free(cell);
        return NULL;
    }
    cell->entry.hash = hash;
    cell->first = 1;
    return cell;
}

void cell_free(struct cell *cell)
{
    if (cell == NULL)
        return;
    for (uint32_t i = 0; i < cell->count; i++)
        decree_value_unref(cell->versions[cell->start + i].value);
    decree_value_unref(cell->name);
    free(cell->versions);
    free(cell);
}

bool cell_has_name(const struct cell *cell, struct decree_register_key key)
{
    return cell->name->size == key.size && memcmp(cell->name->data, key.data, key.size) == 0;
}

bool cell_is_empty(const struct cell *cell)
{
    return cell->count == 0 && cell->first == 1 && cell->counter == 0 &&
           ballot_none(cell->promised) && cell->appends.head == NULL && cell->others.head == NULL;
}

/* How many entries are below version. In a history without holes the first guess is right. */
static uint32_t rank_of(const struct cell *cell, uint64_t version)
{
    const struct cell_version *versions;
    uint32_t low = 0, high = cell->count;

    if (cell->count == 0)
        return 0;
    versions = cell->versions + cell->start;
    if (version <= versions[0].version)
        return 0;
    if (version > versions[high - 1].version)
        return high;
    if (version - versions[0].version < high) {
        uint32_t guess = (uint32_t)(version - versions[0].version);

        if (versions[guess].version == version)
            return guess;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (versions[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct cell_version *cell_find(const struct cell *cell, uint64_t version)
{
    uint32_t rank = rank_of(cell, version);
    struct cell_version *found;

    if (rank == cell->count)
        return NULL;
    found = cell->versions + cell->start + rank;
    return found->version == version ? found : NULL;
}

/* Room for one more behind the last. The front is given back when half of the room is unused. */
static bool make_room(struct cell *cell)
{
    struct cell_version *versions;
    uint32_t room = cell->room == 0 ? 4 : 2 * cell->room;

    if (cell->start + cell->count < cell->room)
        return true;
    if (cell->start > cell->count) {
        memmove(cell->versions, cell->versions + cell->start,
                cell->count * sizeof(*cell->versions));
        cell->start = 0;
        return true;
    }
    versions = realloc(cell->versions, room * sizeof(*versions));
    if (versions == NULL)
        return false;
    cell->versions = versions;
    cell->room = room;
    return true;
}

struct cell_version *cell_make(struct cell *cell, uint64_t version)
{
    uint32_t rank = rank_of(cell, version);
    struct cell_version *made = cell_find(cell, version);

    assert(version >= cell->first);
    if (made != NULL)
        return made;
    if (!make_room(cell))
        return NULL;
    made = cell->versions + cell->start + rank;
    memmove(made + 1, made, (cell->count - rank) * sizeof(*made));
    *made = (struct cell_version){.version = version};
    cell->count++;
    return made;
}

uint64_t cell_next(const struct cell *cell, uint64_t version)
{
    for (uint32_t i = rank_of(cell, version + 1); i < cell->count; i++)
        if (cell->versions[cell->start + i].value != NULL)
            return cell->versions[cell->start + i].version;
    return 0;
}

struct decree_ballot cell_promised(const struct cell *cell, uint64_t version)
{
    const struct cell_version *found = cell_find(cell, version);

    if (found != NULL && decree_ballot_compare(found->promised, cell->promised) > 0)
        return found->promised;
    return cell->promised;
}

void cell_promise(struct cell *cell, struct cell_version *version, bool wide,
                  struct decree_ballot ballot)
{
    struct decree_ballot *promised = wide ? &cell->promised : &version->promised;

    assert(wide || version != NULL);
    if (decree_ballot_compare(ballot, *promised) > 0)
        *promised = ballot;
}

void cell_vote(struct cell *cell, struct cell_version *version, struct decree_ballot ballot,
               struct decree_register_mark mark, struct decree_value *value)
{
    assert(value != NULL);
    assert(!ballot_none(ballot));
    decree_value_ref(value);
    decree_value_unref(version->value);
    version->value = value;
    version->voted = ballot;
    version->mark = mark;
    if (version->version > cell->latest)
        cell->latest = version->version;
}

void cell_decide(struct cell *cell, struct cell_version *version)
{
    assert(version->value != NULL);
    version->decided = true;
    if (version->version > cell->chosen)
        cell->chosen = version->version;
}

void cell_compact(struct cell *cell, uint64_t first)
{
    assert(first <= cell->chosen);
    while (cell->count > 0 && cell->versions[cell->start].version < first) {
        decree_value_unref(cell->versions[cell->start].value);
        cell->start++;
        cell->count--;
    }
    if (first > cell->first)
        cell->first = first;
}

uint64_t cell_keep_from(const struct cell *cell, uint64_t keep)
{
    uint32_t rank = rank_of(cell, cell->chosen);

    if (keep == 0 || cell->chosen == 0 || rank + 1u <= keep)
        return cell->first;
    return cell->versions[cell->start + (rank + 1 - (uint32_t)keep)].version;
}
