/* SPDX-License-Identifier: MIT */
/* check_ballots.h -- a ballot is adopted once, whatever crashes: nobody leads twice under one
 * number.
 */
#ifndef DECREE_SIM_CHECK_BALLOTS_H
#define DECREE_SIM_CHECK_BALLOTS_H

#include <decree/paxos.h>

#include "network.h"
#include "verdict.h"

struct ballots {
    struct verdict *verdict;
    struct decree_ballot highest[SIM_NODES_MAX + 1]; /* adopted by that node */
    uint64_t adopted;                                /* how often in all: changes of leader */
};

void ballots_init(struct ballots *ballots, struct verdict *verdict);

/* Phase 1 of node is done: it leads in ballot. */
void ballots_on_adopted(struct ballots *ballots, uint64_t now_ns, unsigned node,
                        struct decree_ballot ballot);

#endif
