/* SPDX-License-Identifier: MIT */
/* check_total_order.h -- all nodes deliver the same messages in the same order, each life of each node
 * from the first message on. The first node that delivers an nth message fixes it for all.
 */
#ifndef DECREE_SIM_CHECK_TOTAL_ORDER_H
#define DECREE_SIM_CHECK_TOTAL_ORDER_H

#include "message_table.h"
#include "network.h"
#include "verdict.h"

struct total_order {
    struct verdict *verdict;
    struct message_name *order; /* from 0 */
    uint64_t count, capacity;
    uint64_t delivered[SIM_NODES_MAX + 1]; /* by node: how many in this life */
};

void total_order_init(struct total_order *order, struct verdict *verdict);
void total_order_release(struct total_order *order);

void total_order_on_boot(struct total_order *order, unsigned node);
void total_order_on_deliver(struct total_order *order, uint64_t now_ns, unsigned node,
                            const struct message_name *name);

#endif
