/* SPDX-License-Identifier: MIT */
/* check_uniform_agreement.c -- a list of what was delivered anywhere, and a table of who did. */
#include "check_uniform_agreement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define ANYBODY 0u

void uniform_agreement_init(struct uniform_agreement *agreement, struct verdict *verdict)
{
    assert(verdict != NULL);
    *agreement = (struct uniform_agreement){.verdict = verdict};
    message_table_init(&agreement->delivered);
}

void uniform_agreement_release(struct uniform_agreement *agreement)
{
    message_table_release(&agreement->delivered);
    free(agreement->anywhere);
    *agreement = (struct uniform_agreement){.verdict = NULL};
}

void uniform_agreement_on_boot(struct uniform_agreement *agreement, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    agreement->lives[node]++;
}

static void append(struct uniform_agreement *agreement, const struct message_name *name)
{
    if (agreement->count == agreement->capacity) {
        agreement->capacity = agreement->capacity == 0 ? 256 : 2 * agreement->capacity;
        agreement->anywhere = realloc(agreement->anywhere,
                                      agreement->capacity * sizeof(*agreement->anywhere));
        assert(agreement->anywhere != NULL);
    }
    agreement->anywhere[agreement->count++] = *name;
}

void uniform_agreement_on_deliver(struct uniform_agreement *agreement, unsigned node,
                                  const struct message_name *name)
{
    uint64_t *anybody = message_table_at(&agreement->delivered, ANYBODY, name);

    assert(node >= 1 && node <= SIM_NODES_MAX);
    if (*anybody == 0)
        append(agreement, name);
    *anybody = 1;
    *message_table_at(&agreement->delivered, node, name) = agreement->lives[node];
}

void uniform_agreement_finish(struct uniform_agreement *agreement, uint64_t now_ns, unsigned node)
{
    for (uint64_t i = 0; i < agreement->count; i++) {
        const struct message_name *name = &agreement->anywhere[i];

        if (*message_table_at(&agreement->delivered, node, name) == agreement->lives[node])
            continue;
        verdict_fail(agreement->verdict, "uniform_agreement", now_ns,
                     "node %u: has not delivered <%" PRIu64 ",%" PRIu64 ",%" PRIu64
                     ">; expected that it does what some node did",
                     node, name->origin, name->incarnation, name->sequence);
        return;
    }
}
