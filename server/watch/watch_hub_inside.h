/* SPDX-License-Identifier: MIT */
/* watch_hub_inside.h -- what watch_hub.c, watch_places.c and watch_stream.c share; nobody else
 * includes it. */
#ifndef DECREE_SERVER_WATCH_HUB_INSIDE_H
#define DECREE_SERVER_WATCH_HUB_INSIDE_H

#include "watch_batch.h"
#include "watch_hub.h"

/* Watchers that go through the changes together. */
struct watch_group {
    struct watch_set set;
    struct list_link members; /* by place_link */
    int64_t next;             /* the revision that they are to be told next */
};

struct watch_hub {
    struct backend *backend;
    struct allocator allocator; /* of the sets: hands out the spare block */
    void *spare;                /* taken before a set may need it, for a set cannot do without */
    size_t spare_size;
    struct watch_group synced, behind;
    struct list_link waiting; /* by place_link */
    struct list_link streams; /* by hub_link */
    struct watch_batch batch;
    struct byte_buffer out;  /* the response that is being made */
    struct byte_buffer head; /* the header of all responses of the batch, as bytes */
    uv_prepare_t prepare;
    uv_idle_t awake; /* active while somebody is behind */
    uv_timer_t progress;
    unsigned open_handles;
    uint64_t events; /* that watchers were told, once for each of them */
    void (*closed)(void *context);
    void *closed_context;
};

/* The last revision of which the synced watches know. */
static inline int64_t hub_revision(const struct watch_hub *hub)
{
    return hub->synced.next - 1;
}

/* watch_places.c: a watcher is in one place, or, new or about to be freed, in none. */
void hub_places_init(struct watch_hub *hub);
void hub_leave(struct watcher *watcher);

/* The place that follows from the revision it is to get next. */
void hub_place(struct watch_hub *hub, struct watcher *watcher);
void hub_block(struct watcher *watcher);
void hub_wait(struct watch_hub *hub, struct watcher *watcher);

/* Those of the group move to the synced ones. */
void hub_promote(struct watch_hub *hub, struct watch_group *group);

/* Those who wait become those who are behind; there are none of these. */
void hub_begin_sweep(struct watch_hub *hub);

/* watch_stream.c: a response without events. Errors as watch_sink.send. */
int hub_respond(struct watch_stream *stream, const struct watch_response *response);
void hub_free_watcher(struct watcher *watcher);
struct response_header hub_header(const struct watch_hub *hub, int64_t revision);

/* After an error of send() that is not FULL. */
void hub_fail_stream(struct watch_stream *stream, int error);

/*
 * Is it synced, and has all from the revision that it asked to begin at? Also who waits for the very next one has all, and
 * Kubernetes wants to be told so; one that begins later still must hear nothing of revisions before.
 */
static inline bool hub_is_current(const struct watch_hub *hub, const struct watcher *watcher)
{
    return watcher->place == WATCHER_SYNCED && watcher->next <= hub_revision(hub) + 1;
}

#endif
