/* SPDX-License-Identifier: MIT */
/* check_agreement.c -- one table by slot of what was seen first. */
#include "check_agreement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"

struct agreement_slot {
    bool known;
    unsigned node; /* who handed it out first */
    decree_node_id origin;
    uint64_t incarnation, sequence, sum;
};

void agreement_init(struct agreement *agreement, struct verdict *verdict)
{
    assert(verdict != NULL);
    *agreement = (struct agreement){.verdict = verdict};
}

void agreement_release(struct agreement *agreement)
{
    free(agreement->slots);
    *agreement = (struct agreement){0};
}

static struct agreement_slot *agreement_at(struct agreement *agreement, decree_slot slot)
{
    while (slot >= agreement->capacity) {
        uint64_t capacity = agreement->capacity == 0 ? 1024 : 2 * agreement->capacity;

        agreement->slots = realloc(agreement->slots, capacity * sizeof(*agreement->slots));
        assert(agreement->slots != NULL);
        memset(agreement->slots + agreement->capacity, 0,
               (capacity - agreement->capacity) * sizeof(*agreement->slots));
        agreement->capacity = capacity;
    }
    return &agreement->slots[slot];
}

static struct agreement_slot slot_of(unsigned node, const struct decree_command *command)
{
    struct agreement_slot slot = {.known = true, .node = node, .origin = command->origin};

    slot.incarnation = command->incarnation;
    slot.sequence = command->sequence;
    if (command->value != NULL)
        slot.sum = checksum(command->value->data, command->value->size, 1);
    return slot;
}

static bool slot_same(const struct agreement_slot *a, const struct agreement_slot *b)
{
    return a->origin == b->origin && a->incarnation == b->incarnation &&
           a->sequence == b->sequence && a->sum == b->sum;
}

void agreement_on_decision(struct agreement *agreement, uint64_t now_ns, unsigned node,
                           decree_slot slot, const struct decree_command *command)
{
    struct agreement_slot seen = slot_of(node, command), *first = agreement_at(agreement, slot);

    assert(slot > 0);
    if (slot > agreement->highest)
        agreement->highest = slot;
    if (!first->known) {
        *first = seen;
        return;
    }
    if (!slot_same(first, &seen))
        verdict_fail(agreement->verdict, "agreement", now_ns,
                     "node %u: slot %" PRIu64 " is <%u,%" PRIu64 ",%" PRIu64
                     ">; expected <%u,%" PRIu64 ",%" PRIu64 ">, as at node %u",
                     node, slot, seen.origin, seen.incarnation, seen.sequence, first->origin,
                     first->incarnation, first->sequence, first->node);
}
