/* SPDX-License-Identifier: MIT */
/* store.c -- slabs of records.
 *
 *   byte      flags, a bit each: TOMBSTONE, HAS_SUB, OVERWRITES, HAS_LEASE
 *   varint    size of the key, then the key
 *   varint    revision.main
 *   varint    revision.sub                     if HAS_SUB; else it is 0
 *   varint    main - create_revision           if OVERWRITES; else they are the same
 *   varint    version                          if OVERWRITES; else it is 1
 *   8 bytes   lease, little-endian             if HAS_LEASE; else it is 0
 *   varint    size of the value, then it       unless TOMBSTONE
 *
 * The first put of a key costs 8 bytes beside key and value, with a value of up to 16 KiB and up to
 * 268 million revisions. The key is near the front because most looks at a record are comparisons
 * in the index.
 *
 * A slab is as large as all before it together, between 64 KiB and 1 MiB, or as the one record that
 * is larger. What stays unused at its end was never touched, so that it costs addresses rather than
 * memory. Where records are small, slabs are too: to copy one is a look-up for each of its records,
 * and is not interrupted.
 */
#include "store.h"

#include <string.h>

#include "bytes.h"

#define SLAB_BYTES_MIN (UINT32_C(64) << 10)
#define SLAB_BYTES_MAX (UINT32_C(1) << 20)
#define SLAB_RECORDS 8192u      /* about so many of the usual size fit into one */
#define SLAB_RECORDS_MAX 16384u /* with more it is full, whatever is left of it */
#define WASTE_ALLOWED 4u        /* of a slab: one part in so many */
#define SHELF_LOOKS_MAX 64u
#define SHELF_BYTES_MIN (UINT32_C(16) << 10)
#define SLAB_COUNT_MAX (UINT32_C(1) << (STORE_POSITION_BITS - 32))
#define HEAD_BYTES_MAX (1u + 5u * VARINT_BYTES_MAX + 8u + VARINT_BYTES_MAX)

enum record_flag { TOMBSTONE = 1, HAS_SUB = 2, OVERWRITES = 4, HAS_LEASE = 8 };

void store_init(struct store *store, struct allocator *allocator, const struct kv_shelf *shelf)
{
    *store = (struct store){.allocator = allocator};
    if (shelf != NULL)
        store->shelf = *shelf;
}

/* ---- the shelf ---- */

static void free_bytes(struct store *store, struct slab *slab)
{
    if (slab->shelved) {
        assert(store->shelved_bytes >= slab->size);
        store->shelved_bytes -= slab->size;
        store->shelf.drop(store->shelf.context, slab->bytes, slab->size);
    } else {
        allocator_free(store->allocator, slab->bytes, slab->size);
    }
}

/* Takes over the copy of the slab that was given last. False: it is still being made. */
static bool take_copy(struct store *store, bool wait)
{
    struct slab *slab = &store->slabs[store->given];
    const uint8_t *copy;

    assert(store->giving);
    assert(!slab->shelved);
    if (!store->shelf.take(store->shelf.context, wait, &copy))
        return false;
    store->giving = false;
    if (copy == NULL) /* it stays where it is */
        return true;
    free_bytes(store, slab);
    slab->bytes = (uint8_t *)(uintptr_t)copy;
    slab->size = slab->used;
    slab->shelved = true;
    store->shelved_bytes += slab->size;
    return true;
}

void store_shelve(struct store *store)
{
    const struct slab *slab;

    if (store->shelf.give == NULL || (store->giving && !take_copy(store, false)))
        return;
    for (uint32_t looked = 0; looked < SHELF_LOOKS_MAX; looked++) {
        if ((uint64_t)store->offered + 1 + store->shelf.slabs_kept >= store->slab_count)
            return;
        slab = &store->slabs[store->offered++];
        if (slab->used < SHELF_BYTES_MIN || slab->shelved)
            continue;
        store->given = store->offered - 1;
        store->giving = true;
        store->shelf.give(store->shelf.context, slab->bytes, slab->used);
        return;
    }
}

