/* SPDX-License-Identifier: MIT */
/* register_node.c -- a node's life: start, turns, packets, freeze, crash. */
#include "register_node.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

/* From an input to the turn that deals with it, at most. */
#define TURN_SPREAD_NS (20 * SIM_MICROSECOND)

struct register_packet {
    struct register_packet *next;
    unsigned from;
    size_t size;
    uint8_t bytes[];
};

static uint64_t now_of(const struct register_node *node)
{
    return node->cluster->world->now_ns;
}

/* --- messages --- */

static enum sim_svg_kind kind_of(enum decree_register_message_type type)
{
    switch (type) {
    case DECREE_REGISTER_PREPARE:
    case DECREE_REGISTER_PROMISE:
        return SIM_SVG_PHASE_1;
    case DECREE_REGISTER_ACCEPT:
    case DECREE_REGISTER_ACCEPTED:
    case DECREE_REGISTER_REFUSED:
        return SIM_SVG_PHASE_2;
    case DECREE_REGISTER_DECIDED:
        return SIM_SVG_DECISION;
    case DECREE_REGISTER_QUERY:
    case DECREE_REGISTER_STATE:
    case DECREE_REGISTER_COMPACT:
    case DECREE_REGISTER_NONE:
    case DECREE_REGISTER_MESSAGE_TYPES:
        break;
    }
    return SIM_SVG_OTHER;
}

/* Just before it is sent. */
static void trace_message(const struct register_node *node,
                          const struct decree_register_message *message)
{
    struct sim_trace *trace = node->cluster->trace;
    struct sim_svg_message drawn = {.number = node->cluster->network.sent + 1,
                                    .from = message->from,
                                    .to = message->to,
                                    .kind = kind_of(message->type)};
    char ballot[48] = "";

    if (!sim_trace_wants(trace))
        return;
    if (message->ballot.round != 0)
        snprintf(ballot, sizeof(ballot), " %" PRIu64 ".%u", message->ballot.round >> 24,
                 message->ballot.node);
    snprintf(drawn.text, sizeof(drawn.text), "%s %.*s/%" PRIu64 "%s",
             decree_register_message_name(message->type), (int)message->key.size,
             (const char *)message->key.data, message->version, ballot);
    sim_trace_send(trace, now_of(node), node->id, "%s >%u", drawn.text, message->to);
    if (trace->svg != NULL)
        sim_svg_sent(trace->svg, now_of(node), &drawn);
}

static void send_message(struct register_node *node, const struct decree_register_message *message)
{
    struct register_cluster *cluster = node->cluster;
    struct peer_message letter = {.protocol = PEER_REGISTER, .u.reg = message};
    int error;

    assert(message->from == node->id);
    trace_message(node, message);
    proposals_on_message(&cluster->proposals, now_of(node), node->life, message);
    if (message->type == DECREE_REGISTER_PROMISE && cluster->faults != NULL)
        cluster->on_promise(cluster->faults, node);
    error = sim_wire_write(&cluster->wire, &letter);
    assert(error == 0);
    (void)error;
    network_send(&cluster->network, node->id, message->to, false, cluster->wire.bytes.data,
                 cluster->wire.bytes.size);
}

static void step(struct register_node *node, struct decree_register_event *event);

static void take_in(struct register_node *node, unsigned from, const uint8_t *bytes, size_t size)
{
    struct register_cluster *cluster = node->cluster;
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_MESSAGE};
    struct peer_letter letter;
    int error = sim_wire_read(&cluster->wire, from, node->id, bytes, size, &letter);

    if (error != 0) {
        verdict_fail(cluster->verdict, "codec", now_of(node),
                     "node %u: a message from node %u does not decode: %s", node->id, from,
                     decree_error_name(error));
        return;
    }
    event.u.message = *peer_letter_message(&letter).u.reg;
    step(node, &event);
    sim_wire_drop(&cluster->wire, &letter);
}

static void keep_packet(struct register_node *node, unsigned from, const uint8_t *bytes,
                        size_t size)
{
    struct register_packet *packet = malloc(sizeof(*packet) + size);

    assert(packet != NULL);
    packet->next = NULL;
    packet->from = from;
    packet->size = size;
    memcpy(packet->bytes, bytes, size);
    *node->waiting_end = packet;
    node->waiting_end = &packet->next;
}

static void drop_packets(struct register_node *node)
{
    while (node->waiting != NULL) {
        struct register_packet *next = node->waiting->next;

        free(node->waiting);
        node->waiting = next;
    }
    node->waiting_end = &node->waiting;
}

