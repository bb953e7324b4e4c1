/* SPDX-License-Identifier: MIT */
/* invariants.h -- what must hold at any time, as functions: the invariants of PMMC, by its names,
 * in our words.
 *
 *   one acceptor     A1 its promise only grows; A2 what it accepts is of its promised ballot; A3 what it accepted stays,
 *                    until a higher ballot replaces it or the slot is decided
 *   any two          A4 in one ballot a slot is accepted with one command only
 *   a quorum         A5 what a vote quorum accepted in a ballot is what any higher ballot accepts for that slot
 *   commanders       C1 one command for each ballot and slot; C2 is A5, said of what is proposed
 *   leaders          L1 an active leader's own acceptor has promised its ballot and accepted what it has proposed
 *   replicas         R1 one command for each slot; R2, R3 what was handed out is decided, in order, without gaps;
 *                    R4 decided and delivered only grow; R5 nothing is proposed a window or more past delivered
 *
 * Each function returns NULL if all is well, or a static sentence that says what is not. They look
 * and change nothing, so a simulator may ask after each event. C1 is not to be seen in states, only
 * in messages.
 */
#ifndef DECREE_PAXOS_INVARIANTS_H
#define DECREE_PAXOS_INVARIANTS_H

#include "core.h"

struct invariants_past { /* what must not shrink, of one run of a core */
    struct decree_ballot promised;
    decree_slot decided, delivered;
};

/* One core alone: A2, L1, R2, R5. */
const char *invariants_core(const struct decree_paxos *paxos);

/* One core then and now: A1, R4; brings past up to now. */
const char *invariants_growth(const struct decree_paxos *paxos, struct invariants_past *past);

/* All cores of a cluster, NULL for those that are down: A4, A5, R1, and invariants_core() for
 * each. */
const char *invariants_cluster(const struct decree_paxos *const *cores, uint32_t count);

#endif
