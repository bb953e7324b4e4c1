/* SPDX-License-Identifier: MIT */
/* register_node.h -- nodes with registers in a virtual world: the shipped registers and the shipped
 * encodings, on fake wires and disks.
 *
 *     clients -> decree_registers -> register_disk.h
 *                       |  \-> check_proposals.h, which looks on
 *                       \-> sim_wire.h -> network.h -> sim_wire.h -> decree_registers of another node
 *
 * A node is UP, FROZEN (as by SIGSTOP: what comes in waits) or DOWN. A restart reads its disk.
 */
#ifndef DECREE_SIM_REGISTER_NODE_H
#define DECREE_SIM_REGISTER_NODE_H

#include "check_proposals.h"
#include "network.h"
#include "register_disk.h"
#include "sim_options.h"
#include "sim_trace.h"
#include "sim_wire.h"

enum register_node_state { REGISTER_NODE_DOWN = 1, REGISTER_NODE_UP, REGISTER_NODE_FROZEN };

struct register_cluster;
struct register_packet;

struct register_node {
    struct register_cluster *cluster;
    unsigned id;
    enum register_node_state state;
    uint64_t life; /* events of an earlier life are void */
    struct decree_registers *registers;
    struct register_disk disk;
    struct prng prng;
    uint64_t turn_at_ns, wake_at_ns; /* UINT64_MAX: none */
    uint64_t durable;                /* reported while it was frozen; 0: nothing */
    struct register_packet *waiting, **waiting_end;
};

struct register_cluster {
    struct world *world;
    const struct sim_options *options;
    struct verdict *verdict;
    struct sim_trace *trace;
    struct network network;
    struct sim_wire wire;
    struct proposals proposals;
    uint64_t keep_versions;
    unsigned node_count;
    struct register_node nodes[SIM_NODES_MAX + 1]; /* by id; 0 is not used */
    uint64_t crashes;
    void *context; /* of the clients */
    void (*on_answer)(void *context, unsigned node, const struct decree_register_answer *answer);
    void (*on_crash)(void *context, unsigned node);
    void *faults; /* may crash a node for what it says; NULL: nobody looks on */
    void (*on_promise)(void *faults, struct register_node *node);
};

/* Starts all nodes. What is given is borrowed until the release. */
void register_cluster_init(struct register_cluster *cluster, struct world *world,
                           const struct sim_options *options, struct verdict *verdict,
                           struct sim_trace *trace);
void register_cluster_release(struct register_cluster *cluster);

struct register_node *register_cluster_node(struct register_cluster *cluster, unsigned id);
unsigned register_cluster_everyone(const struct register_cluster *cluster);

/* What this cluster takes for a retransmission time. */
uint64_t register_cluster_retry_ns(const struct register_cluster *cluster);

void register_node_crash(struct register_node *node);
void register_node_restart(struct register_node *node); /* one that is not down stays as it is */
void register_node_freeze(struct register_node *node);
void register_node_thaw(struct register_node *node);

/* CLOSED when it is not up, or what decree_registers_step() says. on_answer comes later. */
int register_node_request(struct register_node *node,
                          const struct decree_register_request *request);

#endif
