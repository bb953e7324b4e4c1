/* SPDX-License-Identifier: MIT */
/* check_no_creation.c -- a sum for each message that was broadcast. */
#include "check_no_creation.h"

#include <assert.h>
#include <inttypes.h>

#include "checksum.h"

#define EVERYBODY 0u

void no_creation_init(struct no_creation *check, struct verdict *verdict)
{
    assert(verdict != NULL);
    *check = (struct no_creation){.verdict = verdict};
    message_table_init(&check->broadcast);
}

void no_creation_release(struct no_creation *check)
{
    message_table_release(&check->broadcast);
}

static uint64_t sum_of(const uint8_t *bytes, uint32_t size)
{
    return checksum(bytes, size, 2) | 1;
}

void no_creation_on_broadcast(struct no_creation *check, uint64_t now_ns,
                              const struct message_name *name, const uint8_t *bytes, uint32_t size)
{
    uint64_t *sum = message_table_at(&check->broadcast, EVERYBODY, name);

    if (*sum != 0)
        verdict_fail(check->verdict, "no_creation", now_ns,
                     "node %" PRIu64 ": broadcasts <%" PRIu64 ",%" PRIu64 ",%" PRIu64
                     "> again; expected a new name for each message",
                     name->origin, name->origin, name->incarnation, name->sequence);
    *sum = sum_of(bytes, size);
}

void no_creation_on_deliver(struct no_creation *check, uint64_t now_ns, unsigned node,
                            const struct message_name *name, const uint8_t *bytes, uint32_t size)
{
    uint64_t sum = *message_table_at(&check->broadcast, EVERYBODY, name);

    if (sum == sum_of(bytes, size))
        return;
    verdict_fail(check->verdict, "no_creation", now_ns,
                 "node %u: delivers <%" PRIu64 ",%" PRIu64 ",%" PRIu64
                 "> %s; expected what node %" PRIu64 " broadcast",
                 node, name->origin, name->incarnation, name->sequence,
                 sum == 0 ? "which nobody broadcast" : "with other bytes", name->origin);
}
