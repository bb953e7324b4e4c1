/* SPDX-License-Identifier: MIT */
/* watch_hub.h -- all watches of a member: what each is to be told, and when.
 *
 *     synced    has all there was: after each turn, what is new is offered to those it concerns
 *     behind    began in the past, or fell back: a sweep over history, a slice each turn of the loop
 *     waiting   is further back than the sweep is by now: for the next sweep
 *     blocked   its client does not read: nothing is kept for it but the revision it is at
 *
 *     new --> synced <--> blocked --> behind | waiting --> behind --> synced
 *
 * Nothing is queued: who cannot be sent to reads history later, and is cancelled, with the revision
 * that says why, if that was compacted in the meantime. So slow clients cost neither memory nor the
 * writers' time. All watches behind share one sweep, so that ten thousand of them read history once.
 *
 * A response's revision is that of the last change that was offered to the watch, never further.
 */
#ifndef DECREE_SERVER_WATCH_HUB_H
#define DECREE_SERVER_WATCH_HUB_H

#include <uv.h>

#include "backend.h"
#include "etcd_errors.h"
#include "watcher.h"

struct watch_hub;

/* Where a stream's responses go. */
struct watch_sink {
    /* An etcdserverpb.WatchResponse, to be copied. FULL: not now, watch_stream_writable() is called
     * when there is room. Other errors end the stream. */
    int (*send)(struct watch_stream *stream, const uint8_t *response, size_t size);
    /* Ends the stream, as an error; watch_stream_close() is called some time later. */
    void (*fail)(struct watch_stream *stream, enum etcd_error error);
};

struct watch_stream { /* the owner's memory */
    struct watch_hub *hub;
    const struct watch_sink *sink;
    struct list_link hub_link;
    struct list_link watchers; /* all of them, by stream_link */
    struct list_link blocked;  /* by place_link */
    struct watcher_ids ids;
    int64_t next_id;
    bool request_waits; /* the last one was FULL */
};

/* NULL: no memory. It does nothing before it is started. */
struct watch_hub *watch_hub_new(struct backend *backend);

/* progress_ms: how often a watch that wants it, and of which there is no news, is told so. */
void watch_hub_start(struct watch_hub *hub, uv_loop_t *loop, uint32_t progress_ms);

/* Tells the synced watches what is new. To be called after a turn in which commands were applied,
 * before the store is tidied: what a compaction of that turn took is still there then. */
void watch_hub_turn(struct watch_hub *hub);

/* All streams are closed. closed may be called later only. */
void watch_hub_close(struct watch_hub *hub, void (*closed)(void *context), void *context);
void watch_hub_free(struct watch_hub *hub); /* not started, or closed; NULL is fine */

struct watch_stats {
    uint64_t streams, watchers;
    uint64_t behind; /* of these, those who wait or read the past */
    uint64_t events; /* that watchers were told so far */
};

/* Walks over the streams. */
void watch_hub_stats(const struct watch_hub *hub, struct watch_stats *ret_stats);

void watch_stream_open(struct watch_stream *stream, struct watch_hub *hub,
                       const struct watch_sink *sink);

/* Does what the request says, and answers. FULL: nothing was done, for want of room. */
int watch_stream_request(struct watch_stream *stream, const struct watch_request *request);

/* There is room again. */
void watch_stream_writable(struct watch_stream *stream);

/* Forgets the stream and its watches. */
void watch_stream_close(struct watch_stream *stream);

#endif
