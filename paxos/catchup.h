/* SPDX-License-Identifier: MIT */
/* catchup.h -- decided slots that this node has missed, from any peer.
 *
 * Every message says how far its sender has decided. A node that knows less and does not get there
 * by votes within a moment asks a peer that knows more for the run that it lacks, then for the next
 * one as soon as a run has come, and another peer when none comes. A peer answers from memory, or
 * has its host read the slots back from the journal.
 *
 * Heartbeats go past what is large, so that somebody knows more may mean that it is still on its
 * way. So a moment is twice the time that decided takes to move by itself; it is doubled when a
 * question brings nothing, and what comes more quickly makes it shorter again.
 */
#ifndef DECREE_PAXOS_CATCHUP_H
#define DECREE_PAXOS_CATCHUP_H

#include "log.h"
#include "outbox.h"

struct catchup {
    decree_slot decided[DECREE_MEMBERS_MAX]; /* as each member has said */
    decree_slot wanted[DECREE_MEMBERS_MAX];  /* first slot that a member asks for; 0: nothing */
    decree_slot wanted_last[DECREE_MEMBERS_MAX];
    bool wanted_again[DECREE_MEMBERS_MAX]; /* it asked for the same before */
    decree_slot asked;                     /* first slot of the request that is open; 0: none */
    uint32_t turn;                         /* member asked last */
    decree_slot reached;                   /* how far decided was ... */
    uint64_t reached_ns;                   /* ... when it moved last */
    uint64_t waited_ns; /* while the timer runs: since when decided stands still */
    uint64_t moment_ns; /* that it may do so before a peer is asked */
    struct log *log;
};

/* Any message: note what the sender knows. */
void catchup_note(struct catchup *catchup, const struct decree_message *message,
                  struct outbox *outbox);

/* Perhaps decided has moved; given: by a run that a peer gave. Then ask for the next if there is more. */
void catchup_on_progress(struct catchup *catchup, bool given, struct outbox *outbox);
void catchup_on_timer(struct catchup *catchup, struct outbox *outbox);

void catchup_on_catch_up(struct catchup *catchup, const struct decree_message *message,
                         struct outbox *outbox);

/* What was read back for a member, is it what it had asked for before? */
bool catchup_is_again(const struct catchup *catchup, decree_node_id to,
                      const struct outbox *outbox);

/* Puts the runs that peers have asked for. */
void catchup_flush(struct catchup *catchup, struct outbox *outbox);

#endif
