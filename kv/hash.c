/* SPDX-License-Identifier: MIT */
/* hash.c -- a hash of what is stored, by key: of each key the records that can be read or watched,
 * oldest first. How tidy the store is makes no difference.
 *
 * A hasher goes from record to record in slices. It pins the store, so that between two slices no
 * record moves and no key leaves the index: it knows its place by the oldest record of the key that it
 * is at, and by how many of that key's it has passed. Keys and revisions that come after its
 * beginning are passed over.
 */
#include <assert.h>

#include "checksum.h"
#include "kv_inside.h"

#define KEYS_PER_STEP 512u
#define BYTES_PER_STEP (1u << 20)

struct kv_hasher {
    const struct kv *kv;
    int64_t compacted;
    struct horizon horizon;
    uint64_t sum;
    uint64_t next; /* the position of the oldest record of the next key */
    uint32_t at;   /* of its records, the next one; 0: none was looked at */
    bool begun, over;
};

static struct kv_hasher hasher_of(const struct kv *kv, int64_t revision)
{
    return (struct kv_hasher){
        .kv = kv,
        .compacted = kv->compacted,
        .horizon = store_horizon(&kv->store, revision > 0 ? revision : kv->revision),
        .sum = checksum(NULL, 0, 0),
    };
}

/* Goes on with a key until so many bytes are read, or more. True: that was all of it. */
static bool hash_key(struct kv_hasher *hasher, struct key_index key_index, size_t *bytes_left)
{
    const struct store *store = &hasher->kv->store;
    uint64_t last, position;
    bool tombstone;
    uint32_t end = key_index_count(key_index, store, &hasher->horizon, &last, &tombstone);

    if (hasher->at == 0)
        hasher->at = kv_obsolete(hasher->kv, key_index, hasher->compacted);
    for (; hasher->at<end && * bytes_left> 0; hasher->at++) {
        struct record record;
        struct kv_bytes raw;

        position = key_index_at(key_index, hasher->at);
        (void)store_next(store, &position, &record, &raw);
        hasher->sum = checksum(raw.data, raw.size, hasher->sum);
        *bytes_left -= raw.size < *bytes_left ? raw.size : *bytes_left;
    }
    if (hasher->at < end)
        return false;
    hasher->at = 0;
    return true;
}

static void find_place(const struct kv_hasher *hasher, struct index_cursor *ret_cursor)
{
    static const uint8_t lowest[] = {0};
    struct kv_bytes key = {lowest, 1};
    struct record record;

    if (hasher->begun) {
        store_read(&hasher->kv->store, hasher->next, &record);
        key = record.key;
    }
    (void)index_seek(&hasher->kv->index, key, ret_cursor);
}

static void hash_some(struct kv_hasher *hasher, size_t keys_max, size_t bytes_max)
{
    struct index_cursor cursor;
    struct key_index *key_index;

    find_place(hasher, &cursor);
    for (; (key_index = index_at(&hasher->kv->index, &cursor)) != NULL; index_next(&cursor)) {
        if (keys_max-- > 0 && hash_key(hasher, *key_index, &bytes_max))
            continue;
        hasher->next = key_index_at(*key_index, 0);
        hasher->begun = true;
        return;
    }
    hasher->over = true;
}

enum kv_error kv_hash(const struct kv *kv, int64_t revision, uint64_t *ret_hash)
{
    enum kv_error error = kv_check_revision(kv, revision);
    struct kv_hasher hasher = hasher_of(kv, revision);

    if (error != KV_OK)
        return error;
    hash_some(&hasher, SIZE_MAX, SIZE_MAX);
    *ret_hash = hasher.sum;
    return KV_OK;
}

enum kv_error kv_hasher_new(const struct kv *kv, int64_t revision, struct kv_hasher **ret_hasher)
{
    enum kv_error error = kv_check_revision(kv, revision);

    *ret_hasher = NULL;
    if (error != KV_OK)
        return error;
    *ret_hasher = kv->allocator.resize(kv->allocator.context, NULL, sizeof(**ret_hasher));
    if (*ret_hasher == NULL)
        return KV_OK;
    **ret_hasher = hasher_of(kv, revision);
    kv_pin(kv);
    return KV_OK;
}

bool kv_hasher_step(struct kv_hasher *hasher)
{
    assert(hasher->kv->pins > 0);
    if (!hasher->over)
        hash_some(hasher, KEYS_PER_STEP, BYTES_PER_STEP);
    return !hasher->over;
}

uint64_t kv_hasher_sum(const struct kv_hasher *hasher)
{
    assert(hasher->over);
    return hasher->sum;
}

void kv_hasher_free(struct kv_hasher *hasher)
{
    if (hasher == NULL)
        return;
    kv_unpin(hasher->kv);
    (void)hasher->kv->allocator.resize(hasher->kv->allocator.context, hasher, 0);
}
