/* SPDX-License-Identifier: MIT */
/* hash_table.c -- see hash_table.h. */
#include "hash_table.h"

#include <assert.h>
#include <stdlib.h>

#define SLOTS_MIN 16u

void hash_table_release(struct hash_table *table)
{
    free(table->slots);
    *table = (struct hash_table){.slots = NULL};
}

static size_t slot_after(const struct hash_table *table, size_t slot)
{
    return (slot + 1) & (table->slot_count - 1);
}

static void place_entry(struct hash_table *table, struct hash_entry *entry)
{
    size_t slot = entry->hash & (table->slot_count - 1);

    while (table->slots[slot] != NULL)
        slot = slot_after(table, slot);
    table->slots[slot] = entry;
}

bool hash_table_reserve(struct hash_table *table, size_t count)
{
    struct hash_table larger = {.slot_count = table->slot_count, .count = table->count};

    while (larger.slot_count < 2 * count || larger.slot_count < SLOTS_MIN)
        larger.slot_count = larger.slot_count == 0 ? SLOTS_MIN : 2 * larger.slot_count;
    if (larger.slot_count == table->slot_count)
        return true;
    larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return false;
    for (size_t slot = 0; slot < table->slot_count; slot++)
        if (table->slots[slot] != NULL)
            place_entry(&larger, table->slots[slot]);
    free(table->slots);
    *table = larger;
    return true;
}

void hash_table_insert(struct hash_table *table, struct hash_entry *entry)
{
    assert(entry != NULL);
    assert(2 * (table->count + 1) <= table->slot_count);
    place_entry(table, entry);
    table->count++;
}

/* What stands behind the hole and hashes to before it, or into it, moves into it. */
static void close_hole(struct hash_table *table, size_t hole)
{
    size_t mask = table->slot_count - 1;

    for (size_t slot = slot_after(table, hole); table->slots[slot] != NULL;
         slot = slot_after(table, slot)) {
        size_t home = table->slots[slot]->hash & mask;

        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue;
        table->slots[hole] = table->slots[slot];
        table->slots[slot] = NULL;
        hole = slot;
    }
}

void hash_table_remove(struct hash_table *table, struct hash_entry *entry)
{
    size_t slot = entry->hash & (table->slot_count - 1);

    while (table->slots[slot] != entry) {
        assert(table->slots[slot] != NULL); /* it must be there */
        slot = slot_after(table, slot);
    }
    table->slots[slot] = NULL;
    table->count--;
    close_hole(table, slot);
}

size_t hash_table_begin(const struct hash_table *table, uint64_t hash)
{
    return table->slot_count == 0 ? 0 : hash & (table->slot_count - 1);
}

struct hash_entry *hash_table_next(const struct hash_table *table, uint64_t hash, size_t *place)
{
    while (table->slot_count > 0 && table->slots[*place] != NULL) {
        struct hash_entry *entry = table->slots[*place];

        *place = slot_after(table, *place);
        if (entry->hash == hash)
            return entry;
    }
    return NULL;
}
