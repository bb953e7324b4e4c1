/* SPDX-License-Identifier: MIT */
/* sim_cluster.h -- whole nodes in a virtual world: the shipped engine, core, journal and codec, on
 * fake wires and disks.
 *
 *     clients -> engine (core) -> journal code -> disk.h
 *                       |  \---> registers.h or broadcasts.h, and the checkers, which look on
 *                       \-> codec -> network.h -> codec -> engine of another node
 *
 * A node lives (UP), is frozen (as by SIGSTOP: it does nothing, what comes in waits, its clock goes
 * on), or is DOWN. A restart reads the journal and builds the registers anew.
 */
#ifndef DECREE_SIM_CLUSTER_H
#define DECREE_SIM_CLUSTER_H

#include "broadcasts.h"
#include "check_agreement.h"
#include "check_apply_order.h"
#include "check_ballots.h"
#include "check_durability.h"
#include "check_exactly_once.h"
#include "engine.h"
#include "registers.h"
#include "sim_journal.h"
#include "sim_options.h"
#include "sim_trace.h"
#include "sim_wire.h"

enum sim_node_state { SIM_NODE_DOWN = 1, SIM_NODE_UP, SIM_NODE_FROZEN };

struct sim_packet;
struct sim_cluster;

struct sim_sending { /* messages of a turn that look alike, for the trace */
    struct decree_message message;
    unsigned to; /* bit per node */
};

#define SIM_SENDINGS_MAX 32u

/* Of a command, beside its padding. */
#define SIM_COMMAND_BYTES (REGISTERS_COMMAND_BYTES + BROADCASTS_BYTES)

struct sim_node {
    struct sim_cluster *cluster;
    unsigned id;
    enum sim_node_state state;
    bool power_lost; /* by the last crash: what was not synced is in doubt */
    uint64_t life;   /* events of an earlier life are void */
    struct disk *disk;
    struct sim_journal journal;
    struct transport transport;
    struct engine *engine;
    struct registers registers;
    struct prng prng;
    uint64_t turn_at_ns; /* the next turn that was asked for; UINT64_MAX: none */
    uint64_t boot_ns, clock_offset_ns;
    int64_t clock_skew;                        /* per million */
    struct sim_packet *waiting, **waiting_end; /* arrived while frozen */
    struct sim_sending sendings[SIM_SENDINGS_MAX];
    unsigned sending_count;
};

struct sim_cluster {
    struct world *world;
    const struct sim_options *options;
    struct verdict *verdict;
    struct sim_trace *trace;
    struct network network;
    struct sim_wire wire;
    unsigned node_count;
    struct sim_node nodes[SIM_NODES_MAX + 1]; /* by id; 0 is not used */
    struct agreement agreement;
    struct apply_order apply_order;
    struct exactly_once exactly_once;
    struct durability durability;
    struct ballots ballots;
    struct broadcasts broadcasts;
    uint64_t crashes;
    void (*on_trace)(void *context, struct sim_node *node,
                     const struct decree_trace *trace); /* may be NULL */
    void *on_trace_context;
};

/* Starts all nodes. What is given is borrowed until the release. */
void sim_cluster_init(struct sim_cluster *cluster, struct world *world,
                      const struct sim_options *options, struct verdict *verdict,
                      struct sim_trace *trace);
void sim_cluster_release(struct sim_cluster *cluster);

struct sim_node *sim_cluster_node(struct sim_cluster *cluster, unsigned id);

/* For sim_cluster.c: a node that is down; its end; a packet that has arrived. */
void sim_node_init(struct sim_node *node, struct sim_cluster *cluster, unsigned id);
void sim_node_release(struct sim_node *node);
void sim_node_receive(struct sim_node *node, unsigned from, const uint8_t *bytes, size_t size);

/* Ends a node, frozen or not; with power_lost its disk forgets. One that is down
 * stays down, whatever would have started it. */
void sim_node_crash(struct sim_node *node, bool power_lost);

/* Starts a node that is down; when its disk does not let it, it tries again by itself. */
void sim_node_restart(struct sim_node *node);

void sim_node_freeze(struct sim_node *node);
void sim_node_thaw(struct sim_node *node);

/* Clients. Errors: CLOSED when the node is down or frozen, or the engine's. done may be called
 * later, never from here. */
int sim_node_propose(struct sim_node *node, struct decree_value *value, decree_done *done,
                     void *argument);
int sim_node_read(struct sim_node *node, decree_done *done, void *argument);

/* Asks a node to have another one lead, as an operator may ask anybody at any time; nothing at one
 * that is down or frozen. */
void sim_node_hand_over(struct sim_node *node, unsigned to);

/* Zeros for a node that is not up. */
struct decree_status sim_node_status(const struct sim_node *node);

/* All nodes in the set (bit per id) are up, follow one leader that leads, and see no other: its id;
 * else 0. */
unsigned sim_cluster_leader(const struct sim_cluster *cluster, unsigned set);

/* The node that leads in the highest ballot, whatever others think; 0: none. */
unsigned sim_cluster_top_leader(const struct sim_cluster *cluster);

/* The set of all nodes. */
unsigned sim_cluster_everyone(const struct sim_cluster *cluster);

#endif
