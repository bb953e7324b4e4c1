/* SPDX-License-Identifier: MIT */
/* acceptor.h -- the acceptor: the fault-tolerant memory of Paxos (PMMC section 2.2, figure 2).
 *
 *     p1a(b):           if b > promised then promised := b; answer p1b(promised, accepted)
 *     p2a(<b, s, c>):   if b >= promised then promised := b, accepted[s] := <b, c>; answer p2b(promised)
 *
 * Invariants, by the paper's names:
 *   A1  promised only grows.
 *   A2  a pvalue is accepted only if its ballot is the promised one at that time.
 *   A3  accepted pvalues are not taken back; a slot keeps the one with the highest ballot.
 *
 * Answers are held until the records are durable, and speak of no promise that is not: durable is
 * the highest one that an answer was let go under. So when a p1b leaves, durable is at least its
 * ballot. Slots at or below log.decided are settled: they are never changed, and voting for them
 * again is harmless, since any later ballot proposes what was decided.
 */
#ifndef DECREE_PAXOS_ACCEPTOR_H
#define DECREE_PAXOS_ACCEPTOR_H

#include "log.h"
#include "outbox.h"

struct acceptor {
    struct decree_ballot promised;
    struct decree_ballot durable; /* what may be told: promised, or an earlier promise */
    struct log *log;
};

void acceptor_on_p1a(struct acceptor *acceptor, const struct decree_message *message,
                     struct outbox *outbox);
void acceptor_on_p2a(struct acceptor *acceptor, const struct decree_message *message,
                     struct outbox *outbox);

/* The next decided slot, learned from a peer. */
void acceptor_learn(struct acceptor *acceptor, const struct decree_pvalue *pvalue,
                    struct outbox *outbox);

/* The answer is let go: what was promised when it was held is durable. */
void acceptor_on_durable(struct acceptor *acceptor, const struct held *held);

/* Writes the answer for which held has waited; pvalues are borrowed from the log. False: there is
 * nothing to say, for the promise was overtaken by one that is not durable yet. */
bool acceptor_answer(const struct acceptor *acceptor, const struct held *held,
                     const struct outbox *outbox, struct decree_message *ret_message);

/* A journal record, while the node restores. */
int acceptor_restore(struct acceptor *acceptor, const struct decree_record *record);

#endif
