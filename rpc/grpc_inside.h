/* SPDX-License-Identifier: MIT */
/* grpc_inside.h -- what the files of the gRPC server share, and nobody else knows.
 *
 *     grpc.c           a call from its headers to its status; opening and closing
 *     grpc_deadline.c  how long a call may take
 *     grpc_stream.c    calls that are streams
 *     grpc_counters.c  what is counted of calls
 *     grpc_local.c, grpc_local_stream.c
 *                      calls from inside the process
 */
#ifndef DECREE_RPC_GRPC_INSIDE_H
#define DECREE_RPC_GRPC_INSIDE_H

#include "arena.h"
#include "grpc.h"
#include "grpc_counters.h"
#include "grpc_methods.h"

#define GRPC_CONSTANT_NV(name, value)                                                       \
    {                                                                                       \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,      \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE \
    }

#define GRPC_ERROR_TEXT_BYTES_MAX 1024u /* escaped */

/* A call from inside the process. */
struct grpc_local {
    struct grpc_call call; /* first */
    struct list_link link; /* one of the server's three lists, until all was told */
    grpc_local_done *done; /* of a call that is no stream */
    const struct grpc_local_events *events; /* of a stream */
    void *context;
    enum grpc_status status; /* of the answer */
    char text[GRPC_ERROR_TEXT_BYTES_MAX];
    bool said;    /* a stream: its handler took the message */
    bool waiting; /* ... does not take it now */
    bool blocked; /* ... whoever listens has no room */
};

struct grpc_counters {
    struct grpc_method_counters *methods; /* by the place of the method in the table */
    const struct grpc_method *first;
    size_t count;
    struct grpc_version_counters versions[GRPC_VERSIONS_MAX];
    uint32_t version_count;
    uint64_t bytes_received, bytes_sent;
};

struct grpc_server {
    struct http2_server *http2;
    struct http2_handler handler;
    struct grpc_options options;
    struct grpc_methods methods;
    struct grpc_counters counters;
    struct deadline_wheel wheel;
    struct list_link streams; /* calls that are streams, from open to gone */
    uv_loop_t *loop;
    uv_timer_t timer;                /* turns the wheel, while there is something on it */
    uv_idle_t local_idle;            /* runs while there are local calls with something to tell */
    struct list_link locals_open;    /* local calls that are under way */
    struct list_link locals_stalled; /* ... that nobody could take so far */
    struct list_link locals_ready;   /* ... that have something to tell */
    uint32_t handles;                /* still to be closed, when all else is */
    struct arena arena;
    void (*closed)(void *context);
    void *closed_context;
};

/* grpc.c */
bool grpc_check_prefix(struct grpc_call *call, size_t at); /* at which of the bytes it is */
extern const nghttp2_nv grpc_reply_headers[2];
extern const nghttp2_nv grpc_reply_trailers[1];

void grpc_fail_not_implemented(struct grpc_call *call);

/* grpc_counters.c: handled, for one who was started, once; the others do nothing then. Errors: NOMEM. */
int grpc_counters_init(struct grpc_counters *counters, const struct grpc_methods *methods);
void grpc_counters_release(struct grpc_counters *counters);
uint8_t grpc_count_version(struct grpc_counters *counters, const uint8_t *version, size_t size);
void grpc_count_started(struct grpc_call *call);
void grpc_count_handled(struct grpc_call *call, enum grpc_status status);
void grpc_count_received(struct grpc_call *call, size_t size);
void grpc_count_sent(struct grpc_call *call, size_t size);

/* grpc_deadline.c */
void grpc_deadlines_open(struct grpc_server *server);
void grpc_deadline_arm(struct grpc_call *call, uint64_t timeout_ms, bool own);

/* grpc_local.c */
void grpc_locals_open(struct grpc_server *server);
void grpc_locals_offer(struct grpc_server *server); /* those that found no room */
void grpc_locals_end_all(struct grpc_server *server);
void grpc_local_answer(struct grpc_call *call, enum grpc_status status, const char *text);
bool grpc_local_resume(struct grpc_call *call);
struct grpc_local *grpc_local_new(struct grpc_server *server,
                                  const struct grpc_local_request *request);
void grpc_local_drop(struct grpc_local *local);
void grpc_local_wake(struct grpc_local *local); /* it has something to tell */

/* grpc_local_stream.c */
void grpc_local_stream_tell(struct grpc_local *local);
int grpc_local_room(struct grpc_call *call, size_t size, uint8_t **ret_room);
void grpc_local_more(struct grpc_call *call, size_t size);
void grpc_local_offer_again(struct grpc_call *call);

/* grpc_stream.c */
void grpc_stream_reset(struct grpc_call *call);
void grpc_stream_on_body(struct grpc_call *call);
void grpc_stream_turn(struct grpc_call *call);
void grpc_stream_closed(struct grpc_call *call);
void grpc_stream_end_all(struct grpc_server *server);

#endif
