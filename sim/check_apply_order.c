/* SPDX-License-Identifier: MIT */
/* check_apply_order.c -- one counter per node. */
#include "check_apply_order.h"

#include <assert.h>
#include <inttypes.h>

void apply_order_init(struct apply_order *order, struct verdict *verdict)
{
    assert(verdict != NULL);
    *order = (struct apply_order){.verdict = verdict};
}

void apply_order_on_boot(struct apply_order *order, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    order->decided[node] = 0;
    order->to_apply[node] = false;
}

void apply_order_on_decision(struct apply_order *order, uint64_t now_ns, unsigned node,
                             decree_slot slot, const struct decree_command *command)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    if (order->to_apply[node])
        verdict_fail(order->verdict, "apply_order", now_ns,
                     "node %u: slot %" PRIu64 " is decided; expected slot %" PRIu64
                     " to be applied first",
                     node, slot, order->decided[node]);
    if (slot != order->decided[node] + 1)
        verdict_fail(order->verdict, "apply_order", now_ns,
                     "node %u: slot %" PRIu64 " is handed out; expected slot %" PRIu64, node, slot,
                     order->decided[node] + 1);
    order->decided[node] = slot;
    order->to_apply[node] = command->origin != 0;
}

void apply_order_on_apply(struct apply_order *order, uint64_t now_ns, unsigned node,
                          decree_slot slot)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    if (!order->to_apply[node] || slot != order->decided[node])
        verdict_fail(order->verdict, "apply_order", now_ns,
                     "node %u: slot %" PRIu64 " is applied; expected %s slot %" PRIu64, node, slot,
                     order->to_apply[node] ? "the command of" : "nothing after",
                     order->decided[node]);
    order->to_apply[node] = false;
}
