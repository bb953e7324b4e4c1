/* SPDX-License-Identifier: MIT */
/* http2.h -- an HTTP/2 server in clear text (prior knowledge), on a libuv loop: nghttp2 speaks,
 * this listens.
 *
 *     socket -> nghttp2 -> stream.in -> ready list -> handler.request()
 *     socket <- nghttp2 <- stream.out <- http2_answer()
 *
 * It knows connections, streams and limits, but nothing of what is asked: that is the handler's. A
 * request that is whole waits in its connection's ready list. It is handed on outside of nghttp2,
 * and only while the connection's answers are being read, so that who asks much and reads little
 * waits for himself.
 *
 * Nothing is written at once. A connection with something to say is noted, and once a turn of the
 * loop, just before it sleeps, each of them gets one write for all its frames.
 *
 * All calls on the loop thread.
 */
#ifndef DECREE_RPC_HTTP2_H
#define DECREE_RPC_HTTP2_H

#include <nghttp2/nghttp2.h>
#include <uv.h>

#include "byte_buffer.h"
#include "linked_list.h"
#include "logger.h"

struct http1_server;
struct http2_server;
struct http2_connection;
struct http2_handler;

/* One request and its answer. The handler's own struct has it as first member. */
struct http2_stream {
    const struct http2_handler *handler;
    struct http2_connection *connection; /* NULL once nobody waits for the answer any more */
    struct list_link link;       /* all streams of the connection; the free ones of the server */
    struct list_link ready_link; /* those with something to hand on, waiting for their turn */
    struct byte_buffer in, out;  /* the request's body; the answer's body */
    size_t out_sent;             /* bytes of out that nghttp2 has taken */
    const nghttp2_nv *trailers;  /* after the body; they live as long as the stream */
    size_t trailer_count;
    size_t header_bytes;
    size_t unconsumed; /* of what came, not given back to the client's window yet */
    uint32_t refs;     /* the connection's, and one for each operation under way */
    int32_t id;
    bool complete;   /* the request is whole */
    bool answered;   /* or refused: there will be no more of an answer */
    bool in_parts;   /* the request is handed on piece by piece, see http2_take_parts() */
    bool paused;     /* its pieces are not wanted now */
    bool begun;      /* the answer is given piece by piece, and has begun */
    bool idle;       /* nghttp2 waits for more of the answer */
    bool wants_room; /* to be offered when half of what is unsent is gone */
};

struct http2_handler {
    size_t stream_bytes; /* of the struct that begins with a struct http2_stream */
    /* A new stream; what follows the struct http2_stream is as the last user left it, at first
     * zero. */
    void (*begin)(struct http2_stream *stream);
    /* One header field; the bytes are borrowed. Not called for trailers. */
    void (*header)(struct http2_stream *stream, const uint8_t *name, size_t name_size,
                   const uint8_t *value, size_t value_size);
    /* All header fields have come. From here on the handler may answer. */
    void (*head)(struct http2_stream *stream);
    /* stream->in has grown, and may grow further. */
    void (*body)(struct http2_stream *stream);
    /* The request is whole, and from now on waits for its turn. */
    void (*whole)(struct http2_stream *stream);
    /* Its turn has come. FULL: offer it again after a turn of the loop; otherwise 0. */
    int (*request)(struct http2_stream *stream);
    /* The stream is gone, answered or not; stream->connection is NULL. It lives on while it is
     * referenced. */
    void (*closed)(struct http2_stream *stream);
};

struct http2_limits {                    /* 0 takes the default */
    uint32_t connections_max;            /* default 20,000 */
    uint32_t streams_max;                /* of all connections; default 262,144 */
    uint32_t connection_streams_max;     /* default 8192 */
    uint32_t header_bytes_max;           /* of one request, as HTTP/2 counts them; default 64 KiB */
    size_t request_bytes_max;            /* bodies kept, of all connections; default 512 MiB */
    size_t connection_request_bytes_max; /* default 64 MiB */
    size_t answer_bytes_max;             /* unsent, of all connections; default 1 GiB */
    size_t connection_answer_bytes_max;  /* default 16 MiB; one answer may be larger */
    uint32_t control_frames_max;         /* in a second that nothing was asked in; default 10,000 */
    uint32_t greeting_ms;                /* for the client's preface to arrive; default 10,000 */
};

