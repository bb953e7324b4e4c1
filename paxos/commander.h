/* SPDX-License-Identifier: MIT */
/* commander.h -- the commanders: phase 2 for a window of slots in one ballot (PMMC section 2.3,
 * figure 6b).
 *
 *        decided       sent                next
 *           |           |                   |
 *     ======+===========+===================+--------
 *           votes come in   proposed, p2a goes out at the next take
 *
 * PMMC has a commander per slot; this one is all of them. What is proposed for a slot is what the
 * leader's own acceptor accepted in its ballot, so it is read from the log. A p2a carries a run of
 * slots, and a p2b votes for a run. A slot is decided when vote_quorum members have voted for it
 * and all before it are decided; votes are bits, so that counting one twice changes nothing.
 *
 * Peers learn what is decided from the next p2a. If none comes soon they are told by a message of
 * its own; the node where a decided command came from, whose client waits, is told at once.
 */
#ifndef DECREE_PAXOS_COMMANDER_H
#define DECREE_PAXOS_COMMANDER_H

#include "log.h"
#include "outbox.h"

struct commander {
    struct decree_ballot ballot;
    decree_slot first;     /* of this ballot: votes for slots below it are not collected */
    decree_slot next;      /* first slot not proposed yet */
    decree_slot sent;      /* p2a has been put for every slot up to it */
    decree_slot announced; /* peers have been told that slots up to it are decided */
    uint32_t askers;     /* members whose own commands were decided since: they are told at once */
    decree_slot overdue; /* proposed before the last retry: p2a may go out again */
    bool retry;          /* ... at the next flush: until then the log may change */
    decree_slot reached; /* how far decided was at the last retry */
    uint32_t patience;   /* how often the time to the next one was doubled, since decided moved */
    uint32_t *votes;     /* by slot, a ring as large as the log */
    struct log *log;
};

void commander_start(struct commander *commander, struct decree_ballot ballot, decree_slot next);

/* A slot was proposed: its own acceptor's vote comes back as a p2b like any other. */
void commander_proposed(struct commander *commander);

/* Counts the votes; returns true when decided has moved. */
bool commander_on_p2b(struct commander *commander, const struct decree_message *message,
                      struct outbox *outbox);

/* Decides the slots that have their votes already, after catch-up has filled the hole below
 * them. */
bool commander_decide(struct commander *commander, const struct outbox *outbox);

/* No p2a has told peers what is decided for a while: the next flush will. */
void commander_on_announce_timer(struct commander *commander, struct outbox *outbox);

/* Puts p2a for what was not sent yet or must be sent again, and the news of decisions. False: no
 * room for all, take again. */
bool commander_flush(struct commander *commander, struct outbox *outbox);

/* Slots that wait since the last retry will be sent again, to the members whose votes are
 * missing. */
void commander_on_timer(struct commander *commander, struct outbox *outbox);

#endif
