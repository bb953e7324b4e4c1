/* SPDX-License-Identifier: MIT */
/* memory_hub.h -- the transport for several nodes in one process: queues in memory.
 *
 *     node A, its thread                    hub                     node B, its thread
 *     send: encode  -> outbox -- flush --> [ B's inbox ]  -- poll -->  decode, sink
 *                                              |
 *                                              +-- wake(context) ---->
 *
 * The hub connects the transports that were opened on it, each on a thread of its own or all on
 * one. Reference counts of values are not atomic, so nothing is shared between nodes: a message
 * crosses as the frame of codec.h, one copy, and its values live in that copy. flush() puts what
 * send() queued into the inboxes and calls the receivers' wake; the receiver's owner then calls
 * memory_transport_poll() on its own thread. Without threads, wake may be NULL and poll is called
 * when it suits: nothing moves by itself.
 *
 * An inbox is bounded by bytes; the oldest messages are dropped. A message for who is not there is
 * dropped, and the sender's next poll calls unreachable, once for each time the peer went away.
 */
#ifndef DECREE_NET_MEMORY_HUB_H
#define DECREE_NET_MEMORY_HUB_H

#include <decree/node.h>

#include "transport.h"

struct memory_config { /* 0 takes the default */
    decree_node_id self;
    uint64_t inbox_bytes_max; /* default 64 MiB */
    uint32_t frame_bytes_max; /* of one message; default 64 MiB */
    /* Something is in the inbox. Called on any thread, under the hub's lock: it must not call the
     * hub, as uv_async_send() does not. Never called after close() has returned. */
    void (*wake)(void *context);
    void *wake_context;
};

/* Joins the hub. sink is copied. close() leaves the hub and calls closed() before it returns.
 * Errors: NOMEM; INVALID: somebody with this id is there. */
int memory_transport_open(struct transport **ret_transport, struct decree_hub *hub,
                          const struct memory_config *config, const struct transport_sink *sink);

/* Delivers what is in the inbox; true when there was something. Not from inside the sink. */
bool memory_transport_poll(struct transport *transport);

/* Messages that were dropped on their way to this transport, or were too large to be sent by it. */
uint64_t memory_transport_dropped(struct transport *transport);

#endif
