/* SPDX-License-Identifier: MIT */
/* bed.h -- a few nodes, each with a loop and a transport of the kind under test, driven by one
 * thread.
 *
 * What a node receives is kept in its list. bed_until() runs the loops until a condition holds,
 * sleeping in between, and fails the test if that takes too long. A paused node's loop does not
 * run.
 */
#ifndef DECREE_TESTS_NET_BED_H
#define DECREE_TESTS_NET_BED_H

#include <uv.h>

#include "message_tools.h"
#include "transport.h"

#define BED_NODES_MAX 4u

struct bed;

struct bed_node {
    struct bed *bed;
    decree_node_id id;
    uv_loop_t loop;
    struct transport *transport;   /* NULL: not open */
    struct decree_transport *user; /* of the user's kinds only */
    bool loop_open, closed, paused;
    uint16_t port;
    struct peer_letter *received; /* copies, with references on the values */
    size_t received_count, received_max;
    bool discard; /* received is not kept, only counted */
    uint32_t unreachable[BED_NODES_MAX + 1];
};

struct bed_kind {
    const char *name;
    void (*set_up)(struct bed *bed);
    void (*tear_down)(struct bed *bed);
    void (*open)(struct bed_node *node); /* sets transport; on the port it had before, if any */
    void (*meet)(struct bed_node *node, struct bed_node *peer);
    bool (*poll)(struct bed_node *node); /* what uv_run() does not do; true when it did something */
    uint64_t (*dropped)(struct bed_node *node,
                        struct bed_node *peer); /* on the way from node to peer */
    uint64_t (*writes)(struct bed_node *node);  /* calls that moved something to the peers */
};

struct bed {
    const struct bed_kind *kind;
    struct decree_hub *hub;
    uint32_t count;
    uint64_t queue_bytes_max; /* of the transports opened from now on; 0: the default */
    struct bed_node nodes[BED_NODES_MAX + 1]; /* that of id i is at i */
};

extern const struct bed_kind bed_memory, bed_tcp, bed_http, bed_grpc, bed_user, bed_user_pieces;

/* For a kind: what its transport is to call. */
struct transport_sink bed_sink(struct bed_node *node);

/* Opens nodes 1 to count, each knowing all others. */
void bed_open(struct bed *bed, const struct bed_kind *kind, uint32_t count,
              uint64_t queue_bytes_max);
void bed_close(struct bed *bed);

void bed_node_open(struct bed *bed, decree_node_id id); /* again, after a close */
void bed_node_close(struct bed *bed,
                    decree_node_id id); /* its transport; runs the loop until it is closed */

void bed_send(struct bed *bed,
              const struct decree_message *message); /* from message->from; no flush */
void bed_send_letter(struct bed *bed, const struct peer_letter *letter); /* likewise */
void bed_flush(struct bed *bed, decree_node_id id);

void bed_until(struct bed *bed, bool (*done)(struct bed *bed, void *argument), void *argument);
void bed_until_received(struct bed *bed, decree_node_id id, size_t count);
void bed_turn(struct bed *bed); /* once around, sleeping a little if nothing happens */

/* Sends small messages between all nodes until each has heard each, then forgets what came. */
void bed_acquaint(struct bed *bed);
void bed_forget(struct bed_node *node);

#endif
