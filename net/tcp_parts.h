/* SPDX-License-Identifier: MIT */
/* tcp_parts.h -- the inside of the tcp transport: what its files know of each other.
 *
 *     tcp.c            open and close, the port's functions, counters, log lines
 *     tcp_address.c    from host and port to addresses
 *     tcp_link.c       two for each peer: dial, keep the queue, write
 *     tcp_listener.c   accepts, bounds the number of strangers
 *     tcp_inbound.c    one for each accepted connection: hello, frames, decoding
 *     tcp_question.c   the one thing that a stranger may ask
 *
 * Each libuv handle or request that is alive holds the whole; it is freed when it is closing and
 * nothing holds it.
 */
#ifndef DECREE_NET_TCP_PARTS_H
#define DECREE_NET_TCP_PARTS_H

#include "codec.h"
#include "prng.h"
#include "send_queue.h"
#include "tcp.h"

#define TCP_ADDRESSES_MAX 8u
#define TCP_ADDRESS_TEXT_BYTES 64u

struct tcp_addresses { /* what a host stands for */
    uint32_t count;
    struct sockaddr_storage list[TCP_ADDRESSES_MAX];
};

/* Where a link stands. Only UP takes messages to the network; they wait in its queue else. */
enum link_state {
    LINK_WAITING = 1, /* for its timer, then it dials */
    LINK_RESOLVING,
    LINK_CONNECTING,
    LINK_GREETING, /* hello said, waiting for the answer */
    LINK_UP,
    LINK_CLOSING, /* waiting for libuv to let go of the socket; then the next dial, or its timer */
    LINK_CLOSED   /* for good */
};

struct link {
    struct tcp *tcp;
    decree_node_id peer;
    bool urgent; /* for what is; the other one tells of the peer, in the log and to the sink */
    char *host;
    uint16_t port;
    enum link_state state;
    uv_timer_t
        timer; /* the next dial, the end of patience with this one, or a look at how it goes */
    uv_tcp_t socket;
    uv_connect_t connect;
    uv_write_t write;
    uv_getaddrinfo_t resolve;
    struct tcp_addresses addresses;
    uint32_t address_next; /* of this dial */
    bool refused;          /* this dial, by some address */
    bool doubtful; /* some address of this dial took the connection, or did not answer in time */
    bool was_up;   /* the connection that is closing */
    unsigned turned_away; /* how often in a row the hello was answered by hanging up */
    size_t writing_bytes; /* of the frames in flight, that write is in use for; 0: it is not */
    uint32_t backoff_ms;
    uint64_t up_since_ms;
    uint64_t acked; /* bytes of the connection, when that was looked at last */
    uint64_t
        progress_ms; /* when there were more, or something was written with nothing under way */
    struct peer_traffic traffic;
    size_t answer_size;
    uint8_t answer[HELLO_FRAME_BYTES];
    struct send_queue queue, flight;
};

struct inbound { /* an accepted connection */
    struct tcp *tcp;
    struct inbound *previous,
        *next;           /* in the list of the strangers or of the acquainted, oldest first */
    decree_node_id peer; /* 0: a stranger */
    bool urgent;
    uint64_t since_ms;
    bool closing;
    uv_tcp_t socket;
    struct inbox inbox;
};

struct inbounds {
    struct inbound *first, *last;
    uint32_t count;
};

struct tcp {
    struct transport transport; /* first: the two addresses are one */
    uv_loop_t *loop;
    struct tcp_config config;
    struct transport_sink sink;
    struct tcp_counters counters;
    struct encoder encoder;
    struct decoder decoder;
    struct prng prng;
    uint32_t link_count;
    struct link *links[2 * DECREE_MEMBERS_MAX];
    uv_tcp_t listener;
    uv_timer_t patience; /* with strangers, and with a lack of memory */
    bool
        unaccepted; /* there was no memory to accept a connection; libuv brings no other before that */
    struct inbounds strangers, acquainted;
    uint64_t log_window_ms; /* log lines about what others do wrong: when the count began */
    uint32_t log_count, log_suppressed;
    uint32_t holds;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

/* tcp.c */
void tcp_hold(struct tcp *tcp);
void tcp_let_go(struct tcp *tcp); /* may free tcp */
struct link *tcp_find_link(const struct tcp *tcp, decree_node_id peer, bool urgent);

/* True when one more line about a stranger's doings may be written now; then ret_suppressed says
 * how many were not. */
bool tcp_may_log(struct tcp *tcp, uint32_t *ret_suppressed);

/* tcp_address.c */
/* For an address of IPv4 or IPv6. False: it is none, so perhaps a name. */
bool tcp_addresses_parse(struct tcp_addresses *ret_addresses, const char *host, uint16_t port);
void tcp_addresses_collect(struct tcp_addresses *ret_addresses, const struct addrinfo *found);
/* "address:port" of the other end, into TCP_ADDRESS_TEXT_BYTES. */
void tcp_remote_text(const uv_tcp_t *socket, char *ret_text);

/* tcp_link.c */
int link_open(struct link **ret_link, struct tcp *tcp, decree_node_id peer, bool urgent,
              const char *host, uint16_t port);
void link_send(struct link *link, struct frame *frame); /* takes the frame */
/* Bytes that the peer's machine has not acknowledged. */
uint64_t link_waiting(const struct link *link);
void link_flush(struct link *link);
void link_close(struct link *link);
void link_free(struct link *link); /* when tcp is let go */

/* tcp_listener.c */
int listener_open(struct tcp *tcp, char *sentence);
void listener_close(struct tcp *tcp);
/* It said hello; replaces an older one of the same kind. */
void listener_acquaint(struct inbound *inbound, decree_node_id peer, bool urgent);
void listener_forget(struct inbound *inbound); /* it is closing */

/* tcp_inbound.c */
/* Errors: NOMEM: the connection still waits to be accepted; IO: it is gone. */
int inbound_accept(struct inbound **ret_inbound, struct tcp *tcp);
void inbound_close(struct inbound *inbound); /* the struct stays until libuv lets go */
void inbound_refuse(struct inbound *inbound, const char *reason); /* logs, counts, closes */

/* tcp_question.c */
bool question_begins(const uint8_t *data, size_t size); /* as far as can be seen */
/* Answers when all of the question is there; the connection then ends by itself. */
void question_take(struct inbound *inbound, const uint8_t *data, size_t size);

#endif
