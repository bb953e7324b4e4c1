/* SPDX-License-Identifier: MIT */
/* lease_table.h -- when each lease ends, by id: a hash table of entries that are found in no order.
 *
 * An entry stays where it is until it is removed, so its deadline may hang on a wheel meanwhile.
 */
#ifndef DECREE_SERVER_LEASE_TABLE_H
#define DECREE_SERVER_LEASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deadline_wheel.h"

struct lease_entry {
    struct lease_entry *next; /* of the same bucket */
    struct deadline deadline; /* on the wheel, or by its link in a list of what is due */
    int64_t id;
    uint64_t ends_ms;
    uint64_t news; /* the number of what was last told of it, see lessor.news */
    bool asked;    /* somebody here waits for news of it */
    bool due;      /* its time is up */
    bool revoked;  /* ... and the log was asked to revoke it */
};

struct lease_table { /* all zero but the seed: empty */
    uint64_t seed;   /* of the hash, see random_seed.h; set before the first entry */
    struct lease_entry **buckets;
    size_t bucket_count, count; /* a power of two, or 0 */
};

/* NULL: there is none. */
struct lease_entry *lease_table_find(const struct lease_table *table, int64_t id);

/* Adds an entry of an id that is not there; NULL: no memory. */
struct lease_entry *lease_table_add(struct lease_table *table, int64_t id);

/* The entry's deadline hangs nowhere. */
void lease_table_remove(struct lease_table *table, struct lease_entry *entry);

/* Frees all entries, wherever their deadlines hang. */
void lease_table_release(struct lease_table *table);

#endif
