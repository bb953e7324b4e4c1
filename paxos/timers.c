/* SPDX-License-Identifier: MIT */
/* timers.c -- see timers.h. */
#include "timers.h"

#include "ballot.h"
#include "leadership.h"

static void on_scout_timer(struct decree_paxos *paxos)
{
    if (leadership_may_scout(paxos))
        leadership_scout(paxos);
    else if (paxos->leader.active || paxos->scout.running)
        outbox_timer(&paxos->outbox, TIMER_SCOUT, UINT64_MAX);
    else
        election_wait(&paxos->election, &paxos->outbox);
}

/* A leader must learn the slots below its first one. Who said that they are decided may be gone,
 * and nobody else know: then only a new phase 1, without him, finds out what to propose for
 * them. */
static bool is_stuck_behind(const struct decree_paxos *paxos)
{
    return paxos->leader.active && paxos->log.decided + 1 < paxos->leader.commander.first &&
           paxos->outbox.now_ns - paxos->catchup.reached_ns > paxos->config.suspect_after_ns;
}

static void on_heartbeat_timer(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    struct decree_ballot before = paxos->election.leader;
    bool stalled = outbox_is_stalled(outbox) && (paxos->leader.active || paxos->scout.running);

    outbox_timer(outbox, TIMER_HEARTBEAT, outbox->now_ns + paxos->config.heartbeat_every_ns);
    if (stalled || is_stuck_behind(paxos)) {
        outbox_trace(outbox, DECREE_TRACE_RESIGNED, paxos->config.self, paxos->acceptor.promised, 0,
                     0);
        leadership_stand_down(paxos, paxos->acceptor.promised);
    }
    election_forget_silent(&paxos->election, outbox);
    if (!ballot_equal(before, paxos->election.leader))
        leadership_changed(paxos);
    leadership_heartbeat(paxos);
}

/* A page of what was accepted may take longer on a slow link: whoever has lost ballots waits longer for
 * the next. */
static uint64_t prepare_patience_ns(const struct decree_paxos *paxos)
{
    return paxos->config.suspect_after_ns +
           4 * (paxos->election.patience_ns - paxos->config.heartbeat_every_ns);
}

static void on_prepare_timer(struct decree_paxos *paxos)
{
    outbox_timer(&paxos->outbox, TIMER_PREPARE,
                 paxos->outbox.now_ns + paxos->config.heartbeat_every_ns);
    if (paxos->outbox.now_ns - paxos->scout.moved_ns > prepare_patience_ns(paxos))
        leadership_stand_down(paxos, paxos->scout.ballot);
    else
        scout_on_timer(&paxos->scout, &paxos->outbox);
}

/* Those who found no room at the leader should not all come back at the same time. */
void timers_watch_reads(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    uint64_t wait_ns = 3 * paxos->config.heartbeat_every_ns << paxos->reads.patience;

    reads_watch(&paxos->reads);
    if (paxos->reads.patience > 0)
        wait_ns += prng_below(&outbox->prng, wait_ns / 2);
    outbox_timer(outbox, TIMER_READ, outbox->now_ns + wait_ns);
}

static void on_read_timer(struct decree_paxos *paxos)
{
    const struct reads *reads = &paxos->reads;

    if (!reads_have_moved(reads)) {
        reads_again(&paxos->reads); /* voids what is on its way, so the next time wait longer */
        if (reads->patience < READS_PATIENCE_MAX)
            paxos->reads.patience++;
    }
    if (reads->confirmed < reads->open)
        timers_watch_reads(paxos);
    else
        outbox_timer(&paxos->outbox, TIMER_READ, UINT64_MAX);
}

void timers_wake(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;

    if (!paxos->started)
        return;
    if (outbox_is_due(outbox, TIMER_HEARTBEAT))
        on_heartbeat_timer(paxos);
    if (outbox_is_due(outbox, TIMER_SCOUT))
        on_scout_timer(paxos);
    if (outbox_is_due(outbox, TIMER_PREPARE))
        on_prepare_timer(paxos);
    if (outbox_is_due(outbox, TIMER_VOTE))
        commander_on_timer(&paxos->leader.commander, outbox);
    if (outbox_is_due(outbox, TIMER_ANNOUNCE))
        commander_on_announce_timer(&paxos->leader.commander, outbox);
    if (outbox_is_due(outbox, TIMER_PROPOSE))
        leadership_propose_another_way(paxos);
    if (outbox_is_due(outbox, TIMER_CATCH_UP))
        catchup_on_timer(&paxos->catchup, outbox);
    if (outbox_is_due(outbox, TIMER_READ))
        on_read_timer(paxos);
}
