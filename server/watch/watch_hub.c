/* SPDX-License-Identifier: MIT */
/* watch_hub.c -- see watch_hub.h. */
#include "watch_hub.h"

#include <assert.h>
#include <stdlib.h>

#include "watch_hub_inside.h"

#define FRAGMENT_BYTES (2u * 1024 * 1024) /* as etcd: its limit of a request, and half a MiB */
#define KEPT_BYTES (4u * 1024 * 1024)     /* of the buffer for responses */

static const struct kv *hub_kv(struct watch_hub *hub)
{
    return hub->backend->ops->kv(hub->backend);
}

/* ---- events to one watcher ---- */

/* Appends the watcher's events from a hit on; returns the hit for which a fragment had no room. */
static uint32_t append_events(struct watch_hub *hub, const struct watcher *watcher, uint32_t hit)
{
    struct watch_batch *batch = &hub->batch;
    struct byte_buffer *out = &hub->out;

    for (size_t count = 0; hit != 0; hit = batch->hits[hit].next, count++) {
        struct kv_bytes event = watch_batch_event(batch, batch->hits[hit].event, watcher->prev_kv);

        if (watcher->fragment && count > 0 && out->size + event.size >= FRAGMENT_BYTES)
            return hit;
        out->failed = out->failed || event.size == 0;
        byte_buffer_append(out, event.data, event.size);
    }
    return 0;
}

static void go_on_at(struct watcher *watcher, const struct kv_change *change)
{
    watcher->next = change->pair.mod_revision;
    watcher->next_sub = change->sub;
}

/* After an error, the watcher's next is what was not sent. */
static int send_events(struct watch_hub *hub, struct watcher *watcher)
{
    const struct watch_batch *batch = &hub->batch;
    struct watch_stream *stream = watcher->stream;
    uint32_t hit = watcher->first_hit;

    while (hit != 0) {
        uint32_t first = hit;
        int error;

        byte_buffer_reset(&hub->out, KEPT_BYTES);
        watch_events_begin(&hub->out, &hub->head, watcher->id);
        hit = append_events(hub, watcher, hit);
        if (hit != 0)
            watch_response_fragment(&hub->out);
        error = hub->out.failed ? DECREE_NOMEM
                                : stream->sink->send(stream, hub->out.data, hub->out.size);
        if (error != 0) {
            go_on_at(watcher, &batch->events[batch->hits[first].event].change);
            return error;
        }
    }
    watcher->told = true;
    return 0;
}

static void tell(struct watch_hub *hub, struct watcher *watcher)
{
    bool is_first = watcher == hub->batch.touched;
    int error;

    if (watcher->missed && !is_first) {
        if (watcher->next < hub->batch.first) {
            watcher->next = hub->batch.first;
            watcher->next_sub = 0;
        }
        hub_wait(hub, watcher);
        return;
    }
    error = watcher->missed ? DECREE_NOMEM : send_events(hub, watcher);
    if (error == DECREE_FULL)
        hub_block(watcher);
    else if (error != 0)
        hub_fail_stream(watcher->stream, error);
}

/* ---- all that a group is to be told ---- */

/* It is the same for all whom the batch concerns. */
static void write_head(struct watch_hub *hub)
{
    struct response_header header = hub_header(hub, hub->batch.last);

    byte_buffer_reset(&hub->head, SIZE_MAX);
    response_header_write(&hub->head, &header);
}

/* Some revisions, at least one. */
static void advance(struct watch_hub *hub, struct watch_group *group)
{
    struct watcher *watcher, *next;

    watch_batch_collect(&hub->batch, hub_kv(hub), &group->set, group->next);
    hub->events += hub->batch.hit_count - 1;
    if (hub->batch.touched != NULL)
        write_head(hub);
    for (watcher = hub->batch.touched; watcher != NULL; watcher = next) {
        next = watcher->touched_next;
        tell(hub, watcher);
        watcher->touched = watcher->missed = false;
    }
    assert(hub->batch.last >= group->next);
    group->next = hub->batch.last + 1;
}

void watch_hub_turn(struct watch_hub *hub)
{
    int64_t revision = kv_revision(hub_kv(hub));

    if (hub->synced.set.watch_count == 0 && hub->synced.next <= revision)
        hub->synced.next = revision + 1;
    while (hub->synced.next <= revision)
        advance(hub, &hub->synced);
}

/* ---- those behind ---- */

