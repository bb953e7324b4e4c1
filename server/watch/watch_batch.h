/* SPDX-License-Identifier: MIT */
/* watch_batch.h -- some revisions' changes, and which watchers of a set each of them concerns.
 *
 *     collect -> for each watcher touched: walk its hits, ask for their bytes
 *
 * A batch ends between two revisions, when it has become large, or at the store's last revision.
 * Bytes of events are made when they are first asked for, once with what was there before and once
 * without, and shared by all who get them. Everything is good until the store changes.
 */
#ifndef DECREE_SERVER_WATCH_BATCH_H
#define DECREE_SERVER_WATCH_BATCH_H

#include "watch_messages.h"
#include "watcher.h"

struct watch_event {
    struct kv_change change;
    size_t begin[2], end[2]; /* in watch_batch.bytes, without and with prev_kv; 0: not made yet */
};

struct watch_hit { /* an event that a watcher gets, and the next of his */
    uint32_t event, next;
};

struct watch_batch {
    const struct kv *kv;
    int64_t first, last;     /* the revisions in it */
    struct watcher *touched; /* those who are concerned, by touched_next, the first first */
    struct watcher **touched_end;
    struct watch_event *events;
    size_t event_count, event_capacity;
    struct watch_hit *hits; /* from 1; 0 is nobody's */
    size_t hit_count, hit_capacity;
    size_t seen_count; /* changes looked at */
    size_t seen_bytes; /* of these, of those that somebody gets */
    size_t hit_bytes;  /* likewise, as often as somebody gets them */
    struct byte_buffer bytes;
    const struct watch_set *set; /* while it is collected */
    uint32_t event;              /* likewise, the number of the change's event */
};

/* Fills the batch with the changes from first on, of which there is at least one, as far as it has
 * room. Watchers who got more than memory is there for are marked as missed, except the first. */
void watch_batch_collect(struct watch_batch *batch, const struct kv *kv,
                         const struct watch_set *set, int64_t first);

/* The event's bytes; size 0 if there is no memory. Borrowed until the next call. */
struct kv_bytes watch_batch_event(struct watch_batch *batch, uint32_t event, bool prev_kv);

void watch_batch_release(struct watch_batch *batch);

#endif
