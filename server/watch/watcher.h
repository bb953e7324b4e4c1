/* SPDX-License-Identifier: MIT */
/* watcher.h -- one watch of a client: what it wants, and how far it is. */
#ifndef DECREE_SERVER_WATCHER_H
#define DECREE_SERVER_WATCHER_H

#include "linked_list.h"
#include "watch.h"
#include "watch_messages.h"

struct watch_stream;

/* Where a watcher is, and so who brings it forward. */
enum watcher_place {
    WATCHER_SYNCED,  /* has all; gets changes as they are made */
    WATCHER_BEHIND,  /* reads history, with others, where the hub's sweep is */
    WATCHER_WAITING, /* is further back than the sweep, waits for the next */
    WATCHER_BLOCKED, /* its client does not read; waits for room */
};

struct watcher {
    struct watch watch; /* in a set, if SYNCED or BEHIND */
    struct watch_stream *stream;
    struct list_link stream_link; /* all of the stream */
    struct list_link place_link;  /* all of the place; of a blocked one, the stream's */
    struct watcher *next_of_bucket;
    struct watcher *touched_next;
    int64_t id;
    /* It gets no change before this revision, nor of this revision before this one in order. */
    int64_t next, next_sub;
    uint32_t first_hit, last_hit; /* in the batch under way */
    uint32_t key_size, range_end_size;
    enum watcher_place place;
    bool touched, missed; /* of the batch under way: it gets something; memory was short */
    bool progress_notify, prev_kv, fragment, no_put, no_delete;
    bool told; /* something came since the last progress notification */
    uint8_t bytes[];
};

/* A watcher as the request wants it, in no place yet; NULL: no memory. */
struct watcher *watcher_new(struct watch_stream *stream, const struct watch_request *request,
                            int64_t id, int64_t next);

static inline struct kv_bytes watcher_key(const struct watcher *watcher)
{
    return (struct kv_bytes){watcher->bytes, watcher->key_size};
}

static inline struct kv_bytes watcher_range_end(const struct watcher *watcher)
{
    return (struct kv_bytes){watcher->bytes + watcher->key_size, watcher->range_end_size};
}

/* Does it want the change, which is of its range? */
static inline bool watcher_wants(const struct watcher *watcher, const struct kv_change *change)
{
    int64_t revision = change->pair.mod_revision;

    if (revision < watcher->next || (revision == watcher->next && change->sub < watcher->next_sub))
        return false;
    return change->deleted ? !watcher->no_delete : !watcher->no_put;
}

/* The watchers of a stream by their ids. All zero but the seed is empty. */
struct watcher_ids {
    uint64_t seed; /* of the hash: set before the first one */
    struct watcher **buckets;
    size_t bucket_count, count;
};

struct watcher *watcher_ids_find(const struct watcher_ids *ids, int64_t id);
bool watcher_ids_add(struct watcher_ids *ids, struct watcher *watcher); /* false: no memory */
void watcher_ids_remove(struct watcher_ids *ids, const struct watcher *watcher);

#endif
