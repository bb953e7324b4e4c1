/* SPDX-License-Identifier: MIT */
/* check_uniform_agreement.h -- what any node ever delivered, even one that died at once, every node has
 * delivered in the end.
 */
#ifndef DECREE_SIM_CHECK_UNIFORM_AGREEMENT_H
#define DECREE_SIM_CHECK_UNIFORM_AGREEMENT_H

#include "message_table.h"
#include "network.h"
#include "verdict.h"

struct uniform_agreement {
    struct verdict *verdict;
    struct message_table delivered; /* by node: the life in which it was; by 0: 1 */
    struct message_name *anywhere;  /* each once */
    uint64_t count, capacity;
    uint64_t lives[SIM_NODES_MAX + 1]; /* by node */
};

void uniform_agreement_init(struct uniform_agreement *agreement, struct verdict *verdict);
void uniform_agreement_release(struct uniform_agreement *agreement);

void uniform_agreement_on_boot(struct uniform_agreement *agreement, unsigned node);
void uniform_agreement_on_deliver(struct uniform_agreement *agreement, unsigned node,
                                  const struct message_name *name);

/* The end of the run: this life of the node must have delivered everything. */
void uniform_agreement_finish(struct uniform_agreement *agreement, uint64_t now_ns, unsigned node);

#endif
