/* SPDX-License-Identifier: MIT */
/* register_faults.c -- one function per kind of fault; a table says how often each comes. */
#include "register_faults.h"

#include <assert.h>
#include <stddef.h>

#include "draw.h"

typedef void register_fault(struct register_faults *faults);

static uint64_t now_of(const struct register_faults *faults)
{
    return faults->cluster->world->now_ns;
}

static uint64_t time_of(struct register_faults *faults, uint64_t mean_ns)
{
    return draw_between(&faults->prng, 0, 2 * mean_ns);
}

static struct register_node *pick_node(struct register_faults *faults)
{
    return register_cluster_node(
        faults->cluster, (unsigned)draw_between(&faults->prng, 1, faults->cluster->node_count));
}

/* --- nodes --- */

static uint64_t life_of(const struct register_node *node)
{
    return node->life * 16 + node->id;
}

/* The node, unless it has begun another life or the faults are over. */
static struct register_node *node_in_life(struct register_faults *faults, uint64_t life)
{
    struct register_node *node = register_cluster_node(faults->cluster, (unsigned)(life % 16));

    return !faults->ended && life_of(node) == life ? node : NULL;
}

static void on_restart(void *context, uint64_t life, void *memory)
{
    struct register_node *node = node_in_life(context, life);

    (void)memory;
    if (node != NULL)
        register_node_restart(node);
}

static void crash_for(struct register_faults *faults, struct register_node *node, uint64_t down_ns)
{
    register_node_crash(node);
    world_at(faults->cluster->world, now_of(faults) + down_ns, on_restart, faults, life_of(node),
             NULL);
}

static void fault_crash(struct register_faults *faults)
{
    struct register_node *node = pick_node(faults);

    if (node->state != REGISTER_NODE_DOWN)
        crash_for(faults, node, time_of(faults, faults->cluster->options->crash_time));
}

static void blink(struct register_faults *faults, struct register_node *node);

static void on_blink(void *context, uint64_t life, void *memory)
{
    struct register_node *node = node_in_life(context, life);

    (void)memory;
    if (node != NULL)
        blink(context, node);
}

/* Gone for a moment only, so that it is asked again before others have moved on; now and then twice
 * in a row, so that the second run begins as the first one did. */
static void blink(struct register_faults *faults, struct register_node *node)
{
    uint64_t down_ns = draw_between(&faults->prng, 0, SIM_MILLISECOND);
    uint64_t soon_ns = down_ns + time_of(faults, faults->cluster->options->heartbeat / 4);

    crash_for(faults, node, down_ns);
    if (prng_below(&faults->prng, 3) == 0) /* its next life has the next number */
        world_at(faults->cluster->world, now_of(faults) + soon_ns, on_blink, faults,
                 life_of(node) + 16, NULL);
}

static void fault_blink(struct register_faults *faults)
{
    struct register_node *node = pick_node(faults);

    if (node->state != REGISTER_NODE_DOWN)
        blink(faults, node);
}

/* A promise is broken most easily by who forgets it, while what it rules out is still on its way. */
static void on_promise(void *context, struct register_node *node)
{
    struct register_faults *faults = context;
    const struct sim_options *options = faults->cluster->options;

    if (!faults->ended && prng_chance(&faults->prng, (uint32_t)options->promise_crash / 8))
        world_at(faults->cluster->world, now_of(faults) + time_of(faults, options->delay), on_blink,
                 faults, life_of(node), NULL);
}

static void fault_power(struct register_faults *faults)
{
    for (unsigned id = 1; id <= faults->cluster->node_count; id++)
        crash_for(faults, register_cluster_node(faults->cluster, id),
                  time_of(faults, faults->cluster->options->crash_time));
}

static void on_thaw(void *context, uint64_t life, void *memory)
{
    struct register_node *node = node_in_life(context, life);

    (void)memory;
    if (node != NULL)
        register_node_thaw(node);
}

static void fault_pause(struct register_faults *faults)
{
    struct register_node *node = pick_node(faults);

    if (node->state != REGISTER_NODE_UP)
        return;
    register_node_freeze(node);
    world_at(faults->cluster->world,
             now_of(faults) + time_of(faults, faults->cluster->options->pause_time), on_thaw,
             faults, life_of(node), NULL);
}

static void fault_stall(struct register_faults *faults)
{
    struct register_node *node = pick_node(faults);

    sim_trace_put(faults->cluster->trace, now_of(faults), node->id, "DISK STALLS");
    register_disk_stall(&node->disk,
                        now_of(faults) + time_of(faults, faults->cluster->options->stall_time));
}

/* --- wires --- */

static void on_partition_over(void *context, uint64_t number, void *memory)
{
    struct register_faults *faults = context;

    (void)number;
    (void)memory;
    if (!faults->ended)
        network_mend_all(&faults->cluster->network, NETWORK_CUT_PARTITION);
}

static void cut_link(struct register_faults *faults, unsigned from, unsigned to, bool one_way)
{
    struct network *network = &faults->cluster->network;

    network_cut(network, from, to, NETWORK_CUT_PARTITION);
    if (!one_way)
        network_cut(network, to, from, NETWORK_CUT_PARTITION);
    sim_trace_put(faults->cluster->trace, now_of(faults), 0, "cut %u-%u", from, to);
}

