/* SPDX-License-Identifier: MIT */
/* register_clients.h -- clients that set and read registers, and remember every call and return for
 * check_register.h.
 *
 * A client has one operation at a time. It gives up waiting after its timeout, or when its node
 * dies: what becomes of a set is then unknown. Half of the time the node is given a deadline too.
 */
#ifndef DECREE_SIM_REGISTER_CLIENTS_H
#define DECREE_SIM_REGISTER_CLIENTS_H

#include "check_register.h"
#include "register_node.h"

#define REGISTER_KEYS_MAX 16u

struct register_clients;

struct register_call {
    struct decree_register_request request; /* key and value are not kept */
    uint64_t key, token;
    uint64_t called, returned; /* in the order of all calls and returns; 0: not returned */
    uint64_t called_ns;
    uint64_t gone; /* forget: what is surely gone afterwards */
    unsigned node;
    bool refused; /* certainly without effect */
    bool done;    /* as was asked */
};

struct register_client {
    struct register_clients *clients;
    unsigned id, node;
    uint64_t call; /* waits for it; 0: for none */
    uint64_t turn; /* events of an earlier operation are void */
    uint64_t completed;
};

struct register_clients {
    struct register_cluster *cluster;
    struct prng prng;
    unsigned nodes; /* the set of nodes that clients try */
    bool stopped;
    uint64_t calls_limit;
    struct register_client client[SIM_CLIENTS_MAX + 1]; /* by id, from 1 */
    unsigned client_count;
    struct register_call *calls; /* by name, from 1 */
    uint64_t count, room;
    uint64_t moments, acknowledged;
    struct register_history histories[REGISTER_KEYS_MAX];
    uint64_t key_count;
    uint64_t sweep_first;                    /* name of the last sweep's first call */
    uint64_t longest_wait_ns;                /* of an operation, histories left out */
    uint64_t longest_gap_ns, last_return_ns; /* between two returns, of whatever clients */
};

/* cluster is borrowed, and released first. */
void register_clients_init(struct register_clients *clients, struct register_cluster *cluster);
void register_clients_release(struct register_clients *clients);

/* Clients begin, on these nodes; again after a stop. Waits and gaps count from now. */
void register_clients_start(struct register_clients *clients, unsigned nodes);
void register_clients_stop(struct register_clients *clients);
unsigned register_clients_waiting(const struct register_clients *clients);

/* Reads everything once more through this node: each version of each key. False: not taken in. */
bool register_clients_sweep(struct register_clients *clients, unsigned node);
bool register_clients_swept(const struct register_clients *clients); /* all of it was answered */

/* Judges every key. */
void register_clients_check(struct register_clients *clients);

#endif
