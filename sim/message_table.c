/* SPDX-License-Identifier: MIT */
/* message_table.c -- a hash table that only grows. */
#include "message_table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "checksum.h"

struct message_key {
    uint64_t observer;
    struct message_name name;
};

struct message_entry {
    bool used;
    struct message_key key;
    uint64_t number;
};

void message_table_init(struct message_table *table)
{
    assert(table != NULL);
    *table = (struct message_table){.entries = NULL};
}

void message_table_release(struct message_table *table)
{
    free(table->entries);
    message_table_init(table);
}

static bool key_same(const struct message_key *a, const struct message_key *b)
{
    return a->observer == b->observer && a->name.origin == b->name.origin &&
           a->name.incarnation == b->name.incarnation && a->name.sequence == b->name.sequence;
}

static struct message_entry *find(struct message_entry *entries, uint64_t capacity,
                                  const struct message_key *key)
{
    uint64_t index = checksum(key, sizeof(*key), 0) & (capacity - 1);

    while (entries[index].used && !key_same(&entries[index].key, key))
        index = (index + 1) & (capacity - 1);
    return &entries[index];
}

static void grow(struct message_table *table)
{
    uint64_t capacity = table->capacity == 0 ? 1024 : 2 * table->capacity;
    struct message_entry *entries = calloc(capacity, sizeof(*entries));

    assert(entries != NULL);
    for (uint64_t i = 0; i < table->capacity; i++)
        if (table->entries[i].used)
            *find(entries, capacity, &table->entries[i].key) = table->entries[i];
    free(table->entries);
    table->entries = entries;
    table->capacity = capacity;
}

uint64_t *message_table_at(struct message_table *table, uint64_t observer,
                           const struct message_name *name)
{
    struct message_key key = {observer, *name};
    struct message_entry *entry;

    if (2 * table->count >= table->capacity)
        grow(table);
    entry = find(table->entries, table->capacity, &key);
    if (!entry->used) {
        *entry = (struct message_entry){.used = true, .key = key};
        table->count++;
    }
    return &entry->number;
}
