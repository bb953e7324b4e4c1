/* SPDX-License-Identifier: MIT */
/* broadcasts.h -- nodes that broadcast and deliver, on the hold-back that is shipped, and the checkers
 * that look on: one for each property of total order broadcast.
 *
 *     now and then a node broadcasts a few messages --> proposed like any command
 *     decided command of broadcast/ --> hold-back of the node --> delivered: total_order, no_duplication,
 *                                                                  no_creation, fifo, uniform_agreement
 *
 * The sixth, validity, is asked when nothing is open: what a node that stayed up has broadcast, it has
 * delivered. A message is a number of its own and padding.
 */
#ifndef DECREE_SIM_BROADCASTS_H
#define DECREE_SIM_BROADCASTS_H

#include "check_fifo.h"
#include "check_no_creation.h"
#include "check_no_duplication.h"
#include "check_total_order.h"
#include "check_uniform_agreement.h"
#include "holdback.h"
#include "prng.h"
#include "sender.h"

struct sim_cluster;

#define BROADCASTS_BYTES (ENVELOPE_BYTES_MAX + 8u) /* of a command, beside the padding */

struct broadcasts {
    struct sim_cluster *cluster;
    struct prng prng;
    uint64_t turn; /* events of an earlier start are void */
    unsigned nodes;
    uint64_t numbers; /* of messages so far */
    uint64_t held;    /* messages that had to wait at a node */
    struct holdback holdbacks[SIM_NODES_MAX + 1];
    struct sender senders[SIM_NODES_MAX + 1];
    struct total_order total_order;
    struct no_duplication no_duplication;
    struct no_creation no_creation;
    struct fifo fifo;
    struct uniform_agreement uniform_agreement;
};

/* cluster is borrowed. */
void broadcasts_init(struct broadcasts *broadcasts, struct sim_cluster *cluster);
void broadcasts_release(struct broadcasts *broadcasts);

/* The nodes of the set begin to broadcast; again after a stop. */
void broadcasts_start(struct broadcasts *broadcasts, unsigned nodes);
void broadcasts_stop(struct broadcasts *broadcasts);

/* A life of the node begins: it delivers everything again. */
void broadcasts_on_boot(struct broadcasts *broadcasts, unsigned node);

/* True if the bytes are a command of the broadcast machine, whatever is in it. */
bool broadcasts_owns(const uint8_t *data, uint32_t size);

/* The number that no other message and no operation has; 0: these bytes were never broadcast. */
uint64_t broadcasts_number(const uint8_t *data, uint32_t size);

/* The node applies such a command: delivers what has become due. */
void broadcasts_apply(struct broadcasts *broadcasts, unsigned node, const uint8_t *data,
                      uint32_t size);

/* Nothing is open at these nodes: what they broadcast in this life they have delivered. */
void broadcasts_check_validity(struct broadcasts *broadcasts, unsigned nodes);

/* The end of the run: all nodes have delivered everything that was delivered anywhere. */
void broadcasts_finish(struct broadcasts *broadcasts);

#endif
