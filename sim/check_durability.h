/* SPDX-License-Identifier: MIT */
/* check_durability.h -- what was acknowledged is there after everyone has restarted, at its slot,
 * at every node.
 */
#ifndef DECREE_SIM_CHECK_DURABILITY_H
#define DECREE_SIM_CHECK_DURABILITY_H

#include <decree/paxos.h>

#include "network.h"
#include "verdict.h"

struct durability {
    struct verdict *verdict;
    uint64_t *acknowledged; /* by slot: the operation that a client was told of; 0: none */
    uint64_t *found[SIM_NODES_MAX + 1]; /* by slot: the operation that this run of the node holds */
    uint64_t capacity;
    decree_slot highest; /* acknowledged */
    uint64_t count;      /* acknowledged */
};

void durability_init(struct durability *durability, struct verdict *verdict);
void durability_release(struct durability *durability);

/* A client is told that its operation, from 1, was applied at slot. */
void durability_on_acknowledged(struct durability *durability, uint64_t now_ns, uint64_t operation,
                                decree_slot slot);

/* A run of the node begins: it has to show everything again. */
void durability_on_boot(struct durability *durability, unsigned node);

void durability_on_decision(struct durability *durability, unsigned node, decree_slot slot,
                            uint64_t operation);

/* The end of the run: node has to hold everything that was ever acknowledged. */
void durability_finish(struct durability *durability, uint64_t now_ns, unsigned node);

#endif
