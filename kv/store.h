/* SPDX-License-Identifier: MIT */
/* store.h -- every change made and not given up, as records in the order of their revisions, in
 * slabs of memory.
 *
 * Records are only ever added at the end. Those that nobody needs any more are first counted as
 * waste, in place; a slab with much of it is copied without it, under its old number. Only then do
 * positions and borrowed bytes change, and only those of this slab. The order of positions is the
 * order of revisions, so that "was this made by revision R" is mostly answered by comparing slab
 * numbers, without a look at the record. A slab to which nothing is added any more may move to the
 * shelf, if there is one (shelf.h); positions stay, borrowed bytes of this slab do not.
 *
 *   position   bits 32..61 number of the slab, bits 0..31 offset of the record in it
 */
#ifndef DECREE_KV_STORE_H
#define DECREE_KV_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocator.h"
#include "command.h"
#include "revision.h"
#include "shelf.h"

#define STORE_POSITION_BITS 62u

/* A change to one key. A tombstone has key and revision only. */
struct record {
    struct revision revision;
    struct kv_bytes key, value;
    int64_t create_revision; /* main */
    int64_t version;
    int64_t lease;
    bool tombstone;
};

struct slab {
    uint8_t *bytes;      /* NULL: nothing is left in it */
    uint32_t size, used; /* shelved: both are what was used when it was */
    uint32_t record_count;
    uint32_t waste;         /* bytes of used, of records that nobody needs any more */
    int64_t first_revision; /* main, of its first record */
    bool shelved;           /* bytes are the shelf's, for reading only */
};

#define STORE_MARKS 64u

struct store_mark { /* where a record of this revision begins */
    uint32_t offset;
    int64_t revision;
};

struct store {
    struct allocator *allocator;
    struct slab *slabs;
    uint32_t slab_count, slab_capacity;
    uint64_t record_count, record_bytes; /* without the waste */
    struct kv_shelf shelf;
    uint64_t shelved_bytes;
    uint32_t offered; /* slabs before this one were: the shelf had room for them or not */
    uint32_t given;   /* while giving: the slab that is being copied */
    bool giving;
    struct store_mark marks[STORE_MARKS]; /* in the newest slab, to find what is new quickly */
    uint32_t mark_count;
};

/* What was there at a revision: everything in slabs before this one, and part of this one. */
struct horizon {
    int64_t revision;
    uint32_t slab;
};

/* shelf may be NULL and is copied. */
void store_init(struct store *store, struct allocator *allocator, const struct kv_shelf *shelf);
void store_release(struct store *store);

/* Copies the record to the end; its revision is above all others. Returns its position. */
uint64_t store_append(struct store *store, const struct record *record);

/* The record at a position that store_append() gave. Bytes are borrowed from the store. */
void store_read(const struct store *store, uint64_t position, struct record *ret_record);

/* Its key only, which is quicker. */
struct kv_bytes store_key(const struct store *store, uint64_t position);

/* Asks the processor for the beginning of a record that will be read soon. */
void store_prefetch(const struct store *store, uint64_t position);

struct horizon store_horizon(const struct store *store, int64_t revision);

/* Was the record there at the horizon? */
bool store_visible(const struct store *store, const struct horizon *horizon, uint64_t position);

/* The position of the first record whose main revision is at least this one, or that of the end. */
uint64_t store_seek(const struct store *store, int64_t revision);

/* The record is not needed any more. */
void store_waste(struct store *store, uint64_t position);

/* What is left of a slab that is being copied; see store_rewrite_begin(). */
struct rewrite {
    uint32_t number;
    struct slab slab;
};

/* A bit of work between commands: a slab may go to the shelf, unless compaction has left next to
 * nothing of it: the places on the shelf are counted. Bytes borrowed before are void. */
void store_shelve(struct store *store);

/* Is so much of the slab waste, and nothing to be added to it, that a copy without it is worth its
 * while? */
bool store_is_wasteful(const struct store *store, uint32_t number);

/* Begins a copy of the slab; until the end of it, the old one is what is read. */
struct rewrite store_rewrite_begin(struct store *store, uint32_t number);

/* Copies a record, in the order of positions; returns the position that it will have. */
uint64_t store_rewrite_copy(const struct store *store, struct rewrite *rewrite, uint64_t position);

/* The copy takes the slab's place. */
void store_rewrite_end(struct store *store, struct rewrite *rewrite);

/* The record at *position, which then moves on to the next; false at the end. ret_raw, if not
 * NULL, receives the record's own bytes. */
bool store_next(const struct store *store, uint64_t *position, struct record *ret_record,
                struct kv_bytes *ret_raw);

#endif
