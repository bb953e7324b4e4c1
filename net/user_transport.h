/* SPDX-License-Identifier: MIT */
/* user_transport.h -- the transport over frames that the user moves: <decree/transport.h>.
 *
 *     loop thread                                              any thread
 *     send:  encode -> queue of the peer
 *     flush: a batch -> frames ---> user's send  . . . . .>  decree_transport_deliver
 *                                                              is it for us, is it sound?
 *     sink <- messages <- batch <- frames <-- poll -- inbox <--- copy, wake
 *
 * A batch is what is flushed to a peer at once: one or more message frames of codec.h, end to end. It
 * goes as one frame of user_frame.h, or, if it is too long for one, as several. The inbox is bounded
 * by bytes and drops the oldest.
 */
#ifndef DECREE_NET_USER_TRANSPORT_H
#define DECREE_NET_USER_TRANSPORT_H

#include <decree/transport.h>

#include "transport.h"

struct user_transport_config { /* 0 takes the default */
    decree_node_id self;
    uint32_t member_count; /* members are 1 to member_count */
    uint64_t cluster_id;
    uint64_t inbox_bytes_max; /* default 64 MiB */
    /* Something is in the inbox. Called on any thread, under the transport's lock: it must not call
     * the transport. Never called after close() has returned. */
    void (*wake)(void *context);
    void *wake_context;
};

/* Puts the node on the transport. sink is copied. close() takes it off again and calls closed()
 * before it returns. Errors: INVALID: another node is on it. */
int user_transport_open(struct transport **ret_transport, struct decree_transport *user,
                        const struct user_transport_config *config,
                        const struct transport_sink *sink);

/* Delivers what is in the inbox; true when there was something. Not from inside the sink. */
bool user_transport_poll(struct transport *transport);

/* The largest frame that the user wants to move. */
uint32_t user_transport_frame_bytes_max(const struct decree_transport *user);

#endif
