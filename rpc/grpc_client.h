/* SPDX-License-Identifier: MIT */
/* grpc_client.h -- one HTTP/2 connection to a server, in clear text and with prior knowledge,
 * for gRPC calls.
 *
 *     grpc_client_open() --> sink.ready --> grpc_client_start() ... call.done
 *                      \--> sink.closed    (always the last; the connection has then freed itself)
 *
 * Ready means that the server has sent its SETTINGS: a host that accepts connections but is stopped
 * never gets a request, so that the request can safely go to another server. All calls and
 * callbacks are on the loop's thread.
 */
#ifndef DECREE_RPC_GRPC_CLIENT_H
#define DECREE_RPC_GRPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "endpoints.h"
#include "reply.h"

struct grpc_client;

struct grpc_client_sink {
    void *context;
    void (*ready)(void *context);
    void (*closed)(void *context, const char *reason); /* reason is borrowed for the call */
};

/* One call; the caller's memory, untouched between grpc_client_start() and done. */
struct grpc_client_call {
    const char *path;    /* "/package.Service/Method" */
    const uint8_t *body; /* the framed message */
    size_t body_size;
    uint64_t timeout_ms; /* told to the server; the caller keeps its own clock; 0: none */
    void (*done)(struct grpc_client_call *call);
    void *context;

    struct reply reply;   /* the outcome; released by the caller */
    bool surely_not_done; /* the server has refused it unseen: to try again is safe */

    int32_t stream_id; /* the connection's own from here on */
    size_t body_sent;
    struct grpc_client_call *next;
};

/* Begins to connect. Returns NULL only when out of memory. */
struct grpc_client *grpc_client_open(uv_loop_t *loop, const struct endpoint *endpoint,
                                     const struct grpc_client_sink *sink);

/* Begins to close; open calls are done at once, as UNAVAILABLE. */
void grpc_client_close(struct grpc_client *connection, const char *reason);

/* Begins a call; the connection must be ready. done may come before this returns. */
void grpc_client_start(struct grpc_client *connection, struct grpc_client_call *call);

/* Gives a call up: it is done at once, with this outcome. */
void grpc_client_cancel(struct grpc_client *connection, struct grpc_client_call *call,
                        enum grpc_status code, const char *text);

#endif
