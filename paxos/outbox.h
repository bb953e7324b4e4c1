/* SPDX-License-Identifier: MIT */
/* outbox.h -- everything that a role may do to the world: the effects, and the replies held for the
 * disk.
 *
 * A role appends records, puts messages, holds replies and sets timers; it never learns who takes
 * them. Held replies are the heart of the SEND-NOW rule: a p1b or p2b is put into a queue with the
 * lsn of the last record appended, and comes out when the journal has reported that lsn. What it
 * then says is read from the acceptor's state at that time, as in PMMC, so nothing is copied and
 * nothing goes stale.
 *
 *     hold(p2b, lsn 7)   hold(p2b, lsn 9)   ...      persisted(8) releases the first
 *
 * Votes for runs that touch, held in one turn, become one vote.
 *
 * Arrays are handed out by take and emptied at the first call after it.
 */
#ifndef DECREE_PAXOS_OUTBOX_H
#define DECREE_PAXOS_OUTBOX_H

#include <decree/paxos.h>

#include "prng.h"
#include "quorum.h"

#define OUTBOX_MESSAGES_MAX 4096u
#define OUTBOX_HELD_MAX 4096u /* a power of two */
#define OUTBOX_SCRATCH_MAX 8192u
#define OUTBOX_DECISIONS_MAX 4096u

/* Bytes of values that may wait for the journal before messages are refused, as a multiple of one
 * node's proposals. */
#define OUTBOX_WAITING_FACTOR 4u

/* Room that must be free before a message is taken in: no single step puts more than this. */
#define OUTBOX_STEP_MESSAGES (2 * DECREE_MEMBERS_MAX + 2)
#define OUTBOX_STEP_HELD 2u
#define OUTBOX_STEP_RECORDS 4u

enum timer {
    TIMER_HEARTBEAT, /* time for the next round */
    TIMER_SCOUT,     /* nobody leads: try */
    TIMER_PREPARE,   /* p1a again to who has not answered */
    TIMER_VOTE,      /* p2a again to who has not voted */
    TIMER_ANNOUNCE,  /* tell peers what is decided, if no p2a has done so */
    TIMER_PROPOSE,   /* forward own proposals again */
    TIMER_READ,      /* ask again for a read */
    TIMER_CATCH_UP,  /* ask for decided slots */
    TIMERS
};

struct held {
    decree_lsn lsn;
    enum decree_message_type type; /* P1B or P2B */
    decree_node_id to;
    struct decree_ballot ballot;   /* the one that was asked with */
    struct decree_ballot promised; /* what the acceptor had promised then; durable with lsn */
    decree_slot slot;
    uint32_t count; /* P1B: that of the p1a */
    uint64_t turn;
};

struct outbox {
    const struct decree_config *config;
    struct quorum quorum;
    struct prng prng;
    uint64_t now_ns;
    uint64_t turn; /* counts takes */
    bool taken;

    struct decree_record *records;
    struct decree_message *messages;
    struct decree_pvalue *scratch; /* pvalues that messages point to, with references */
    struct decree_pvalue *decisions;
    uint64_t *reads;
    struct decree_fetch *fetches;
    uint32_t records_max;
    uint32_t record_count, message_count, scratch_count, decision_count, read_count, fetch_count;

    /* A ring: [held_first, held_released) may go out, [held_released, held_end) waits. */
    struct held *held;
    uint64_t held_first, held_released, held_end;
    decree_lsn appended, persisted;
    uint64_t appended_bytes; /* of values, in all records so far */
    decree_lsn value_lsn;    /* the last record that has a value */
    decree_lsn marked_lsn;   /* when it is durable, ... */
    uint64_t marked_bytes;   /* ... so are these */
    uint64_t durable_bytes;
    uint64_t moved_at_ns; /* when the journal last moved, or had nothing to do */

    uint64_t timers_ns[TIMERS];
    uint64_t dropped_messages;
};

/* Before a step or a take: empties what the take before handed out. */
void outbox_begin(struct outbox *outbox);

/* True when a step with this many pvalues fits. */
bool outbox_has_room(const struct outbox *outbox, uint32_t pvalue_count);
bool outbox_has_messages(const struct outbox *outbox, uint32_t count);

/* Appends a record; takes a reference on its value until it is handed out. */
void outbox_record(struct outbox *outbox, enum decree_record_type type,
                   const struct decree_pvalue *pvalue);

/* A new message from this node, to fill in. */
struct decree_message *outbox_message(struct outbox *outbox, enum decree_message_type type,
                                      decree_node_id to);

/* Copies pvalues to where messages may point, with references; NULL when there is no room. */
const struct decree_pvalue *outbox_keep(struct outbox *outbox, const struct decree_pvalue *pvalues,
                                        uint32_t count);

void outbox_hold(struct outbox *outbox, const struct held *held);

/* The journal has reached lsn. */
void outbox_persisted(struct outbox *outbox, decree_lsn lsn);

/* Lets go of the next held reply whose record is durable, or NULL. Those for this node itself are
 * then delivered by the caller; the others wait for outbox_leaving(). Borrowed until the next
 * hold. */
const struct held *outbox_next_released(struct outbox *outbox);

/* The next reply that was let go and is for a peer, taken off the queue, or NULL. */
const struct held *outbox_next_leaving(struct outbox *outbox);

/* Bytes of values that wait for the journal, at most. */
uint64_t outbox_waiting_bytes(const struct outbox *outbox);

/* True when somebody has waited for the journal longer than the election timeout. */
bool outbox_is_stalled(const struct outbox *outbox);

void outbox_timer(struct outbox *outbox, enum timer timer, uint64_t at_ns);
bool outbox_is_due(const struct outbox *outbox, enum timer timer);

void outbox_trace(const struct outbox *outbox, enum decree_trace_type type, decree_node_id node,
                  struct decree_ballot ballot, decree_slot slot, uint64_t count);

void outbox_release(struct outbox *outbox);

#endif