static void cluster_deliver(void *context, unsigned from, unsigned to, const uint8_t *bytes,
                            size_t size)
{
    struct register_node *node = register_cluster_node(context, to);

    if (node->state == REGISTER_NODE_FROZEN)
        keep_packet(node, from, bytes, size);
    if (node->state == REGISTER_NODE_UP)
        take_in(node, from, bytes, size);
}

/* --- turns --- */

static void on_turn(void *context, uint64_t life, void *memory);

static void ask_turn(struct register_node *node, uint64_t at_ns)
{
    if (at_ns >= node->turn_at_ns)
        return;
    node->turn_at_ns = at_ns;
    world_at(node->cluster->world, at_ns, on_turn, node, node->life, NULL);
}

static int try_step(struct register_node *node, struct decree_register_event *event)
{
    event->now_ns = now_of(node);
    ask_turn(node, now_of(node) + draw_between(&node->prng, 0, TURN_SPREAD_NS));
    return decree_registers_step(node->registers, event);
}

static void step(struct register_node *node, struct decree_register_event *event)
{
    int error = try_step(node, event);

    assert(error == 0 || error == DECREE_FULL);
    (void)error;
}

static void hand_out(struct register_node *node)
{
    struct register_cluster *cluster = node->cluster;
    struct decree_register_effects effects;

    decree_registers_take(node->registers, &effects);
    register_disk_append(&node->disk, effects.records, effects.record_count, effects.sync_number);
    for (uint32_t i = 0; i < effects.message_count; i++)
        send_message(node, &effects.messages[i]);
    for (uint32_t i = 0; i < effects.answer_count; i++)
        cluster->on_answer(cluster->context, node->id, &effects.answers[i]);
    node->wake_at_ns = effects.wake_at_ns;
}

static void on_turn(void *context, uint64_t life, void *memory)
{
    struct register_node *node = context;
    struct decree_register_event wake = {.type = DECREE_REGISTER_EVENT_WAKE};

    (void)memory;
    if (life != node->life || node->state != REGISTER_NODE_UP || now_of(node) != node->turn_at_ns)
        return;
    if (node->wake_at_ns <= now_of(node))
        step(node, &wake);
    node->turn_at_ns = UINT64_MAX;
    hand_out(node);
    if (node->wake_at_ns != UINT64_MAX)
        ask_turn(node, node->wake_at_ns > now_of(node) ? node->wake_at_ns
                                                       : now_of(node) + SIM_MICROSECOND);
}

static void on_durable(void *context, uint64_t number)
{
    struct register_node *node = context;
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_PERSISTED,
                                          .u.persisted = number};

    if (node->cluster->trace->svg != NULL)
        sim_svg_mark(node->cluster->trace->svg, now_of(node), node->id, SIM_MARK_SYNCED, "");
    if (node->state == REGISTER_NODE_FROZEN)
        node->durable = number;
    if (node->state == REGISTER_NODE_UP)
        step(node, &event);
}

int register_node_request(struct register_node *node, const struct decree_register_request *request)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_REQUEST,
                                          .u.request = *request};

    return node->state == REGISTER_NODE_UP ? try_step(node, &event) : DECREE_CLOSED;
}

/* --- life and death --- */

static void open_registers(struct register_node *node)
{
    struct register_cluster *cluster = node->cluster;
    const struct sim_options *options = cluster->options;
    decree_node_id members[SIM_NODES_MAX];
    struct decree_registers_config config = {
        .self = node->id,
        .members = members,
        .member_count = cluster->node_count,
        .prepare_quorum = (uint32_t)options->prepare_quorum,
        .vote_quorum = (uint32_t)options->vote_quorum,
        .keep_versions = cluster->keep_versions,
        .retry_after_ns = register_cluster_retry_ns(cluster),
        .seed = world_seed(cluster->world, "registers", node->id * 100000 + node->life)};
    int error;

    for (unsigned i = 0; i < cluster->node_count; i++)
        members[i] = i + 1;
    error = decree_registers_open(&node->registers, &config);
    assert(error == 0);
    (void)error;
}

static int restore(struct register_node *node)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_RESTORE};
    int error = 0;

    for (uint64_t i = 0; i < node->disk.count && error == 0; i++) {
        event.u.restore = node->disk.records[i];
        error = try_step(node, &event);
    }
    event.type = DECREE_REGISTER_EVENT_START;
    return error != 0 ? error : try_step(node, &event);
}

