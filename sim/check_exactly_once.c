/* SPDX-License-Identifier: MIT */
/* check_exactly_once.c -- a table from both names of a command to the one slot that may hold it. */
#include "check_exactly_once.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "checksum.h"

struct exactly_once_key {
    uint64_t origin, incarnation, sequence; /* or 0, 0, the operation */
};

struct exactly_once_entry {
    struct exactly_once_key key;
    decree_slot slot; /* 0: empty */
};

void exactly_once_init(struct exactly_once *once, struct verdict *verdict)
{
    assert(verdict != NULL);
    *once = (struct exactly_once){.verdict = verdict};
}

void exactly_once_release(struct exactly_once *once)
{
    free(once->entries);
    *once = (struct exactly_once){0};
}

static bool key_same(const struct exactly_once_key *a, const struct exactly_once_key *b)
{
    return a->origin == b->origin && a->incarnation == b->incarnation && a->sequence == b->sequence;
}

static struct exactly_once_entry *table_find(struct exactly_once_entry *entries, uint64_t capacity,
                                             const struct exactly_once_key *key)
{
    uint64_t index = checksum(key, sizeof(*key), 0) & (capacity - 1);

    while (entries[index].slot != 0 && !key_same(&entries[index].key, key))
        index = (index + 1) & (capacity - 1);
    return &entries[index];
}

static void exactly_once_grow(struct exactly_once *once)
{
    uint64_t capacity = once->capacity == 0 ? 1024 : 2 * once->capacity;
    struct exactly_once_entry *entries = calloc(capacity, sizeof(*entries));

    assert(entries != NULL);
    for (uint64_t i = 0; i < once->capacity; i++)
        if (once->entries[i].slot != 0)
            *table_find(entries, capacity, &once->entries[i].key) = once->entries[i];
    free(once->entries);
    once->entries = entries;
    once->capacity = capacity;
}

static void exactly_once_add(struct exactly_once *once, uint64_t now_ns, unsigned node,
                             decree_slot slot, const struct exactly_once_key *key)
{
    struct exactly_once_entry *entry;

    if (2 * once->count >= once->capacity)
        exactly_once_grow(once);
    entry = table_find(once->entries, once->capacity, key);
    if (entry->slot == 0) {
        *entry = (struct exactly_once_entry){.key = *key, .slot = slot};
        once->count++;
    } else if (entry->slot != slot) {
        verdict_fail(once->verdict, "exactly_once", now_ns,
                     "node %u: %s <%" PRIu64 ",%" PRIu64 ",%" PRIu64 "> is in slot %" PRIu64
                     "; expected it in slot %" PRIu64 " only",
                     node, key->origin == 0 ? "operation" : "command", key->origin,
                     key->incarnation, key->sequence, slot, entry->slot);
    }
}

void exactly_once_on_decision(struct exactly_once *once, uint64_t now_ns, unsigned node,
                              decree_slot slot, const struct decree_command *command,
                              uint64_t operation)
{
    struct exactly_once_key name = {command->origin, command->incarnation, command->sequence};
    struct exactly_once_key inner = {0, 0, operation};

    assert(command->origin != 0);
    assert(slot > 0);
    exactly_once_add(once, now_ns, node, slot, &name);
    exactly_once_add(once, now_ns, node, slot, &inner);
}
