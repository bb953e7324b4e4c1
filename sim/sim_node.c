/* SPDX-License-Identifier: MIT */
/* sim_node.c -- a node's life: start, turns, packets, freeze, crash. */
#include "sim_cluster.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "sim_transport.h"
#include "sim_witness.h"

/* From an input to the turn that deals with it, at most. */
#define NODE_TURN_SPREAD_NS (20 * SIM_MICROSECOND)
#define NODE_RESTART_RETRY_NS (50 * SIM_MILLISECOND)

struct sim_packet {
    struct sim_packet *next;
    unsigned from;
    size_t size;
    uint8_t bytes[];
};

/* --- turns and the node's clock --- */

static uint64_t node_clock(const struct sim_node *node)
{
    uint64_t passed = node->cluster->world->now_ns - node->boot_ns;
    /* The node's nanoseconds in a millisecond of the world. */
    uint64_t rate = (uint64_t)(1000000 + node->clock_skew);

    return node->clock_offset_ns + passed / 1000000 * rate + passed % 1000000 * rate / 1000000;
}

/* The world's time at which the node's clock will have passed clock_ns. */
static uint64_t node_world_time(const struct sim_node *node, uint64_t clock_ns)
{
    uint64_t passed = clock_ns - node->clock_offset_ns;

    if (clock_ns <= node_clock(node))
        return node->cluster->world->now_ns;
    return node->boot_ns + (uint64_t)((double)passed * 1e6 / (double)(1000000 + node->clock_skew)) +
           1000;
}

static void node_turn(void *context, uint64_t life, void *memory);

static void node_ask_turn(struct sim_node *node, uint64_t at_ns)
{
    if (node->state != SIM_NODE_UP || at_ns >= node->turn_at_ns)
        return;
    node->turn_at_ns = at_ns;
    world_at(node->cluster->world, at_ns, node_turn, node, node->life, NULL);
}

static void node_ask_turn_soon(struct sim_node *node)
{
    node_ask_turn(node,
                  node->cluster->world->now_ns + draw_between(&node->prng, 0, NODE_TURN_SPREAD_NS));
}

static void node_turn(void *context, uint64_t life, void *memory)
{
    struct sim_node *node = context;
    uint64_t now_ns = node->cluster->world->now_ns, wake_ns;

    (void)memory;
    if (life != node->life || node->state != SIM_NODE_UP || now_ns != node->turn_at_ns)
        return;
    node->turn_at_ns = UINT64_MAX;
    engine_set_now(node->engine, node_clock(node));
    engine_turn(node->engine);
    wake_ns = engine_wake_at(node->engine);
    if (wake_ns == UINT64_MAX)
        return;
    wake_ns = node_world_time(node, wake_ns);
    node_ask_turn(node, wake_ns > now_ns ? wake_ns : now_ns + SIM_MICROSECOND);
}

/* --- packets --- */

static void node_take_in(struct sim_node *node, unsigned from, const uint8_t *bytes, size_t size)
{
    engine_set_now(node->engine, node_clock(node));
    if (sim_transport_receive(node, from, bytes, size))
        node_ask_turn_soon(node);
}

static void node_keep_packet(struct sim_node *node, unsigned from, const uint8_t *bytes,
                             size_t size)
{
    struct sim_packet *packet = malloc(sizeof(*packet) + size);

    assert(packet != NULL);
    packet->next = NULL;
    packet->from = from;
    packet->size = size;
    memcpy(packet->bytes, bytes, size);
    *node->waiting_end = packet;
    node->waiting_end = &packet->next;
}

static void node_drop_packets(struct sim_node *node)
{
    while (node->waiting != NULL) {
        struct sim_packet *next = node->waiting->next;

        free(node->waiting);
        node->waiting = next;
    }
    node->waiting_end = &node->waiting;
}

void sim_node_receive(struct sim_node *node, unsigned from, const uint8_t *bytes, size_t size)
{
    switch (node->state) {
    case SIM_NODE_DOWN:
        return;
    case SIM_NODE_FROZEN:
        node_keep_packet(node, from, bytes, size);
        return;
    case SIM_NODE_UP:
        node_take_in(node, from, bytes, size);
        return;
    }
}

/* --- life and death --- */

static void node_notify(void *context)
{
    node_ask_turn_soon(context);
}

static void node_on_synced(void *context)
{
    const struct sim_node *node = context;
    const struct sim_cluster *cluster = node->cluster;

    if (cluster->trace->svg != NULL)
        sim_svg_mark(cluster->trace->svg, cluster->world->now_ns, node->id, SIM_MARK_SYNCED, "");
}

static void node_on_fatal_later(void *context, uint64_t life, void *memory)
{
    struct sim_node *node = context;

    (void)memory;
    if (life != node->life)
        return;
    sim_node_crash(node, prng_below(&node->prng, 2) == 0);
    sim_node_restart(node);
}

