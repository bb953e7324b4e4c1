/* SPDX-License-Identifier: MIT */
/* call_transport.h -- what the transports http and grpc have in common: messages as calls.
 *
 *         node A                                    node B
 *     send, flush -> link  -- call(A's messages) -->  server -> sink
 *                          <-- answer: taken, or why not --
 *
 * As over tcp, a connection carries messages one way: who has messages for a peer dials it, twice,
 * the second time for what is urgent (peer_message_is_urgent()), and keeps the connections. A call
 * is answered at once, with nothing; what a message leads to comes as a call the other way. So an
 * answer means that the message was taken in, and only what was not is told, in the log.
 *
 * Several calls are under way at a time, up to some bytes; the rest waits in a queue bounded by
 * bytes, of which the oldest messages are dropped. What was sent before and is sent again
 * (peer_message_is_again()) is not taken while much is still under way. A lost connection is
 * dialled again at once, a refused one after 10 ms that grow to 500 ms, less a random part. A
 * connection over which no answer comes for some seconds is given up.
 *
 * The port of a member takes calls of both kinds, over HTTP/1.1 and over gRPC; what it makes itself
 * is of the kind that it was opened for. So members with http and with grpc understand each other,
 * and anybody may look at either with curl.
 *
 * A message is taken in if its cluster id is ours, its sender a member, and its receiver this node;
 * else, and if it is malformed, the call fails with the reason, and nothing of it is taken in.
 *
 * All calls and callbacks on the loop's thread; send() and flush() never call the sink. SIGPIPE
 * must be ignored or blocked on that thread.
 */
#ifndef DECREE_NET_CALL_TRANSPORT_H
#define DECREE_NET_CALL_TRANSPORT_H

#include <uv.h>

#include "logger.h"
#include "transport.h"
#include "value_source.h"

struct call_config { /* 0 takes the default; strings are copied */
    decree_node_id self;
    uint64_t cluster_id;        /* messages with another one are refused */
    const char *listen_host;    /* a name, or an address without brackets; NULL: all */
    uint16_t listen_port;       /* 0: any, see call_transport_port() */
    uint32_t message_bytes_max; /* of a call, both ways, as it is on the wire; default 96 MiB */
    uint64_t queue_bytes_max;   /* for one peer; default 64 MiB */
    uint32_t dial_within_ms;    /* then a dial is given up; default 1500 */
    uint32_t
        deliver_within_ms; /* then one is given up over which nothing arrives, nor an answer; default 3000 */
    uint64_t seed;                    /* for the random part of the back-off */
    const struct logger *logger;      /* may be NULL; borrowed */
    const struct value_source *value; /* what anybody may ask for; NULL: nothing; borrowed */
};

struct call_counters {
    uint64_t messages_sent, messages_received; /* sent: and the answer was that it was taken in */
    uint64_t
        messages_dropped; /* for want of room, too large to send, refused, or lost with a connection */
    uint64_t calls;       /* begun */
    uint64_t dials, refused; /* connections begun, and those that the peer's machine refused */
    uint64_t calls_refused;  /* of others, for what was in them */
};

#define CALL_SENTENCE_BYTES 512u

/* As tcp_connect(). */
int call_transport_connect(struct transport *transport, decree_node_id peer, const char *host,
                           uint16_t port);

/* The port that it listens on. */
uint16_t call_transport_port(const struct transport *transport);

/* As tcp_traffic(). */
void call_transport_traffic(const struct transport *transport, decree_node_id peer,
                            struct peer_traffic *ret_traffic);

void call_transport_counters(const struct transport *transport, struct call_counters *ret_counters);

#endif
