/* SPDX-License-Identifier: MIT */
/* call_parts.h -- the inside of the transports http and grpc.
 *
 *     call_transport.c    open and close, the port's functions, judging of what comes in
 *     call_link.c         two for each peer: dial, keep the queue, count what is under way
 *     http_transport.c    the way out as JSON over HTTP/1.1: a struct call_wire
 *     grpc_transport.c    the way out as protobuf over HTTP/2: another
 *     call_server.c       the way in: one port for both
 *     http_inbound.c      JSON that comes in
 *     grpc_inbound.c      protobuf that comes in
 *
 * A wire calls the call_link_...() functions as things happen. Each timer, connection and server
 * that is alive holds the whole; it is freed when it is closing and nothing holds it.
 */
#ifndef DECREE_NET_CALL_PARTS_H
#define DECREE_NET_CALL_PARTS_H

#include "arena.h"
#include "call_transport.h"
#include "decree.pb-c.h"
#include "endpoints.h"
#include "http1.h"
#include "log_bound.h"
#include "parcels.h"
#include "peer_proto.h"
#include "prng.h"

struct call_link;
struct call_transport;
struct grpc_route;
struct grpc_server;

/* What a protocol can do. */
struct call_wire {
    const char *name; /* "http" */
    /* The bytes of a message, as they wait in the queue. Errors: NOMEM, TOO_LARGE. */
    int (*encode)(struct call_transport *transport, const Decree__V1__Message *message,
                  struct parcel **ret_parcel);
    /* Begins to connect: link->connection. False: out of memory. Then call_link_ready() may come,
     * and call_link_closed() does. */
    bool (*dial)(struct call_link *link);
    void (*hang_up)(struct call_link *link, const char *reason);
    /* Begins a call with the oldest parcels of link->queue, which it takes out, and tells
     * call_link_called(). False: nothing more can be sent now. */
    bool (*send)(struct call_link *link);
    /* Writes what was sent, at the end of a turn; NULL: sending did so. */
    void (*flush)(struct call_link *link);
    const uv_tcp_t *(*socket)(const struct call_link *link); /* when it is UP */
    void (*release)(struct call_transport *transport);       /* the last; frees the struct too */
};

/* Where a link stands. Only UP sends; messages wait in its queue else. */
enum call_state {
    CALL_WAITING = 1, /* for its timer, then it dials */
    CALL_DIALLING,
    CALL_UP,
    CALL_CLOSING, /* given up; waits for the connection to let go */
    CALL_CLOSED   /* for good */
};

struct call_link {
    struct call_transport *transport;
    decree_node_id peer;
    /* For what is. So it is never long without a call, and tells of the peer, in the log and to the
     * sink. */
    bool urgent;
    struct endpoint endpoint;
    enum call_state state;
    uv_timer_t timer;   /* the next dial, the end of patience with this one, or with its answers */
    void *connection;   /* of the wire; NULL: none */
    void *sending;      /* of the wire: a call that is not wholly sent */
    bool was_up;        /* the connection that is closing */
    bool has_answered;  /* the peer has, on this connection */
    bool has_warned;    /* of a peer that does not answer, since it last did */
    unsigned silences;  /* times in a row that it gave no answer, though somebody was there */
    uint64_t silent_ms; /* the last of them */
    uint64_t refusal; /* what was said of the last refusal, in short; 0: the last call was taken */
    uint32_t backoff_ms;
    uint64_t up_since_ms;
    uint64_t acked; /* bytes of the connection, when that was looked at last */
    uint64_t
        progress_ms; /* when there were more, an answer came, or a call began with none under way */
    uint32_t flight_calls; /* under way */
    uint64_t flight_bytes;
    struct parcels queue;
    struct peer_traffic traffic;
};

struct call_transport {
    struct transport transport; /* first: the two addresses are one */
    const struct call_wire *wire;
    uv_loop_t *loop;
    struct call_config config;
    struct transport_sink sink;
    struct call_counters counters;
    struct prng prng;
    struct log_bound log_bound;
    struct arena sending, receiving; /* of one message, or of one call */
    uint32_t link_count;
    struct call_link *links[2 * DECREE_MEMBERS_MAX];
    struct http1_server *http1;
    struct grpc_server *grpc;
    uint16_t port;
    uint32_t holds;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

/* call_transport.c */
/* Fills in what the wire's struct begins with. Errors: NOMEM. */
int call_transport_init(struct call_transport *transport, const struct call_wire *wire,
                        uv_loop_t *loop, const struct call_config *config,
                        const struct transport_sink *sink);

/* Finds the address to listen on, as text of 64 bytes; or writes the sentence. Errors: IO. */
int call_listen_address(struct call_transport *transport, char *ret_host, char *sentence);
int call_listen_failed(struct call_transport *transport, int error, char *sentence); /* IO */

/* Gives a transport up that was not opened to the end; it frees itself, perhaps later. */
void call_abandon(struct call_transport *transport);

void call_hold(struct call_transport *transport);
void call_let_go(struct call_transport *transport); /* may free transport */
struct call_link *call_find_link(const struct call_transport *transport, decree_node_id peer,
                                 bool urgent);
bool call_may_log(struct call_transport *transport, uint32_t *ret_suppressed);

enum call_fault { CALL_MALFORMED = 1, CALL_STRANGER, CALL_ELSEWHERE };

/* Unwraps and judges one message, with memory of transport->receiving. True: it is for us and whole,
 * and the letter is to be delivered or dropped. False: why not; reason has CALL_SENTENCE_BYTES. */
bool call_judge(struct call_transport *transport, const Decree__V1__Message *message,
                struct peer_letter *ret_letter, enum call_fault *ret_fault, char *reason);

/* Hands the letter to the sink, unless the transport is closing, and drops it. */
void call_deliver(struct call_transport *transport, const struct peer_letter *letter);

/* Counts and logs a call that was refused. */
void call_refused(struct call_transport *transport, const char *reason);

/* call_server.c */
/* Opens both servers on the port. On failure call_abandon() is to follow. Errors: IO, NOMEM. */
int call_server_open(struct call_transport *transport, char *sentence);
void call_server_close(struct call_transport *transport);

/* http_inbound.c, grpc_inbound.c */
extern const struct http1_route http_inbound_routes[];
extern const ProtobufCServiceDescriptor *const grpc_inbound_services[];
extern const struct grpc_route *const grpc_inbound_routes[];

/* call_link.c */
int call_link_open(struct call_link **ret_link, struct call_transport *transport,
                   decree_node_id peer, bool urgent, const char *host, uint16_t port);
void call_link_send(struct call_link *link, struct parcel *parcel); /* takes the parcel */
void call_link_flush(struct call_link *link);
void call_link_close(struct call_link *link);
void call_link_free(struct call_link *link); /* when the transport is let go */

/* What the wire tells. */
void call_link_ready(struct call_link *link);
void call_link_called(struct call_link *link, uint64_t bytes); /* a call was begun */
/* A call has ended, with so many messages. wrong: NULL, or why it was not taken in. is_answer: a
 * member says so, not somebody else, nor a connection that ended. */
void call_link_answered(struct call_link *link, uint64_t bytes, uint32_t messages,
                        const char *wrong, bool is_answer);
void call_link_closed(struct call_link *link, bool refused, const char *reason);

#endif
