/* SPDX-License-Identifier: MIT */
/* fake_server.h -- an HTTP/2 server in a thread, that answers every gRPC call as it was told to. */
#ifndef DECREE_TESTS_CLIENT_FAKE_SERVER_H
#define DECREE_TESTS_CLIENT_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_behaviour {
    FAKE_ANSWER = 1, /* with status, text and message */
    FAKE_NO_HTTP2,   /* accepts, and says nothing, as a stopped process does */
    FAKE_GARBAGE,    /* accepts, and says what is no HTTP/2 */
    FAKE_NO_ANSWER,  /* takes the call, and never answers */
    FAKE_REFUSE,     /* resets the stream as REFUSED_STREAM */
    FAKE_HANG_UP,    /* takes the call, and closes the connection */
    FAKE_PLAIN_HTTP  /* answers the call with HTTP status 503 and no gRPC */
};

struct fake_answer {
    enum fake_behaviour behaviour;
    const char *status, *text;
    const uint8_t *body; /* framed */
    size_t body_size;
};

struct fake_server;

/* Listens on a free port of 127.0.0.1, and is ready when this returns. The answer is borrowed until
 * the stop. */
struct fake_server *fake_server_start(const struct fake_answer *answer);

/* "127.0.0.1:PORT" */
const char *fake_server_endpoint(const struct fake_server *server);

/* Stops it, and returns how many calls it has seen. */
unsigned fake_server_stop(struct fake_server *server);

#endif