void register_node_restart(struct register_node *node)
{
    struct register_cluster *cluster = node->cluster;
    int error;

    if (node->state != REGISTER_NODE_DOWN)
        return;
    node->life++;
    node->turn_at_ns = node->wake_at_ns = UINT64_MAX;
    node->durable = 0;
    node->state = REGISTER_NODE_UP;
    open_registers(node);
    error = restore(node);
    sim_trace_mark(cluster->trace, now_of(node), node->id, SIM_MARK_UP,
                   "start, %" PRIu64 " records", node->disk.count);
    if (error != 0)
        verdict_fail(cluster->verdict, "recovery", now_of(node),
                     "node %u: its records are refused: %s; expected that they can be read after "
                     "every crash",
                     node->id, decree_error_name(error));
}

void register_node_crash(struct register_node *node)
{
    struct register_cluster *cluster = node->cluster;

    node->life++;
    if (node->state == REGISTER_NODE_DOWN)
        return;
    sim_trace_mark(cluster->trace, now_of(node), node->id, SIM_MARK_DOWN, "CRASH");
    cluster->crashes++;
    node->state = REGISTER_NODE_DOWN;
    decree_registers_close(node->registers);
    node->registers = NULL;
    register_disk_crash(&node->disk);
    drop_packets(node);
    if (cluster->on_crash != NULL)
        cluster->on_crash(cluster->context, node->id);
}

void register_node_freeze(struct register_node *node)
{
    if (node->state != REGISTER_NODE_UP)
        return;
    sim_trace_mark(node->cluster->trace, now_of(node), node->id, SIM_MARK_FROZEN, "FREEZE");
    node->state = REGISTER_NODE_FROZEN;
    node->turn_at_ns = UINT64_MAX;
}

void register_node_thaw(struct register_node *node)
{
    uint64_t durable = node->durable;

    if (node->state != REGISTER_NODE_FROZEN)
        return;
    sim_trace_mark(node->cluster->trace, now_of(node), node->id, SIM_MARK_UP, "thaw");
    node->state = REGISTER_NODE_UP;
    node->durable = 0;
    if (durable != 0)
        on_durable(node, durable);
    for (struct register_packet *packet = node->waiting; packet != NULL; packet = packet->next)
        take_in(node, packet->from, packet->bytes, packet->size);
    drop_packets(node);
    ask_turn(node, now_of(node));
}

/* --- the cluster --- */

static void init_node(struct register_cluster *cluster, unsigned id)
{
    struct register_node *node = &cluster->nodes[id];

    *node = (struct register_node){.cluster = cluster, .id = id, .state = REGISTER_NODE_DOWN};
    node->waiting_end = &node->waiting;
    prng_init(&node->prng, world_seed(cluster->world, "node", id));
    register_disk_init(&node->disk, cluster->world, world_seed(cluster->world, "disk", id),
                       cluster->options->sync_time);
    node->disk.context = node;
    node->disk.durable = on_durable;
    register_node_restart(node);
}

void register_cluster_init(struct register_cluster *cluster, struct world *world,
                           const struct sim_options *options, struct verdict *verdict,
                           struct sim_trace *trace)
{
    struct prng prng;

    assert(options->nodes >= 1 && options->nodes <= SIM_NODES_MAX);
    memset(cluster, 0, sizeof(*cluster));
    cluster->world = world;
    cluster->options = options;
    cluster->verdict = verdict;
    cluster->trace = trace;
    cluster->node_count = (unsigned)options->nodes;
    cluster->proposals.verdict = verdict;
    prng_init(&prng, world_seed(world, "keep", 0));
    cluster->keep_versions = prng_below(&prng, 3) == 0 ? draw_between(&prng, 1, 5) : 0;
    network_init(&cluster->network, world, cluster->node_count, cluster_deliver, cluster);
    sim_svg_watch(trace->svg, &cluster->network);
    sim_wire_init(&cluster->wire, options->wire);
    for (unsigned id = 1; id <= cluster->node_count; id++)
        init_node(cluster, id);
}

void register_cluster_release(struct register_cluster *cluster)
{
    sim_trace_stop(cluster->trace);
    cluster->on_crash = NULL;
    for (unsigned id = 1; id <= cluster->node_count; id++) {
        register_node_crash(&cluster->nodes[id]);
        register_disk_release(&cluster->nodes[id].disk);
    }
    sim_wire_release(&cluster->wire);
    proposals_release(&cluster->proposals);
}

struct register_node *register_cluster_node(struct register_cluster *cluster, unsigned id)
{
    assert(id >= 1 && id <= cluster->node_count);
    return &cluster->nodes[id];
}

unsigned register_cluster_everyone(const struct register_cluster *cluster)
{
    return ((1u << cluster->node_count) - 1) << 1;
}

/* Longer than the longest round trip of a network that is well, and a sync. */
uint64_t register_cluster_retry_ns(const struct register_cluster *cluster)
{
    return 2 * cluster->options->heartbeat;
}
