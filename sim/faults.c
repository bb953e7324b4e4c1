/* SPDX-License-Identifier: MIT */
/* faults.c -- one function per kind of fault; a table says how often each comes. */
#include "faults.h"

#include <assert.h>
#include <stddef.h>

#include "draw.h"

typedef void fault_action(struct faults *faults);

static uint64_t now_of(const struct faults *faults)
{
    return faults->cluster->world->now_ns;
}

/* A random time with this mean; not quite memoryless, and never more than twice the mean. */
static uint64_t faults_time(struct faults *faults, uint64_t mean_ns)
{
    return draw_between(&faults->prng, 0, 2 * mean_ns);
}

static struct sim_node *faults_pick_node(struct faults *faults)
{
    unsigned top = sim_cluster_top_leader(faults->cluster);

    /* Leaders are worth more. */
    if (top != 0 && prng_below(&faults->prng, 3) == 0)
        return sim_cluster_node(faults->cluster, top);
    return sim_cluster_node(faults->cluster,
                            (unsigned)draw_between(&faults->prng, 1, faults->cluster->node_count));
}

/* --- nodes --- */

/* What an event about a node carries: who, and in which life. */
static uint64_t life_of(const struct sim_node *node)
{
    return node->life * 16 + node->id;
}

/* The node, unless it has begun another life, or the faults are over: then faults_end() has said
 * how it goes on. */
static struct sim_node *node_in_life(struct faults *faults, uint64_t life)
{
    struct sim_node *node = sim_cluster_node(faults->cluster, (unsigned)(life % 16));

    return !faults->ended && life_of(node) == life ? node : NULL;
}

static void on_restart(void *context, uint64_t life, void *memory)
{
    struct sim_node *node = node_in_life(context, life);

    (void)memory;
    if (node != NULL)
        sim_node_restart(node);
}

static void crash_for(struct faults *faults, struct sim_node *node, bool power_lost)
{
    uint64_t down_ns = faults_time(faults, faults->cluster->options->crash_time);

    sim_node_crash(node, power_lost);
    world_at(faults->cluster->world, now_of(faults) + down_ns, on_restart, faults, life_of(node),
             NULL);
}

static void fault_crash(struct faults *faults)
{
    struct sim_node *node = faults_pick_node(faults);

    if (node->state != SIM_NODE_DOWN)
        crash_for(faults, node, prng_below(&faults->prng, 2) == 0);
}

static void fault_power(struct faults *faults)
{
    for (unsigned id = 1; id <= faults->cluster->node_count; id++)
        crash_for(faults, sim_cluster_node(faults->cluster, id), true);
}

static void on_promise_crash(void *context, uint64_t life, void *memory)
{
    struct faults *faults = context;
    struct sim_node *node = node_in_life(faults, life);
    uint64_t down_ns = faults_time(faults, faults->cluster->options->heartbeat);

    (void)memory;
    if (node == NULL)
        return;
    sim_node_crash(node, true);
    world_at(faults->cluster->world, now_of(faults) + down_ns, on_restart, faults, life_of(node),
             NULL);
}

/* A promise is broken most easily by who forgets it: power goes while its record may not be on disk
 * yet, and the node comes back, connected to all but who has the promise, before the old leader has
 * heard of the new one. */
static void fault_on_promised(struct faults *faults, struct sim_node *node, unsigned to)
{
    const struct sim_options *options = faults->cluster->options;

    if (to == node->id || !prng_chance(&faults->prng, (uint32_t)options->promise_crash))
        return;
    for (unsigned other = 1; other <= options->nodes; other++)
        if (other != to)
            network_mend_both(&faults->cluster->network, node->id, other, NETWORK_CUT_PARTITION);
    world_at(faults->cluster->world, now_of(faults) + faults_time(faults, options->sync_time / 2),
             on_promise_crash, faults, life_of(node), NULL);
}

static void on_thaw(void *context, uint64_t life, void *memory)
{
    struct sim_node *node = node_in_life(context, life);

    (void)memory;
    if (node != NULL)
        sim_node_thaw(node);
}

