/* SPDX-License-Identifier: MIT */
/* http1.h -- an HTTP/1.1 server in clear text, on a libuv loop: http-parser reads, this answers.
 *
 *     socket -> http-parser -> request -> route -> handler(call)
 *     socket <- out         <- http1_answer(), or a stream of chunks
 *
 * A connection is kept for further requests. Pipelined requests are answered in order, one at a
 * time: while one is under way, what comes behind it waits, in a small buffer first and then in the
 * client's socket. Bodies come with Content-Length or chunked, and are handed over whole. Who asks
 * with "Expect: 100-continue" hears at once whether the body is wanted.
 *
 * What is wrong with a request is answered with a status of 4xx or 5xx and a sentence in the body,
 * text/plain. Headers, bodies, the time that a request may take to come, and the time that an answer
 * may go unread are bounded.
 *
 * An answer is given in one piece,
 *
 *     handler -> http1_answer()                                   at once
 *     handler -> http1_keep() ... http1_resume() -> http1_answer()    later
 *
 * or as a stream, chunked, each piece flushed:
 *
 *     http1_stream_begin() -> http1_stream_write() x N -> http1_stream_end()
 *
 * All calls on the loop thread.
 */
#ifndef DECREE_RPC_HTTP1_H
#define DECREE_RPC_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "logger.h"

#define HTTP1_EXTRA_BYTES_MAX 200
#define HTTP1_COMMON_BYTES_MAX 500

struct http1_server;
struct http1_call;
struct http1_stream_events;

typedef void http1_handle(struct http1_call *call);

struct http1_route {
    const char *method; /* "POST"; NULL takes any */
    const char *path;   /* "/handle"; with an asterisk at its end, "/v3/" and all that begins so */
    http1_handle *handle;
};

/* What was asked. Borrowed until the call is answered. */
struct http1_request {
    const char *method;
    const char *path;  /* as it came, up to the question mark; escapes are not decoded */
    const char *query; /* what is behind the question mark, or "" */
    const uint8_t *body;
    size_t body_size;
};

struct http1_limits {          /* 0 takes the default */
    uint32_t connections_max;  /* default 20,000 */
    uint32_t header_bytes_max; /* request line and headers; default 32 KiB */
    uint32_t body_bytes_max;   /* of one request; default 4 MiB */
    size_t request_bytes_max;  /* bodies kept, of all connections; default 256 MiB */
    size_t unsent_bytes_max;   /* of a stream, and of pipelined answers; default 1 MiB */
    uint32_t request_ms;       /* for a request to come whole; default 30,000 */
    uint32_t unread_ms;        /* for the client to read something; default 30,000 */
    uint32_t idle_ms;          /* between two requests; default 120,000 */
};

struct http1_options {                 /* limits is copied, the rest borrowed until http1_free() */
    void *context;                     /* of the handlers: http1_context() */
    const struct http1_route *routes;  /* the first that fits; ends with a NULL path */
    const struct http1_limits *limits; /* NULL: the defaults */
    const struct logger *logger;
    /* Every request passes here when its headers are whole; NULL: nobody looks. Not 0: it is answered
     * with this status, and with the text if there is any. */
    unsigned (*admit)(struct http1_call *call, const char **ret_text);
};

/* Errors: NOMEM. */
int http1_open(struct http1_server **ret_server, uv_loop_t *loop,
               const struct http1_options *options);

/* Starts to accept on a numeric address, one of a few; port 0 takes a free one. Returns 0 or libuv's
 * error. A server that shares a port with gRPC (grpc_options.http1) does not listen itself. */
int http1_listen(struct http1_server *server, const char *host, uint16_t port, uint16_t *ret_port);

/* Stops to accept, closes what is idle, lets open calls end for at most grace_ms, then closes.
 * closed(context) is called from the loop when no connection is left. */
void http1_close(struct http1_server *server, uint32_t grace_ms, void (*closed)(void *context),
                 void *context);

/* After closed() was called, and every kept call was resumed. */
void http1_free(struct http1_server *server);

/* How many connections there are now. */
uint32_t http1_connections(const struct http1_server *server);

/* How many were closed for what they sent. */
uint64_t http1_broken(const struct http1_server *server);

/* For a port that is shared: takes over a connection, with what it has sent already. Owns tcp from
 * here on, see http_port.h. */
void http1_adopt(struct http1_server *server, uv_tcp_t *tcp, const uint8_t *bytes, size_t size);

/* ---- for handlers ---- */

void *http1_context(const struct http1_call *call);
const struct http1_request *http1_request_of(const struct http1_call *call);

/* The value of a header, whose name is given in lower case; NULL: there is none. */
const char *http1_header(const struct http1_call *call, const char *name);

/* A header for the answer to this call, "Name: value\r\n", at most HTTP1_EXTRA_BYTES_MAX bytes; borrowed
 * until then. Once. */
void http1_add_header(struct http1_call *call, const char *line);

/* From admit(): headers for whatever this request is answered with, "Name: value\r\n" each and at most
 * HTTP1_COMMON_BYTES_MAX bytes; borrowed until http1_free(). Once. */
void http1_set_headers(struct http1_call *call, const char *lines);

/* Answers. content_type may be NULL if there is no body; body is copied. */
void http1_answer(struct http1_call *call, unsigned status, const char *content_type,
                  const void *body, size_t size);

/* Answers with a sentence, text/plain. */
void http1_fail(struct http1_call *call, unsigned status, const char *text);

/* The call will be answered later: it lives until http1_resume(). */
void http1_keep(struct http1_call *call);

/* The call will be answered later, or be gone: its client has closed the connection, or ended his side
 * of it, for nobody is to wait for what nobody wants any more. Of the events only gone is called. */
void http1_wait(struct http1_call *call, const struct http1_stream_events *events, void *context);

/* Ends an http1_keep(). True: somebody still waits, answer now. False: forget the call. */
bool http1_resume(struct http1_call *call);

/* ---- streams ---- */

struct http1_stream_events {
    /* After a write was FULL: there is room again. May be NULL if nobody writes that much. */
    void (*writable)(struct http1_call *call, void *context);
    /* The client is gone before the end; forget the call. Not after http1_stream_end() or an
     * answer. */
    void (*gone)(struct http1_call *call, void *context);
};

/* Begins an answer in pieces; the call lives until http1_stream_end() or gone. The request is gone
 * already. events are borrowed as long. */
void http1_stream_begin(struct http1_call *call, unsigned status, const char *content_type,
                        const struct http1_stream_events *events, void *context);

/* One piece, which is sent at once. FULL: the client does not read, and nothing was taken; a piece is
 * always taken when all before it was sent. CLOSED: gone is about to be called. Does not call
 * back. */
int http1_stream_write(struct http1_call *call, const void *data, size_t size);

void http1_stream_end(struct http1_call *call);

/* Closes the connection, so that the client sees that the answer is not whole; gone follows. */
void http1_stream_break(struct http1_call *call);

/* "Not Found" and the like. */
const char *http1_reason(unsigned status);

#endif
