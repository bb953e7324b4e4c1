/* SPDX-License-Identifier: MIT */
/* election.h -- who may scout: election by quorum connection (OmniPaxos, EuroSys 2023, section 5).
 *
 * Every member sends a heartbeat to every other, every heartbeat_every, and answers each one it
 * gets. So a node knows whom it reaches, both ways. A heartbeat names the ballot of a leader only
 * if the sender is that leader and reaches a vote quorum, or has heard so from the leader itself;
 * age_ns says how long ago. So:
 *
 *     - a leader that lost its quorum or its disk stops naming itself, and is replaced though it lives;
 *     - a node cut off from a leader that others hear does not depose it, but follows it through them;
 *     - a node without a quorum never scouts, so one that returns has no high ballot to depose anybody with.
 *
 * Two quorums share a member, so a node that could lead hears of a leader that leads, over two hops
 * at most. A named ballot is only a reason to wait and a way to forward; nothing else follows from
 * it. Silence is judged by the age of what was heard, plus a random delay so that few scout at the
 * same time.
 */
#ifndef DECREE_PAXOS_ELECTION_H
#define DECREE_PAXOS_ELECTION_H

#include "outbox.h"

struct election {
    /* Highest ballot that is known to lead; bottom: none is heard of. */
    struct decree_ballot leader;
    uint64_t heard_ns;  /* when that leader spoke, as far as this node knows; 0: never */
    uint64_t direct_ns; /* when it spoke to this node itself; 0: never */
    decree_node_id via; /* who told */
    uint32_t detour;    /* the member that was last taken for one */
    /* What each member's latest heartbeat named; bottom: none. */
    struct decree_ballot named[DECREE_MEMBERS_MAX];
    uint64_t named_ns[DECREE_MEMBERS_MAX];
    uint64_t round;                           /* of the last heartbeat sent */
    uint64_t heard_round[DECREE_MEMBERS_MAX]; /* of each member's latest heartbeat */
    uint64_t acked_round[DECREE_MEMBERS_MAX];
    uint64_t acked_ns[DECREE_MEMBERS_MAX];
    uint64_t patience_ns;    /* grows with each ballot lost, until a leader is heard */
    uint64_t highest_round;  /* of any ballot seen */
    uint64_t yield_until_ns; /* to the scout that asked last, until somebody leads */
    /* The leader that was given up last, by its own word or that of the host. */
    struct decree_ballot lost;
    uint64_t lost_ns; /* what others heard of it before then does not count */
};

void election_start(struct election *election, uint64_t incarnation, struct outbox *outbox);

/* leading: this node's ballot, if it was adopted and still stands; bottom otherwise. */
void election_send_heartbeats(struct election *election, struct decree_ballot leading,
                              decree_slot decided, struct outbox *outbox);
/* Answers with the ballot that this node's acceptor has promised for good: acceptor.durable. */
void election_on_heartbeat(struct election *election, const struct decree_message *message,
                           struct decree_ballot promised, struct outbox *outbox);
void election_on_heartbeat_ack(struct election *election, const struct decree_message *message,
                               struct outbox *outbox);
void election_on_unreachable(struct election *election, decree_node_id node, struct outbox *outbox);

/* This node's ballot lost against a higher one: wait, longer each time. */
void election_back_off(struct election *election, struct decree_ballot higher,
                       struct outbox *outbox);

/* The highest heartbeat round that need members (self included) have answered. */
uint64_t election_confirmed_round(const struct election *election, uint32_t need,
                                  const struct outbox *outbox);

/* True when at least need members (self included) have answered within the election timeout. */
bool election_reaches(const struct election *election, uint32_t need, const struct outbox *outbox);

/* True when a leader was heard of within the election timeout. */
bool election_hears_leader(const struct election *election, const struct outbox *outbox);

/* Scout no earlier than when the leader that is heard of has been silent too long. */
void election_wait(struct election *election, struct outbox *outbox);

/* Another node scouts, and lives: it asks at least once a heartbeat. Let it have its promises. */
void election_yield(struct election *election, struct outbox *outbox);

/* This node leads: it follows nobody. */
void election_lead(struct election *election, struct outbox *outbox);

/* Forgets a leader that has been silent too long. */
void election_forget_silent(struct election *election, struct outbox *outbox);

/* Whom to forward to: the leader if it is heard itself, else who told of it; 0: nobody. */
decree_node_id election_route(const struct election *election, const struct outbox *outbox);

/* A member that hears the leader and is not the leader, in turn with each call; 0: none. */
decree_node_id election_detour(struct election *election, const struct outbox *outbox);

#endif
