/* SPDX-License-Identifier: MIT */
/* paxos.c -- the switchboard: an event goes in here, and on to the part that it concerns.
 *
 *   step    one event in: receive.c, restore.c, timers.c, leadership.c or a role; then settle
 *   settle  deliver this node's own replies that are durable now; give way to a higher ballot. A node says
 *           nothing of its own before its boot record is durable, so no number of it is ever used twice
 *   take    take.c: what is to be done about it
 *
 * The roles do not know each other; whoever wants to see how they play together reads these files.
 */
#include <assert.h>

#include "ballot.h"
#include "core.h"
#include "leadership.h"
#include "message.h"
#include "receive.h"
#include "restore.h"
#include "timers.h"

void core_settle(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    const struct held *held;

    if (!paxos->speaking && outbox->persisted >= paxos->replica.boot_lsn) {
        paxos->speaking = true;
        election_start(&paxos->election, paxos->replica.incarnation, outbox);
    }
    leadership_give_way(paxos, paxos->acceptor.promised);
    while ((held = outbox_next_released(outbox)) != NULL) {
        struct decree_message reply;

        acceptor_on_durable(&paxos->acceptor, held);
        if (held->to == paxos->config.self &&
            acceptor_answer(&paxos->acceptor, held, outbox, &reply))
            receive_own(paxos, &reply);
    }
    if (paxos->traced < paxos->log.decided) {
        paxos->traced = paxos->log.decided;
        outbox_trace(outbox, DECREE_TRACE_DECIDED, 0, (struct decree_ballot){0}, paxos->traced, 0);
    }
}

/* Records that a message brings at most; of proposals the leader takes as many as fit. */
static uint32_t records_of(const struct decree_message *message)
{
    return message->type == DECREE_P2A || message->type == DECREE_DECISION ? message->pvalue_count
                                                                           : 0;
}

static int step_message(struct decree_paxos *paxos, const struct decree_message *message)
{
    struct outbox *outbox = &paxos->outbox;

    if (!message_is_sane(message, paxos->log.window, outbox)) {
        outbox->dropped_messages++;
        outbox_trace(outbox, DECREE_TRACE_DROPPED, message->from, message->ballot, message->slot,
                     0);
        return 0;
    }
    if (!outbox_has_room(outbox, records_of(message)))
        return DECREE_FULL;
    catchup_note(&paxos->catchup, message, outbox);
    receive_message(paxos, message);
    catchup_on_progress(&paxos->catchup,
                        message->type == DECREE_DECISION && message->pvalue_count > 0, outbox);
    return 0;
}

static void start(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    struct decree_pvalue boot = {.command.incarnation = ++paxos->replica.incarnation};

    paxos->started = true;
    outbox_record(outbox, DECREE_RECORD_BOOT, &boot);
    paxos->replica.boot_lsn = outbox->appended;
    paxos->reads.batch = boot.command.incarnation << 32;
    outbox_trace(outbox, DECREE_TRACE_BOOTED, 0, (struct decree_ballot){0}, 0,
                 boot.command.incarnation);
}

static int step_fetched(struct decree_paxos *paxos, const struct decree_event *event)
{
    struct outbox *outbox = &paxos->outbox;
    const struct decree_pvalue *kept;
    struct decree_message *message;

    if (event->u.fetched.count == 0)
        return 0;
    if (!outbox_has_room(outbox, 0))
        return DECREE_FULL;
    kept = outbox_keep(outbox, event->u.fetched.pvalues, event->u.fetched.count);
    if (kept == NULL)
        return DECREE_FULL;
    message = outbox_message(outbox, DECREE_DECISION, event->u.fetched.to);
    message->decided = paxos->log.decided;
    message->pvalues = kept;
    message->pvalue_count = event->u.fetched.count;
    message->again = catchup_is_again(&paxos->catchup, message->to, outbox);
    return 0;
}

