/* SPDX-License-Identifier: MIT */
/* take.c -- effects out: proposes what waits, sends out reads, hands out decisions, and puts the messages
 * that are due. */
#include "core.h"
#include "leadership.h"
#include "timers.h"

/* Gives this node's own proposals to the leader: itself, or by message. */
static bool pump_proposals(struct decree_paxos *paxos)
{
    struct leader *leader = &paxos->leader;
    decree_node_id route;
    const struct decree_pvalue *next;

    if (!leader->active) {
        route = election_route(&paxos->election, &paxos->outbox);
        if (route != 0 && paxos->replica.detour != 0)
            route = paxos->replica.detour;
        return route == 0 || replica_forward(&paxos->replica, route, &paxos->outbox);
    }
    if (!leader_inherit(leader, &paxos->outbox))
        return true; /* goes on when decisions have made room in the log */
    while ((next = replica_next_proposal(&paxos->replica)) != NULL) {
        if (!leader_propose(leader, &next->command, &paxos->outbox))
            return true;
        paxos->replica.sent++;
    }
    return true;
}

/* Sends the open batch of reads out: as a heartbeat round, or to the leader. */
static void pump_reads(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    struct reads *reads = &paxos->reads;
    decree_node_id route = election_route(&paxos->election, outbox);
    uint32_t need = quorum_meets_prepare(&outbox->quorum);

    if (!reads_wait(reads) || !outbox_has_messages(outbox, OUTBOX_STEP_MESSAGES))
        return;
    if (leader_is_current(&paxos->leader)) {
        if (reads->round_count == READ_ROUNDS_MAX)
            return;
        leadership_heartbeat(paxos);
        reads_expect(reads, paxos->election.round, reads_close_batch(reads), paxos->log.decided);
        if (need == 1)
            reads_on_round(reads, paxos->election.round);
    } else if (!paxos->leader.active && route != 0) {
        struct decree_message *message = outbox_message(outbox, DECREE_READ, route);

        message->round = reads_close_batch(reads);
        message->decided = paxos->log.decided;
    } else {
        return;
    }
    if (outbox->timers_ns[TIMER_READ] == UINT64_MAX)
        timers_watch_reads(paxos);
}

static void record_decided(struct decree_paxos *paxos)
{
    struct decree_pvalue decided = {.slot = paxos->log.decided};

    if (paxos->log.recorded == paxos->log.decided ||
        paxos->outbox.record_count == paxos->outbox.records_max)
        return;
    outbox_record(&paxos->outbox, DECREE_RECORD_DECIDE, &decided);
    paxos->log.recorded = paxos->log.decided;
    if (paxos->decide_lsn == 0) {
        paxos->decide_lsn = paxos->outbox.appended;
        paxos->decide_slot = paxos->log.decided;
    }
}

/* Puts the replies that were let go. */
static bool put_replies(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    const struct held *held;

    while (outbox_has_messages(outbox, 1)) {
        struct decree_message reply;

        held = outbox_next_leaving(outbox);
        if (held == NULL)
            return true;
        if (acceptor_answer(&paxos->acceptor, held, outbox, &reply))
            *outbox_message(outbox, reply.type, reply.to) = reply;
    }
    return false;
}

static bool put_messages(struct decree_paxos *paxos)
{
    bool done = put_replies(paxos);

    if (paxos->leader.active)
        done = commander_flush(&paxos->leader.commander, &paxos->outbox) && done;
    catchup_flush(&paxos->catchup, &paxos->outbox);
    return done;
}

static decree_lsn wanted_lsn(const struct decree_paxos *paxos)
{
    const struct outbox *outbox = &paxos->outbox;

    if (outbox_waiting_bytes(outbox) > paxos->config.log_bytes_max ||
        outbox_waiting_bytes(outbox) > paxos->config.proposal_bytes_max)
        return outbox->appended; /* nobody waits, but memory does, and soon messages would */
    if (outbox->held_released < outbox->held_end)
        return outbox->held[(outbox->held_end - 1) & (OUTBOX_HELD_MAX - 1)].lsn;
    return paxos->replica.boot_lsn > outbox->persisted ? paxos->replica.boot_lsn : 0;
}

static uint64_t next_wake(const struct outbox *outbox, bool done)
{
    uint64_t wake_at_ns = done ? UINT64_MAX : outbox->now_ns;

    for (int i = 0; i < TIMERS; i++)
        if (outbox->timers_ns[i] < wake_at_ns)
            wake_at_ns = outbox->timers_ns[i];
    return wake_at_ns;
}

void decree_paxos_take(struct decree_paxos *paxos, struct decree_effects *ret_effects)
{
    struct outbox *outbox = &paxos->outbox;
    struct decree_ballot ballot = {0};
    bool done = true;

    outbox_begin(outbox);
    log_trim(&paxos->log, paxos->config.log_bytes_max);
    done = replica_deliver(&paxos->replica, outbox);
    if (paxos->started) {
        record_decided(paxos);
        done = pump_proposals(paxos) && done;
        core_settle(paxos);
        pump_reads(paxos);
        if (paxos->leader.active)
            ballot = paxos->leader.ballot;
        done = reads_release(&paxos->reads, paxos->log.delivered, ballot, outbox) && done;
        done = put_messages(paxos) && done;
    }
    outbox->taken = true;
    *ret_effects = (struct decree_effects){.records = outbox->records,
                                           .messages = outbox->messages,
                                           .decisions = outbox->decisions,
                                           .reads = outbox->reads,
                                           .fetches = outbox->fetches,
                                           .record_count = outbox->record_count,
                                           .message_count = outbox->message_count,
                                           .decision_count = outbox->decision_count,
                                           .read_count = outbox->read_count,
                                           .fetch_count = outbox->fetch_count,
                                           .sync_lsn = wanted_lsn(paxos),
                                           .wake_at_ns = next_wake(outbox, done)};
}
