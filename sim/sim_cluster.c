/* SPDX-License-Identifier: MIT */
/* sim_cluster.c -- a node's life: start, turns, packets in and out, freeze, crash. */
#include "sim_cluster.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "sim_describe.h"

#define NODE_TURN_SPREAD_NS \
    (20 * SIM_MICROSECOND) /* from an input to the turn that deals with it */
#define NODE_RESTART_RETRY_NS (50 * SIM_MILLISECOND)
#define NODE_FRAME_BYTES_MAX (8u << 20)

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
    uint64_t rate =
        (uint64_t)(1000000 +
                   node->clock_skew); /* node's nanoseconds in a millisecond of the world */

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

/* --- messages out --- */

static struct sim_node *node_of_transport(struct transport *transport)
{
    return (struct sim_node *)(void *)((char *)transport - offsetof(struct sim_node, transport));
}

static bool message_is_heartbeat(const struct decree_message *message)
{
    return message->type == DECREE_HEARTBEAT || message->type == DECREE_HEARTBEAT_ACK;
}

static void node_trace_sendings(struct sim_node *node)
{
    struct sim_cluster *cluster = node->cluster;
    char text[SIM_TRACE_CELL_MAX], to[16];

    for (unsigned i = 0; i < node->sending_count; i++) {
        sim_describe_message(text, sizeof(text), &node->sendings[i].message);
        sim_describe_set(to, sizeof(to), node->sendings[i].to,
                         sim_cluster_everyone(cluster) & ~(1u << node->id));
        sim_trace_put(cluster->trace, cluster->world->now_ns, node->id, "%s >%s", text, to);
    }
    node->sending_count = 0;
}

static void node_note_sending(struct sim_node *node, const struct decree_message *message)
{
    const struct sim_trace *trace = node->cluster->trace;

    if (trace->detail == SIM_TRACE_NOTHING ||
        (trace->detail == SIM_TRACE_EVENTS && message_is_heartbeat(message)))
        return;
    for (unsigned i = 0; i < node->sending_count; i++) {
        if (sim_describe_alike(&node->sendings[i].message, message)) {
            node->sendings[i].to |= 1u << message->to;
            return;
        }
    }
    if (node->sending_count == SIM_SENDINGS_MAX)
        node_trace_sendings(node);
    node->sendings[node->sending_count] = (struct sim_sending){.message = *message,
                                                               .to = 1u << message->to};
    node->sendings[node->sending_count++].message.pvalues = NULL;
}

static void transport_send(struct transport *transport, const struct decree_message *message)
{
    struct sim_node *node = node_of_transport(transport);
    struct sim_cluster *cluster = node->cluster;
    struct frame *frame;
    uint8_t *bytes;

    assert(message->from == node->id);
    assert(message->to >= 1 && message->to <= cluster->node_count);
    node_note_sending(node, message);
    if (encoder_encode(&cluster->encoder, message, &frame) != 0) {
        verdict_fail(cluster->verdict, "codec", cluster->world->now_ns,
                     "node %u: cannot encode a %s", node->id, decree_message_name(message->type));
        world_stop(cluster->world);
        return;
    }
    bytes = malloc(frame->size);
    assert(bytes != NULL);
    frame_copy(frame, bytes);
    network_send(&cluster->network, node->id, message->to, bytes, frame->size);
    free(bytes);
    frame_free(frame);
}

static void transport_flush(struct transport *transport)
{
    node_trace_sendings(node_of_transport(transport));
}

static void transport_close(struct transport *transport, void (*closed)(void *context),
                            void *context)
{
    (void)transport;
    closed(context);
}

static const struct transport_ops transport_ops = {
    .send = transport_send, .flush = transport_flush, .close = transport_close};

/* --- messages in --- */

