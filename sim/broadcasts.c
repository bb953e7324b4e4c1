/* SPDX-License-Identifier: MIT */
/* broadcasts.c -- a burst now and then; see broadcasts.h. */
#include "broadcasts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "draw.h"
#include "sim_cluster.h"

#define BROADCASTS_MAX 600u /* of a run: keeps it short */
#define BURST_MAX 6u
#define FIRST_NUMBER (UINT64_C(1) << 40) /* past all operations of clients */

void broadcasts_init(struct broadcasts *broadcasts, struct sim_cluster *cluster)
{
    struct verdict *verdict = cluster->verdict;

    memset(broadcasts, 0, sizeof(*broadcasts));
    broadcasts->cluster = cluster;
    prng_init(&broadcasts->prng, world_seed(cluster->world, "broadcasts", 0));
    for (unsigned node = 0; node <= SIM_NODES_MAX; node++)
        holdback_init(&broadcasts->holdbacks[node]);
    total_order_init(&broadcasts->total_order, verdict);
    no_duplication_init(&broadcasts->no_duplication, verdict);
    no_creation_init(&broadcasts->no_creation, verdict);
    fifo_init(&broadcasts->fifo, verdict);
    uniform_agreement_init(&broadcasts->uniform_agreement, verdict);
}

void broadcasts_release(struct broadcasts *broadcasts)
{
    for (unsigned node = 0; node <= SIM_NODES_MAX; node++)
        holdback_release(&broadcasts->holdbacks[node]);
    total_order_release(&broadcasts->total_order);
    no_duplication_release(&broadcasts->no_duplication);
    no_creation_release(&broadcasts->no_creation);
    uniform_agreement_release(&broadcasts->uniform_agreement);
}

static struct message_name name_of(const struct envelope *message)
{
    return (struct message_name){message->origin, message->incarnation, message->sequence};
}

/* --- broadcasting --- */

static void on_decided(void *argument, int error, decree_slot slot, void *result)
{
    assert(error != 0 || slot > 0);
    assert(result == NULL);
    (void)argument;
}

/* number u64 | padding, each byte of it the low one of the number */
static uint32_t write_message(struct broadcasts *broadcasts, uint8_t *data, uint32_t padding)
{
    struct writer writer;

    writer_init(&writer, data, 8);
    write_u64(&writer, FIRST_NUMBER + broadcasts->numbers);
    memset(data + 8, (int)(broadcasts->numbers & 0xff), padding);
    return 8 + padding;
}

static int propose(struct broadcasts *broadcasts, struct sim_node *node, const uint8_t *command,
                   uint32_t size)
{
    struct decree_value *value = decree_value_copy(command, size);
    int error;

    assert(value != NULL);
    error = sim_node_propose(node, value, on_decided, broadcasts);
    decree_value_unref(value);
    return error;
}

/* False: the node takes no more now. */
static bool broadcast_one(struct broadcasts *broadcasts, struct sim_node *node)
{
    struct sender *sender = &broadcasts->senders[node->id];
    uint32_t padding = (uint32_t)draw_between(&broadcasts->prng, 0,
                                              broadcasts->cluster->options->value_bytes);
    uint8_t *command = malloc(BROADCASTS_BYTES + (size_t)padding);
    struct envelope message = {0};
    struct message_name name;
    bool taken;
    uint32_t head;

    assert(command != NULL);
    taken = sender_name(sender, 8 + padding, &message) == 0;
    if (taken) {
        broadcasts->numbers++;
        head = envelope_write(&message, command);
        message.size = write_message(broadcasts, command + head, padding);
        taken = propose(broadcasts, node, command, head + message.size) == 0;
        if (taken) {
            name = name_of(&message);
            sender_sent(sender, message.size);
            no_creation_on_broadcast(&broadcasts->no_creation, broadcasts->cluster->world->now_ns,
                                     &name, command + head, message.size);
        }
    }
    free(command);
    return taken;
}

static void node_broadcast(struct broadcasts *broadcasts, struct sim_node *node)
{
    struct sender *sender = &broadcasts->senders[node->id];
    uint64_t count = draw_between(&broadcasts->prng, 1, BURST_MAX);

    if (node->state != SIM_NODE_UP)
        return;
    if (sender->incarnation == 0)
        sender_init(sender, node->id, sim_node_status(node).incarnation);
    while (count > 0 && broadcasts->numbers < BROADCASTS_MAX && broadcast_one(broadcasts, node))
        count--;
}

static void on_time(void *context, uint64_t number, void *memory);

static void ask_for_time(struct broadcasts *broadcasts, unsigned node)
{
    struct world *world = broadcasts->cluster->world;
    uint64_t mean_ns = broadcasts->cluster->options->broadcast;

    world_at(world, world->now_ns + draw_between(&broadcasts->prng, 0, 2 * mean_ns), on_time,
             broadcasts, broadcasts->turn * (SIM_NODES_MAX + 1) + node, NULL);
}

