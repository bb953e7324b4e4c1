/* SPDX-License-Identifier: MIT */
/* compaction.c -- gives up the past: at once for readers, bit by bit for the memory.
 *
 * A compaction moves a mark: what is older can not be read any more. Of each key there remains what
 * it was at the mark, and what came after; a tombstone before the mark says nothing any more.
 *
 * To find what goes, the records since the last compaction are walked: only a key that was changed
 * there can have lost something. (From its very mark on: a tombstone at the mark is kept, for
 * watches that begin there.) What is found is taken out of the key's index and counted as waste in
 * its slab; then slabs with much waste are copied without it. Both go on a little at a time, in
 * kv_tidy(), while nothing that can be asked depends on how far they are. Who reads the store bit by
 * bit, as a snapshot does, pins it: until then all stays where it is.
 */
#include <assert.h>

#include "kv_inside.h"

#define TRIMS_PER_TIDY 1024u   /* looks at keys */
#define WASTES_PER_TIDY 16384u /* records given up */

enum kv_error kv_compact(struct kv *kv, int64_t revision)
{
    if (revision <= kv->compacted)
        return KV_COMPACTED;
    if (revision > kv->revision)
        return KV_FUTURE_REVISION;
    if (kv->trimmed > kv->compacted)
        kv->trimmed = kv->compacted;
    kv->trim_begun = false;
    kv->compacted = revision;
    kv->swept = 0;
    return KV_OK;
}

int64_t kv_compacted(const struct kv *kv)
{
    return kv->compacted;
}

uint32_t kv_obsolete(const struct kv *kv, struct key_index key_index, int64_t compacted)
{
    struct horizon horizon = store_horizon(&kv->store, compacted);
    struct record last;
    uint64_t position;
    bool tombstone;
    uint32_t count = key_index_count(key_index, &kv->store, &horizon, &position, &tombstone);

    if (count == 0 || !tombstone)
        return count == 0 ? 0 : count - 1;
    store_read(&kv->store, position, &last);
    return last.revision.main < compacted ? count : count - 1;
}

bool kv_is_needed(const struct kv *kv, struct kv_bytes key, uint64_t position, int64_t compacted)
{
    struct index_cursor cursor;
    struct key_index *key_index;
    uint32_t count;

    if (!index_seek(&kv->index, key, &cursor))
        return false;
    key_index = index_at(&kv->index, &cursor);
    count = kv_obsolete(kv, *key_index, compacted);
    return count < key_index_size(*key_index) && position >= key_index_at(*key_index, count);
}

/* A reader's right: nothing that can be asked depends on it. */
static uint32_t *pins_of(const struct kv *kv)
{
    return &((struct kv *)(uintptr_t)kv)->pins;
}

void kv_pin(const struct kv *kv)
{
    assert(kv->pins < UINT32_MAX);
    ++*pins_of(kv);
}

void kv_unpin(const struct kv *kv)
{
    assert(kv->pins > 0);
    --*pins_of(kv);
}

void kv_shelve(struct kv *kv)
{
    assert(kv->sub == 0);
    if (kv->pins == 0)
        store_shelve(&kv->store);
}

/* Gives up the key's oldest records that nobody needs, some of them at most. Returns how many. */
static uint32_t trim_key(struct kv *kv, struct kv_bytes key, uint32_t most)
{
    struct index_cursor cursor;
    struct key_index *key_index;
    uint32_t count;

    if (!index_seek(&kv->index, key, &cursor))
        return 0;
    key_index = index_at(&kv->index, &cursor);
    count = kv_obsolete(kv, *key_index, kv->compacted);
    count = count < most ? count : most;
    for (uint32_t i = 0; i < count; i++)
        store_waste(&kv->store, key_index_at(*key_index, i));
    if (count == key_index_size(*key_index))
        index_remove(&kv->index, &cursor);
    else
        key_index_drop(key_index, &kv->allocator, count);
    return count;
}

/* Trims the keys of some records. Between two calls records stay where they are: slabs are copied
 * only when all is trimmed. */
static void trim_some(struct kv *kv)
{
    uint64_t next = kv->trim_begun ? kv->trim_at : store_seek(&kv->store, kv->trimmed);
    uint32_t wastes_left = WASTES_PER_TIDY;
    struct record record;

    kv->trim_begun = true;
    for (uint32_t trims = 0; trims < TRIMS_PER_TIDY && wastes_left > 0; trims++) {
        kv->trim_at = next;
        if (!store_next(&kv->store, &next, &record, NULL) || record.revision.main > kv->compacted) {
            kv->trimmed = kv->compacted + 1;
            kv->trim_begun = false;
            return;
        }
        kv->trimmed = record.revision.main;
        wastes_left -= trim_key(kv, record.key, wastes_left);
    }
    if (wastes_left > 0) /* else the last key may have more to give up */
        kv->trim_at = next;
}

struct move {
    uint64_t *mark;
    uint64_t position;
};

/* Notes where every record of the slab that is still needed goes; returns how many. */
static uint32_t copy_needed(struct kv *kv, struct rewrite *rewrite, struct move *moves)
{
    uint64_t next = (uint64_t)rewrite->number << 32, position = next;
    struct record record;
    uint32_t count = 0;

    for (; rewrite->slab.used < rewrite->slab.size; position = next) {
        struct index_cursor cursor;
        uint64_t *mark = NULL;

        (void)store_next(&kv->store, &next, &record, NULL);
        assert(next >> 32 == rewrite->number);
        if (index_seek(&kv->index, record.key, &cursor))
            mark = key_index_find(index_at(&kv->index, &cursor), position);
        if (mark != NULL)
            moves[count++] = (struct move){mark, store_rewrite_copy(&kv->store, rewrite, position)};
    }
    return count;
}

/* The index reads keys in the old slab until the new one takes its place; then all marks move. */
static void rewrite_slab(struct kv *kv, uint32_t number)
{
    size_t moves_size = kv->store.slabs[number].record_count * sizeof(struct move);
    struct move *moves = allocator_new(&kv->allocator, moves_size);
    struct rewrite rewrite = store_rewrite_begin(&kv->store, number);
    uint32_t count = copy_needed(kv, &rewrite, moves);

    store_rewrite_end(&kv->store, &rewrite);
    for (uint32_t i = 0; i < count; i++)
        key_index_move(moves[i].mark, moves[i].position);
    allocator_free(&kv->allocator, moves, moves_size);
}

static void sweep_one(struct kv *kv)
{
    while (kv->swept < kv->store.slab_count && !store_is_wasteful(&kv->store, kv->swept))
        kv->swept++;
    if (kv->swept < kv->store.slab_count)
        rewrite_slab(kv, kv->swept++);
}

bool kv_tidy(struct kv *kv)
{
    assert(kv->sub == 0);
    kv->pair_count = kv->op_count = 0; /* what they borrow may go now */
    kv_shelve(kv);
    if (kv->compacted < 0 || kv->pins > 0)
        return false;
    if (kv->trimmed <= kv->compacted)
        trim_some(kv);
    else
        sweep_one(kv);
    return kv->swept < kv->store.slab_count;
}

bool kv_is_tidy(const struct kv *kv)
{
    return kv->compacted < 0 || (kv->trimmed > kv->compacted && kv->swept >= kv->store.slab_count);
}
