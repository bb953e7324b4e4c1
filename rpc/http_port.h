/* SPDX-License-Identifier: MIT */
/* http_port.h -- where a server listens: on one address or a few, to clients that speak HTTP/1.1 or
 * HTTP/2. Their first bytes tell.
 *
 *     accept -> newcomer -> "PRI " ?  HTTP/2 : HTTP/1.1 -> sink.take()
 *
 * HTTP/2 with prior knowledge begins with "PRI * HTTP/2.0", and no method of HTTP/1.1 begins so.
 * Until these bytes have come a connection is a newcomer, which has only so much time.
 */
#ifndef DECREE_RPC_HTTP_PORT_H
#define DECREE_RPC_HTTP_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "linked_list.h"
#include "logger.h"

#define HTTP_PORT_READ_BYTES 65536u
#define HTTP_PORT_LISTENERS_MAX 16u

struct http_port;

struct http_port_listener {
    uv_tcp_t tcp;
    struct http_port *port;
    bool owes_accept; /* libuv holds a connection that there was no memory for */
};

struct http_port_sink {
    void *context;
    uint32_t (*connections)(void *context); /* how many there are of those handed on */
    /* A connection and the bytes that it has sent already. Owns tcp from here on: to be closed with
     * uv_close(), its memory to be given back with free(). */
    void (*take)(void *context, uv_tcp_t *tcp, bool is_http2, const uint8_t *bytes, size_t size);
};

struct http_port {
    uv_loop_t *loop;
    const struct logger *logger;
    struct http_port_sink sink;
    uint32_t connections_max; /* newcomers too */
    uint32_t greeting_ms;     /* for the first bytes to come */
    uint64_t accepted, refused;
    struct http_port_listener listeners[HTTP_PORT_LISTENERS_MAX];
    size_t listener_count;
    uv_timer_t timer;           /* late greetings, and connections that there was no memory for */
    struct list_link newcomers; /* oldest first */
    uint32_t newcomer_count;
    uint32_t handles; /* of libuv, still to be closed */
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
    uint8_t read_bytes[HTTP_PORT_READ_BYTES];
};

/* logger is borrowed. */
void http_port_init(struct http_port *port, uv_loop_t *loop, const struct http_port_sink *sink,
                    const struct logger *logger, uint32_t connections_max, uint32_t greeting_ms);

/* Starts to accept on a numeric address, one more if there are some already; port 0 takes a free one.
 * Returns 0 or libuv's error; UV_EMFILE: there are HTTP_PORT_LISTENERS_MAX. */
int http_port_listen(struct http_port *port, const char *host, uint16_t number,
                     uint16_t *ret_number);

/* Stops to accept and closes the newcomers. closed(context) is called from the loop. */
void http_port_close(struct http_port *port, void (*closed)(void *context), void *context);

/* How many connections were not handed on yet. */
uint32_t http_port_newcomers(const struct http_port *port);

#endif
