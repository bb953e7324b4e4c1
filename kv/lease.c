/* SPDX-License-Identifier: MIT */
/* lease.c -- open addressing with linear probing; removal moves what follows back into the gap. */
#include "lease.h"

#include <assert.h>
#include <string.h>

#include "checksum.h"

#define PLACES_MIN 16u

void leases_init(struct leases *leases, struct allocator *allocator, uint64_t seed)
{
    *leases = (struct leases){.allocator = allocator, .seed = seed};
}

static void free_lease(struct allocator *allocator, struct lease *lease)
{
    lease_keys_release(&lease->keys, allocator);
    allocator_free(allocator, lease, sizeof(*lease));
}

void leases_release(struct leases *leases)
{
    for (size_t i = 0; i < leases->place_count; i++)
        if (leases->places[i] != NULL)
            free_lease(leases->allocator, leases->places[i]);
    allocator_free(leases->allocator, leases->places,
                   leases->place_count * sizeof(leases->places[0]));
    leases_init(leases, leases->allocator, leases->seed);
}

/* Where the id belongs, were all places free. */
static size_t home_of(const struct leases *leases, int64_t id)
{
    return (size_t)checksum(&id, sizeof(id), leases->seed) & (leases->place_count - 1);
}

/* The place of the id, or the free one where it would be. There is a free one. */
static size_t place_of(const struct leases *leases, int64_t id)
{
    size_t at = home_of(leases, id);

    assert(leases->count < leases->place_count);
    while (leases->places[at] != NULL && leases->places[at]->id != id)
        at = (at + 1) & (leases->place_count - 1);
    return at;
}

struct lease *leases_find(const struct leases *leases, int64_t id)
{
    return leases->count == 0 ? NULL : leases->places[place_of(leases, id)];
}

static void grow(struct leases *leases)
{
    struct leases grown = {.allocator = leases->allocator,
                           .seed = leases->seed,
                           .place_count = leases->place_count == 0 ? PLACES_MIN
                                                                   : 2 * leases->place_count,
                           .count = leases->count};

    grown.places = allocator_new(grown.allocator, grown.place_count * sizeof(grown.places[0]));
    memset(grown.places, 0, grown.place_count * sizeof(grown.places[0]));
    for (size_t i = 0; i < leases->place_count; i++)
        if (leases->places[i] != NULL)
            grown.places[place_of(&grown, leases->places[i]->id)] = leases->places[i];
    allocator_free(leases->allocator, leases->places,
                   leases->place_count * sizeof(leases->places[0]));
    *leases = grown;
}

struct lease *leases_add(struct leases *leases, int64_t id, int64_t seconds)
{
    struct lease *lease = allocator_new(leases->allocator, sizeof(*lease));
    size_t at;

    *lease = (struct lease){.id = id, .granted = seconds};
    if (2 * (leases->count + 1) > leases->place_count)
        grow(leases);
    at = place_of(leases, id);
    assert(leases->places[at] == NULL);
    leases->places[at] = lease;
    leases->count++;
    return lease;
}

void leases_remove(struct leases *leases, struct lease *lease)
{
    size_t mask = leases->place_count - 1;
    size_t gap = place_of(leases, lease->id);

    assert(leases->places[gap] == lease);
    for (size_t at = (gap + 1) & mask; leases->places[at] != NULL; at = (at + 1) & mask) {
        size_t home = home_of(leases, leases->places[at]->id);

        if (((at - home) & mask) >= ((at - gap) & mask)) {
            leases->places[gap] = leases->places[at];
            gap = at;
        }
    }
    leases->places[gap] = NULL;
    leases->count--;
    free_lease(leases->allocator, lease);
}

struct lease *leases_next(const struct leases *leases, size_t *at)
{
    while (*at < leases->place_count) {
        struct lease *lease = leases->places[(*at)++];

        if (lease != NULL)
            return lease;
    }
    return NULL;
}
