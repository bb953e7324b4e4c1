/* SPDX-License-Identifier: MIT */
/* grpc_client_inside.h -- what the two files of the gRPC client share, and nobody else knows.
 *
 *     grpc_client.c       name lookup, TCP, bytes to and from nghttp2
 *     grpc_client_call.c  calls, and what nghttp2 reports of them
 */
#ifndef DECREE_RPC_GRPC_CLIENT_INSIDE_H
#define DECREE_RPC_GRPC_CLIENT_INSIDE_H

#include <nghttp2/nghttp2.h>

#include "grpc_client.h"

#define GRPC_CLIENT_READ_BYTES 65536u
#define GRPC_CLIENT_WINDOW_BYTES (16 * 1024 * 1024)
#define GRPC_CLIENT_REASON_BYTES 256u

struct grpc_client {
    uv_loop_t *loop;
    struct endpoint endpoint;
    struct grpc_client_sink sink;
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    uv_tcp_t tcp;
    uv_prepare_t turn; /* flushes, once a turn, before the loop sleeps */
    uv_idle_t awake;   /* while there is something to flush, the loop must not sleep */
    uv_write_t write;
    struct addrinfo *addresses, *address; /* what the name stands for, and which is tried */
    nghttp2_session *session;
    struct list_link calls;
    struct byte_buffer writing; /* what the socket did not take at once; empty: nothing */
    uint32_t handles;           /* of libuv, still to be closed */
    bool looking_up, has_turn, is_ready, has_ended;
    char reason[GRPC_CLIENT_REASON_BYTES];
    char input[GRPC_CLIENT_READ_BYTES];
};

/* grpc_client.c */
void client_note_dirty(struct grpc_client *connection);

/* grpc_client_call.c */
void client_set_callbacks(nghttp2_session_callbacks *callbacks);
void client_tell_writable(struct grpc_client *connection);
void client_end_calls(struct grpc_client *connection, const char *reason);

#endif
