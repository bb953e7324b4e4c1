/* SPDX-License-Identifier: MIT */
/* check_liveness.c -- looks at the set every quarter of an election timeout. */
#include "check_liveness.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define LIVENESS_OPERATIONS 2u /* of each client */

struct settling {
    unsigned leader;
    uint64_t adopted; /* changes of leader so far */
    uint64_t since_ns;
    uint64_t completed[SIM_CLIENTS_MAX + 1];
};

static uint64_t step_ns(const struct workload *workload)
{
    return workload->cluster->options->election / 4;
}

static void look_again(struct workload *workload)
{
    struct world *world = workload->cluster->world;

    world_run_until(world, world->now_ns + step_ns(workload));
}

/* "n1 leads 3.n1, applied 17; n2 down" and so on. */
static void describe(const struct sim_cluster *cluster, char *text, size_t size)
{
    static const char *const states[] = {"?", "down", "up", "frozen"};
    size_t used = 0;

    text[0] = '\0';
    for (unsigned id = 1; id <= cluster->node_count && used + 48 < size; id++) {
        const struct sim_node *node = &cluster->nodes[id];
        struct decree_status status = sim_node_status(node);

        used += (size_t)snprintf(text + used, size - used, "; n%u %s", id, states[node->state]);
        if (node->state == SIM_NODE_UP)
            used += (size_t)snprintf(text + used, size - used,
                                     " leader %s%u log %" PRIu64 " open %u",
                                     status.leading ? "itself, " : "", status.leader,
                                     status.decided, engine_open_count(node->engine));
    }
}

static void fail(struct workload *workload, uint64_t limit_ns, const char *expected)
{
    struct sim_cluster *cluster = workload->cluster;
    char text[VERDICT_TEXT_MAX - 100];

    describe(cluster, text, sizeof(text));
    verdict_fail(cluster->verdict, "liveness", cluster->world->now_ns,
                 "expected within %.1f election timeouts that %s%s",
                 (double)limit_ns / (double)cluster->options->election, expected, text);
    world_stop(cluster->world);
}

static bool clients_served(const struct workload *workload, const struct settling *settling)
{
    for (unsigned id = 1; id <= workload->client_count; id++)
        if (workload->clients[id].completed < settling->completed[id] + LIVENESS_OPERATIONS)
            return false;
    return true;
}

static bool settled(struct workload *workload, struct settling *settling, unsigned set,
                    uint64_t steady_ns)
{
    const struct sim_cluster *cluster = workload->cluster;
    unsigned leader = sim_cluster_leader(cluster, set);

    if (leader == 0 || leader != settling->leader ||
        settling->adopted != cluster->ballots.adopted) {
        settling->leader = leader;
        settling->adopted = cluster->ballots.adopted;
        settling->since_ns = cluster->world->now_ns;
        return false;
    }
    return cluster->world->now_ns - settling->since_ns >= steady_ns &&
           clients_served(workload, settling);
}

void liveness_settle(struct workload *workload, unsigned set, uint64_t steady_ns, uint64_t limit_ns)
{
    struct world *world = workload->cluster->world;
    struct settling settling = {.since_ns = world->now_ns};
    uint64_t until_ns = world->now_ns + limit_ns;

    for (unsigned id = 1; id <= workload->client_count; id++)
        settling.completed[id] = workload->clients[id].completed;
    while (!world->stopped && !settled(workload, &settling, set, steady_ns)) {
        if (world->now_ns >= until_ns) {
            fail(workload, limit_ns,
                 clients_served(workload, &settling) ? "one leader stays"
                                                     : "every client is served");
            return;
        }
        look_again(workload);
    }
}

/* Asked for once in an election timeout, as a call that waits does: another may be quicker, when the
 * disk is slower than the heartbeats, and what came in between may have been lost. */
void liveness_hand_over(struct workload *workload, unsigned set, unsigned to, uint64_t limit_ns)
{
    struct sim_cluster *cluster = workload->cluster;
    struct world *world = cluster->world;
    uint64_t until_ns = world->now_ns + limit_ns, ask_ns = world->now_ns;

    assert((set >> to & 1) != 0);
    while (!world->stopped && sim_cluster_leader(cluster, set) != to) {
        unsigned leader = sim_cluster_leader(cluster, set);

        if (world->now_ns >= until_ns) {
            fail(workload, limit_ns, "who is handed the lead takes it");
            return;
        }
        if (leader != 0 && world->now_ns >= ask_ns) {
            sim_node_hand_over(sim_cluster_node(cluster, leader), to);
            ask_ns = world->now_ns + cluster->options->election;
        }
        look_again(workload);
    }
}

static bool drained(const struct workload *workload, unsigned set, decree_slot slot)
{
    const struct sim_cluster *cluster = workload->cluster;
    decree_slot applied = 0;

    for (unsigned id = 1; id <= cluster->node_count; id++) {
        const struct sim_node *node = &cluster->nodes[id];

        if ((set >> id & 1) == 0)
            continue;
        if (node->state != SIM_NODE_UP || engine_open_count(node->engine) > 0)
            return false;
        if (engine_applied(node->engine) < slot ||
            (applied != 0 && engine_applied(node->engine) != applied))
            return false;
        applied = engine_applied(node->engine);
    }
    return workload_waiting(workload) == 0;
}

void liveness_drain(struct workload *workload, unsigned set, decree_slot slot, uint64_t limit_ns)
{
    struct world *world = workload->cluster->world;
    uint64_t until_ns = world->now_ns + limit_ns;

    while (!world->stopped && !drained(workload, set, slot)) {
        if (world->now_ns >= until_ns) {
            fail(workload, limit_ns, "nothing is open and all have the same log");
            return;
        }
        look_again(workload);
    }
}
