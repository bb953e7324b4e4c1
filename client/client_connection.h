/* SPDX-License-Identifier: MIT */
/* client_connection.h -- one HTTP/2 connection to a server, in clear text and with prior knowledge,
 * for gRPC calls.
 *
 *     client_connection_open() --> sink.ready --> call_start() ... call.done
 *                      \--> sink.closed    (always the last; the connection has then freed itself)
 *
 * Ready means that the server has sent its SETTINGS: a host that accepts connections but is stopped
 * never gets a request, so that the request can safely go to another server. All calls and
 * callbacks are on the loop's thread.
 */
#ifndef DECREE_CLIENT_CLIENT_CONNECTION_H
#define DECREE_CLIENT_CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "endpoints.h"
#include "reply.h"

struct client_connection;

struct client_connection_sink {
    void *context;
    void (*ready)(void *context);
    void (*closed)(void *context, const char *reason); /* reason is borrowed for the call */
};

/* One call; the caller's memory, untouched between call_start() and done. */
struct call {
    const char *path;    /* "/package.Service/Method" */
    const uint8_t *body; /* the framed message */
    size_t body_size;
    uint64_t timeout_ms; /* told to the server; the caller keeps its own clock; 0: none */
    void (*done)(struct call *call);
    void *context;

    struct reply reply;   /* the outcome; released by the caller */
    bool surely_not_done; /* the server has refused it unseen: to try again is safe */

    int32_t stream_id; /* the connection's own from here on */
    size_t body_sent;
    struct call *next;
};

/* Begins to connect. Returns NULL only when out of memory. */
struct client_connection *client_connection_open(uv_loop_t *loop, const struct endpoint *endpoint,
                                                 const struct client_connection_sink *sink);

/* Begins to close; open calls are done at once, as UNAVAILABLE. */
void client_connection_close(struct client_connection *connection, const char *reason);

/* Begins a call; the connection must be ready. done may come before this returns. */
void call_start(struct client_connection *connection, struct call *call);

/* Gives a call up: it is done at once, with this outcome. */
void call_cancel(struct client_connection *connection, struct call *call, enum status_code code,
                 const char *text);

#endif
