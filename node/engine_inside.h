/* SPDX-License-Identifier: MIT */
/* engine_inside.h -- what the files of the engine share; nobody else includes it. */
#ifndef DECREE_NODE_ENGINE_INSIDE_H
#define DECREE_NODE_ENGINE_INSIDE_H

#include "engine.h"
#include "engine_registers.h"
#include "lsn_map.h"

#define NO_PLACE UINT32_MAX

struct waiter {        /* one open proposal or read */
    decree_done *done; /* NULL: the place is free */
    void *argument;
    uint64_t sequence;  /* proposals only */
    uint32_t next_free; /* reads only */
};

struct engine {
    struct decree_paxos *paxos;
    struct journal *journal;
    struct transport *transport;
    struct decree_machine machine;
    struct engine_hooks hooks;
    struct journal_sink journal_sink;
    struct transport_sink transport_sink;

    decree_node_id self;
    uint64_t incarnation;
    uint64_t now_ns, wake_at_ns;
    struct lsn_map lsns;
    decree_lsn persisted, persisted_seen; /* of the journal: reported; looked at by a turn */
    decree_lsn persisted_told;            /* to the core, by its own numbers, like the next */
    decree_lsn sync_asked;                /* the journal was asked to sync up to here */
    decree_slot applied;
    bool started, busy; /* busy: effects are borrowed, the core must not be stepped */
    bool stepped;       /* since the last take */
    bool full_told;     /* somebody was refused, and nothing was taken in since */

    struct waiter *proposals; /* ring of proposals_max, a power of two */
    uint32_t proposals_max, proposals_open;
    struct waiter *reads; /* table of reads_max */
    uint32_t reads_max, reads_open, reads_free;

    struct engine_registers *registers; /* NULL: left out */

    struct engine_counters counters;
    uint64_t round, round_sent_ns; /* of the last heartbeats */
    struct histogram round_trips[DECREE_MEMBERS_MAX];
};

/* Steps the core with the time as it is; the errors of decree_paxos_step(). */
int engine_step(struct engine *engine, struct decree_event *event);

/* The same for the events that always fit. */
void engine_step_surely(struct engine *engine, struct decree_event *event);

/* Applies it, and completes who proposed it. */
void engine_hand_out_decision(struct engine *engine, const struct decree_pvalue *decision);

#endif