/* A failed sync ends the process; somebody starts it again. */
static void node_on_fatal(void *context, const char *text)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;

    (void)text;
    sim_trace_put(cluster->trace, cluster->world->now_ns, node->id, "SYNC FAILS");
    world_at(cluster->world, cluster->world->now_ns, node_on_fatal_later, node, node->life, NULL);
}

static int node_restore(void *context, const struct decree_record *record)
{
    struct sim_node *node = context;

    return engine_restore(node->engine, record);
}

static struct engine_config node_config(struct sim_node *node, const decree_node_id *members)
{
    const struct sim_options *options = node->cluster->options;

    return (struct engine_config){
        .core = {.self = node->id,
                 .members = members,
                 .member_count = node->cluster->node_count,
                 .prepare_quorum = (uint32_t)options->prepare_quorum,
                 .vote_quorum = (uint32_t)options->vote_quorum,
                 .proposals_max = (uint32_t)options->proposals_max,
                 .log_slots_max = (uint32_t)options->log_slots_max,
                 .reads_max = (uint32_t)options->reads_max,
                 .message_bytes_max = (uint32_t)options->message_bytes_max,
                 .value_bytes_max = (uint32_t)options->value_bytes + SIM_COMMAND_BYTES,
                 .proposal_bytes_max = options->proposal_bytes_max,
                 .log_bytes_max = options->log_bytes_max,
                 .heartbeat_every_ns = options->heartbeat,
                 .suspect_after_ns = options->election,
                 .seed = world_seed(node->cluster->world, "core", node->id * 100000 + node->life),
                 .trace = sim_witness_trace,
                 .context = node},
        .machine = {.context = node, .apply = sim_witness_apply},
        .hooks = {.context = node,
                  .on_decision = sim_witness_decision,
                  .on_trouble = sim_witness_trouble},
    };
}

static void node_set_clock(struct sim_node *node)
{
    uint64_t skew = node->cluster->options->clock_skew;

    node->boot_ns = node->cluster->world->now_ns;
    node->clock_offset_ns = draw_between(&node->prng, 1, 1000) * SIM_SECOND;
    node->clock_skew = (int64_t)draw_between(&node->prng, 0, 2 * skew) - (int64_t)skew;
}

static void node_open_engine(struct sim_node *node)
{
    decree_node_id members[SIM_NODES_MAX];
    struct engine_config config;
    int error;

    for (unsigned i = 0; i < node->cluster->node_count; i++)
        members[i] = i + 1;
    config = node_config(node, members);
    error = engine_open(&node->engine, &config);
    assert(error == 0);
    (void)error;
}

static int node_open_journal(struct sim_node *node, struct store_error *ret_error)
{
    char name[8];
    struct disk_journal_options options = {
        .fs = disk_fs(node->disk),
        .directory = "/data",
        .member_name = name,
        .member_id = node->id,
        .segment_bytes = node->cluster->options->segment_bytes,
        .value_bytes_max = (uint32_t)node->cluster->options->value_bytes + SIM_COMMAND_BYTES,
    };

    snprintf(name, sizeof(name), "n%u", node->id);
    return sim_journal_open(&node->journal, &options, engine_journal_sink(node->engine),
                            node_restore, node, ret_error);
}

static void node_on_restart(void *context, uint64_t life, void *memory)
{
    struct sim_node *node = context;

    (void)memory;
    if (life == node->life)
        sim_node_restart(node);
}

/* A disk that fails may let the node in later; one that lost what was synced is what we look for.
 */
static void node_start_failed(struct sim_node *node, const struct store_error *error)
{
    struct sim_cluster *cluster = node->cluster;

    engine_close(node->engine);
    node->engine = NULL;
    registers_release(&node->registers);
    if (error->code != DECREE_IO) {
        verdict_fail(cluster->verdict, "recovery", cluster->world->now_ns,
                     "node %u: %s (%s); expected that a journal can be read after every crash",
                     node->id, error->text, decree_error_name(error->code));
        world_stop(cluster->world);
        return;
    }
    world_at(cluster->world, cluster->world->now_ns + NODE_RESTART_RETRY_NS, node_on_restart, node,
             node->life, NULL);
}