static void node_take_in(struct sim_node *node, unsigned from, const uint8_t *bytes, size_t size)
{
    struct sim_cluster *cluster = node->cluster;
    struct frame_header header;
    struct decree_message message;
    struct chunk *chunk = chunk_new(size);
    int error;

    assert(chunk != NULL);
    memcpy(chunk->data, bytes, size);
    error = frame_header_read(&header, chunk->data, NODE_FRAME_BYTES_MAX);
    if (error == 0 && (header.payload_size != size - FRAME_HEADER_BYTES ||
                       !frame_is_sound(&header, chunk->data + FRAME_HEADER_BYTES)))
        error = DECREE_CORRUPT;
    if (error == 0)
        error = decoder_decode(&cluster->decoder, &header, chunk->data + FRAME_HEADER_BYTES, chunk,
                               from, node->id, &message);
    if (error == 0) {
        engine_set_now(node->engine, node_clock(node));
        engine_on_message(node->engine, &message);
        decoder_drop(&cluster->decoder, &message);
        node_ask_turn_soon(node);
    } else {
        verdict_fail(cluster->verdict, "codec", cluster->world->now_ns,
                     "node %u: a frame from node %u does not decode: %s", node->id, from,
                     decree_error_name(error));
        world_stop(cluster->world);
    }
    chunk_unref(chunk);
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

static void cluster_deliver(void *context, unsigned from, unsigned to, const uint8_t *bytes,
                            size_t size)
{
    struct sim_cluster *cluster = context;
    struct sim_node *node = sim_cluster_node(cluster, to);

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

/* --- what the checkers look at --- */

static void cluster_judge(struct sim_cluster *cluster)
{
    if (cluster->verdict->failed)
        world_stop(cluster->world);
}

static void node_on_decision(void *context, decree_slot slot, const struct decree_command *command)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;
    uint64_t now_ns = cluster->world->now_ns;
    struct registers_command inner = {.operation = 0};

    apply_order_on_decision(&cluster->apply_order, now_ns, node->id, slot, command);
    agreement_on_decision(&cluster->agreement, now_ns, node->id, slot, command);
    if (command->origin != 0) {
        if (command->value == NULL ||
            !registers_decode(&inner, command->value->data, command->value->size))
            verdict_fail(cluster->verdict, "integrity", now_ns,
                         "node %u: slot %" PRIu64 " holds bytes that nobody proposed", node->id,
                         slot);
        exactly_once_on_decision(&cluster->exactly_once, now_ns, node->id, slot, command,
                                 inner.operation);
    }
    durability_on_decision(&cluster->durability, node->id, slot, inner.operation);
    world_note(cluster->world, slot * 31 + inner.operation);
    cluster_judge(cluster);
}

static void *node_apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct sim_node *node = context;
    struct registers_command command;

    apply_order_on_apply(&node->cluster->apply_order, node->cluster->world->now_ns, node->id, slot);
    cluster_judge(node->cluster);
    if (!registers_decode(&command, data, size))
        return NULL;
    return registers_apply(&node->registers, &command);
}

static void node_on_trouble(void *context, int system_errno, const char *what)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;

    (void)what;
    sim_trace_put(cluster->trace, cluster->world->now_ns, node->id, "%s",
                  system_errno == 0        ? "disk works"
                  : system_errno == ENOSPC ? "DISK FULL"
                                           : "WRITE FAILS");
}

static void node_on_trace(void *context, const struct decree_trace *trace)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;
    char text[SIM_TRACE_CELL_MAX];

    if (trace->type == DECREE_TRACE_ADOPTED) {
        ballots_on_adopted(&cluster->ballots, cluster->world->now_ns, node->id, trace->ballot);
        cluster_judge(cluster);
    }
    if (cluster->on_trace != NULL)
        cluster->on_trace(cluster->on_trace_context, node, trace);
    if (cluster->trace->detail == SIM_TRACE_NOTHING)
        return;
    sim_describe_trace(text, sizeof(text), trace);
    sim_trace_put(cluster->trace, cluster->world->now_ns, node->id, "%s", text);
}

/* --- life and death --- */

