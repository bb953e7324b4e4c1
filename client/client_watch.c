/* SPDX-License-Identifier: MIT */
/* client_watch.c -- one stream after another, each from where the last one ended.
 *
 *     next_revision    after            is
 *                      created          the revision asked for, or the one after the header's
 *                      events           the one after the last event's
 *                      progress         the one after the header's
 */
#include "client_watch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "client_inside.h"

#define SILENCE_MS 4000u      /* then the server is asked whether it is there */
#define SILENCE_MS_MAX 60000u /* for one that has a long past to look through */
#define PAUSE_MS 200u         /* between one round through the servers and the next */

struct watch {
    Etcdserverpb__WatchCreateRequest create;
    Etcdserverpb__WatchProgressRequest progress;
    Etcdserverpb__WatchRequest question;
    const struct client_watch_sink *sink;
    uint64_t silence_ms;
    bool has_stood, asked;
    bool in_future; /* begins at a revision that was not there yet: no progress is told of it */
    enum grpc_status end; /* OK: it has not ended */
    char reason[256];
};

static enum grpc_status end_of(const Etcdserverpb__WatchResponse *response)
{
    return response->compact_revision != 0 ? GRPC_OUT_OF_RANGE : GRPC_UNKNOWN;
}

static void note_revision(struct watch *watch, const Etcdserverpb__WatchResponse *response)
{
    int64_t next = response->header != NULL ? response->header->revision + 1 : 0;

    if (response->n_events > 0)
        next = response->events[response->n_events - 1]->kv->mod_revision + 1;
    else if (response->created && watch->create.start_revision != 0)
        return;
    if (next > watch->create.start_revision)
        watch->create.start_revision = next;
}

static bool is_whole(const Etcdserverpb__WatchResponse *response)
{
    for (size_t i = 0; i < response->n_events; i++)
        if (response->events[i]->kv == NULL)
            return false;
    return true;
}

static void explain_end(struct watch *watch, const Etcdserverpb__WatchResponse *response)
{
    const char *reason = response->cancel_reason;

    if (response->compact_revision != 0)
        snprintf(watch->reason, sizeof(watch->reason),
                 "the past is compacted: what is left begins at revision %" PRId64,
                 response->compact_revision);
    else
        snprintf(watch->reason, sizeof(watch->reason), "%s",
                 reason[0] != '\0' ? reason : "the server has canceled the watch");
}

/* Whether there is more to come. */
static bool on_response(struct watch *watch, const Etcdserverpb__WatchResponse *response)
{
    bool shown = response->n_events > 0 || response->canceled ||
                 (!response->created && watch->create.progress_notify && response->watch_id >= 0);

    watch->asked = false;
    watch->in_future = response->created && response->header != NULL &&
                       watch->create.start_revision > response->header->revision + 1;
    if (!response->canceled)
        note_revision(watch, response);
    if (response->created && !response->canceled && !watch->has_stood) {
        watch->has_stood = true;
        if (watch->sink->created != NULL)
            watch->sink->created(watch->sink->context);
    }
    if (shown && !watch->sink->take(watch->sink->context, response))
        watch->end = GRPC_CANCELLED;
    else if (response->canceled)
        watch->end = end_of(response);
    if (response->canceled)
        explain_end(watch, response);
    return watch->end == GRPC_OK;
}

static bool take(void *context, const uint8_t *message, size_t size)
{
    struct watch *watch = context;
    Etcdserverpb__WatchResponse *response = etcdserverpb__watch_response__unpack(NULL, size,
                                                                                 message);
    bool more;

    if (response == NULL || !is_whole(response)) {
        snprintf(watch->reason, sizeof(watch->reason), "the answer is not what it should be");
        watch->end = GRPC_INTERNAL;
        more = false;
    } else {
        more = on_response(watch, response);
    }
    if (response != NULL)
        etcdserverpb__watch_response__free_unpacked(response, NULL);
    return more;
}

/* Asked once; if there is silence again, the server is not there any more. */
static const ProtobufCMessage *ask(void *context)
{
    struct watch *watch = context;

    if (watch->asked && !watch->in_future)
        return NULL;
    watch->asked = true;
    return &watch->question.base;
}

/* One stream, until it ends. */
static enum grpc_status watch_once(struct client *client, struct watch *watch)
{
    const struct client_talk talk = {.silence_ms = watch->silence_ms, .take = take, .ask = ask};
    Etcdserverpb__WatchRequest request = ETCDSERVERPB__WATCH_REQUEST__INIT;

    request.request_union_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
    request.create_request = &watch->create;
    watch->asked = false;
    return client_talk(client, "/etcdserverpb.Watch/Watch", &request.base, &talk, watch);
}

static bool is_left(enum grpc_status code)
{
    return code == GRPC_OK || code == GRPC_UNAVAILABLE || code == GRPC_DEADLINE_EXCEEDED;
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

    nanosleep(&pause, NULL);
}

static void move(struct client *client, struct watch *watch, enum grpc_status code)
{
    if (code == GRPC_DEADLINE_EXCEEDED && watch->silence_ms < SILENCE_MS_MAX)
        watch->silence_ms *= 2;
    if (code == GRPC_OK)
        client_set_error(client, "the server has ended the stream");
    if (watch->has_stood && watch->sink->moved != NULL)
        watch->sink->moved(watch->sink->context);
    client_next(client);
}

enum grpc_status client_watch(struct client *client,
                              const Etcdserverpb__WatchCreateRequest *request,
                              const struct client_watch_sink *sink)
{
    struct watch watch = {.create = *request, .sink = sink, .silence_ms = SILENCE_MS};
    enum grpc_status code;

    assert(sink->take != NULL);
    etcdserverpb__watch_progress_request__init(&watch.progress);
    etcdserverpb__watch_request__init(&watch.question);
    watch.question.request_union_case = ETCDSERVERPB__WATCH_REQUEST__REQUEST_UNION_PROGRESS_REQUEST;
    watch.question.progress_request = &watch.progress;
    for (size_t tried = 1;; tried++) {
        code = watch_once(client, &watch);
        if (watch.end != GRPC_OK) {
            client_set_error(client, watch.reason);
            return watch.end;
        }
        if (!is_left(code))
            return code;
        if (!watch.has_stood && tried >= client_endpoint_count(client))
            return code == GRPC_OK ? GRPC_UNAVAILABLE : code;
        move(client, &watch, code);
        if (tried % client_endpoint_count(client) == 0)
            rest();
    }
}
