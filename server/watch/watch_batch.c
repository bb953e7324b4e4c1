/* SPDX-License-Identifier: MIT */
/* watch_batch.c -- see watch_batch.h. */
#include "watch_batch.h"

#include <assert.h>
#include <stdlib.h>

#define CHANGES_MAX 4096u
#define HITS_MAX (64u * 1024)
/* Of events; large ones may be as many as etcd would send at once while few watchers get them. */
#define EVENT_BYTES_MAX (256u * 1024)
#define LARGE_EVENTS_MAX 16u
#define HIT_BYTES_MAX (16u * 1024 * 1024)
#define KEPT_BYTES (1024u * 1024) /* of memory, from one batch to the next */

static void reset(struct watch_batch *batch)
{
    if (batch->event_capacity * sizeof(*batch->events) > KEPT_BYTES) {
        free(batch->events);
        batch->events = NULL;
        batch->event_capacity = 0;
    }
    if (batch->hit_capacity * sizeof(*batch->hits) > KEPT_BYTES) {
        free(batch->hits);
        batch->hits = NULL;
        batch->hit_capacity = 0;
    }
    byte_buffer_reset(&batch->bytes, KEPT_BYTES);
    batch->event_count = batch->seen_count = batch->seen_bytes = batch->hit_bytes = 0;
    batch->hit_count = 1;
    batch->touched = NULL;
    batch->touched_end = &batch->touched;
}

/* Room for one element more. False: no memory. */
static bool grow(void **array, size_t count, size_t *capacity, size_t element_size)
{
    size_t more = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown;

    if (count < *capacity)
        return true;
    grown = realloc(*array, more * element_size);
    if (grown == NULL)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

struct concern {
    struct watch_batch *batch;
    const struct kv_change *change;
};

static bool add_event(struct watch_batch *batch, const struct kv_change *change)
{
    void *events = batch->events;
    bool room = batch->event_count < UINT32_MAX - 1 &&
                grow(&events, batch->event_count, &batch->event_capacity, sizeof(*batch->events));

    batch->events = events;
    if (!room)
        return false;
    batch->event = (uint32_t)batch->event_count;
    batch->events[batch->event_count++] = (struct watch_event){.change = *change};
    batch->seen_bytes += change->pair.key.size + change->pair.value.size;
    return true;
}

static bool add_hit(struct watch_batch *batch, struct watcher *watcher)
{
    void *hits = batch->hits;
    bool room = batch->hit_count < UINT32_MAX &&
                (batch->hit_count < HITS_MAX || watcher == batch->touched) &&
                grow(&hits, batch->hit_count, &batch->hit_capacity, sizeof(*batch->hits));
    uint32_t hit = (uint32_t)batch->hit_count;
    const struct kv_pair *pair = &batch->events[batch->event].change.pair;

    batch->hits = hits;
    if (!room)
        return false;
    batch->hit_bytes += pair->key.size + pair->value.size;
    batch->hits[batch->hit_count++] = (struct watch_hit){.event = batch->event};
    if (watcher->first_hit == 0)
        watcher->first_hit = hit;
    else
        batch->hits[watcher->last_hit].next = hit;
    watcher->last_hit = hit;
    return true;
}

static void on_concerned(void *context, struct watch *watch)
{
    struct concern *concern = context;
    struct watch_batch *batch = concern->batch;
    struct watcher *watcher = list_owner(watch, struct watcher, watch);

    if (watcher->missed || !watcher_wants(watcher, concern->change))
        return;
    if (!watcher->touched) {
        watcher->touched = true;
        watcher->touched_next = NULL;
        watcher->first_hit = watcher->last_hit = 0;
        *batch->touched_end = watcher;
        batch->touched_end = &watcher->touched_next;
    }
    if (batch->event == UINT32_MAX && !add_event(batch, concern->change))
        watcher->missed = true;
    else
        watcher->missed = !add_hit(batch, watcher);
}

static bool is_full(const struct watch_batch *batch)
{
    if (batch->seen_count >= CHANGES_MAX || batch->hit_count >= HITS_MAX)
        return true;
    return batch->seen_bytes >= EVENT_BYTES_MAX &&
           (batch->event_count >= LARGE_EVENTS_MAX || batch->hit_bytes >= HIT_BYTES_MAX);
}

static bool on_change(void *context, const struct kv_change *change)
{
    struct watch_batch *batch = context;
    struct concern concern = {batch, change};

    if (change->pair.mod_revision != batch->last && is_full(batch))
        return false;
    batch->last = change->pair.mod_revision;
    batch->seen_count++;
    batch->event = UINT32_MAX;
    watch_visit(batch->set, change->pair.key, on_concerned, &concern);
    return true;
}

void watch_batch_collect(struct watch_batch *batch, const struct kv *kv,
                         const struct watch_set *set, int64_t first)
{
    assert(first <= kv_revision(kv));
    reset(batch);
    batch->kv = kv;
    batch->set = set;
    batch->first = batch->last = first;
    kv_changes(kv, first, on_change, batch);
    if (!is_full(batch))
        batch->last = kv_revision(kv);
    batch->set = NULL;
}

/* ---- bytes of events ---- */

struct with_previous {
    struct watch_batch *batch;
    const struct kv_change *change;
    bool found;
};

static void on_previous(void *context, const struct kv_pair *pair)
{
    struct with_previous *with = context;

    with->found = true;
    watch_event_write(&with->batch->bytes, with->change, pair);
}

static void write_event(struct watch_batch *batch, const struct kv_change *change, bool prev_kv)
{
    struct with_previous with = {batch, change, false};
    struct kv_range_request request = {.key = change->pair.key,
                                       .revision = change->pair.mod_revision - 1};
    struct kv_range_result result;
    bool was_there = change->deleted || change->pair.create_revision != change->pair.mod_revision;

    assert(request.revision > 0);
    if (prev_kv && was_there)
        (void)kv_range(batch->kv, &request, on_previous, &with, &result);
    if (!with.found)
        watch_event_write(&batch->bytes, change, NULL);
}

struct kv_bytes watch_batch_event(struct watch_batch *batch, uint32_t number, bool prev_kv)
{
    struct watch_event *event = &batch->events[number];
    size_t which = prev_kv ? 1 : 0;

    assert(number < batch->event_count);
    if (event->end[which] == 0) {
        event->begin[which] = batch->bytes.size;
        write_event(batch, &event->change, prev_kv);
        if (batch->bytes.failed)
            return (struct kv_bytes){NULL, 0};
        event->end[which] = batch->bytes.size;
    }
    return (struct kv_bytes){batch->bytes.data + event->begin[which],
                             event->end[which] - event->begin[which]};
}

void watch_batch_release(struct watch_batch *batch)
{
    free(batch->events);
    free(batch->hits);
    byte_buffer_release(&batch->bytes);
}
