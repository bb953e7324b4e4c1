/* SPDX-License-Identifier: MIT */
/* http2_connection.h -- what the files of the HTTP/2 server share, and nobody else knows.
 *
 *     http2_server.c      counts, pools streams, flushes once a turn, closes
 *     http2_connection.c  bytes between socket and nghttp2; the hand-over of whole requests
 *     http2_stream.c      nghttp2's callbacks: what a peer's frames do to streams
 *     http2_answer.c      answers, in one piece and in many
 *
 * A connection is never closed inside a callback of nghttp2, for nghttp2 goes on after it. What
 * goes wrong there sets failed, and the one who called nghttp2 looks at it afterwards.
 */
#ifndef DECREE_RPC_HTTP2_CONNECTION_H
#define DECREE_RPC_HTTP2_CONNECTION_H

#include "http1.h"
#include "http2.h"
#include "http_port.h"
#include "pool_memory.h"

#define HTTP2_READ_BYTES (256u * 1024)
#define HTTP2_WRITE_BYTES (256u * 1024)    /* collected for one write */
#define HTTP2_FRAME_BYTES_MAX (32u * 1024) /* nghttp2 hands out no more at a time */
#define HTTP2_CONNECTION_WINDOW_BYTES (8 * 1024 * 1024)
#define HTTP2_STREAM_WINDOW_BYTES (1024 * 1024)
#define HTTP2_QUEUED_FRAMES_MAX \
    16384u                       /* with these queued and a full socket, nothing more is read */
#define HTTP2_STALLED_MS 20u     /* until what found no room is offered again in any case */
#define HTTP2_WRITES_PER_TURN 8u /* of one connection, then the others get theirs */

struct http2_server {
    uv_loop_t *loop;
    const struct http2_handler *handler;
    const struct logger *logger;
    struct http2_limits limits;
    struct http2_counters counters;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    struct pool_memory memory;  /* nghttp2's */
    struct http1_server *http1; /* speaks on the same port; NULL: nobody */
    struct http_port port;
    uv_prepare_t flush; /* once a turn, before the loop sleeps */
    uv_idle_t awake;    /* while a connection has something to write, the loop must not sleep */
    uv_timer_t timer;   /* late greetings; the end of the grace */
    struct list_link newcomers;   /* connections that have not greeted yet, oldest first */
    struct list_link connections; /* those that have */
    struct list_link dirty;       /* those with something to write or to hand on */
    struct list_link stalled;     /* those with requests that nobody can take now */
    uint64_t releases;            /* answers, and streams done with, so far */
    uint64_t releases_then;       /* ... when the stalled ones were last offered */
    uint64_t asked_ms;            /* when that was */
    struct list_link free_streams;
    uint32_t free_stream_count;
    uint32_t parts; /* still to be closed: handles, the port, the connections, http1 */
    bool closing;
    uint64_t grace_until_ms;
    void (*closed)(void *context);
    void *closed_context;
    uint8_t read_bytes[HTTP2_READ_BYTES];
    uint8_t write_bytes[HTTP2_WRITE_BYTES];
};

struct http2_connection {
    uv_tcp_t *tcp; /* its memory is ours too */
    uv_write_t write;
    struct http2_server *server;
    nghttp2_session *session;
    struct list_link link;
    struct list_link turn_link; /* in dirty or stalled */
    struct list_link streams;
    struct list_link ready;      /* whole requests, by arrival */
    struct http2_stream *latest; /* the stream that a frame was last for */
    uint8_t *writing;            /* what the socket did not take yet; NULL: nothing */
    size_t request_bytes, answer_bytes;
    size_t unconsumed; /* of what came, not given back to the client's window yet */
    uint64_t accepted_ms;
    uint64_t control_since_ms;
    uint32_t control_frames;
    uint32_t stream_count;
    bool greeted;
    bool reading;
    bool broken;  /* for what its client sent: counted */
    bool failed;  /* to be closed */
    bool closing; /* its handle is */
};

/* http2_server.c */
void server_note_dirty(struct http2_server *server, struct http2_connection *connection);
void server_note_stalled(struct http2_server *server, struct http2_connection *connection);
struct http2_stream *server_take_stream(struct http2_server *server); /* NULL: no room */
void server_give_stream(struct http2_server *server, struct http2_stream *stream);
void server_drop(struct http2_server *server, uv_tcp_t *tcp);
void server_connection_gone(struct http2_server *server);

/* http2_connection.c */
void connection_adopt(struct http2_server *server, uv_tcp_t *tcp, const uint8_t *bytes,
                      size_t size);
void connection_flush(struct http2_connection *connection);
void connection_go_away(struct http2_connection *connection);
void connection_close(struct http2_connection *connection);
void connection_note_broken(struct http2_connection *connection);

/* http2_stream.c */
void stream_set_callbacks(nghttp2_session_callbacks *callbacks);
void stream_detach(struct http2_stream *stream);

#endif
