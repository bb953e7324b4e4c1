/* SPDX-License-Identifier: MIT */
/* check_durability.c -- what was promised and what each node shows, both by slot. */
#include "check_durability.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void durability_init(struct durability *durability, struct verdict *verdict)
{
    assert(verdict != NULL);
    *durability = (struct durability){.verdict = verdict};
}

void durability_release(struct durability *durability)
{
    free(durability->acknowledged);
    for (unsigned node = 0; node <= SIM_NODES_MAX; node++)
        free(durability->found[node]);
    *durability = (struct durability){0};
}

static uint64_t *slots_grow(uint64_t *slots, uint64_t old, uint64_t capacity)
{
    slots = realloc(slots, capacity * sizeof(*slots));
    assert(slots != NULL);
    memset(slots + old, 0, (capacity - old) * sizeof(*slots));
    return slots;
}

static void durability_grow(struct durability *durability, decree_slot slot)
{
    uint64_t old = durability->capacity, capacity = old == 0 ? 1024 : old;

    while (slot >= capacity)
        capacity *= 2;
    if (capacity == old)
        return;
    durability->acknowledged = slots_grow(durability->acknowledged, old, capacity);
    for (unsigned node = 0; node <= SIM_NODES_MAX; node++)
        durability->found[node] = slots_grow(durability->found[node], old, capacity);
    durability->capacity = capacity;
}

void durability_on_acknowledged(struct durability *durability, uint64_t now_ns, uint64_t operation,
                                decree_slot slot)
{
    assert(operation > 0);
    durability_grow(durability, slot);
    if (slot == 0 || durability->acknowledged[slot] != 0) {
        verdict_fail(durability->verdict, "durability", now_ns,
                     "operation %" PRIu64 " is acknowledged at slot %" PRIu64
                     "; expected a slot of its own",
                     operation, slot);
        return;
    }
    durability->acknowledged[slot] = operation;
    durability->count++;
    if (slot > durability->highest)
        durability->highest = slot;
}

void durability_on_boot(struct durability *durability, unsigned node)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    if (durability->capacity > 0)
        memset(durability->found[node], 0, durability->capacity * sizeof(uint64_t));
}

void durability_on_decision(struct durability *durability, unsigned node, decree_slot slot,
                            uint64_t operation)
{
    assert(node >= 1 && node <= SIM_NODES_MAX);
    assert(slot > 0);
    durability_grow(durability, slot);
    durability->found[node][slot] = operation;
}

void durability_finish(struct durability *durability, uint64_t now_ns, unsigned node)
{
    for (decree_slot slot = 1; slot <= durability->highest; slot++) {
        uint64_t promised = durability->acknowledged[slot], found = durability->found[node][slot];

        if (promised == 0 || promised == found)
            continue;
        verdict_fail(durability->verdict, "durability", now_ns,
                     "node %u: slot %" PRIu64 " holds operation %" PRIu64
                     "; expected operation %" PRIu64 ", which was acknowledged there",
                     node, slot, found, promised);
        return;
    }
}