/* Two sides, or each link by itself. */
static void fault_partition(struct register_faults *faults)
{
    const struct sim_options *options = faults->cluster->options;
    bool one_way = prng_chance(&faults->prng, (uint32_t)options->one_way);
    bool sides = prng_below(&faults->prng, 3) != 0;
    unsigned side = (unsigned)prng_next(&faults->prng);

    network_mend_all(&faults->cluster->network, NETWORK_CUT_PARTITION);
    for (unsigned a = 1; a <= faults->cluster->node_count; a++) {
        for (unsigned b = 1; b <= faults->cluster->node_count; b++) {
            bool apart = (side >> a & 1) != 0 && (side >> b & 1) == 0;

            if (a != b && (sides ? apart : prng_below(&faults->prng, 4) == 0))
                cut_link(faults, a, b, one_way);
        }
    }
    world_at(faults->cluster->world, now_of(faults) + time_of(faults, options->partition_time),
             on_partition_over, faults, 0, NULL);
}

static void on_unclog(void *context, uint64_t link, void *memory)
{
    struct register_faults *faults = context;

    (void)memory;
    network_mend(&faults->cluster->network, (unsigned)(link / 16), (unsigned)(link % 16),
                 NETWORK_CUT_CLOG);
}

static void fault_clog(struct register_faults *faults)
{
    struct network *network = &faults->cluster->network;
    unsigned from = pick_node(faults)->id, to = pick_node(faults)->id;

    network_cut(network, from, to, NETWORK_CUT_CLOG);
    world_at(faults->cluster->world,
             now_of(faults) + time_of(faults, faults->cluster->options->clog_time), on_unclog,
             faults, from * 16 + to, NULL);
}

/* --- when --- */

static const struct {
    register_fault *happen;
    size_t every; /* offset of the mean time in the options */
} kinds[] = {
    {fault_crash, offsetof(struct sim_options, crash)},
    {fault_blink, offsetof(struct sim_options, crash)},
    {fault_power, offsetof(struct sim_options, power)},
    {fault_pause, offsetof(struct sim_options, pause)},
    {fault_stall, offsetof(struct sim_options, stall)},
    {fault_partition, offsetof(struct sim_options, partition)},
    {fault_clog, offsetof(struct sim_options, clog)},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t every_ns(const struct register_faults *faults, size_t kind)
{
    return *(const uint64_t *)(const void *)((const char *)faults->cluster->options +
                                             kinds[kind].every);
}

static void on_fault(void *context, uint64_t kind, void *memory)
{
    struct register_faults *faults = context;

    (void)memory;
    assert(kind < KIND_COUNT);
    if (faults->ended)
        return;
    kinds[kind].happen(faults);
    world_at(faults->cluster->world, now_of(faults) + time_of(faults, every_ns(faults, kind)),
             on_fault, faults, kind, NULL);
}

void register_faults_start(struct register_faults *faults, struct register_cluster *cluster)
{
    const struct sim_options *options = cluster->options;
    struct network_weather weather = {.loss = (uint32_t)options->loss,
                                      .duplicate = (uint32_t)options->duplicate,
                                      .reorder = (uint32_t)options->reorder,
                                      .spike = (uint32_t)options->spike,
                                      .spike_ns = options->spike_time,
                                      .delay_ns = options->delay,
                                      .delay_spread_ns = options->delay_spread,
                                      .size_max = (uint32_t)options->packet_max};

    *faults = (struct register_faults){.cluster = cluster};
    prng_init(&faults->prng, world_seed(cluster->world, "faults", 0));
    network_set_weather(&cluster->network, &weather);
    cluster->faults = faults;
    cluster->on_promise = on_promise;
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        if (every_ns(faults, kind) > 0)
            world_at(cluster->world, now_of(faults) + time_of(faults, every_ns(faults, kind)),
                     on_fault, faults, kind, NULL);
}

static void bench_node(struct register_faults *faults, struct register_node *node)
{
    if (node->state == REGISTER_NODE_DOWN || prng_below(&faults->prng, 2) == 0) {
        register_node_crash(node);
        return;
    }
    for (unsigned other = 1; other <= faults->cluster->node_count; other++)
        network_cut_both(&faults->cluster->network, node->id, other, NETWORK_CUT_SCRIPT);
}

void register_faults_end(struct register_faults *faults, unsigned set)
{
    struct register_cluster *cluster = faults->cluster;
    uint64_t spread_ns = cluster->options->delay_spread, well_ns = cluster->options->heartbeat / 4;
    struct network_weather calm = {.delay_ns = cluster->options->delay,
                                   .delay_spread_ns = spread_ns < well_ns ? spread_ns : well_ns};

    faults->ended = true;
    network_set_weather(&cluster->network, &calm);
    network_mend_all(&cluster->network, NETWORK_CUT_PARTITION);
    network_mend_all(&cluster->network, NETWORK_CUT_CLOG);
    network_mend_all(&cluster->network, NETWORK_CUT_SCRIPT);
    sim_trace_put(cluster->trace, now_of(faults), 0, "HEALED %#x", set >> 1);
    for (unsigned id = 1; id <= cluster->node_count; id++) {
        struct register_node *node = register_cluster_node(cluster, id);

        register_disk_stall(&node->disk, 0);
        if ((set >> id & 1) == 0) {
            bench_node(faults, node);
            continue;
        }
        register_node_thaw(node);
        register_node_restart(node);
    }
}
