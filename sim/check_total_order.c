/* SPDX-License-Identifier: MIT */
/* check_total_order.c -- one list for all, and how far each node is in it. */
#include "check_total_order.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void total_order_init(struct total_order *order, struct verdict *verdict)
{
    assert(verdict != NULL);
    *order = (struct total_order){.verdict = verdict};
}

void total_order_release(struct total_order *order)
{
    free(order->order);
    *order = (struct total_order){.verdict = NULL};
}

void total_order_on_boot(struct total_order *order, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    order->delivered[node] = 0;
}

static void append(struct total_order *order, const struct message_name *name)
{
    if (order->count == order->capacity) {
        order->capacity = order->capacity == 0 ? 256 : 2 * order->capacity;
        order->order = realloc(order->order, order->capacity * sizeof(*order->order));
        assert(order->order != NULL);
    }
    order->order[order->count++] = *name;
}

void total_order_on_deliver(struct total_order *order, uint64_t now_ns, unsigned node,
                            const struct message_name *name)
{
    uint64_t place;
    const struct message_name *first;

    assert(node >= 1 && node <= SIM_NODES_MAX);
    place = order->delivered[node]++;
    if (place >= order->count) {
        append(order, name);
        return;
    }
    first = &order->order[place];
    if (first->origin != name->origin || first->incarnation != name->incarnation ||
        first->sequence != name->sequence)
        verdict_fail(order->verdict, "total_order", now_ns,
                     "node %u: message %" PRIu64 " that it delivers is <%" PRIu64 ",%" PRIu64
                     ",%" PRIu64 ">; expected <%" PRIu64 ",%" PRIu64 ",%" PRIu64
                     ">, as at another node",
                     node, place + 1, name->origin, name->incarnation, name->sequence,
                     first->origin, first->incarnation, first->sequence);
}