struct http2_counters {
    uint64_t accepted, refused,
        broken; /* connections: refused for the limit, closed for what they sent */
    uint32_t connections, streams;      /* now */
    size_t request_bytes, answer_bytes; /* now */
};

/* limits may be NULL; handler and logger are borrowed until http2_free(). http1 gets the port's
 * connections that speak HTTP/1, and is closed together with this server, but not freed; NULL: such
 * clients are told that they are wrong here. Errors: NOMEM. */
int http2_open(struct http2_server **ret_server, uv_loop_t *loop,
               const struct http2_handler *handler, struct http1_server *http1,
               const struct http2_limits *limits, const struct logger *logger);

/* Starts to accept on a numeric address, one of a few; port 0 takes a free one. Returns 0 or libuv's
 * error. */
int http2_listen(struct http2_server *server, const char *host, uint16_t port, uint16_t *ret_port);

/* Writes what there is to write now, instead of at the end of the loop's turn. Not from a
 * handler. */
void http2_flush(struct http2_server *server);

/* Stops to accept, tells the clients to go away, lets open streams end for at most grace_ms, then
 * closes. closed(context) is called from the loop when no connection is left. */
void http2_close(struct http2_server *server, uint32_t grace_ms, void (*closed)(void *context),
                 void *context);

/* After closed() was called, and the last reference to a stream was dropped. */
void http2_free(struct http2_server *server);

void http2_counters(const struct http2_server *server, struct http2_counters *ret_counters);

/* Gives the answer, once: headers, what is in stream->out, trailers if there are any. headers are
 * borrowed for the call; their bytes are copied unless flagged otherwise. trailers live as long as
 * the stream. If the request is not whole yet, the rest of it is not wanted: the stream is reset
 * after the answer. */
void http2_answer(struct http2_stream *stream, const nghttp2_nv *headers, size_t count,
                  const nghttp2_nv *trailers, size_t trailer_count);

/* Whether an answer of any size may be given now: the client has read enough of those before. */
bool http2_may_answer(const struct http2_stream *stream);

/* Asks for a turn: handler.request() will be called as soon as the connection's answers are read. */
void http2_offer(struct http2_stream *stream);

/* Drops the request's body: it is not needed any more. */
void http2_forget_request(struct http2_stream *stream);

/* ---- requests and answers in pieces ---- */

/* From handler.head(): the request is handed on while it still comes. Whenever the stream has a turn,
 * handler.request() takes from stream->in what it can and drops it with http2_drop_part(). While a
 * turn is awaited, or the stream is paused, the client can send no more than its window. */
void http2_take_parts(struct http2_stream *stream);
void http2_drop_part(struct http2_stream *stream, size_t size);
void http2_pause(struct http2_stream *stream, bool paused);

/* Begins an answer whose body comes in pieces. */
void http2_answer_begin(struct http2_stream *stream, const nghttp2_nv *headers, size_t count);

/* Room for a piece of this size in stream->out, to be filled and then sent with
 * http2_answer_more(). FULL: too much is unsent; the stream is offered when there is room. NOMEM. */
int http2_answer_room(struct http2_stream *stream, size_t size, size_t unsent_bytes_max,
                      uint8_t **ret_room);
void http2_answer_more(struct http2_stream *stream, size_t size);

/* As the end of http2_answer(). */
void http2_answer_end(struct http2_stream *stream, const nghttp2_nv *trailers,
                      size_t trailer_count);

void http2_stream_ref(struct http2_stream *stream);
void http2_stream_unref(struct http2_stream *stream, struct http2_server *server);

#endif