static bool is_being_shelved(const struct store *store, uint32_t number)
{
    return store->giving && number == store->given;
}

void store_release(struct store *store)
{
    if (store->giving)
        (void)take_copy(store, true);
    for (uint32_t i = 0; i < store->slab_count; i++)
        free_bytes(store, &store->slabs[i]);
    assert(store->shelved_bytes == 0);
    allocator_free(store->allocator, store->slabs, store->slab_capacity * sizeof(struct slab));
    *store = (struct store){.allocator = store->allocator};
}

/* ---- records ---- */

static uint8_t *put_varint(uint8_t *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

/* The store wrote these bytes itself, so that they need no checks. */
static inline const uint8_t *get_varint(const uint8_t *at, uint64_t *ret_number)
{
    uint64_t number = *at & 0x7f;

    for (unsigned shift = 7; (*at++ & 0x80) != 0; shift += 7)
        number |= (uint64_t)(*at & 0x7f) << shift;
    *ret_number = number;
    return at;
}

static uint8_t *put_bytes(uint8_t *at, struct kv_bytes bytes)
{
    at = put_varint(at, bytes.size);
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static inline const uint8_t *get_bytes(const uint8_t *at, struct kv_bytes *ret_bytes)
{
    uint64_t size;

    at = get_varint(at, &size);
    *ret_bytes = (struct kv_bytes){at, (size_t)size};
    return at + size;
}

static unsigned record_flags(const struct record *record)
{
    bool first = record->version == 1 && record->create_revision == record->revision.main;

    if (record->tombstone)
        return TOMBSTONE | (record->revision.sub != 0 ? HAS_SUB : 0u);
    return (record->revision.sub != 0 ? HAS_SUB : 0u) | (first ? 0u : OVERWRITES) |
           (record->lease != 0 ? HAS_LEASE : 0u);
}

static uint8_t *put_record(uint8_t *at, const struct record *record)
{
    unsigned flags = record_flags(record);

    *at++ = (uint8_t)flags;
    at = put_bytes(at, record->key);
    at = put_varint(at, (uint64_t)record->revision.main);
    if ((flags & HAS_SUB) != 0)
        at = put_varint(at, (uint64_t)record->revision.sub);
    if ((flags & OVERWRITES) != 0) {
        at = put_varint(at, (uint64_t)(record->revision.main - record->create_revision));
        at = put_varint(at, (uint64_t)record->version);
    }
    for (unsigned i = 0; (flags & HAS_LEASE) != 0 && i < 8; i++)
        *at++ = (uint8_t)((uint64_t)record->lease >> (8 * i));
    return (flags & TOMBSTONE) != 0 ? at : put_bytes(at, record->value);
}

/* Returns the end of the record. */
static const uint8_t *get_record(const uint8_t *at, struct record *ret_record)
{
    unsigned flags = *at++;
    uint64_t number;
    struct record record = {.version = 1, .tombstone = (flags & TOMBSTONE) != 0};

    at = get_bytes(at, &record.key);
    at = get_varint(at, &number);
    record.revision.main = (int64_t)number;
    record.create_revision = record.tombstone ? 0 : record.revision.main;
    if ((flags & HAS_SUB) != 0) {
        at = get_varint(at, &number);
        record.revision.sub = (int64_t)number;
    }
    if ((flags & OVERWRITES) != 0) {
        at = get_varint(at, &number);
        record.create_revision = record.revision.main - (int64_t)number;
        at = get_varint(at, &number);
        record.version = (int64_t)number;
    }
    if ((flags & HAS_LEASE) != 0) {
        for (unsigned i = 0; i < 8; i++)
            record.lease |= (int64_t)((uint64_t)at[i] << (8 * i));
        at += 8;
    }
    if (record.tombstone)
        record.version = 0;
    else
        at = get_bytes(at, &record.value);
    *ret_record = record;
    return at;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint32_t next_slab_size(const struct store *store, uint64_t needed)
{
    uint64_t size = at_most(store->record_bytes, SLAB_BYTES_MAX);

    if (store->record_count > 0)
        size = at_most(size, store->record_bytes / store->record_count * SLAB_RECORDS);
    if (size < SLAB_BYTES_MIN)
        size = SLAB_BYTES_MIN;
    if (size < needed)
        size = needed;
    assert(size <= UINT32_MAX);
    return (uint32_t)size;
}

static struct slab *add_slab(struct store *store, uint64_t needed, int64_t first_revision)
{
    struct slab slab = {.size = next_slab_size(store, needed), .first_revision = first_revision};

    assert(store->slab_count < SLAB_COUNT_MAX);
    if (store->slab_count == store->slab_capacity) {
        uint32_t capacity = store->slab_capacity == 0 ? 16 : 2 * store->slab_capacity;

        store->slabs = allocator_resize(store->allocator, store->slabs,
                                        store->slab_capacity * sizeof(struct slab),
                                        capacity * sizeof(struct slab));
        store->slab_capacity = capacity;
    }
    slab.bytes = allocator_new(store->allocator, slab.size);
    store->slabs[store->slab_count] = slab;
    return &store->slabs[store->slab_count++];
}

/* A record was added to the newest slab. */
static void note_mark(struct store *store, const struct slab *slab, uint32_t offset,
                      int64_t revision)
{
    if (offset == 0)
        store->mark_count = 0;
    if (store->mark_count < STORE_MARKS && offset >= store->mark_count * (slab->size / STORE_MARKS))
        store->marks[store->mark_count++] = (struct store_mark){offset, revision};
}

/* An offset in the newest slab, before which all records are older than the revision. */
static uint32_t mark_before(const struct store *store, int64_t revision)
{
    uint32_t low = 0, high = store->mark_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (store->marks[middle].revision < revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? store->marks[low - 1].offset : 0;
}

uint64_t store_append(struct store *store, const struct record *record)
{
    uint64_t needed = HEAD_BYTES_MAX + (uint64_t)record->key.size + record->value.size;
    struct slab *slab = store->slab_count > 0 ? &store->slabs[store->slab_count - 1] : NULL;
    uint64_t offset, size;

    assert(record->key.size > 0);
    assert(record->revision.main > 0);
    if (slab == NULL || slab->size - slab->used < needed || slab->record_count >= SLAB_RECORDS_MAX)
        slab = add_slab(store, needed, record->revision.main);
    offset = slab->used;
    size = (uint64_t)(put_record(slab->bytes + offset, record) - slab->bytes) - offset;
    assert(size <= needed);
    slab->used += (uint32_t)size;
    slab->record_count++;
    store->record_count++;
    store->record_bytes += size;
    note_mark(store, slab, (uint32_t)offset, record->revision.main);
    return (uint64_t)(store->slab_count - 1) << 32 | offset;
}

static inline const uint8_t *record_at(const struct store *store, uint64_t position)
{
    const struct slab *slab = &store->slabs[position >> 32];

    assert(position >> 32 < store->slab_count);
    assert((uint32_t)position < slab->used);
    return slab->bytes + (uint32_t)position;
}

void store_read(const struct store *store, uint64_t position, struct record *ret_record)
{
    (void)get_record(record_at(store, position), ret_record);
}

struct kv_bytes store_key(const struct store *store, uint64_t position)
{
    struct kv_bytes key;

    (void)get_bytes(record_at(store, position) + 1, &key);
    return key;
}

void store_prefetch(const struct store *store, uint64_t position)
{
    __builtin_prefetch(record_at(store, position));
}

/* The number of slabs that begin at or before the revision. */
static uint32_t slabs_begun(const struct store *store, int64_t revision)
{
    uint32_t low = 0, high = store->slab_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (store->slabs[middle].first_revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct horizon store_horizon(const struct store *store, int64_t revision)
{
    uint32_t begun = slabs_begun(store, revision);

    /* With none begun, the first slab is looked into, and nothing in it found visible. */
    return (struct horizon){.revision = revision, .slab = begun > 0 ? begun - 1 : 0};
}

bool store_visible(const struct store *store, const struct horizon *horizon, uint64_t position)
{
    uint32_t slab = (uint32_t)(position >> 32);
    struct kv_bytes key;
    uint64_t main;

    if (slab != horizon->slab)
        return slab < horizon->slab;
    (void)get_varint(get_bytes(record_at(store, position) + 1, &key), &main);
    return (int64_t)main <= horizon->revision;
}

static uint32_t record_size(const struct store *store, uint64_t position)
{
    const uint8_t *at = record_at(store, position);
    struct record record;

    return (uint32_t)(get_record(at, &record) - at);
}

void store_waste(struct store *store, uint64_t position)
{
    struct slab *slab = &store->slabs[position >> 32];
    uint32_t size = record_size(store, position);

    slab->waste += size;
    assert(slab->waste <= slab->used);
    store->record_count--;
    store->record_bytes -= size;
}

bool store_is_wasteful(const struct store *store, uint32_t number)
{
    const struct slab *slab = &store->slabs[number];

    assert(number < store->slab_count);
    return number + 1 < store->slab_count && slab->waste > slab->used / WASTE_ALLOWED &&
           !is_being_shelved(store, number);
}

struct rewrite store_rewrite_begin(struct store *store, uint32_t number)
{
    const struct slab *old = &store->slabs[number];
    struct rewrite rewrite = {.number = number};

    rewrite.slab = (struct slab){.size = old->used - old->waste,
                                 .first_revision = old->first_revision};
    if (rewrite.slab.size > 0)
        rewrite.slab.bytes = allocator_new(store->allocator, rewrite.slab.size);
    return rewrite;
}

uint64_t store_rewrite_copy(const struct store *store, struct rewrite *rewrite, uint64_t position)
{
    uint32_t size = record_size(store, position), offset = rewrite->slab.used;

    assert(position >> 32 == rewrite->number);
    assert(size <= rewrite->slab.size - offset);
    memcpy(rewrite->slab.bytes + offset, record_at(store, position), size);
    rewrite->slab.used += size;
    rewrite->slab.record_count++;
    return (uint64_t)rewrite->number << 32 | offset;
}

void store_rewrite_end(struct store *store, struct rewrite *rewrite)
{
    struct slab *slab = &store->slabs[rewrite->number];

    assert(rewrite->slab.used == rewrite->slab.size); /* all but the waste was copied */
    assert(!is_being_shelved(store, rewrite->number));
    free_bytes(store, slab);
    *slab = rewrite->slab;
    if (store->offered > rewrite->number)
        store->offered = rewrite->number;
}

uint64_t store_seek(const struct store *store, int64_t revision)
{
    /* The slab before the first that begins at or after it may hold the first of it. */
    uint32_t begun = revision > INT64_MIN ? slabs_begun(store, revision - 1) : 0;
    uint64_t position = begun > 0 ? (uint64_t)(begun - 1) << 32 : 0;
    uint64_t next = position;
    struct record record;

    if (begun > 0 && begun == store->slab_count)
        next = position |= mark_before(store, revision);
    while (store_next(store, &next, &record, NULL) && record.revision.main < revision)
        position = next;
    return position;
}

bool store_next(const struct store *store, uint64_t *position, struct record *ret_record,
                struct kv_bytes *ret_raw)
{
    uint64_t number = *position >> 32;
    uint32_t offset = (uint32_t)*position;
    const uint8_t *end;

    while (number < store->slab_count && offset == store->slabs[number].used) {
        number++;
        offset = 0;
    }
    if (number >= store->slab_count)
        return false;
    end = get_record(store->slabs[number].bytes + offset, ret_record);
    if (ret_raw != NULL)
        *ret_raw = (struct kv_bytes){store->slabs[number].bytes + offset,
                                     (size_t)(end - store->slabs[number].bytes) - offset};
    *position = number << 32 | (uint64_t)(end - store->slabs[number].bytes);
    return true;
}
