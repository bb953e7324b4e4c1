/* SPDX-License-Identifier: MIT */
/* scout.h -- the scout: phase 1 for one ballot (PMMC section 2.3, figure 6a).
 *
 *     own acceptor first: its promise, once durable, is the claim to the ballot
 *     then p1a to all; from prepare_quorum p1b(b, accepted):
 *         pvalues := for each slot the one with the highest ballot
 *         adopted(b, pvalues)
 *
 * An acceptor answers in pages: the first run it has accepted from the slot asked for. The scout
 * asks on past the page until it has seen the highest slot accepted; after its promise an acceptor
 * accepts nothing lower, so the pages fit together. Slots that any answer calls decided need no
 * proposal: they are learned by catch-up, and only slots past the highest such one, base, are kept.
 * An acceptor that has decided less than base has reported everything past it.
 */
#ifndef DECREE_PAXOS_SCOUT_H
#define DECREE_PAXOS_SCOUT_H

#include "outbox.h"

struct scout {
    bool running, claimed, holding; /* holding: pvalues are not all empty */
    struct decree_ballot ballot;
    decree_slot base;                     /* highest slot that is known to be decided */
    decree_slot last;                     /* highest slot accepted by any */
    decree_slot next[DECREE_MEMBERS_MAX]; /* to ask each member for */
    uint32_t promised;                    /* members whose answers are complete, as bits */
    uint64_t moved_ns;                    /* when it began, or an answer last brought something */
    struct decree_pvalue *pvalues;        /* by slot, a ring over (base, base + window] */
    uint32_t window;                      /* a power of two */
};

void scout_start(struct scout *scout, struct decree_ballot ballot, decree_slot decided,
                 struct outbox *outbox);
void scout_stop(struct scout *scout, struct outbox *outbox);

/* Drops the pvalues found: they have been proposed, or the ballot was given up. */
void scout_forget(struct scout *scout);

/* Returns true when the ballot is adopted by this answer. */
bool scout_on_p1b(struct scout *scout, const struct decree_message *message, struct outbox *outbox);
void scout_on_timer(struct scout *scout, struct outbox *outbox);

/* After adoption: what must be proposed for a slot past base, NULL for a no-op. */
const struct decree_pvalue *scout_pvalue(const struct scout *scout, decree_slot slot);

#endif
