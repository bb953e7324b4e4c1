/* SPDX-License-Identifier: MIT */
/* lease_table.c -- chains in buckets, which are doubled when there are as many entries. */
#include "lease_table.h"

#include <assert.h>
#include <stdlib.h>

#include "checksum.h"

#define BUCKETS_MIN 64u

static struct lease_entry **bucket_of(const struct lease_table *table, int64_t id)
{
    assert(table->bucket_count > 0);
    return &table->buckets[checksum(&id, sizeof(id), table->seed) & (table->bucket_count - 1)];
}

struct lease_entry *lease_table_find(const struct lease_table *table, int64_t id)
{
    struct lease_entry *entry = table->count > 0 ? *bucket_of(table, id) : NULL;

    while (entry != NULL && entry->id != id)
        entry = entry->next;
    return entry;
}

static void put_in(struct lease_table *table, struct lease_entry *entry)
{
    struct lease_entry **bucket = bucket_of(table, entry->id);

    entry->next = *bucket;
    *bucket = entry;
}

static bool grow(struct lease_table *table)
{
    struct lease_table grown = {
        .seed = table->seed,
        .bucket_count = table->bucket_count > 0 ? 2 * table->bucket_count : BUCKETS_MIN,
        .count = table->count,
    };

    grown.buckets = calloc(grown.bucket_count, sizeof(grown.buckets[0]));
    if (grown.buckets == NULL)
        return false;
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct lease_entry *entry = table->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            put_in(&grown, entry);
        }
    free(table->buckets);
    *table = grown;
    return true;
}

struct lease_entry *lease_table_add(struct lease_table *table, int64_t id)
{
    struct lease_entry *entry;

    assert(lease_table_find(table, id) == NULL);
    if (table->count == table->bucket_count && !grow(table))
        return NULL;
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->id = id;
    list_init(&entry->deadline.link);
    put_in(table, entry);
    table->count++;
    return entry;
}

void lease_table_remove(struct lease_table *table, struct lease_entry *entry)
{
    struct lease_entry **at = bucket_of(table, entry->id);

    assert(list_alone(&entry->deadline.link));
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    table->count--;
    free(entry);
}

void lease_table_release(struct lease_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct lease_entry *entry = table->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free(entry);
        }
    free(table->buckets);
    *table = (struct lease_table){0};
}
