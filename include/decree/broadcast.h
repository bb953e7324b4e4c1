/* SPDX-License-Identifier: MIT */
/* broadcast.h -- total order broadcast: every member delivers the same messages in the same order.
 *
 *     static void deliver(void *context, decree_node_id origin, const uint8_t *message, uint32_t size)
 *     {
 *         printf("from %u: %.*s\n", origin, (int)size, (const char *)message);
 *     }
 *
 *     struct decree_broadcast_options options = {
 *         .node = {.name = "n1", .cluster = "n1=127.0.0.1:7001,n2=127.0.0.1:7002", .data_dir = "n1"},
 *         .deliver = deliver,
 *     };
 *     decree_broadcast_open(&broadcast, &options, NULL);
 *     decree_broadcast_send(broadcast, "hello, paxos!", 13, NULL, NULL);
 *
 * What holds, whatever is lost, delayed, copied or killed:
 *
 *   VALIDITY           what a member that stays up broadcasts is delivered, while a quorum is up
 *   UNIFORM AGREEMENT  what any member delivers, even one that dies at once, all deliver
 *   TOTAL ORDER        all deliver in one order
 *   NO DUPLICATION     a message is delivered once
 *   NO CREATION        what is delivered was broadcast, by the origin that is named
 *   FIFO PER ORIGIN    messages of one origin are delivered in the order in which it broadcast them
 *
 * Below it is a node (node.h) whose log holds nothing but messages. A message that loses its place
 * in the log to another is proposed again, and delivered once. A member that dies may take with it
 * the messages that it had not delivered itself: of what it broadcast in that run, a prefix is
 * delivered everywhere. With a data_dir a member that starts again delivers everything from the
 * first message on, as it was before, so that what is built from it is built again; without one it
 * must not come back under its name while the others run.
 */
#ifndef DECREE_BROADCAST_H
#define DECREE_BROADCAST_H

#include <decree/node.h>

struct decree_broadcast;

/* Called once per message, in the order of all, on the loop thread; must not block. origin: the id
 * of the member that broadcast it, from 1 by its place in the cluster. message is borrowed for the
 * call. It may call decree_broadcast_send(). */
typedef void decree_deliver(void *context, decree_node_id origin, const uint8_t *message,
                            uint32_t size);

/* Called once for a message of this member, after it was delivered here, on the loop thread; or
 * with LOST by decree_broadcast_close(): it may yet be delivered by the others. */
typedef void decree_delivered(void *argument, int error);

struct decree_broadcast_options {
    struct decree_node_options node; /* machine is not looked at */
    decree_deliver *deliver;         /* required */
    void *context;
};

/* Opens the node; what its journal holds is delivered before this returns. Errors, and
 * ret_error_text, as decree_node_open(). */
int decree_broadcast_open(struct decree_broadcast **ret_broadcast,
                          const struct decree_broadcast_options *options, char **ret_error_text);

/* Broadcasts a message. Copies it. delivered may be NULL. Any thread; messages of one thread keep
 * their order. Errors, without a call of delivered: FULL (8192 messages or 64 MiB are under way:
 * wait for a delivery), TOO_LARGE (value_bytes_max bounds a message and up to 26 bytes that name
 * it), CLOSED, NOMEM. */
int decree_broadcast_send(struct decree_broadcast *broadcast, const void *message, size_t size,
                          decree_delivered *delivered, void *argument);

/* Calls done when this member has delivered whatever any member had delivered before this call: what
 * done then reads from a state that deliver keeps is linearizable. Any thread. done and errors as
 * for decree_node_read(). */
int decree_broadcast_read(struct decree_broadcast *broadcast, decree_done *done, void *argument);

/* This member's id, the origin of what it broadcasts. Any thread. */
decree_node_id decree_broadcast_self(const struct decree_broadcast *broadcast);

/* As decree_node_status(). Any thread. */
void decree_broadcast_status(struct decree_broadcast *broadcast, struct decree_status *ret_status);

/* Closes the node, completes what is under way with LOST, frees. Not from deliver or a completion,
 * and no other call may run meanwhile or come later. NULL is fine. */
void decree_broadcast_close(struct decree_broadcast *broadcast);

#endif
