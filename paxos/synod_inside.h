/* SPDX-License-Identifier: MIT */
/* synod_inside.h -- what a synod keeps; only synod.c and synod_open.c include it. */
#ifndef DECREE_PAXOS_SYNOD_INSIDE_H
#define DECREE_PAXOS_SYNOD_INSIDE_H

#include <decree/synod.h>

#include "prng.h"
#include "quorum.h"

#define MESSAGES_PER_MEMBER 4u /* an answer, a prepare or an accept, a question; or a decision */

enum synod_phase { SYNOD_IDLE, SYNOD_PREPARING, SYNOD_ACCEPTING };

struct synod_answer {
    enum decree_synod_message_type type; /* NONE: nothing is owed */
    struct decree_ballot ballot;
    uint64_t version; /* of the record that must be durable first */
};

struct decree_synod {
    decree_node_id members[DECREE_MEMBERS_MAX];
    struct quorum quorum;
    uint64_t retry_after_ns;
    struct prng prng;
    bool begun; /* too late to restore */
    uint64_t now_ns, retry_at_ns;

    struct decree_synod_record state; /* of the acceptor */
    uint64_t handed_out, durable;     /* versions */
    struct synod_answer owed[DECREE_MEMBERS_MAX];

    enum synod_phase phase; /* of the proposer */
    struct decree_ballot ballot, best;
    struct decree_value *proposal, *best_value;
    uint32_t promised, accepted; /* members, as bits */
    uint64_t patience;
    uint64_t highest_round; /* of any ballot seen */

    uint32_t known; /* other members that have on stable storage what is decided, as bits */
    /* Members that must get a message, as bits. */
    uint32_t to_prepare, to_accept, to_tell, to_inform, to_ask;
    struct decree_synod_record record;
    struct decree_synod_message messages[MESSAGES_PER_MEMBER * DECREE_MEMBERS_MAX];
    uint32_t message_count;
};

#endif
