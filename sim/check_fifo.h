/* SPDX-License-Identifier: MIT */
/* check_fifo.h -- FIFO per origin: who delivers a message has delivered all that the same life of its
 * origin broadcast before it, and nothing that a later life did.
 */
#ifndef DECREE_SIM_CHECK_FIFO_H
#define DECREE_SIM_CHECK_FIFO_H

#include "message_table.h"
#include "network.h"
#include "verdict.h"

struct fifo {
    struct verdict *verdict;
    struct message_name last[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1]; /* by node and origin */
};

void fifo_init(struct fifo *fifo, struct verdict *verdict);

void fifo_on_boot(struct fifo *fifo, unsigned node);
void fifo_on_deliver(struct fifo *fifo, uint64_t now_ns, unsigned node,
                     const struct message_name *name);

#endif
