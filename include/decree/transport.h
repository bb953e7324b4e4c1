/* SPDX-License-Identifier: MIT */
/* transport.h -- a transport of your own: nodes that talk over whatever moves bytes.
 *
 *     static void send_frame(void *context, decree_node_id to, const uint8_t *frame, size_t size)
 *     {
 *         sendto(socket, frame, size, MSG_DONTWAIT, address_of[to], ...);
 *     }
 *
 *     struct decree_transport_options how = {.send = send_frame, .frame_bytes_max = 60000};
 *     decree_transport_new(&transport, &how);
 *     struct decree_node_options options = {.transport = transport, .cluster = "n1,n2,n3", ...};
 *     decree_node_open(&node, &options, NULL);
 *
 *     for (;;) {                                       // in a thread of yours
 *         size = recv(socket, frame, sizeof(frame), 0);
 *         decree_transport_deliver(transport, frame, size);
 *     }
 *
 * The node gives frames to send, addressed by member id (1, 2, ... in the order of the cluster); you
 * bring each, whole, to the member that it is for, and give it to that member's transport. A
 * frame may be lost, come late, come twice or out of order, or come damaged: frames carry the
 * cluster, sender, receiver and a checksum, and what is not for this node is dropped and counted. So
 * anything may be delivered, also bytes from strangers; but a frame proves nothing about who sent
 * it, so where there are enemies the medium has to keep them out.
 *
 * A transport serves one node at a time and outlives it.
 */
#ifndef DECREE_TRANSPORT_H
#define DECREE_TRANSPORT_H

#include <decree/paxos.h>

#define DECREE_FRAME_BYTES_MIN 256u

struct decree_transport;

struct decree_transport_options {
    /* Sends one frame to a member, which is never the node itself. Called on the node's loop
     * thread, so it must not block: what cannot go now is to be dropped. frame is borrowed for the
     * call. Not called after decree_node_close() has returned. */
    void (*send)(void *context, decree_node_id to, const uint8_t *frame, size_t size);
    void *context;
    uint32_t frame_bytes_max; /* no frame is larger: a long message goes in several; at least
                                 DECREE_FRAME_BYTES_MIN; default 1 MiB */
};

struct decree_transport_counters {
    uint64_t frames_sent, frames_received;
    uint64_t garbage; /* received, but no frame, damaged, or cut short */
    uint64_t foreign; /* of another cluster, from no member, for another node, or for no node yet */
    uint64_t dropped; /* for want of room or memory, oldest first; too long to send; incomplete */
};

/* Errors: INVALID, NOMEM. */
int decree_transport_new(struct decree_transport **ret_transport,
                         const struct decree_transport_options *options);

/* A frame has come; copies it. Any thread, at any time between new and free; also from inside
 * send. */
void decree_transport_deliver(struct decree_transport *transport, const uint8_t *frame,
                              size_t size);

/* A hint, never needed: this member cannot be reached just now, its process is gone. Makes an
 * election start sooner. Any thread. */
void decree_transport_unreachable(struct decree_transport *transport, decree_node_id member);

/* The id of the node that uses it; 0: none does. Any thread. */
decree_node_id decree_transport_address(struct decree_transport *transport);

/* Any thread. */
void decree_transport_counters(struct decree_transport *transport,
                               struct decree_transport_counters *ret_counters);

/* After the node was closed, and when no thread delivers any more. NULL is fine. */
void decree_transport_free(struct decree_transport *transport);

#endif
