/* SPDX-License-Identifier: MIT */
/* grpc_client.h -- one HTTP/2 connection to a server, in clear text and with prior knowledge,
 * for gRPC calls.
 *
 *     grpc_client_open() --> sink.ready --> grpc_client_start() ... call.done
 *                      \--> sink.closed    (always the last; the connection has then freed itself)
 *
 * Ready means that the server has sent its SETTINGS: a host that accepts connections but is stopped
 * never gets a request, so that the request can safely go to another server. Many calls may be under
 * way at once; what they have to say is written together, once in a turn of the loop.
 *
 * A call whose message is set is a stream:
 *
 *     grpc_client_start() --> grpc_client_send() x N --> grpc_client_half_close()
 *                    call.message x N --> call.done
 *
 * All calls and callbacks are on the loop's thread. From any callback any function may be called.
 */
#ifndef DECREE_RPC_GRPC_CLIENT_H
#define DECREE_RPC_GRPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "byte_buffer.h"
#include "endpoints.h"
#include "linked_list.h"
#include "reply.h"

struct grpc_client;

struct grpc_client_sink {
    void *context;
    void (*ready)(void *context);
    void (*closed)(void *context, const char *reason); /* reason is borrowed for the call */
};

/* One call; the caller's memory, untouched between grpc_client_start() and done. All that is not set
 * is zero. */
struct grpc_client_call {
    const char *path;    /* "/package.Service/Method" */
    const uint8_t *body; /* the framed message; of a stream the first one, or NULL */
    size_t body_size;
    uint64_t timeout_ms;  /* told to the server; the caller keeps its own clock; 0: none */
    bool requires_leader; /* it is not to be served by a member that knows of no leader */
    void (*done)(struct grpc_client_call *call);
    void *context;

    /* Of a stream: the next message, borrowed; and that there is room again after
     * grpc_client_send() was FULL, or NULL. */
    void (*message)(struct grpc_client_call *call, const uint8_t *message, size_t size);
    void (*writable)(struct grpc_client_call *call);

    struct reply reply;   /* the outcome; released by the caller */
    bool surely_not_done; /* the server has refused it unseen: to try again is safe */

    int32_t stream_id; /* the connection's own from here on */
    size_t body_sent;
    struct list_link link;
    struct byte_buffer out; /* of a stream: messages, up to out_sent with nghttp2 */
    size_t out_sent;
    bool half_closed, is_idle, wants_room;
};

/* Begins to connect. Returns NULL only when out of memory. */
struct grpc_client *grpc_client_open(uv_loop_t *loop, const struct endpoint *endpoint,
                                     const struct grpc_client_sink *sink);

/* Begins to close; open calls are done at once, as UNAVAILABLE. */
void grpc_client_close(struct grpc_client *connection, const char *reason);

/* Begins a call; the connection must be ready. done may come before this returns. */
void grpc_client_start(struct grpc_client *connection, struct grpc_client_call *call);

/* To look at, see socket_progress.h; borrowed. The connection must be ready. */
const uv_tcp_t *grpc_client_socket(const struct grpc_client *connection);

/* Writes at once what calls have to say, for who has begun all that he will begin in this turn. Not
 * from a callback. The connection must be ready. */
void grpc_client_flush(struct grpc_client *connection);

/* Of a stream: sends a message, which is copied. FULL: a mebibyte is unsent, nothing was taken; one
 * message may be larger. NOMEM. Not after half_close or done. */
int grpc_client_send(struct grpc_client *connection, struct grpc_client_call *call,
                     const uint8_t *message, size_t size);

/* Of a stream: there is nothing more to send. */
void grpc_client_half_close(struct grpc_client *connection, struct grpc_client_call *call);

/* Gives a call up: it is done at once, with this outcome. */
void grpc_client_cancel(struct grpc_client *connection, struct grpc_client_call *call,
                        enum grpc_status code, const char *text);

#endif
