/* SPDX-License-Identifier: MIT */
/* reads.h -- linearizable reads without a log entry.
 *
 * A read may be answered from the state at slot s if s was decided no earlier than the read came
 * in. The leader takes s := decided and then makes sure that it was still the leader: it starts a
 * heartbeat round and waits for n - q1 + 1 members, itself included, to answer that they have
 * promised nothing higher. Every prepare quorum has one of them, so no higher ballot was adopted
 * before the round began, and nothing can have been decided that the leader does not know. The
 * answers may pass over promises that are not durable: a p1b is let go only when its promise is, and
 * from then on answers tell of it. So whoever answers without it has not sent his p1b yet, and a
 * ballot that needs it is adopted after the read came. Another node asks the leader with a READ.
 *
 * Reads are batched: all that came in since the last take share one batch, and a batch that is
 * confirmed with slot s confirms all before it. A batch number is never used twice, so an answer to
 * one that was given up (the leader changed, the answer took too long) fits nothing (etcd issue
 * 20418).
 */
#ifndef DECREE_PAXOS_READS_H
#define DECREE_PAXOS_READS_H

#include "outbox.h"

#define READS_OPEN UINT64_MAX
#define READ_ROUNDS_MAX 64u
#define READS_PATIENCE_MAX 8u
#define READS_NOBODY UINT32_MAX /* who asked will ask again */

struct read {
    uint64_t name;       /* the host's, or the asking node's number */
    decree_node_id node; /* who asked; 0: this node's host */
    uint64_t batch;      /* READS_OPEN: not sent out yet */
    decree_slot slot;    /* 0: not confirmed yet */
};

struct read_round { /* a heartbeat round that confirms batches */
    uint64_t round, batch;
    decree_slot slot;
};

struct reads {
    struct read *ring; /* oldest first */
    uint32_t capacity; /* a power of two */
    uint64_t first, open,
        end;            /* positions: [first, open) sent out, [open, end) in the open batch */
    uint64_t batch;     /* the last one sent out */
    uint64_t confirmed; /* every read before this position has its slot */
    uint64_t watched;   /* the timer waits for this position to be confirmed */
    uint32_t patience;  /* how often the time to wait was doubled, since one was confirmed */
    struct read_round rounds[READ_ROUNDS_MAX];
    uint32_t round_count;
};

int reads_add(struct reads *reads, uint64_t name, decree_node_id node);
bool reads_wait(const struct reads *reads); /* is there an open batch? */

/* Closes the open batch; its number. */
uint64_t reads_close_batch(struct reads *reads);

/* The leader has started a round for the batch. */
void reads_expect(struct reads *reads, uint64_t round, uint64_t batch, decree_slot slot);

/* Rounds up to this one have been answered by enough members. */
void reads_on_round(struct reads *reads, uint64_t round);

/* Batches up to this one may be answered from the state at slot. */
void reads_confirm(struct reads *reads, uint64_t batch, decree_slot slot);

/* The timer is to be set for what is sent out now; and: has all that was sent out then been
 * confirmed? */
void reads_watch(struct reads *reads);
bool reads_have_moved(const struct reads *reads);

/* Nobody will answer what was sent out: put it into the open batch again. Peers ask again
 * themselves. */
void reads_again(struct reads *reads);

/* Hands out reads whose slot is delivered, to the host or to who asked; leading: this node's ballot
 * if it leads, so that who asked knows at once what is decided. False: take again. */
bool reads_release(struct reads *reads, decree_slot delivered, struct decree_ballot leading,
                   struct outbox *outbox);

#endif