/* A DECIDE record that is durable makes its slots the journal's. */
static void settle_decided(struct decree_paxos *paxos)
{
    if (paxos->decide_lsn == 0 || paxos->decide_lsn > paxos->outbox.persisted)
        return;
    assert(paxos->decide_slot >= paxos->log.settled);
    paxos->log.settled = paxos->decide_slot;
    paxos->decide_lsn = 0;
}

static int step_event(struct decree_paxos *paxos, const struct decree_event *event)
{
    switch (event->type) {
    case DECREE_EVENT_RESTORE:
        return paxos->started ? DECREE_MISUSE : restore_record(paxos, &event->u.restore);
    case DECREE_EVENT_START:
        if (paxos->started)
            return DECREE_MISUSE;
        start(paxos);
        return 0;
    case DECREE_EVENT_MESSAGE:
        return paxos->started ? step_message(paxos, &event->u.message) : DECREE_MISUSE;
    case DECREE_EVENT_PROPOSE:
        if (!paxos->started || event->u.propose == NULL)
            return DECREE_MISUSE;
        return replica_propose(&paxos->replica, event->u.propose, &paxos->outbox);
    case DECREE_EVENT_READ:
        return paxos->started ? reads_add(&paxos->reads, event->u.read, 0) : DECREE_MISUSE;
    case DECREE_EVENT_PERSISTED:
        if (event->u.persisted > paxos->outbox.appended)
            return DECREE_MISUSE;
        outbox_persisted(&paxos->outbox, event->u.persisted);
        settle_decided(paxos);
        return 0;
    case DECREE_EVENT_FETCHED:
        return paxos->started ? step_fetched(paxos, event) : DECREE_MISUSE;
    case DECREE_EVENT_UNREACHABLE:
        election_on_unreachable(&paxos->election, event->u.unreachable, &paxos->outbox);
        return 0;
    case DECREE_EVENT_CAMPAIGN:
        leadership_campaign(paxos);
        return 0;
    case DECREE_EVENT_HAND_OVER:
        leadership_hand_over(paxos, event->u.hand_over);
        return 0;
    case DECREE_EVENT_WAKE:
        timers_wake(paxos);
        return 0;
    }
    return DECREE_MISUSE;
}

int decree_paxos_step(struct decree_paxos *paxos, const struct decree_event *event)
{
    uint64_t before_ns = paxos->outbox.now_ns;
    int error;

    if (event->now_ns < before_ns)
        return DECREE_MISUSE;
    outbox_begin(&paxos->outbox);
    paxos->outbox.now_ns = event->now_ns;
    error = step_event(paxos, event);
    if (error != 0)
        paxos->outbox.now_ns = before_ns;
    else if (paxos->started)
        core_settle(paxos);
    return error;
}

uint64_t decree_paxos_last_sequence(const struct decree_paxos *paxos)
{
    return paxos->replica.next - 1;
}

void decree_paxos_status(const struct decree_paxos *paxos, struct decree_status *ret_status)
{
    const struct outbox *outbox = &paxos->outbox;
    const struct quorum *quorum = &outbox->quorum;
    uint32_t need = quorum->prepare > quorum->vote ? quorum->prepare : quorum->vote;
    struct decree_ballot own = leadership_ballot(paxos);
    struct decree_ballot leader = paxos->leader.active ? own : paxos->election.leader;

    *ret_status = (struct decree_status){
        .leader = leader.node,
        .leader_ballot = leader,
        .promised = paxos->acceptor.promised,
        .leading = !ballot_is_bottom(own),
        .quorum_connected = election_reaches(&paxos->election, need, outbox),
        .incarnation = paxos->replica.incarnation,
        .decided = paxos->log.delivered,
        .accepted = paxos->log.last,
        .log_first = paxos->log.first,
        .proposals = (uint32_t)(paxos->replica.next - paxos->replica.first),
        .appended = outbox->appended,
        .persisted = outbox->persisted,
        .held = outbox->held_end - outbox->held_released,
        .dropped_messages = outbox->dropped_messages};
}
