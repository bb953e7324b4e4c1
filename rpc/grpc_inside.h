/* SPDX-License-Identifier: MIT */
/* grpc_inside.h -- what the files of the gRPC server share, and nobody else knows.
 *
 *     grpc.c           a call from its headers to its status; opening and closing
 *     grpc_deadline.c  how long a call may take
 *     grpc_stream.c    calls that are streams
 *     grpc_local.c     calls from inside the process
 */
#ifndef DECREE_RPC_GRPC_INSIDE_H
#define DECREE_RPC_GRPC_INSIDE_H

#include "arena.h"
#include "grpc.h"
#include "grpc_methods.h"

#define GRPC_CONSTANT_NV(name, value)                                                       \
    {                                                                                       \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,      \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE \
    }

#define GRPC_ERROR_TEXT_BYTES_MAX 1024u /* escaped */

struct grpc_server {
    struct http2_server *http2;
    struct http2_handler handler;
    struct grpc_options options;
    struct grpc_methods methods;
    struct deadline_wheel wheel;
    struct list_link streams; /* calls that are streams, from open to gone */
    uv_loop_t *loop;
    uv_timer_t timer;                /* turns the wheel, while there is something on it */
    uv_idle_t local_idle;            /* runs while there are local calls to be told */
    struct list_link locals_open;    /* local calls that are under way */
    struct list_link locals_stalled; /* ... that nobody could take so far */
    struct list_link locals_ended;   /* ... that are answered, to be told */
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

/* grpc_deadline.c */
void grpc_deadlines_open(struct grpc_server *server);
void grpc_deadline_arm(struct grpc_call *call, uint64_t timeout_ms, bool own);

/* grpc_local.c */
void grpc_locals_open(struct grpc_server *server);
void grpc_locals_offer(struct grpc_server *server); /* those that found no room */
void grpc_locals_end_all(struct grpc_server *server);
void grpc_local_answer(struct grpc_call *call, enum grpc_status status, const char *text);
bool grpc_local_resume(struct grpc_call *call);

/* grpc_stream.c */
void grpc_stream_reset(struct grpc_call *call);
void grpc_stream_on_body(struct grpc_call *call);
void grpc_stream_turn(struct grpc_call *call);
void grpc_stream_closed(struct grpc_call *call);
void grpc_stream_end_all(struct grpc_server *server);

#endif