static void node_notify(void *context)
{
    node_ask_turn_soon(context);
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
                 .value_bytes_max = (uint32_t)options->value_bytes + REGISTERS_COMMAND_BYTES,
                 .proposal_bytes_max = options->proposal_bytes_max,
                 .log_bytes_max = options->log_bytes_max,
                 .heartbeat_every_ns = options->heartbeat,
                 .suspect_after_ns = options->election,
                 .seed = world_seed(node->cluster->world, "core", node->id * 100000 + node->life),
                 .trace = node_on_trace,
                 .context = node},
        .machine = {.context = node, .apply = node_apply},
        .hooks = {.context = node, .on_decision = node_on_decision, .on_trouble = node_on_trouble},
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
        .value_bytes_max = (uint32_t)node->cluster->options->value_bytes + REGISTERS_COMMAND_BYTES,
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
    engine_set_now(node->engine, node_clock(node));
    if (node_open_journal(node, &error) != 0) {
        node_start_failed(node, &error);
        return;
    }
    sim_trace_put(cluster->trace, cluster->world->now_ns, node->id, "start, log %" PRIu64,
                  engine_applied(node->engine));
    node->state = SIM_NODE_UP;
    node->transport.ops = &transport_ops;
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
    sim_trace_put(cluster->trace, cluster->world->now_ns, node->id,
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
    sim_trace_put(node->cluster->trace, node->cluster->world->now_ns, node->id, "FREEZE");
    node->state = SIM_NODE_FROZEN;
    node->turn_at_ns = UINT64_MAX;
    sim_journal_freeze(&node->journal);
}

void sim_node_thaw(struct sim_node *node)
{
    struct sim_packet *packet;

    if (node->state != SIM_NODE_FROZEN)
        return;
    sim_trace_put(node->cluster->trace, node->cluster->world->now_ns, node->id, "thaw");
    node->state = SIM_NODE_UP;
    sim_journal_thaw(&node->journal);
    for (packet = node->waiting; packet != NULL; packet = packet->next)
        node_take_in(node, packet->from, packet->bytes, packet->size);
    node_drop_packets(node);
    node_ask_turn_soon(node);
}

/* --- the whole --- */

static void node_init(struct sim_cluster *cluster, unsigned id)
{
    struct sim_node *node = &cluster->nodes[id];
    struct sim_journal_owner owner = {
        .context = node, .notify = node_notify, .fatal = node_on_fatal};
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
    encoder_init(&cluster->encoder, NODE_FRAME_BYTES_MAX);
    decoder_init(&cluster->decoder);
    agreement_init(&cluster->agreement, verdict);
    apply_order_init(&cluster->apply_order, verdict);
    exactly_once_init(&cluster->exactly_once, verdict);
    durability_init(&cluster->durability, verdict);
    ballots_init(&cluster->ballots, verdict);
    for (unsigned id = 1; id <= cluster->node_count; id++)
        node_init(cluster, id);
    for (unsigned id = 1; id <= cluster->node_count; id++)
        sim_node_restart(&cluster->nodes[id]);
}

void sim_cluster_release(struct sim_cluster *cluster)
{
    cluster->trace->detail = SIM_TRACE_NOTHING; /* the end of the world is no news */
    for (unsigned id = 1; id <= cluster->node_count; id++) {
        sim_node_crash(&cluster->nodes[id], false);
        sim_journal_release(&cluster->nodes[id].journal);
        disk_free(cluster->nodes[id].disk);
    }
    encoder_release(&cluster->encoder);
    decoder_release(&cluster->decoder);
    agreement_release(&cluster->agreement);
    exactly_once_release(&cluster->exactly_once);
    durability_release(&cluster->durability);
}

struct sim_node *sim_cluster_node(struct sim_cluster *cluster, unsigned id)
{
    assert(id >= 1 && id <= cluster->node_count);
    return &cluster->nodes[id];
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

struct decree_status sim_node_status(const struct sim_node *node)
{
    struct decree_status status = {.leader = 0};

    if (node->state != SIM_NODE_DOWN)
        engine_status(node->engine, &status);
    return status;
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
