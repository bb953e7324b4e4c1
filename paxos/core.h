/* SPDX-License-Identifier: MIT */
/* core.h -- the core's parts, put together: opened and closed in open.c, driven in paxos.c and
 * take.c. */
#ifndef DECREE_PAXOS_CORE_H
#define DECREE_PAXOS_CORE_H

#include "acceptor.h"
#include "catchup.h"
#include "election.h"
#include "leader.h"
#include "reads.h"
#include "replica.h"
#include "scout.h"

struct decree_paxos {
    struct decree_config config;
    decree_node_id members[DECREE_MEMBERS_MAX];
    bool started;
    bool speaking;           /* the boot record is durable */
    decree_lsn decide_lsn;   /* of a DECIDE record that is not durable yet; 0: none is watched */
    decree_slot decide_slot; /* what it says */
    decree_slot traced;      /* decisions have been traced up to here */
    struct outbox outbox;
    struct log log;
    struct acceptor acceptor;
    struct scout scout;
    struct leader leader;
    struct replica replica;
    struct election election;
    struct catchup catchup;
    struct reads reads;
};

/* After each event: own replies that are durable reach their role, and a higher promise ends a ballot. */
void core_settle(struct decree_paxos *paxos);

#endif
