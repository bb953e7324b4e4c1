/* SPDX-License-Identifier: MIT */
/* network.h -- the wires between the nodes: one link for each direction of each pair.
 *
 *     network_send(bytes)  --loss, cut, duplicate, queue, delay-->  deliver(bytes)
 *
 * A link carries bytes, not structs: nodes share nothing. It has two lanes, as the transports have
 * two connections. Packets of a lane keep their order, as on a TCP connection, except those that
 * the link reorders. On a link of bounded speed a packet waits for those before it in its lane; what
 * the urgent lane takes of the speed the other one has not. A packet under way when its link is cut
 * is lost.
 */
#ifndef DECREE_SIM_NETWORK_H
#define DECREE_SIM_NETWORK_H

#include "prng.h"
#include "world.h"

#define SIM_NODES_MAX 9u /* ids go from 1 to this */

/* Why a link is cut: several reasons may hold at a time, and each heals by itself. */
enum network_cut_reason { NETWORK_CUT_SCRIPT = 1, NETWORK_CUT_PARTITION = 2, NETWORK_CUT_CLOG = 4 };

struct network_weather { /* what a link does to its packets; chances are per million */
    uint32_t loss, duplicate, reorder, spike;
    uint64_t delay_ns, delay_spread_ns; /* delay to delay + spread */
    uint64_t spike_ns;                  /* up to that much more, when there is a spike */
    uint32_t size_max;                  /* larger packets are lost; 0: no limit */
    uint64_t bandwidth;                 /* bytes per second; 0: no limit */
};

struct network_lane {
    uint64_t last_arrival_ns;
    uint64_t free_ns; /* when all that waits will have left */
};

struct network_link {
    struct network_weather weather;
    unsigned cut;                 /* of enum network_cut_reason */
    struct network_lane lanes[2]; /* the second is for what is urgent */
};

typedef void network_deliver(void *context, unsigned from, unsigned to, const uint8_t *bytes,
                             size_t size);

struct network {
    struct world *world;
    struct prng prng;
    unsigned node_count;
    struct network_link links[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];
    network_deliver *deliver;
    void *context;
    uint64_t sent, lost, delivered; /* sent is also the number of the last packet */
    /* Looks on, if not NULL: packet number has arrived, or is lost; twice for one that is copied. */
    void (*watch)(void *context, uint64_t now_ns, uint64_t number, bool arrived);
    void *watch_context;
};

/* world is borrowed. deliver is called when a packet arrives; it borrows the bytes. */
void network_init(struct network *network, struct world *world, unsigned node_count,
                  network_deliver *deliver, void *context);

/* The same weather on every link. */
void network_set_weather(struct network *network, const struct network_weather *weather);

void network_send(struct network *network, unsigned from, unsigned to, bool urgent,
                  const uint8_t *bytes, size_t size);

/* How much waits for a link that is too slow for it, in bytes. */
uint64_t network_waiting(const struct network *network, unsigned from, unsigned to);

/* Cuts or mends one direction, for one reason. */
void network_cut(struct network *network, unsigned from, unsigned to,
                 enum network_cut_reason reason);
void network_mend(struct network *network, unsigned from, unsigned to,
                  enum network_cut_reason reason);

/* Both directions. */
void network_cut_both(struct network *network, unsigned a, unsigned b,
                      enum network_cut_reason reason);
void network_mend_both(struct network *network, unsigned a, unsigned b,
                       enum network_cut_reason reason);

/* Ends every cut that has this reason. */
void network_mend_all(struct network *network, enum network_cut_reason reason);

bool network_is_cut(const struct network *network, unsigned from, unsigned to);

#endif
