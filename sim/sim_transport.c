/* SPDX-License-Identifier: MIT */
/* sim_transport.c -- the transport port of a node in the simulator: each message becomes the bytes
 * that it has on a real wire, and a packet of the network; and back.
 */
#include "sim_transport.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim_describe.h"

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
        sim_trace_send(cluster->trace, cluster->world->now_ns, node->id, "%s >%s", text, to);
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

static enum sim_svg_kind kind_of(enum decree_message_type type)
{
    switch (type) {
    case DECREE_P1A:
    case DECREE_P1B:
        return SIM_SVG_PHASE_1;
    case DECREE_P2A:
    case DECREE_P2B:
        return SIM_SVG_PHASE_2;
    case DECREE_DECISION:
        return SIM_SVG_DECISION;
    case DECREE_PROPOSE:
        return SIM_SVG_FORWARD;
    case DECREE_CATCH_UP:
    case DECREE_HEARTBEAT:
    case DECREE_HEARTBEAT_ACK:
    case DECREE_READ:
    case DECREE_READ_OK:
    case DECREE_HAND_OVER:
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        break;
    }
    return SIM_SVG_OTHER;
}

/* Just before it is sent. */
static void node_draw_sending(struct sim_node *node, const struct decree_message *message)
{
    struct sim_cluster *cluster = node->cluster;
    struct sim_svg_message drawn = {.number = cluster->network.sent + 1,
                                    .from = message->from,
                                    .to = message->to,
                                    .kind = kind_of(message->type)};

    if (cluster->trace->svg == NULL || message_is_heartbeat(message))
        return;
    sim_describe_message(drawn.text, sizeof(drawn.text), message);
    if (drawn.kind == SIM_SVG_PHASE_2) {
        size_t used = strlen(drawn.text);

        snprintf(drawn.text + used, sizeof(drawn.text) - used, " [%" PRIu64 ".n%u]",
                 message->ballot.round, message->ballot.node);
    }
    sim_svg_sent(cluster->trace->svg, cluster->world->now_ns, &drawn);
}

static void transport_send(struct transport *transport, const struct peer_message *message)
{
    struct sim_node *node = node_of_transport(transport);
    struct sim_cluster *cluster = node->cluster;
    decree_node_id to = peer_message_to(message);

    assert(peer_message_from(message) == node->id);
    assert(to >= 1 && to <= cluster->node_count);
    if (peer_message_is_again(message) && network_waiting(&cluster->network, node->id, to) > 0)
        return;
    if (message->protocol == PEER_PAXOS)
        node_note_sending(node, message->u.paxos);
    if (sim_wire_write(&cluster->wire, message) != 0) {
        verdict_fail(cluster->verdict, "codec", cluster->world->now_ns,
                     "node %u: cannot encode a message of %s", node->id,
                     peer_protocol_name(message->protocol));
        world_stop(cluster->world);
        return;
    }
    if (message->protocol == PEER_PAXOS)
        node_draw_sending(node, message->u.paxos);
    network_send(&cluster->network, node->id, to, peer_message_is_urgent(message),
                 cluster->wire.bytes.data, cluster->wire.bytes.size);
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

const struct transport_ops sim_transport_ops = {
    .send = transport_send, .flush = transport_flush, .close = transport_close};

bool sim_transport_receive(struct sim_node *node, unsigned from, const uint8_t *bytes, size_t size)
{
    struct sim_cluster *cluster = node->cluster;
    const struct transport_sink *sink = engine_transport_sink(node->engine);
    struct peer_message message;
    struct peer_letter letter;
    int error = sim_wire_read(&cluster->wire, from, node->id, bytes, size, &letter);

    if (error != 0) {
        verdict_fail(cluster->verdict, "codec", cluster->world->now_ns,
                     "node %u: a message from node %u does not decode: %s; expected what was sent",
                     node->id, from, decree_error_name(error));
        world_stop(cluster->world);
        return false;
    }
    message = peer_letter_message(&letter);
    sink->message(sink->context, &message);
    sim_wire_drop(&cluster->wire, &letter);
    return true;
}
