/* SPDX-License-Identifier: MIT */
/* sim_cluster.c -- nodes, network and checkers, put together and taken apart. */
#include "sim_cluster.h"

#include <assert.h>
#include <string.h>

#include "sim_transport.h"

static void cluster_deliver(void *context, unsigned from, unsigned to, const uint8_t *bytes,
                            size_t size)
{
    sim_node_receive(sim_cluster_node(context, to), from, bytes, size);
}

void sim_cluster_init(struct sim_cluster *cluster, struct world *world,
                      const struct sim_options *options, struct verdict *verdict,
                      struct sim_trace *trace)
{
    assert(options->nodes >= 1 && options->nodes <= SIM_NODES_MAX);
    memset(cluster, 0, sizeof(*cluster));
    cluster->world = world;
    cluster->options = options;
    cluster->verdict = verdict;
    cluster->trace = trace;
    cluster->node_count = (unsigned)options->nodes;
    network_init(&cluster->network, world, cluster->node_count, cluster_deliver, cluster);
    sim_svg_watch(trace->svg, &cluster->network);
    sim_wire_init(&cluster->wire, options->wire);
    agreement_init(&cluster->agreement, verdict);
    apply_order_init(&cluster->apply_order, verdict);
    exactly_once_init(&cluster->exactly_once, verdict);
    durability_init(&cluster->durability, verdict);
    ballots_init(&cluster->ballots, verdict);
    broadcasts_init(&cluster->broadcasts, cluster);
    for (unsigned id = 1; id <= cluster->node_count; id++)
        sim_node_init(&cluster->nodes[id], cluster, id);
    for (unsigned id = 1; id <= cluster->node_count; id++)
        sim_node_restart(&cluster->nodes[id]);
}

void sim_cluster_release(struct sim_cluster *cluster)
{
    sim_trace_stop(cluster->trace);
    for (unsigned id = 1; id <= cluster->node_count; id++) {
        sim_node_release(&cluster->nodes[id]);
    }
    sim_wire_release(&cluster->wire);
    agreement_release(&cluster->agreement);
    exactly_once_release(&cluster->exactly_once);
    durability_release(&cluster->durability);
    broadcasts_release(&cluster->broadcasts);
}

struct sim_node *sim_cluster_node(struct sim_cluster *cluster, unsigned id)
{
    assert(id >= 1 && id <= cluster->node_count);
    return &cluster->nodes[id];
}

unsigned sim_cluster_everyone(const struct sim_cluster *cluster)
{
    return ((1u << cluster->node_count) - 1) << 1;
}

unsigned sim_cluster_leader(const struct sim_cluster *cluster, unsigned set)
{
    unsigned leader = 0;

    for (unsigned id = 1; id <= cluster->node_count; id++) {
        struct decree_status status = sim_node_status(&cluster->nodes[id]);

        if ((set >> id & 1) == 0)
            continue;
        if (cluster->nodes[id].state != SIM_NODE_UP || status.leader == 0)
            return 0;
        if ((leader != 0 && status.leader != leader) || (status.leader == id) != status.leading)
            return 0;
        leader = status.leader;
    }
    return (set >> leader & 1) != 0 ? leader : 0;
}

unsigned sim_cluster_top_leader(const struct sim_cluster *cluster)
{
    struct decree_ballot highest = {0, 0};
    unsigned leader = 0;

    for (unsigned id = 1; id <= cluster->node_count; id++) {
        struct decree_status status = sim_node_status(&cluster->nodes[id]);

        if (status.leading && decree_ballot_compare(status.leader_ballot, highest) > 0) {
            highest = status.leader_ballot;
            leader = id;
        }
    }
    return leader;
}
