/* SPDX-License-Identifier: MIT */
/* tcp.h -- the transport for clusters: frames of codec.h over TCP, on the owner's libuv loop.
 *
 *         node A                              node B
 *     send, flush -> link  -- A's messages -->  listener -> sink
 *     sink <- listener  <-- B's messages --  link <- send, flush
 *
 * There are two connections to each peer: what is urgent (peer_message_is_urgent()) goes past large
 * frames on one of its own, and with the others until both are up.
 *
 * A connection carries messages one way: who has messages for a peer dials it. So no two
 * connections have to agree which of them stays, each side reconnects on its own terms, and a peer
 * that stops reading stops nobody else. What the accepting side sends is one frame, its answer to
 * the hello.
 *
 * flush() makes one writev per connection. What the kernel does not take waits in a queue bounded
 * by bytes, of which the oldest whole messages are dropped. What was sent before and is sent again
 * (peer_message_is_again()) is not taken while much is still under way. A lost connection is
 * dialled again at once, a refused one after 10 ms that grow to 500 ms, less a random part. A
 * connection over which nothing can be delivered for some seconds is given up, so that a healed
 * network is used at once.
 *
 * What does not speak the protocol, or speaks it for another cluster, is closed, with one log line.
 * There are not more of these lines, nor of open connections, than a bound, however many come.
 *
 * All calls and callbacks on the loop's thread, tcp_open() and tcp_connect() also before the loop
 * runs. send() and flush() never call the sink. libuv writes with writev(), so SIGPIPE must be
 * ignored or blocked on that thread; that is for the owner to do, since it is his process.
 */
#ifndef DECREE_NET_TCP_H
#define DECREE_NET_TCP_H

#include <uv.h>

#include "logger.h"
#include "transport.h"
#include "value_source.h"

struct tcp_config { /* 0 takes the default; strings are copied */
    decree_node_id self;
    uint64_t cluster_id;     /* peers with another one are refused */
    const char *listen_host; /* a name, or an address of IPv4 or IPv6 without brackets; NULL: all */
    uint16_t listen_port;    /* 0: any, see tcp_port() */
    uint32_t frame_bytes_max;     /* both ways; default 64 MiB */
    uint64_t queue_bytes_max;     /* for one peer; default 64 MiB */
    uint32_t strangers_max;       /* accepted connections that have not said hello; default 64 */
    uint32_t handshake_within_ms; /* then such a connection is closed; default 3000 */
    uint32_t dial_within_ms;      /* then a dial is given up; default 1500 */
    uint32_t
        deliver_within_ms; /* then a connection over which nothing arrives is given up; default 3000 */
    uint64_t seed;         /* for the random part of the back-off */
    const struct logger *logger; /* may be NULL; borrowed */
    /* What who is no peer may ask for, by GET /value; NULL: nothing. Borrowed. */
    const struct value_source *value;
};

struct tcp_counters {
    uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
    uint64_t
        frames_dropped; /* for want of room in a queue, too large to send, or lost with a connection */
    uint64_t writes;    /* system calls that wrote */
    uint64_t dials, refused; /* connections begun, and those that the peer's machine refused */
    uint64_t accepted;       /* connections */
    uint64_t closed_abusive; /* of these, closed because of what they sent, or for saying nothing */
};

/* Listens. sink is copied. On failure sentence, which holds TCP_SENTENCE_BYTES, says why.
 * Errors: IO, after which the loop has to run once more to let go of the socket; NOMEM. */
#define TCP_SENTENCE_BYTES 512u
int tcp_open(struct transport **ret_transport, uv_loop_t *loop, const struct tcp_config *config,
             const struct transport_sink *sink, char *sentence);

/* Makes peer a member: begins to dial it, and from now on takes its messages. Each once. host as in
 * listen_host. Errors: NOMEM, INVALID: more than DECREE_MEMBERS_MAX. */
int tcp_connect(struct transport *transport, decree_node_id peer, const char *host, uint16_t port);

/* The port that it listens on. */
uint16_t tcp_port(const struct transport *transport);

/* Nothing, of who is no peer. */
void tcp_traffic(const struct transport *transport, decree_node_id peer,
                 struct peer_traffic *ret_traffic);

void tcp_counters(const struct transport *transport, struct tcp_counters *ret_counters);

#endif
