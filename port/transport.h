/* SPDX-License-Identifier: MIT */
/* transport.h -- the port to the other nodes.
 *
 * An adapter embeds struct transport as its first member. All calls and callbacks happen on the
 * owner's thread. A transport may lose, duplicate, reorder and delay messages; it never blocks,
 * bounds its queues (by bytes, dropping the oldest), and reconnects by itself with back-off and
 * jitter. It hands on only messages whose from is a member and whose to is this node.
 */
#ifndef DECREE_PORT_TRANSPORT_H
#define DECREE_PORT_TRANSPORT_H

#include "peer_message.h"

struct transport {
    const struct transport_ops *ops;
};

struct transport_ops {
    /* Queues one message for its receiver. Borrows the message for the call; takes references on the
     * values that it keeps. */
    void (*send)(struct transport *transport, const struct peer_message *message);

    /* End of a turn: what was queued goes out now, in as few system calls as possible. */
    void (*flush)(struct transport *transport);

    /* Begins to close; closed(context) is called, from the loop, when nothing is left. Frees itself
     * then. */
    void (*close)(struct transport *transport, void (*closed)(void *context), void *context);
};

/* What went to a peer and came from it, since the transport opened; of one that counts. */
struct peer_traffic {
    uint64_t bytes_sent, bytes_received;
    bool connected;   /* now: what is sent goes out at once */
    uint64_t dropped; /* messages for it, or packets of them, that did not go out */
};

struct transport_sink {
    void *context;
    /* The message is borrowed for the call. */
    void (*message)(void *context, const struct peer_message *message);
    /* The peer's port refused a connection just now. */
    void (*unreachable)(void *context, decree_node_id peer);
};

#endif