void sim_node_restart(struct sim_node *node)
{
    struct sim_cluster *cluster = node->cluster;
    struct store_error error = {0};

    if (node->state != SIM_NODE_DOWN)
        return;
    if (node->power_lost)
        disk_crash(node->disk);
    else
        disk_restart(node->disk);
    node->power_lost = false;
    node->life++;
    node->turn_at_ns = UINT64_MAX;
    node_set_clock(node);
    node_open_engine(node);
    apply_order_on_boot(&cluster->apply_order, node->id);
    durability_on_boot(&cluster->durability, node->id);
    broadcasts_on_boot(&cluster->broadcasts, node->id);
    engine_set_now(node->engine, node_clock(node));
    if (node_open_journal(node, &error) != 0) {
        node_start_failed(node, &error);
        return;
    }
    sim_trace_mark(cluster->trace, cluster->world->now_ns, node->id, SIM_MARK_UP,
                   "start, log %" PRIu64, engine_applied(node->engine));
    node->state = SIM_NODE_UP;
    node->transport.ops = &sim_transport_ops;
    engine_start(node->engine, &node->journal.port, &node->transport);
    node_ask_turn_soon(node);
}

void sim_node_crash(struct sim_node *node, bool power_lost)
{
    struct sim_cluster *cluster = node->cluster;

    node->power_lost = node->power_lost || power_lost;
    node->life++;
    if (node->state == SIM_NODE_DOWN)
        return;
    sim_trace_mark(cluster->trace, cluster->world->now_ns, node->id, SIM_MARK_DOWN, "%s",
                   power_lost ? "POWER LOST" : "CRASH");
    cluster->crashes++;
    node->state = SIM_NODE_DOWN;
    sim_journal_kill(&node->journal);
    engine_close(node->engine);
    node->engine = NULL;
    registers_release(&node->registers);
    node_drop_packets(node);
    node->sending_count = 0;
}

void sim_node_freeze(struct sim_node *node)
{
    if (node->state != SIM_NODE_UP)
        return;
    sim_trace_mark(node->cluster->trace, node->cluster->world->now_ns, node->id, SIM_MARK_FROZEN,
                   "FREEZE");
    node->state = SIM_NODE_FROZEN;
    node->turn_at_ns = UINT64_MAX;
    sim_journal_freeze(&node->journal);
}

void sim_node_thaw(struct sim_node *node)
{
    struct sim_packet *packet;

    if (node->state != SIM_NODE_FROZEN)
        return;
    sim_trace_mark(node->cluster->trace, node->cluster->world->now_ns, node->id, SIM_MARK_UP,
                   "thaw");
    node->state = SIM_NODE_UP;
    sim_journal_thaw(&node->journal);
    for (packet = node->waiting; packet != NULL; packet = packet->next)
        node_take_in(node, packet->from, packet->bytes, packet->size);
    node_drop_packets(node);
    node_ask_turn_soon(node);
}

void sim_node_init(struct sim_node *node, struct sim_cluster *cluster, unsigned id)
{
    struct sim_journal_owner owner = {
        .context = node, .notify = node_notify, .synced = node_on_synced, .fatal = node_on_fatal};
    int error;

    *node = (struct sim_node){.cluster = cluster, .id = id, .state = SIM_NODE_DOWN};
    node->waiting_end = &node->waiting;
    prng_init(&node->prng, world_seed(cluster->world, "node", id));
    error = disk_new(&node->disk, world_seed(cluster->world, "disk", id));
    assert(error == 0);
    (void)error;
    sim_journal_init(&node->journal, cluster->world, node->disk,
                     world_seed(cluster->world, "journal", id), cluster->options->sync_time,
                     &owner);
}

void sim_node_release(struct sim_node *node)
{
    sim_node_crash(node, false);
    sim_journal_release(&node->journal);
    disk_free(node->disk);
}

int sim_node_propose(struct sim_node *node, struct decree_value *value, decree_done *done,
                     void *argument)
{
    int error;

    if (node->state != SIM_NODE_UP)
        return DECREE_CLOSED;
    engine_set_now(node->engine, node_clock(node));
    error = engine_propose(node->engine, value, done, argument);
    node_ask_turn_soon(node);
    return error;
}

int sim_node_read(struct sim_node *node, decree_done *done, void *argument)
{
    int error;

    if (node->state != SIM_NODE_UP)
        return DECREE_CLOSED;
    engine_set_now(node->engine, node_clock(node));
    error = engine_read(node->engine, done, argument);
    node_ask_turn_soon(node);
    return error;
}

void sim_node_hand_over(struct sim_node *node, unsigned to)
{
    assert(to >= 1 && to <= node->cluster->node_count);
    if (node->state != SIM_NODE_UP)
        return;
    sim_trace_put(node->cluster->trace, node->cluster->world->now_ns, node->id, "asked for n%u",
                  to);
    engine_set_now(node->engine, node_clock(node));
    engine_hand_over(node->engine, to);
    node_ask_turn_soon(node);
}

struct decree_status sim_node_status(const struct sim_node *node)
{
    struct decree_status status = {.leader = 0};

    if (node->state != SIM_NODE_DOWN)
        engine_status(node->engine, &status);
    return status;
}
