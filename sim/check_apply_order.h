/* SPDX-License-Identifier: MIT */
/* check_apply_order.h -- a run of a node hands out slots 1, 2, 3, ... without gaps, each once.
 *
 * What reaches the machine is what was handed out for that slot just before, and no-ops do not
 * reach it.
 */
#ifndef DECREE_SIM_CHECK_APPLY_ORDER_H
#define DECREE_SIM_CHECK_APPLY_ORDER_H

#include <decree/paxos.h>

#include "network.h"
#include "verdict.h"

struct apply_order {
    struct verdict *verdict;
    decree_slot decided[SIM_NODES_MAX + 1]; /* in this run of the node */
    bool to_apply[SIM_NODES_MAX + 1]; /* the last decision is a command that was not applied yet */
};

void apply_order_init(struct apply_order *order, struct verdict *verdict);

/* A run of the node begins. */
void apply_order_on_boot(struct apply_order *order, unsigned node);

void apply_order_on_decision(struct apply_order *order, uint64_t now_ns, unsigned node,
                             decree_slot slot, const struct decree_command *command);

void apply_order_on_apply(struct apply_order *order, uint64_t now_ns, unsigned node,
                          decree_slot slot);

#endif
