/* SPDX-License-Identifier: MIT */
/* grpc.h -- gRPC calls over http2.h: framing, dispatch, deadlines, status.
 *
 *     POST /package.Service/Method      content-type application/grpc, grpc-timeout ...
 *     DATA    0 | length, 4 bytes, big-endian | message          one, or many if it is a stream
 *     END_STREAM
 *
 *     :status 200, content-type application/grpc
 *     DATA    0 | length | message
 *     grpc-status 0                                              trailers
 *
 * An error is headers alone: :status 200, grpc-status, grpc-message percent-encoded.
 *
 * A handler answers at once with grpc_reply_end() or grpc_fail(), or keeps the call with
 * grpc_keep() and answers later. In between the client may go away or the deadline pass;
 * grpc_resume() tells.
 *
 * A method whose requests or answers are a stream has a struct grpc_stream_handler instead. Messages
 * go both ways at any time:
 *
 *     open -> message x N -> half_close -> gone          what the client does
 *     grpc_stream_send() x N -> grpc_stream_end()        what the handler does, from open on
 *
 * Codes and texts of what goes wrong below the services are those of grpc-go, which etcd's clients
 * know.
 */
#ifndef DECREE_RPC_GRPC_H
#define DECREE_RPC_GRPC_H

#include <protobuf-c/protobuf-c.h>

#include "deadline_wheel.h"
#include "grpc_status.h"
#include "http2.h"

#define GRPC_STATE_BYTES 160u /* of a service, in each call */
#define GRPC_PATH_BYTES_MAX 127u

struct grpc_server;
struct grpc_method;
struct grpc_ending;
struct grpc_local;

struct grpc_call {
    struct http2_stream stream;
    struct grpc_server *server;
    struct grpc_local *local;         /* NULL: it came over HTTP/2 */
    const struct grpc_method *method; /* NULL: there is none of this path */
    struct deadline deadline;
    void (*answer)(struct grpc_call *call); /* waits for the client to read; NULL: nothing does */
    bool own_deadline;                      /* the deadline is the server's own, not the client's */
    bool is_post, is_grpc;
    bool bad_timeout;
    bool has_timeout;
    bool requires_leader;
    bool bad_version;             /* what the client says of his version is no text */
    bool counted;                 /* as started, and not yet as handled */
    uint8_t version;              /* that the client says he speaks, see grpc_counters.h */
    bool opened;                  /* a stream: its handler knows of it */
    bool half_closed;             /* ... and that the client has said all */
    bool wants_writable;          /* ... and waits for room */
    struct list_link stream_link; /* the server's open streams */
    struct grpc_ending *ending;   /* a stream's trailers, if they are not the usual ones */
    uint64_t timeout_ms;
    uint64_t started_ms;
    char path[GRPC_PATH_BYTES_MAX + 1]; /* only if method is NULL; shortened */
    _Alignas(16) uint8_t state[GRPC_STATE_BYTES];
};

/* One message of a request. It is borrowed until the call is answered or lost.
 * FULL: nothing was done, offer the call again after a turn; otherwise 0. */
typedef int grpc_handle(struct grpc_call *call, const uint8_t *message, size_t size);

struct grpc_route {
    const char *path; /* "/package.Service/Method", of one of the services */
    grpc_handle *handle;
};

/* How a stream is served. The call lives until gone. */
struct grpc_stream_handler {
    /* The method is none of a stream, but takes one message and gives one: it waits for as long as the
     * client likes, and has to know when he is gone. */
    bool answers_once;
    /* The client has called. May answer, and end the call at once. */
    void (*open)(struct grpc_call *call);
    /* The next message, borrowed for the call. FULL: it was not taken, nothing more is to come until
     * grpc_stream_resume(), which offers it again; otherwise 0. */
    int (*message)(struct grpc_call *call, const uint8_t *message, size_t size);
    /* The client has sent all that it has to send. */
    void (*half_close)(struct grpc_call *call);
    /* There is room again, after grpc_stream_send() was FULL. NULL if that is not waited for. */
    void (*writable)(struct grpc_call *call);
    /* It is over, for whatever reason, ended by us or not; always the last. Nothing may be done with
     * the call any more. */
    void (*gone)(struct grpc_call *call);
};

struct grpc_stream_route {
    const char *path;
    const struct grpc_stream_handler *handler;
};

struct grpc_options { /* limits is copied, the rest borrowed until grpc_free() */
    void *context;    /* of the services: grpc_context() */
    const ProtobufCServiceDescriptor *const *services; /* all that the port knows; ends with NULL */
    const struct grpc_route *const
        *routes; /* what there is of them; each ends with a NULL path, the list with NULL */
    const struct grpc_stream_route *const *stream_routes; /* likewise; NULL: there are none */
    /* Every call passes here before its handler: when it is whole, a stream when it opens. False: it
     * was answered. */
    bool (*admit)(struct grpc_call *call);
    const struct http2_limits *limits; /* NULL: the defaults */
    struct http1_server *http1; /* gets who speaks HTTP/1 on this port, and is closed with it, to be
                                   freed by its owner after that; NULL: nobody */
    const struct logger *logger;
    uint32_t message_bytes_max;     /* of a request; default 2 MiB */
    uint32_t request_timeout_ms;    /* the server's own deadline, not of streams; default 7000 */
    size_t stream_unsent_bytes_max; /* of a stream's messages; default 1 MiB; one may be larger */
};

