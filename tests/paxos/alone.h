/* SPDX-License-Identifier: MIT */
/* alone.h -- one core with nobody else, so that a test can drive its roles one by one. */
#ifndef DECREE_TESTS_ALONE_H
#define DECREE_TESTS_ALONE_H

#include "core.h"

#define ALONE_MS UINT64_C(1000000)

/* Member self of 1 to count, started, its boot record durable, at 1 s. limits: 0 takes 16 slots, 64
 * proposals. */
struct decree_paxos *alone_open(decree_node_id self, uint32_t count,
                                const struct decree_config *limits);

/* Empties the outbox, as a take and the next step would. */
void alone_clear(struct decree_paxos *paxos);

/* A ballot, and a pvalue whose command is the digit, proposed by member 1. */
struct decree_ballot alone_ballot(uint64_t round, decree_node_id node);
struct decree_pvalue alone_pvalue(struct decree_ballot ballot, decree_slot slot, uint32_t digit);

/* The last message put for this member, of this type, or NULL. */
const struct decree_message *alone_sent(const struct decree_paxos *paxos, decree_node_id to,
                                        enum decree_message_type type);
uint32_t alone_count(const struct decree_paxos *paxos, enum decree_message_type type);

#endif
