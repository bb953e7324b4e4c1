/* SPDX-License-Identifier: MIT */
/* parcels.h -- queues of received bytes, between threads: a parcel is what came in one piece, in a
 * chunk of its own. Whoever has a queue says under which lock.
 */
#ifndef DECREE_NET_PARCELS_H
#define DECREE_NET_PARCELS_H

#include <decree/paxos.h>

#include "chunk.h"

struct parcel {
    struct parcel *next;
    decree_node_id from, to;
    size_t size;
    struct chunk *chunk; /* holds size bytes */
};

struct parcels { /* a queue */
    struct parcel *first, *last;
    uint64_t bytes;
};

/* One with room for size bytes; NULL when out of memory. */
struct parcel *parcel_new(size_t size);
void parcel_free(struct parcel *parcel); /* NULL is fine */

void parcels_push(struct parcels *parcels, struct parcel *parcel);
struct parcel *parcels_pop(struct parcels *parcels); /* the oldest, or NULL */

/* Drops the oldest until bytes_max are not exceeded; the newest always stays. Returns how many. */
uint32_t parcels_trim(struct parcels *parcels, uint64_t bytes_max);
void parcels_release(struct parcels *parcels);

#endif