static void fault_pause(struct faults *faults)
{
    struct sim_node *node = faults_pick_node(faults);
    uint64_t frozen_ns = faults_time(faults, faults->cluster->options->pause_time);

    if (node->state != SIM_NODE_UP)
        return;
    sim_node_freeze(node);
    world_at(faults->cluster->world, now_of(faults) + frozen_ns, on_thaw, faults, life_of(node),
             NULL);
}

/* Who leads as far as he knows, and has not heard that another does in a higher ballot; 0: nobody. */
static unsigned deposed_leader(const struct sim_cluster *cluster)
{
    unsigned top = sim_cluster_top_leader(cluster);

    for (unsigned id = 1; id <= cluster->node_count; id++)
        if (id != top && sim_node_status(&cluster->nodes[id]).leading)
            return id;
    return 0;
}

/* Whom an operator may ask to hand over: mostly one who leads, or takes himself for the leader. */
static struct sim_node *pick_asked(struct faults *faults)
{
    unsigned top = sim_cluster_top_leader(faults->cluster);
    unsigned deposed = deposed_leader(faults->cluster);

    if (deposed != 0 && prng_below(&faults->prng, 2) == 0)
        return sim_cluster_node(faults->cluster, deposed);
    if (top != 0 && prng_below(&faults->prng, 4) != 0)
        return sim_cluster_node(faults->cluster, top);
    return faults_pick_node(faults);
}

/* To anybody, also to himself and to who is down; sometimes twice, to the same one or to two. */
static void fault_hand_over(struct faults *faults)
{
    struct sim_node *node = pick_asked(faults);
    uint64_t count = prng_below(&faults->prng, 3) == 0 ? 2 : 1;

    for (; count > 0; count--)
        sim_node_hand_over(node,
                           (unsigned)draw_between(&faults->prng, 1, faults->cluster->node_count));
}

/* --- disks --- */

static void fault_stall(struct faults *faults)
{
    struct sim_node *node = faults_pick_node(faults);

    sim_trace_put(faults->cluster->trace, now_of(faults), node->id, "DISK STALLS");
    sim_journal_stall(&node->journal,
                      now_of(faults) + faults_time(faults, faults->cluster->options->stall_time));
}

static void on_space(void *context, uint64_t number, void *memory)
{
    struct sim_node *node = context;

    (void)number;
    (void)memory;
    disk_faults(node->disk)->full = false;
}

static void fault_disk_full(struct faults *faults)
{
    struct sim_node *node = faults_pick_node(faults);
    uint64_t full_ns = faults_time(faults, faults->cluster->options->disk_full_time);

    disk_faults(node->disk)->full = true;
    world_at(faults->cluster->world, now_of(faults) + full_ns, on_space, node, 0, NULL);
}

static void faults_set_disks(struct faults *faults, bool calm)
{
    const struct sim_options *options = faults->cluster->options;
    struct disk_faults moods = {.full = false};

    if (!calm) {
        moods.write_fails = (uint32_t)options->write_fails;
        moods.write_short = (uint32_t)options->write_short;
        moods.sync_fails = (uint32_t)options->sync_fails;
    }
    for (unsigned id = 1; id <= faults->cluster->node_count; id++)
        *disk_faults(sim_cluster_node(faults->cluster, id)->disk) = moods;
}

/* --- wires --- */

static void on_partition_over(void *context, uint64_t number, void *memory)
{
    struct faults *faults = context;

    (void)number;
    (void)memory;
    if (faults->ended)
        return;
    network_mend_all(&faults->cluster->network, NETWORK_CUT_PARTITION);
    sim_trace_put(faults->cluster->trace, now_of(faults), 0, "partition over");
}

/* side: who is on one side. one_way: what the sides send each other is lost only from that side to
 * the other. */
static void partition_sides(struct faults *faults, unsigned side, bool one_way)
{
    struct network *network = &faults->cluster->network;

    for (unsigned from = 1; from <= network->node_count; from++) {
        for (unsigned to = 1; to <= network->node_count; to++) {
            bool out = (side >> from & 1) != 0 && (side >> to & 1) == 0;

            if (out)
                network_cut(network, from, to, NETWORK_CUT_PARTITION);
            if (out && !one_way)
                network_cut(network, to, from, NETWORK_CUT_PARTITION);
        }
    }
    sim_trace_put(faults->cluster->trace, now_of(faults), 0, "%s %#x",
                  one_way ? "one way" : "partition", side >> 1);
}

