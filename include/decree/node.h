/* SPDX-License-Identifier: MIT */
/* node.h -- a member of a cluster: the core with its disk, its network and your state machine.
 *
 *     struct decree_node_options options = {
 *         .name = "n1",
 *         .cluster = "n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003",
 *         .data_dir = "./n1",
 *         .machine = {.context = &counter, .apply = counter_apply},
 *     };
 *     decree_node_open(&node, &options, NULL);
 *     decree_node_propose(node, "+1", 2, done, NULL);
 *
 * A node runs one loop thread and one journal thread of its own. decree_node_propose() and
 * decree_node_read() may be called from any thread; apply and the completions are called on the
 * loop thread and must not block.
 */
#ifndef DECREE_NODE_H
#define DECREE_NODE_H

#include <decree/paxos.h>
#include <decree/register.h>

/* What is replicated: a deterministic state machine. */
struct decree_machine {
    void *context;
    /* Called once per decided command, by slot, on the loop thread; no-ops are left out. The
     * outcome must follow from the commands alone: no clock, no randomness. data is borrowed for
     * the call. What it returns goes as result to the completion of who proposed the command on
     * this node, at once, and is not looked at again; NULL is fine. */
    void *(*apply)(void *context, decree_slot slot, const uint8_t *data, uint32_t size);
};

enum decree_log_level { DECREE_LOG_DEBUG = 1, DECREE_LOG_INFO, DECREE_LOG_WARN, DECREE_LOG_ERROR };

/* Nodes of one process that talk through memory: pass the same hub to each. */
struct decree_hub;

/* A way of the user's own for nodes to talk: transport.h. */
struct decree_transport;

struct decree_node_options {   /* strings and structs are copied; 0 and NULL take the defaults */
    const char *name;          /* this node's name in cluster; default: the first */
    const char *cluster;       /* "name=host:port,...", the same on all; ids are 1, 2, ... */
    const char *cluster_token; /* nodes with another token are refused; default "decree" */
    const char *data_dir;      /* made if missing; NULL: a restarted node is a new one */
    const char *network;       /* between the members: "tcp", "http" or "grpc"; default tcp */
    struct decree_hub *hub;    /* talk through memory instead */
    struct decree_transport *transport;   /* talk over this instead, see transport.h */
    struct decree_machine machine;        /* required */
    uint32_t prepare_quorum, vote_quorum; /* default: majorities */
    uint32_t heartbeat_ms;                /* default 100 */
    uint32_t election_ms;                 /* default 1000 */
    uint32_t value_bytes_max;             /* of one command; default 2 MiB */
    bool without_registers;     /* no part in decree_node_register(), also not as an acceptor */
    uint64_t register_versions; /* kept of each key; default: all */
    enum decree_log_level log_level; /* default: WARN */
    /* Receives log lines, on any of the node's threads; NULL: standard error. */
    void (*log)(void *context, enum decree_log_level level, const char *line);
    void *log_context;
};

struct decree_node;

/* Opens the data directory, replays it into the machine, starts the threads and returns; elections
 * happen later. On failure ret_error_text (if given) receives a sentence, to be freed with free().
 * Errors: INVALID, QUORUM, NOMEM, LOCKED, IDENTITY, CORRUPT, VERSION, IO. */
int decree_node_open(struct decree_node **ret_node, const struct decree_node_options *options,
                     char **ret_error_text);

/* Called once, on the loop thread. error: 0, or LOST when the node closed before the outcome was
 * known. result: what apply returned, for a propose; NULL for a read. */
typedef void decree_done(void *argument, int error, decree_slot slot, void *result);

/* Proposes a command; done is called after it was applied on this node. Copies data.
 * Any thread. Errors, without a call of done: FULL, TOO_LARGE, CLOSED, NOMEM. */
int decree_node_propose(struct decree_node *node, const void *data, size_t size, decree_done *done,
                        void *argument);

/* Calls done when the machine has applied everything that was decided before this call: what done
 * then reads from the machine, on the loop thread, is linearizable. Any thread. Errors as for
 * propose. */
int decree_node_read(struct decree_node *node, decree_done *done, void *argument);

/* This node's id: from 1, by its place in the cluster. Any thread. */
decree_node_id decree_node_self(const struct decree_node *node);

/* Called once, on the loop thread; the answer is borrowed for the call. */
typedef void decree_register_done(void *argument, const struct decree_register_answer *answer);

/* Asks something of the registers: see decree/register.h. Copies key and value; the request's name
 * is not looked at, its deadline is by CLOCK_MONOTONIC. done gets LOST too when the node closes.
 * Any thread. Errors, without a call of done: INVALID, FULL, TOO_LARGE, CLOSED, NOMEM; MISUSE: the
 * node was opened without registers. */
int decree_node_register(struct decree_node *node, const struct decree_register_request *request,
                         decree_register_done *done, void *argument);

/* A copy of the core's status, as of the last turn. Any thread. */
void decree_node_status(struct decree_node *node, struct decree_status *ret_status);

/* Stops, syncs, completes what is open with LOST, joins the threads, frees. Not from a completion, and no
 * other call for this node may run meanwhile or come later: the caller sees to that. NULL is fine. */
void decree_node_close(struct decree_node *node);

/* A hub lives longer than the nodes that use it. */
int decree_hub_new(struct decree_hub **ret_hub);
void decree_hub_free(struct decree_hub *hub);

#endif
