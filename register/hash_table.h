/* SPDX-License-Identifier: MIT */
/* hash_table.h -- pointers by hash: open addressing, linear probing, no tombstones.
 *
 *     slots:  [ . | a | b | . | c | . | . | d ]     a, b, c: struct hash_entry first in what they are
 *
 * The owner of an entry computes its hash and tells equal ones apart. Half of the slots stay free,
 * so a probe is short; a removal moves later entries back to where they would be found.
 */
#ifndef DECREE_REGISTER_HASH_TABLE_H
#define DECREE_REGISTER_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_entry {
    uint64_t hash;
};

struct hash_table { /* all zero: empty */
    struct hash_entry **slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

/* Frees the slots, not the entries. */
void hash_table_release(struct hash_table *table);

/* Makes room for count entries in all. False: out of memory, nothing has changed. */
bool hash_table_reserve(struct hash_table *table, size_t count);

/* Room for it must have been reserved. */
void hash_table_insert(struct hash_table *table, struct hash_entry *entry);
void hash_table_remove(struct hash_table *table, struct hash_entry *entry);

/* The first slot where an entry of this hash may be, for hash_table_next(). */
size_t hash_table_begin(const struct hash_table *table, uint64_t hash);

/* The next entry of this hash, or NULL; moves on place. */
struct hash_entry *hash_table_next(const struct hash_table *table, uint64_t hash, size_t *place);

#endif