static void on_time(void *context, uint64_t number, void *memory)
{
    struct broadcasts *broadcasts = context;
    unsigned node = (unsigned)(number % (SIM_NODES_MAX + 1));

    (void)memory;
    if (number / (SIM_NODES_MAX + 1) != broadcasts->turn || broadcasts->nodes == 0)
        return;
    node_broadcast(broadcasts, sim_cluster_node(broadcasts->cluster, node));
    ask_for_time(broadcasts, node);
}

void broadcasts_start(struct broadcasts *broadcasts, unsigned nodes)
{
    broadcasts->turn++;
    broadcasts->nodes = nodes;
    if (broadcasts->cluster->options->broadcast == 0)
        return;
    for (unsigned node = 1; node <= broadcasts->cluster->node_count; node++)
        if ((nodes >> node & 1) != 0)
            ask_for_time(broadcasts, node);
}

void broadcasts_stop(struct broadcasts *broadcasts)
{
    broadcasts->nodes = 0;
}

/* --- delivering --- */

void broadcasts_on_boot(struct broadcasts *broadcasts, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    holdback_release(&broadcasts->holdbacks[node]);
    broadcasts->senders[node] = (struct sender){.incarnation = 0};
    total_order_on_boot(&broadcasts->total_order, node);
    no_duplication_on_boot(&broadcasts->no_duplication, node);
    fifo_on_boot(&broadcasts->fifo, node);
    uniform_agreement_on_boot(&broadcasts->uniform_agreement, node);
}

bool broadcasts_owns(const uint8_t *data, uint32_t size)
{
    return size > 0 && data[0] == ENVELOPE_MACHINE;
}

uint64_t broadcasts_number(const uint8_t *data, uint32_t size)
{
    struct envelope message;
    struct reader reader;
    uint64_t number;

    if (!envelope_read(&message, data, size))
        return 0;
    reader_init(&reader, message.message, message.size);
    number = read_u64(&reader);
    while (!reader.failed && reader_left(&reader) > 0)
        if (read_u8(&reader) != (uint8_t)number)
            return 0;
    return reader.failed || number <= FIRST_NUMBER ? 0 : number;
}

static void on_deliver(struct broadcasts *broadcasts, unsigned node, const struct envelope *message)
{
    struct sim_cluster *cluster = broadcasts->cluster;
    uint64_t now_ns = cluster->world->now_ns;
    struct message_name name = name_of(message);

    no_duplication_on_deliver(&broadcasts->no_duplication, now_ns, node, &name);
    no_creation_on_deliver(&broadcasts->no_creation, now_ns, node, &name, message->message,
                           message->size);
    fifo_on_deliver(&broadcasts->fifo, now_ns, node, &name);
    total_order_on_deliver(&broadcasts->total_order, now_ns, node, &name);
    uniform_agreement_on_deliver(&broadcasts->uniform_agreement, node, &name);
    (void)sender_delivered(&broadcasts->senders[node], message);
    sim_trace_put(cluster->trace, now_ns, node, "deliver n%u #%" PRIu64, message->origin,
                  message->sequence);
    world_note(cluster->world, message->sequence * 37 + message->origin);
}

void broadcasts_apply(struct broadcasts *broadcasts, unsigned node, const uint8_t *data,
                      uint32_t size)
{
    struct holdback *holdback = &broadcasts->holdbacks[node];
    struct envelope message;
    bool any = false;

    assert(node >= 1 && node <= SIM_NODES_MAX);
    holdback_take_in(holdback, data, size);
    while (holdback_next(holdback, &message)) {
        on_deliver(broadcasts, node, &message);
        any = true;
    }
    broadcasts->held += !any;
}

void broadcasts_check_validity(struct broadcasts *broadcasts, unsigned nodes)
{
    struct sim_cluster *cluster = broadcasts->cluster;

    for (unsigned node = 1; node <= cluster->node_count && !cluster->verdict->failed; node++) {
        const struct sender *sender = &broadcasts->senders[node];

        if ((nodes >> node & 1) != 0 && sender->first != sender->next)
            verdict_fail(cluster->verdict, "validity", cluster->world->now_ns,
                         "node %u: has not delivered its message %" PRIu64 " of %" PRIu64
                         "; expected that it delivers all that it broadcasts",
                         node, sender->first, sender->next - 1);
    }
}

void broadcasts_finish(struct broadcasts *broadcasts)
{
    struct sim_cluster *cluster = broadcasts->cluster;

    for (unsigned node = 1; node <= cluster->node_count && !cluster->verdict->failed; node++)
        uniform_agreement_finish(&broadcasts->uniform_agreement, cluster->world->now_ns, node);
}
