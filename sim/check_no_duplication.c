/* SPDX-License-Identifier: MIT */
/* check_no_duplication.c -- in which life a node delivered a message last. */
#include "check_no_duplication.h"

#include <assert.h>
#include <inttypes.h>

void no_duplication_init(struct no_duplication *check, struct verdict *verdict)
{
    assert(verdict != NULL);
    *check = (struct no_duplication){.verdict = verdict};
    message_table_init(&check->delivered);
}

void no_duplication_release(struct no_duplication *check)
{
    message_table_release(&check->delivered);
}

void no_duplication_on_boot(struct no_duplication *check, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    check->lives[node]++;
}

void no_duplication_on_deliver(struct no_duplication *check, uint64_t now_ns, unsigned node,
                               const struct message_name *name)
{
    uint64_t *life = message_table_at(&check->delivered, node, name);

    assert(node >= 1 && node <= SIM_NODES_MAX);
    if (*life == check->lives[node])
        verdict_fail(check->verdict, "no_duplication", now_ns,
                     "node %u: delivers <%" PRIu64 ",%" PRIu64 ",%" PRIu64
                     "> again; expected it once",
                     node, name->origin, name->incarnation, name->sequence);
    *life = check->lives[node];
}