/* Each link by itself: bridges, chains, and worse. */
static void partition_links(struct faults *faults, bool one_way)
{
    struct network *network = &faults->cluster->network;

    for (unsigned a = 1; a < network->node_count; a++) {
        for (unsigned b = a + 1; b <= network->node_count; b++) {
            if (prng_below(&faults->prng, 2) == 0)
                continue;
            sim_trace_put(faults->cluster->trace, now_of(faults), 0, "cut %u-%u", a, b);
            network_cut(network, a, b, NETWORK_CUT_PARTITION);
            if (!one_way)
                network_cut(network, b, a, NETWORK_CUT_PARTITION);
        }
    }
}

static void fault_partition(struct faults *faults)
{
    const struct sim_options *options = faults->cluster->options;
    bool one_way = prng_chance(&faults->prng, (uint32_t)options->one_way);
    unsigned everyone = sim_cluster_everyone(faults->cluster);

    network_mend_all(&faults->cluster->network, NETWORK_CUT_PARTITION);
    switch (prng_below(&faults->prng, 3)) {
    case 0:
        partition_sides(faults, 1u << faults_pick_node(faults)->id, one_way);
        break;
    case 1:
        partition_sides(faults, (unsigned)prng_next(&faults->prng) & everyone, one_way);
        break;
    default:
        partition_links(faults, one_way);
        break;
    }
    world_at(faults->cluster->world, now_of(faults) + faults_time(faults, options->partition_time),
             on_partition_over, faults, 0, NULL);
}

static void on_unclog(void *context, uint64_t number, void *memory)
{
    struct faults *faults = context;

    (void)memory;
    network_mend(&faults->cluster->network, (unsigned)(number / 16), (unsigned)(number % 16),
                 NETWORK_CUT_CLOG);
}

static void fault_clog(struct faults *faults)
{
    struct network *network = &faults->cluster->network;
    unsigned from = (unsigned)draw_between(&faults->prng, 1, network->node_count);
    unsigned to = (unsigned)draw_between(&faults->prng, 1, network->node_count);

    network_cut(network, from, to, NETWORK_CUT_CLOG);
    world_at(faults->cluster->world,
             now_of(faults) + faults_time(faults, faults->cluster->options->clog_time), on_unclog,
             faults, from * 16 + to, NULL);
}

static void on_leader_loss(void *context, uint64_t life, void *memory)
{
    struct faults *faults = context;
    struct sim_node *node = node_in_life(faults, life);

    (void)memory;
    if (node == NULL)
        return;
    if (prng_below(&faults->prng, 2) == 0) {
        crash_for(faults, node, prng_below(&faults->prng, 2) == 0);
        return;
    }
    network_mend_all(&faults->cluster->network, NETWORK_CUT_PARTITION);
    partition_sides(faults, 1u << node->id, false);
}

/* Values that two leaders in a row have left behind, half accepted, are what phase 1 is for. */
static void fault_on_adopted(struct faults *faults, struct sim_node *node)
{
    const struct sim_options *options = faults->cluster->options;
    uint64_t soon_ns = draw_magnitude(&faults->prng, options->delay, 4 * options->heartbeat);

    if (prng_chance(&faults->prng, (uint32_t)options->leader_loss))
        world_at(faults->cluster->world, now_of(faults) + soon_ns, on_leader_loss, faults,
                 life_of(node), NULL);
}

static void on_trace(void *context, struct sim_node *node, const struct decree_trace *trace)
{
    struct faults *faults = context;

    if (faults->ended)
        return;
    if (trace->type == DECREE_TRACE_PROMISED)
        fault_on_promised(faults, node, trace->ballot.node);
    if (trace->type == DECREE_TRACE_ADOPTED)
        fault_on_adopted(faults, node);
}

/* --- when --- */

struct fault_kind {
    fault_action *action;
    size_t every; /* offset of the mean time in the options */
};

