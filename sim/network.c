/* SPDX-License-Identifier: MIT */
/* network.c -- each packet is drawn a fate when it is sent, and meets the cuts of its link again on
 * arrival.
 */
#include "network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "draw.h"

#define QUEUE_BYTES_MAX (UINT64_C(16) << 20) /* of a link; what comes then is lost */

struct packet {
    uint64_t number;
    unsigned from, to;
    size_t size;
    uint8_t bytes[];
};

void network_init(struct network *network, struct world *world, unsigned node_count,
                  network_deliver *deliver, void *context)
{
    assert(node_count >= 1);
    assert(node_count <= SIM_NODES_MAX);
    *network = (struct network){
        .world = world, .node_count = node_count, .deliver = deliver, .context = context};
    prng_init(&network->prng, world_seed(world, "network", 0));
}

void network_set_weather(struct network *network, const struct network_weather *weather)
{
    for (unsigned from = 1; from <= network->node_count; from++)
        for (unsigned to = 1; to <= network->node_count; to++)
            network->links[from][to].weather = *weather;
}

static struct network_link *network_link(struct network *network, unsigned from, unsigned to)
{
    assert(from >= 1 && from <= network->node_count);
    assert(to >= 1 && to <= network->node_count);
    return &network->links[from][to];
}

static void network_tell(const struct network *network, uint64_t number, bool arrived)
{
    if (network->watch != NULL)
        network->watch(network->watch_context, network->world->now_ns, number, arrived);
}

static void network_arrive(void *context, uint64_t number, void *memory)
{
    struct network *network = context;
    const struct packet *packet = memory;

    (void)number;
    if (network_is_cut(network, packet->from, packet->to)) {
        network->lost++;
        network_tell(network, packet->number, false);
        return;
    }
    network->delivered++;
    network_tell(network, packet->number, true);
    world_note(network->world,
               checksum(packet->bytes, packet->size, packet->from * 16 + packet->to));
    network->deliver(network->context, packet->from, packet->to, packet->bytes, packet->size);
}

static uint64_t network_takes_ns(const struct network_link *link, uint64_t size)
{
    return link->weather.bandwidth == 0 ? 0 : size * SIM_SECOND / link->weather.bandwidth;
}

/* When the packet has left, behind what waits before it. */
static uint64_t network_leaves_ns(const struct network *network, struct network_link *link,
                                  bool urgent, size_t size)
{
    uint64_t now_ns = network->world->now_ns, takes_ns = network_takes_ns(link, size);

    for (unsigned i = 0; i <= urgent; i++) {
        struct network_lane *lane = &link->lanes[i];

        lane->free_ns = (lane->free_ns > now_ns ? lane->free_ns : now_ns) + takes_ns;
    }
    return link->lanes[urgent].free_ns;
}

static uint64_t network_arrival_ns(struct network *network, struct network_link *link, bool urgent,
                                   size_t size)
{
    const struct network_weather *weather = &link->weather;
    struct network_lane *lane = &link->lanes[urgent];
    uint64_t delay_ns = draw_between(&network->prng, weather->delay_ns,
                                     weather->delay_ns + weather->delay_spread_ns);
    uint64_t arrival_ns;

    if (prng_chance(&network->prng, weather->spike))
        delay_ns += draw_between(&network->prng, 0, weather->spike_ns);
    arrival_ns = network_leaves_ns(network, link, urgent, size) + delay_ns;
    if (prng_chance(&network->prng, weather->reorder))
        return arrival_ns;
    if (arrival_ns < lane->last_arrival_ns)
        arrival_ns = lane->last_arrival_ns;
    lane->last_arrival_ns = arrival_ns;
    return arrival_ns;
}

static void network_launch(struct network *network, unsigned from, unsigned to, bool urgent,
                           const uint8_t *bytes, size_t size)
{
    struct packet *packet = malloc(sizeof(*packet) + size);
    uint64_t arrival_ns = network_arrival_ns(network, network_link(network, from, to), urgent,
                                             size);

    assert(packet != NULL);
    packet->number = network->sent;
    packet->from = from;
    packet->to = to;
    packet->size = size;
    memcpy(packet->bytes, bytes, size);
    world_at(network->world, arrival_ns, network_arrive, network, 0, packet);
}

void network_send(struct network *network, unsigned from, unsigned to, bool urgent,
                  const uint8_t *bytes, size_t size)
{
    const struct network_link *link = network_link(network, from, to);
    const struct network_weather *weather = &link->weather;

    assert(from != to);
    assert(size > 0);
    network->sent++;
    if (link->cut != 0 || prng_chance(&network->prng, weather->loss) ||
        (weather->size_max != 0 && size > weather->size_max) ||
        (!urgent && network_waiting(network, from, to) > QUEUE_BYTES_MAX)) {
        network->lost++;
        network_tell(network, network->sent, false);
        return;
    }
    network_launch(network, from, to, urgent, bytes, size);
    if (prng_chance(&network->prng, weather->duplicate))
        network_launch(network, from, to, urgent, bytes, size);
}

uint64_t network_waiting(const struct network *network, unsigned from, unsigned to)
{
    const struct network_link *link = &network->links[from][to];
    uint64_t free_ns = link->lanes[0].free_ns, now_ns = network->world->now_ns;

    return free_ns > now_ns ? (free_ns - now_ns) / SIM_MICROSECOND * link->weather.bandwidth /
                                  (SIM_SECOND / SIM_MICROSECOND)
                            : 0;
}

void network_cut(struct network *network, unsigned from, unsigned to,
                 enum network_cut_reason reason)
{
    network_link(network, from, to)->cut |= (unsigned)reason;
}

void network_mend(struct network *network, unsigned from, unsigned to,
                  enum network_cut_reason reason)
{
    network_link(network, from, to)->cut &= ~(unsigned)reason;
}

void network_cut_both(struct network *network, unsigned a, unsigned b,
                      enum network_cut_reason reason)
{
    network_cut(network, a, b, reason);
    network_cut(network, b, a, reason);
}

void network_mend_both(struct network *network, unsigned a, unsigned b,
                       enum network_cut_reason reason)
{
    network_mend(network, a, b, reason);
    network_mend(network, b, a, reason);
}

void network_mend_all(struct network *network, enum network_cut_reason reason)
{
    for (unsigned from = 1; from <= network->node_count; from++)
        for (unsigned to = 1; to <= network->node_count; to++)
            network_mend(network, from, to, reason);
}

bool network_is_cut(const struct network *network, unsigned from, unsigned to)
{
    assert(from <= network->node_count);
    assert(to <= network->node_count);
    return network->links[from][to].cut != 0;
}
