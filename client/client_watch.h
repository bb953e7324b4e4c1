/* SPDX-License-Identifier: MIT */
/* client_watch.h -- a watch that outlives the server it was begun at.
 *
 * When the server goes, has lost its leader, or says nothing for too long, the watch goes on at the
 * next of the client's servers, at the revision behind the last one that it has shown: nothing is
 * missed and nothing comes twice. A server that is silent is asked for its progress first.
 */
#ifndef DECREE_CLIENT_CLIENT_WATCH_H
#define DECREE_CLIENT_CLIENT_WATCH_H

#include "client.h"

struct client_watch_sink {
    void *context;
    /* The watch stands, the first time; NULL: nobody cares. */
    void (*created)(void *context);
    /* What the server said of it, borrowed: events, or progress, which has none, or the end of the
     * watch (canceled). False: it is not wanted any more. */
    bool (*take)(void *context, const Etcdserverpb__WatchResponse *response);
    /* It goes on elsewhere. client_endpoint() and client_error_text() tell what was left and why.
     * NULL: nobody cares. */
    void (*moved)(void *context);
};

/* Watches until it is not wanted any more (CANCELLED), the server has canceled it (OUT_OF_RANGE: the
 * revision is compacted; else UNKNOWN), or refused it. While it never stood, each of the servers is
 * tried once, and then the code is UNAVAILABLE; once it stood it goes on for ever. */
enum grpc_status client_watch(struct client *client,
                              const Etcdserverpb__WatchCreateRequest *request,
                              const struct client_watch_sink *sink);

#endif
