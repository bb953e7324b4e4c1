/* SPDX-License-Identifier: MIT */
/* workload.h -- clients that write and read registers, and remember every call and return for the
 * checkers.
 *
 * A client has one operation at a time. It gives up waiting after its timeout and goes on with
 * another: what becomes of the first is then unknown, unless its node says so later. An operation
 * that a node refuses is offered to other nodes; once taken it is never offered again, as the
 * clients of a log without names for requests must. Beside the clients the nodes broadcast, see
 * broadcasts.h.
 */
#ifndef DECREE_SIM_WORKLOAD_H
#define DECREE_SIM_WORKLOAD_H

#include "sim_cluster.h"

#define WORKLOAD_OPERATIONS_MAX 100000u

struct workload;
struct workload_operation;

struct workload_client {
    struct workload *workload;
    unsigned id;
    unsigned pinned; /* the only node it talks to; 0: any of workload.nodes */
    unsigned node;   /* the one it talks to now */
    struct workload_operation *waiting;
    uint64_t turn; /* events of an earlier operation are void */
    uint64_t completed;
    uint64_t longest_wait_ns; /* of a completed operation, or between two of them */
    uint64_t last_completed_ns;
};

struct workload {
    struct sim_cluster *cluster;
    struct prng prng;
    unsigned nodes; /* the set of nodes that clients try */
    bool stopped;
    uint64_t operations_limit;
    struct workload_client clients[SIM_CLIENTS_MAX + 1]; /* by id, from 1 */
    unsigned client_count;
    struct workload_operation **operations;
    size_t count, capacity;
    uint64_t moments; /* calls and returns so far: their order */
    uint64_t acknowledged;
    uint32_t *key_counts, *key_unknown; /* operations of each key; those given up */
    uint32_t *keys;                     /* the keys in use */
    uint32_t key_count;
};

/* cluster is borrowed, and released before the workload. */
void workload_init(struct workload *workload, struct sim_cluster *cluster);
void workload_release(struct workload *workload);

/* Clients begin, on these nodes; again after workload_stop(). */
void workload_start(struct workload *workload, unsigned nodes);

/* This client talks to this node only. */
void workload_pin(struct workload *workload, unsigned client, unsigned node);

/* No further operation is begun. */
void workload_stop(struct workload *workload);

/* Operations that clients wait for now. */
unsigned workload_waiting(const struct workload *workload);

/* Looks at every key's history. */
void workload_check(struct workload *workload);

#endif
