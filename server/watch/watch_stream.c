/* SPDX-License-Identifier: MIT */
/* watch_stream.c -- the requests of a stream of watches, and their answers; see watch_hub.h. */
#include <assert.h>

#include "index_leaf.h"
#include "watch_hub_inside.h"

#define INVALID_ID (-1) /* of a watch that could not be made, and of progress of a whole stream */

struct response_header hub_header(const struct watch_hub *hub, int64_t revision)
{
    struct backend *backend = hub->backend;

    return (struct response_header){backend->cluster_id, backend->member_id, revision,
                                    backend->ops->term(backend)};
}

int hub_respond(struct watch_stream *stream, const struct watch_response *response)
{
    struct byte_buffer *out = &stream->hub->out;

    byte_buffer_reset(out, SIZE_MAX);
    watch_response_write(out, response);
    return out->failed ? DECREE_NOMEM : stream->sink->send(stream, out->data, out->size);
}

void hub_fail_stream(struct watch_stream *stream, int error)
{
    assert(error != DECREE_FULL);
    if (error != DECREE_CLOSED)
        stream->sink->fail(stream, ETCD_NO_MEMORY);
}

void hub_free_watcher(struct watcher *watcher)
{
    hub_leave(watcher);
    list_remove(&watcher->stream_link);
    watcher_ids_remove(&watcher->stream->ids, watcher);
    free(watcher);
}

/* ---- requests ---- */

/* Keys in etcd's way of writing them: without a key, all from the lowest on. */
static void complete_range(struct watch_request *request)
{
    static const uint8_t lowest[] = {0};

    if (request->key.size == 0)
        request->key = (struct kv_bytes){lowest, sizeof(lowest)};
}

static bool is_empty_range(const struct watch_request *request)
{
    const struct kv_bytes *end = &request->range_end;

    if (end->size == 0 || (end->size == 1 && end->data[0] == 0))
        return false;
    return key_compare(request->key, *end) >= 0;
}

/* etcd's words for why there can be no such watch; NULL: there can. */
static const char *refusal(const struct watch_stream *stream, const struct watch_request *request)
{
    if (request->start_revision < 0)
        return "etcdserver: mvcc: required revision has been compacted";
    if (is_empty_range(request))
        return "mvcc: watcher range is empty";
    if (request->id != 0 && watcher_ids_find(&stream->ids, request->id) != NULL)
        return "mvcc: duplicate watch ID provided on the WatchStream";
    return NULL;
}

static int64_t choose_id(struct watch_stream *stream)
{
    while (watcher_ids_find(&stream->ids, stream->next_id) != NULL)
        stream->next_id++;
    return stream->next_id;
}

static void add_watcher(struct watch_stream *stream, const struct watch_request *request,
                        int64_t id)
{
    struct watcher *watcher = watcher_new(stream, request, id, request->start_revision);

    if (watcher == NULL || !watcher_ids_add(&stream->ids, watcher)) {
        free(watcher);
        hub_fail_stream(stream, DECREE_NOMEM);
        return;
    }
    if (request->id == 0)
        stream->next_id++;
    list_append(&stream->watchers, &watcher->stream_link);
    hub_place(stream->hub, watcher);
}

/* The answer goes out first: it comes before the watch's events. */
static int create(struct watch_stream *stream, const struct watch_request *request)
{
    struct watch_request complete = *request;
    struct watch_response response = {.created = true, .id = INVALID_ID};
    int error;

    complete_range(&complete);
    response.header = hub_header(stream->hub, hub_revision(stream->hub));
    response.cancel_reason = refusal(stream, &complete);
    response.cancelled = response.cancel_reason != NULL;
    if (!response.cancelled)
        response.id = request->id != 0 ? request->id : choose_id(stream);
    error = hub_respond(stream, &response);
    if (error == 0 && !response.cancelled)
        add_watcher(stream, &complete, response.id);
    return error;
}

static int cancel(struct watch_stream *stream, int64_t id)
{
    struct watcher *watcher = watcher_ids_find(&stream->ids, id);
    struct watch_response response = {.id = id, .cancelled = true};
    int error;

    if (watcher == NULL)
        return 0;
    response.header = hub_header(stream->hub, hub_revision(stream->hub));
    error = hub_respond(stream, &response);
    if (error == 0)
        hub_free_watcher(watcher);
    return error;
}

/* Answered only if it is true of every watch; the client asks again. */
static int report_progress(struct watch_stream *stream)
{
    struct watch_hub *hub = stream->hub;
    struct watch_response response = {.header = hub_header(hub, hub_revision(hub)),
                                      .id = INVALID_ID};

    if (list_alone(&stream->watchers))
        return 0;
    for (struct list_link *at = stream->watchers.next; at != &stream->watchers; at = at->next)
        if (!hub_is_current(hub, list_owner(at, struct watcher, stream_link)))
            return 0;
    return hub_respond(stream, &response);
}

static int obey(struct watch_stream *stream, const struct watch_request *request)
{
    switch (request->kind) {
    case WATCH_CREATE:
        return create(stream, request);
    case WATCH_CANCEL:
        return cancel(stream, request->id);
    case WATCH_PROGRESS:
        return report_progress(stream);
    case WATCH_REQUEST_NONE:
        break;
    }
    return 0;
}

int watch_stream_request(struct watch_stream *stream, const struct watch_request *request)
{
    int error;

    watch_hub_turn(stream->hub);
    error = obey(stream, request);
    stream->request_waits = error == DECREE_FULL;
    if (error == 0 || error == DECREE_FULL)
        return error;
    hub_fail_stream(stream, error);
    return 0;
}

/* ---- the stream ---- */

void watch_stream_open(struct watch_stream *stream, struct watch_hub *hub,
                       const struct watch_sink *sink)
{
    *stream = (struct watch_stream){.hub = hub, .sink = sink, .ids.seed = hub->synced.set.seed};
    list_init(&stream->hub_link);
    list_init(&stream->watchers);
    list_init(&stream->blocked);
    list_append(&hub->streams, &stream->hub_link);
}

void watch_stream_writable(struct watch_stream *stream)
{
    struct list_link blocked;

    list_init(&blocked);
    list_move_all(&blocked, &stream->blocked);
    while (!list_alone(&blocked))
        hub_place(stream->hub, list_owner(blocked.next, struct watcher, place_link));
}

void watch_stream_close(struct watch_stream *stream)
{
    while (!list_alone(&stream->watchers))
        hub_free_watcher(list_owner(stream->watchers.next, struct watcher, stream_link));
    assert(list_alone(&stream->blocked));
    list_remove(&stream->hub_link);
}
