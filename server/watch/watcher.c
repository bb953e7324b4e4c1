/* SPDX-License-Identifier: MIT */
/* watcher.c -- see watcher.h. */
#include "watcher.h"

#include "checksum.h"

#define FIRST_BUCKETS 8u

struct watcher *watcher_new(struct watch_stream *stream, const struct watch_request *request,
                            int64_t id, int64_t next)
{
    size_t size = request->key.size + request->range_end.size;
    struct watcher *watcher = malloc(sizeof(*watcher) + size);

    assert(request->key.size > 0);
    assert(size <= UINT32_MAX);
    if (watcher == NULL)
        return NULL;
    *watcher = (struct watcher){
        .stream = stream,
        .id = id,
        .next = next,
        .key_size = (uint32_t)request->key.size,
        .range_end_size = (uint32_t)request->range_end.size,
        .progress_notify = request->progress_notify,
        .prev_kv = request->prev_kv,
        .fragment = request->fragment,
        .no_put = request->no_put,
        .no_delete = request->no_delete,
    };
    list_init(&watcher->stream_link);
    list_init(&watcher->place_link);
    memcpy(watcher->bytes, request->key.data, request->key.size);
    if (request->range_end.size > 0)
        memcpy(watcher->bytes + request->key.size, request->range_end.data,
               request->range_end.size);
    return watcher;
}

static struct watcher **bucket_of(const struct watcher_ids *ids, int64_t id)
{
    assert(ids->bucket_count > 0);
    return &ids->buckets[checksum(&id, sizeof(id), ids->seed) & (ids->bucket_count - 1)];
}

struct watcher *watcher_ids_find(const struct watcher_ids *ids, int64_t id)
{
    struct watcher *watcher;

    if (ids->bucket_count == 0)
        return NULL;
    watcher = *bucket_of(ids, id);
    while (watcher != NULL && watcher->id != id)
        watcher = watcher->next_of_bucket;
    return watcher;
}

static void put_into_bucket(struct watcher_ids *ids, struct watcher *watcher)
{
    struct watcher **bucket = bucket_of(ids, watcher->id);

    watcher->next_of_bucket = *bucket;
    *bucket = watcher;
}

static bool grow(struct watcher_ids *ids)
{
    size_t old_count = ids->bucket_count;
    struct watcher **old = ids->buckets;
    size_t count = old_count == 0 ? FIRST_BUCKETS : 2 * old_count;
    struct watcher **buckets = calloc(count, sizeof(struct watcher *));

    if (buckets == NULL)
        return false;
    ids->buckets = buckets;
    ids->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct watcher *watcher = old[i];

            old[i] = watcher->next_of_bucket;
            put_into_bucket(ids, watcher);
        }
    }
    free(old);
    return true;
}

bool watcher_ids_add(struct watcher_ids *ids, struct watcher *watcher)
{
    assert(watcher_ids_find(ids, watcher->id) == NULL);
    if (ids->count == ids->bucket_count && !grow(ids))
        return false;
    put_into_bucket(ids, watcher);
    ids->count++;
    return true;
}

void watcher_ids_remove(struct watcher_ids *ids, const struct watcher *watcher)
{
    struct watcher **at = bucket_of(ids, watcher->id);

    while (*at != watcher) {
        assert(*at != NULL);
        at = &(*at)->next_of_bucket;
    }
    *at = watcher->next_of_bucket;
    if (--ids->count > 0)
        return;
    free(ids->buckets);
    *ids = (struct watcher_ids){.seed = ids->seed};
}