/* Errors: NOMEM, INVALID (a route that no service has). */
int grpc_open(struct grpc_server **ret_server, uv_loop_t *loop, const struct grpc_options *options);

/* See http2.h for these four. */
int grpc_listen(struct grpc_server *server, const char *host, uint16_t port, uint16_t *ret_port);
void grpc_flush(struct grpc_server *server);
void grpc_close(struct grpc_server *server, uint32_t grace_ms, void (*closed)(void *context),
                void *context);
void grpc_free(struct grpc_server *server);

void grpc_counters(const struct grpc_server *server, struct http2_counters *ret_counters);

/* Is its method a stream, and not one that answers once? */
bool grpc_is_stream(const struct grpc_call *call);

/* Visits the calls that are streams and were not ended yet. visit may end them. */
void grpc_each_stream(struct grpc_server *server, void (*visit)(struct grpc_call *call));

/* ---- calls from inside the process ---- */

/* message is the answer, borrowed for the call, if status is OK; otherwise text says why not. */
typedef void grpc_local_done(void *context, enum grpc_status status, const char *text,
                             const uint8_t *message, size_t size);

struct grpc_local_request {
    const char *path;    /* borrowed for the call */
    const void *message; /* likewise */
    size_t size;
    bool requires_leader;
    grpc_local_done *done; /* of a call that is no stream */
    void *context;         /* of done, or of the events */
};

/* Calls a method as a client would, admit() and deadline included. done is called once, later, from
 * the loop and never from inside a handler or completion; at the latest when the server closes.
 * Errors, and done is not called: NOMEM. */
int grpc_local_call(struct grpc_server *server, const struct grpc_local_request *request);

struct grpc_local_events {
    /* A message of the stream. FULL: it was not taken, and comes again after grpc_local_writable();
     * otherwise 0. May not end the stream. */
    int (*message)(void *context, const uint8_t *message, size_t size);
    /* It is over; the last. */
    void (*ended)(void *context, enum grpc_status status, const char *text);
};

/* Calls a method that is a stream, says one message and half-closes. events, borrowed until the end,
 * are called later, as done is. Errors: NOMEM; INVALID: no stream has this path. */
int grpc_local_stream(struct grpc_local **ret_local, struct grpc_server *server,
                      const struct grpc_local_request *request,
                      const struct grpc_local_events *events);
void grpc_local_writable(struct grpc_local *local);

/* Nobody listens any more: no event comes. Not after ended. */
void grpc_local_cancel(struct grpc_local *local);

/* What a method takes and gives. NULL: no service has it. */
const ProtobufCMethodDescriptor *grpc_method_descriptor(const struct grpc_server *server,
                                                        const char *path);

/* Is it served as a stream without being one? See grpc_stream_handler. */
bool grpc_method_answers_once(const struct grpc_server *server, const char *path);

/* ---- for handlers ---- */

void *grpc_context(const struct grpc_call *call);

/* All that the port knows, ends with NULL. */
const ProtobufCServiceDescriptor *const *grpc_services(const struct grpc_call *call);

/* Begins a reply: append the message to the buffer that is returned, then call grpc_reply_end(). */
struct byte_buffer *grpc_reply_begin(struct grpc_call *call);
void grpc_reply_end(struct grpc_call *call);

/* A whole reply. */
void grpc_reply(struct grpc_call *call, const ProtobufCMessage *message);

/* Answers with an error; what was begun of a reply is dropped. text may have any bytes but zero; a
 * long one is shortened. A stream that was ended before stays as it is. */
void grpc_fail(struct grpc_call *call, enum grpc_status status, const char *text);

/* Decodes the message; it lives until the handler returns. NULL: it was malformed or too costly,
 * and the call is answered. */
void *grpc_decode(struct grpc_call *call, const ProtobufCMessageDescriptor *descriptor,
                  const uint8_t *message, size_t size);

/* Answers a message that is not what its method takes. */
void grpc_fail_malformed(struct grpc_call *call);

/* The call will be answered later: it lives until grpc_resume(). */
void grpc_keep(struct grpc_call *call);

/* Ends a grpc_keep(). True: somebody still waits, answer now. False: forget the call. */
bool grpc_resume(struct grpc_call *call);

/* For answers that are large and made from what is kept anyway: calls answer() now, or as soon as the
 * client has read enough of the answers before this one. It is not called if he goes away before, or
 * if the deadline passes. */
void grpc_answer_in_turn(struct grpc_call *call, void (*answer)(struct grpc_call *call));

/* ---- for handlers of streams ---- */

/* Sends a message, which is copied. FULL: the client does not read, and nothing was taken; writable
 * comes when half of what is unsent is gone. NOMEM: likewise, and writable does not come. CLOSED: the
 * call was ended, or is about to be gone. */
int grpc_stream_send(struct grpc_call *call, const uint8_t *message, size_t size);
int grpc_stream_send_message(struct grpc_call *call, const ProtobufCMessage *message);

/* Ends the stream when all that was sent before is out; text belongs to an error. Once is enough:
 * later calls do nothing. */
void grpc_stream_end(struct grpc_call *call, enum grpc_status status, const char *text);

/* After message() was FULL: offers the message again, from the loop. */
void grpc_stream_resume(struct grpc_call *call);

#endif
