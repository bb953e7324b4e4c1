/* SPDX-License-Identifier: MIT */
/* check_no_duplication.h -- no life of a node delivers a message twice. */
#ifndef DECREE_SIM_CHECK_NO_DUPLICATION_H
#define DECREE_SIM_CHECK_NO_DUPLICATION_H

#include "message_table.h"
#include "network.h"
#include "verdict.h"

struct no_duplication {
    struct verdict *verdict;
    struct message_table delivered;    /* by node: the life in which it was */
    uint64_t lives[SIM_NODES_MAX + 1]; /* by node */
};

void no_duplication_init(struct no_duplication *check, struct verdict *verdict);
void no_duplication_release(struct no_duplication *check);

void no_duplication_on_boot(struct no_duplication *check, unsigned node);
void no_duplication_on_deliver(struct no_duplication *check, uint64_t now_ns, unsigned node,
                               const struct message_name *name);

#endif
