/* SPDX-License-Identifier: MIT */
/* http1_client.h -- one kept HTTP/1.1 connection to a server, in clear text.
 *
 *     http1_client_open() --> sink.ready --> http1_client_send() ... request.done
 *                      \--> sink.closed      (always the last; the client has then freed itself)
 *
 * Requests may be sent from the start; they wait until the connection stands. Up to in_flight_max
 * of them are sent before the answer to the first has come (pipelining), which is right for a
 * server that answers at once. Connecting again is the caller's business. All calls and callbacks
 * are on the loop's thread.
 */
#ifndef DECREE_RPC_HTTP1_CLIENT_H
#define DECREE_RPC_HTTP1_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "endpoints.h"

struct http1_client;

struct http1_client_sink {
    void *context;
    void (*ready)(void *context);                      /* the TCP connection stands; may be NULL */
    void (*closed)(void *context, const char *reason); /* reason is borrowed for the call */
};

struct http1_client_options { /* 0 takes the default */
    size_t unsent_bytes_max;  /* of requests that wait for the socket; default 4 MiB */
    size_t answer_bytes_max;  /* of one answer's body; a larger one ends the connection; 4 MiB */
    uint32_t in_flight_max;   /* requests sent and not answered; default 64 */
};

/* The answer; status 0: the connection ended without one, and body says why. body is borrowed for
 * the call. */
typedef void http1_client_done(void *context, unsigned status, const uint8_t *body, size_t size);

struct http1_client_request {  /* all of it is copied */
    const char *method, *path; /* path with its query */
    const char *content_type;  /* NULL if there is no body */
    const void *body;
    size_t body_size;
    http1_client_done *done; /* NULL: nobody cares */
    void *context;           /* of done */
};

/* Begins to connect; options may be NULL. Returns NULL only when out of memory. */
struct http1_client *http1_client_open(uv_loop_t *loop, const struct endpoint *endpoint,
                                       const struct http1_client_options *options,
                                       const struct http1_client_sink *sink);

/* FULL: too much is unsent, nothing was taken; one request is always taken when none waits. NOMEM;
 * CLOSED: the connection has ended, sink.closed is to come or under way. */
int http1_client_send(struct http1_client *client, const struct http1_client_request *request);

/* To look at, see socket_progress.h; borrowed. The connection must be ready. */
const uv_tcp_t *http1_client_socket(const struct http1_client *client);

/* Begins to close; requests without an answer are done at once, with status 0. */
void http1_client_close(struct http1_client *client, const char *reason);

#endif