static const struct fault_kind kinds[] = {
    {fault_crash, offsetof(struct sim_options, crash)},
    {fault_power, offsetof(struct sim_options, power)},
    {fault_pause, offsetof(struct sim_options, pause)},
    {fault_hand_over, offsetof(struct sim_options, hand_over)},
    {fault_stall, offsetof(struct sim_options, stall)},
    {fault_disk_full, offsetof(struct sim_options, disk_full)},
    {fault_partition, offsetof(struct sim_options, partition)},
    {fault_clog, offsetof(struct sim_options, clog)},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t kind_every_ns(const struct faults *faults, size_t kind)
{
    return *(const uint64_t *)(const void *)((const char *)faults->cluster->options +
                                             kinds[kind].every);
}

static void on_fault(void *context, uint64_t kind, void *memory)
{
    struct faults *faults = context;

    (void)memory;
    assert(kind < KIND_COUNT);
    if (faults->ended)
        return;
    kinds[kind].action(faults);
    world_at(faults->cluster->world,
             now_of(faults) + faults_time(faults, kind_every_ns(faults, kind)), on_fault, faults,
             kind, NULL);
}

void faults_init(struct faults *faults, struct sim_cluster *cluster)
{
    const struct sim_options *options = cluster->options;
    struct network_weather weather = {
        .loss = (uint32_t)options->loss,
        .duplicate = (uint32_t)options->duplicate,
        .reorder = (uint32_t)options->reorder,
        .spike = (uint32_t)options->spike,
        .spike_ns = options->spike_time,
        .delay_ns = options->delay,
        .delay_spread_ns = options->delay_spread,
        .size_max = (uint32_t)options->packet_max,
        .bandwidth = options->bandwidth,
    };

    *faults = (struct faults){.cluster = cluster};
    prng_init(&faults->prng, world_seed(cluster->world, "faults", 0));
    network_set_weather(&cluster->network, &weather);
    faults_set_disks(faults, false);
}

void faults_start(struct faults *faults)
{
    faults->cluster->on_trace = on_trace;
    faults->cluster->on_trace_context = faults;
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        if (kind_every_ns(faults, kind) > 0)
            world_at(faults->cluster->world,
                     now_of(faults) + faults_time(faults, kind_every_ns(faults, kind)), on_fault,
                     faults, kind, NULL);
}

static void faults_bench(struct faults *faults, struct sim_node *node)
{
    switch (node->state == SIM_NODE_DOWN ? 0 : prng_below(&faults->prng, 3)) {
    case 0:
        sim_node_crash(node,
                       true); /* and if it was down already, it does not try to start any more */
        return;
    case 1:
        sim_node_freeze(node);
        return;
    default:
        for (unsigned other = 1; other <= faults->cluster->node_count; other++)
            network_cut_both(&faults->cluster->network, node->id, other, NETWORK_CUT_SCRIPT);
        return;
    }
}

void faults_end(struct faults *faults, unsigned set)
{
    struct sim_cluster *cluster = faults->cluster;
    uint64_t spread_ns = cluster->options->delay_spread, well_ns = cluster->options->heartbeat / 4;
    /* Well is a network whose round trips are short beside a heartbeat. */
    struct network_weather calm = {.delay_ns = cluster->options->delay,
                                   .delay_spread_ns = spread_ns < well_ns ? spread_ns : well_ns};

    faults->ended = true;
    network_set_weather(&cluster->network, &calm);
    network_mend_all(&cluster->network, NETWORK_CUT_PARTITION);
    network_mend_all(&cluster->network, NETWORK_CUT_CLOG);
    network_mend_all(&cluster->network, NETWORK_CUT_SCRIPT);
    faults_set_disks(faults, true);
    sim_trace_put(cluster->trace, now_of(faults), 0, "HEALED %#x", set >> 1);
    for (unsigned id = 1; id <= cluster->node_count; id++) {
        struct sim_node *node = sim_cluster_node(cluster, id);

        sim_journal_stall(&node->journal, 0);
        if ((set >> id & 1) == 0) {
            faults_bench(faults, node);
            continue;
        }
        sim_node_thaw(node);
        sim_node_restart(node);
    }
}
