/* SPDX-License-Identifier: MIT */
/* check_agreement.h -- a slot holds the same command at every node, in every run of every node.
 *
 * PMMC's invariant R1, seen from outside. The first node that hands out a slot fixes it for all.
 */
#ifndef DECREE_SIM_CHECK_AGREEMENT_H
#define DECREE_SIM_CHECK_AGREEMENT_H

#include <decree/paxos.h>

#include "verdict.h"

struct agreement_slot;

struct agreement {
    struct verdict *verdict;
    struct agreement_slot *slots; /* by slot; 0 is not used */
    uint64_t capacity;
    decree_slot highest;
};

void agreement_init(struct agreement *agreement, struct verdict *verdict);
void agreement_release(struct agreement *agreement);

/* node hands out what was decided in slot. */
void agreement_on_decision(struct agreement *agreement, uint64_t now_ns, unsigned node,
                           decree_slot slot, const struct decree_command *command);

#endif
