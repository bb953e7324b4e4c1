/* SPDX-License-Identifier: MIT */
/* http1_connection.h -- what the files of the HTTP/1.1 server share, and nobody else knows.
 *
 *     http1_server.c      opens, finds routes, looks at the clock, closes
 *     http1_connection.c  bytes between socket and buffers
 *     http1_parse.c       http-parser's callbacks: bytes to requests; the hand-over to handlers
 *     http1_answer.c      answers, in one piece and in many
 *
 * A connection is in one of these phases:
 *
 *     READING --whole--> ASKED --http1_answer()--------------------------> READING
 *                           \---http1_stream_begin()--> STREAMING --end--> READING, or LEAVING
 *     any --something is wrong--> LEAVING: the answer is being sent, what comes in is dropped
 */
#ifndef DECREE_RPC_HTTP1_CONNECTION_H
#define DECREE_RPC_HTTP1_CONNECTION_H

#include <http_parser.h>

#include "byte_buffer.h"
#include "http1.h"
#include "http_port.h"
#include "linked_list.h"

#define HTTP1_PENDING_BYTES_MAX 65536u /* of what comes behind a request that is under way */
#define HTTP1_LINGER_MS 2000u          /* for the client to stop sending, after the last answer */

enum http1_part { HTTP1_URL = 1, HTTP1_NAME, HTTP1_VALUE, HTTP1_DONE };
enum http1_phase { HTTP1_READING = 1, HTTP1_ASKED, HTTP1_STREAMING, HTTP1_LEAVING };

struct http1_server {
    uv_loop_t *loop;
    struct http1_options options;
    struct http1_limits limits;
    struct http_port port;
    uv_timer_t timer; /* runs while there are connections */
    struct list_link connections;
    uint32_t connection_count;
    uint64_t broken_count; /* connections closed for what they sent */
    size_t request_bytes;  /* bodies kept */
    uint32_t parts;        /* still to be closed: the port, the timer, the connections */
    bool listening, closing;
    uint64_t grace_until_ms;
    void (*closed)(void *context);
    void *closed_context;
    char read_bytes[HTTP_PORT_READ_BYTES];
};

struct http1_call {
    struct http1_request request;
    const struct http1_stream_events *events;
    void *context;           /* of the events */
    const char *extra;       /* http1_add_header(); NULL: none */
    const char *common;      /* http1_set_headers(); NULL: none */
    uint32_t kept;           /* http1_keep() */
    bool is_head, is_http10; /* no body in the answer; no chunks */
    bool chunked;            /* the stream's pieces */
    bool wants_writable;
};

struct http1_connection {
    struct http1_call call; /* first: one at a time */
    uv_tcp_t *tcp;          /* its memory is ours too; NULL once it is closed */
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct http1_server *server;
    struct list_link link;
    http_parser parser;
    enum http1_phase phase;
    const struct http1_route *route;
    struct byte_buffer head; /* see http1_parse.c */
    enum http1_part part;    /* of the head: what came last */
    size_t headers_at;       /* where in head they begin */
    struct byte_buffer body;
    struct byte_buffer pending; /* came while a request was under way; parsed up to pending_at */
    size_t pending_at;
    struct byte_buffer out;     /* not offered to the socket yet */
    struct byte_buffer writing; /* the socket has it, from writing_at on; empty: nothing */
    size_t writing_at;
    size_t header_bytes;
    unsigned wrong_status; /* 0: nothing is wrong with this request so far */
    char wrong[160];
    uint64_t since_ms;    /* when the request began, or the last one ended */
    uint64_t progress_ms; /* when the socket last took something */
    bool begun, whole;    /* something of the request has come; all of it */
    bool keep_alive;      /* after this answer */
    bool busy;            /* requests are being taken in */
    bool reading, saw_end, shut;
    bool failed;  /* to be closed */
    bool closing; /* its handle is */
};

/* http1_server.c */
const struct http1_route *http1_server_find_route(const struct http1_server *server,
                                                  const char *method, const char *path,
                                                  const char **ret_allowed);
void http1_server_connection_came(struct http1_server *server);
void http1_server_connection_gone(struct http1_server *server);

/* http1_connection.c */
void http1_connection_drive(struct http1_connection *connection);
void http1_connection_flush(struct http1_connection *connection);
void http1_connection_close(struct http1_connection *connection);
void http1_connection_free(struct http1_connection *connection);
size_t http1_connection_unsent(const struct http1_connection *connection);
void http1_connection_forget_body(struct http1_connection *connection);

/* http1_parse.c */
void http1_parse_init(struct http1_connection *connection);
size_t http1_parse(struct http1_connection *connection, const uint8_t *bytes, size_t size);
void http1_dispatch(struct http1_connection *connection);

/* http1_answer.c */
void http1_answer_wrong(struct http1_connection *connection);
void http1_answer_gone(struct http1_connection *connection);

#endif
