/* SPDX-License-Identifier: MIT */
/* replica.h -- the replica: its clients' proposals, and the decisions in order (PMMC section 2.1,
 * figure 1).
 *
 *     proposals   commands of this node's clients, by sequence, until they are performed
 *     decisions   the log; slot_out is log.delivered + 1
 *
 * In PMMC a replica assigns slots and proposes again when a slot goes to another command. Here the
 * leader assigns slots: the replica gives its proposals to the leader, again whenever the leader
 * changes or nothing was performed for a while, until each has been decided. A command that was
 * decided twice is performed once (invariant R1: all replicas perform the same sequence of
 * commands).
 */
#ifndef DECREE_PAXOS_REPLICA_H
#define DECREE_PAXOS_REPLICA_H

#include "log.h"
#include "outbox.h"
#include "requests.h"

struct replica {
    struct log *log;
    struct requests performed;
    /* By sequence, a ring of proposals_max; performed ones have no value. */
    struct decree_pvalue *proposals;
    uint64_t incarnation;
    uint64_t first, next; /* sequences: oldest not performed, first unused */
    uint64_t sent;        /* given to the present leader up to here */
    uint64_t given;       /* ... and up to here before: what is given again */
    uint32_t patience; /* how often the time to wait is doubled: each performed one takes one off */
    uint64_t bytes;
    decree_node_id detour; /* gives proposals to the leader in this node's place; 0: nobody need */
    decree_lsn boot_lsn;   /* of the record that makes the incarnation this run's */
    struct decree_ballot hint; /* slots accepted in this ballot are decided ... */
    decree_slot hint_last;     /* ... up to here */
};

/* Takes a new command; 0, FULL or TOO_LARGE. */
int replica_propose(struct replica *replica, struct decree_value *value, struct outbox *outbox);

/* The next own proposal to give to a leader, or NULL; replica->sent tells its sequence then. */
const struct decree_pvalue *replica_next_proposal(struct replica *replica);

/* Puts PROPOSE messages for what was not given to the leader yet. False: take again. */
bool replica_forward(struct replica *replica, decree_node_id to, struct outbox *outbox);

/* Give everything that is still open to the leader, who is another one now. */
void replica_anew(struct replica *replica, struct outbox *outbox);

/* ... or to the same one again, since none was performed; then wait longer. */
void replica_again(struct replica *replica, struct outbox *outbox);

/* A leader says that what was accepted in its ballot up to slot is decided. */
void replica_hint(struct replica *replica, struct decree_ballot ballot, decree_slot slot);

/* Decides what the hint covers; returns true when decided has moved. */
bool replica_decide(struct replica *replica);

/* Hands out decisions in order. False: no room for all, take again. */
bool replica_deliver(struct replica *replica, struct outbox *outbox);

void replica_release(struct replica *replica, uint32_t proposals_max);

#endif
