/* SPDX-License-Identifier: MIT */
/* check_exactly_once.h -- no command is in the log twice.
 *
 * Neither by the name that the core gives it, <origin, incarnation, sequence>, nor by the number of
 * the client's operation inside. A slot that is seen again, at another node or after a restart, is
 * no second time.
 */
#ifndef DECREE_SIM_CHECK_EXACTLY_ONCE_H
#define DECREE_SIM_CHECK_EXACTLY_ONCE_H

#include <decree/paxos.h>

#include "verdict.h"

struct exactly_once_entry;

struct exactly_once {
    struct verdict *verdict;
    struct exactly_once_entry *entries; /* open addressing; capacity is a power of two */
    uint64_t count, capacity;
};

void exactly_once_init(struct exactly_once *once, struct verdict *verdict);
void exactly_once_release(struct exactly_once *once);

/* A command, not a no-op, is handed out. operation: the client's number inside it, from 1. */
void exactly_once_on_decision(struct exactly_once *once, uint64_t now_ns, unsigned node,
                              decree_slot slot, const struct decree_command *command,
                              uint64_t operation);

#endif
