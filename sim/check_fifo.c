/* SPDX-License-Identifier: MIT */
/* check_fifo.c -- the last message of each origin at each node. */
#include "check_fifo.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

void fifo_init(struct fifo *fifo, struct verdict *verdict)
{
    assert(verdict != NULL);
    *fifo = (struct fifo){.verdict = verdict};
}

void fifo_on_boot(struct fifo *fifo, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    memset(fifo->last[node], 0, sizeof(fifo->last[node]));
}

void fifo_on_deliver(struct fifo *fifo, uint64_t now_ns, unsigned node,
                     const struct message_name *name)
{
    struct message_name *last;
    uint64_t next;

    assert(node >= 1 && node <= SIM_NODES_MAX);
    if (name->origin == 0 || name->origin > SIM_NODES_MAX) {
        verdict_fail(fifo->verdict, "fifo", now_ns, "node %u: origin %" PRIu64 "; expected a node",
                     node, name->origin);
        return;
    }
    last = &fifo->last[node][name->origin];
    next = name->incarnation == last->incarnation ? last->sequence + 1 : 1;
    if (name->incarnation < last->incarnation || name->sequence != next)
        verdict_fail(fifo->verdict, "fifo", now_ns,
                     "node %u: delivers <%" PRIu64 ",%" PRIu64 ",%" PRIu64 "> after <%" PRIu64
                     ",%" PRIu64 ",%" PRIu64 ">; expected message %" PRIu64 " of a life, in order",
                     node, name->origin, name->incarnation, name->sequence, name->origin,
                     last->incarnation, last->sequence, next);
    *last = *name;
}
