/* SPDX-License-Identifier: MIT */
/* machines.c -- from the first byte to the machine. */
#include "machines.h"

#include <assert.h>

void machines_init(struct machines *machines)
{
    *machines = (struct machines){0};
}

void machines_add(struct machines *machines, uint8_t byte, const struct decree_machine *machine)
{
    assert(machine->apply != NULL);
    assert(machines->by_byte[byte].apply == NULL);
    machines->by_byte[byte] = *machine;
}

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct machines *machines = context;
    const struct decree_machine *machine = size > 0 ? &machines->by_byte[data[0]] : NULL;

    if (machine == NULL || machine->apply == NULL) {
        machines->unknown++;
        return NULL;
    }
    return machine->apply(machine->context, slot, data, size);
}

struct decree_machine machines_all(struct machines *machines)
{
    return (struct decree_machine){.context = machines, .apply = apply};
}