static void cancel_compacted(struct watcher *watcher, int64_t compacted)
{
    struct watch_response response = {
        .id = watcher->id, .cancelled = true, .compact_revision = compacted};
    int error;

    response.header = hub_header(watcher->stream->hub, 0);
    error = hub_respond(watcher->stream, &response);
    if (error == 0) {
        hub_free_watcher(watcher);
        return;
    }
    hub_block(watcher);
    if (error != DECREE_FULL)
        hub_fail_stream(watcher->stream, error);
}

/* The history that the sweep is at may have been given up. */
static void skip_compacted(struct watch_hub *hub)
{
    struct watch_group *group = &hub->behind;
    int64_t compacted = kv_compacted(hub_kv(hub));
    struct list_link *next;

    if (group->next >= compacted)
        return;
    for (struct list_link *at = group->members.next; at != &group->members; at = next) {
        struct watcher *watcher = list_owner(at, struct watcher, place_link);

        next = at->next;
        if (watcher->next < group->next)
            watcher->next = group->next;
        if (watcher->next < compacted)
            cancel_compacted(watcher, compacted);
    }
    group->next = compacted;
}

static void sweep(struct watch_hub *hub)
{
    if (list_alone(&hub->behind.members) && !list_alone(&hub->waiting))
        hub_begin_sweep(hub);
    if (!list_alone(&hub->behind.members))
        skip_compacted(hub);
    if (!list_alone(&hub->behind.members))
        advance(hub, &hub->behind);
    if (hub->behind.next == hub->synced.next)
        hub_promote(hub, &hub->behind);
    if (list_alone(&hub->behind.members) && list_alone(&hub->waiting))
        uv_idle_stop(&hub->awake);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct watch_hub *hub = prepare->data;

    watch_hub_turn(hub);
    sweep(hub);
}

/* ---- progress ---- */

static void notify(struct watch_hub *hub, struct watcher *watcher)
{
    struct watch_response response = {.header = hub_header(hub, hub_revision(hub)),
                                      .id = watcher->id};
    int error = 0;

    if (!watcher->told && hub_is_current(hub, watcher))
        error = hub_respond(watcher->stream, &response);
    watcher->told = false;
    if (error != 0 && error != DECREE_FULL)
        hub_fail_stream(watcher->stream, error);
}

static void on_progress(uv_timer_t *timer)
{
    struct watch_hub *hub = timer->data;

    watch_hub_turn(hub);
    for (struct list_link *at = hub->streams.next; at != &hub->streams; at = at->next) {
        struct watch_stream *stream = list_owner(at, struct watch_stream, hub_link);

        for (struct list_link *of = stream->watchers.next; of != &stream->watchers; of = of->next) {
            struct watcher *watcher = list_owner(of, struct watcher, stream_link);

            if (watcher->progress_notify)
                notify(hub, watcher);
        }
    }
}

/* ---- the hub ---- */

struct watch_hub *watch_hub_new(struct backend *backend)
{
    struct watch_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL)
        return NULL;
    hub->backend = backend;
    list_init(&hub->streams);
    hub_places_init(hub);
    return hub;
}

void watch_hub_start(struct watch_hub *hub, uv_loop_t *loop, uint32_t progress_ms)
{
    assert(progress_ms > 0);
    uv_prepare_init(loop, &hub->prepare);
    uv_idle_init(loop, &hub->awake);
    uv_timer_init(loop, &hub->progress);
    hub->prepare.data = hub->awake.data = hub->progress.data = hub;
    hub->open_handles = 3;
    uv_prepare_start(&hub->prepare, on_prepare);
    uv_timer_start(&hub->progress, on_progress, progress_ms, progress_ms);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct watch_hub *hub = handle->data;

    assert(hub->open_handles > 0);
    if (--hub->open_handles == 0)
        hub->closed(hub->closed_context);
}

void watch_hub_close(struct watch_hub *hub, void (*closed)(void *context), void *context)
{
    assert(list_alone(&hub->streams));
    hub->closed = closed;
    hub->closed_context = context;
    uv_close((uv_handle_t *)&hub->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&hub->awake, on_handle_closed);
    uv_close((uv_handle_t *)&hub->progress, on_handle_closed);
}

void watch_hub_free(struct watch_hub *hub)
{
    if (hub == NULL)
        return;
    assert(hub->open_handles == 0);
    assert(hub->synced.set.watch_count == 0 && hub->behind.set.watch_count == 0);
    watch_batch_release(&hub->batch);
    byte_buffer_release(&hub->out);
    byte_buffer_release(&hub->head);
    free(hub->spare);
    free(hub);
}
