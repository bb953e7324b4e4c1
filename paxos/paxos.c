/* SPDX-License-Identifier: MIT */
/* paxos.c -- the switchboard: routes events to the roles and what one role says to the next.
 *
 *   step   one event in: decode, route, settle
 *   settle deliver this node's own replies that are durable now; give way to a higher ballot. A node says
 *          nothing of its own before its boot record is durable, so no number of it is ever used twice
 *   take   propose what waits, send out reads, hand out decisions, put the messages that are due
 *
 * The roles do not know each other; whoever wants to see how they play together reads this file.
 */
#include <assert.h>

#include "ballot.h"
#include "core.h"
#include "message.h"

/* --- who leads
 * ------------------------------------------------------------------------------------ */

/* The ballot that this node names in its heartbeats: its own, while it can do what a leader
 * must. */
static struct decree_ballot leading(const struct decree_paxos *paxos)
{
    const struct outbox *outbox = &paxos->outbox;

    if (paxos->leader.active && election_reaches(&paxos->election, outbox->quorum.vote, outbox))
        return paxos->leader.ballot;
    return (struct decree_ballot){0};
}

static void send_heartbeats(struct decree_paxos *paxos)
{
    if (!outbox_has_messages(&paxos->outbox, DECREE_MEMBERS_MAX))
        return;
    election_send_heartbeats(&paxos->election, leading(paxos), paxos->log.decided, &paxos->outbox);
}

/* The leader is another one now: what was given to the last one is given again. */
static void leader_changed(struct decree_paxos *paxos)
{
    reads_again(&paxos->reads);
    outbox_timer(&paxos->outbox, TIMER_READ, UINT64_MAX);
    paxos->replica.detour = 0;
    replica_again(&paxos->replica, &paxos->outbox);
}

/* Nothing of what was given to the leader came to be decided: its heartbeats pass, but what is
 * larger may not. Every other time a peer that hears the leader is asked to pass it on. */
static void propose_another_way(struct decree_paxos *paxos)
{
    struct replica *replica = &paxos->replica;

    if (replica->detour != 0)
        replica->detour = 0;
    else if (!paxos->leader.active)
        replica->detour = election_detour(&paxos->election, &paxos->outbox);
    replica_again(replica, &paxos->outbox);
}

static void become_leader(struct decree_paxos *paxos)
{
    leader_adopt(&paxos->leader, &paxos->replica.performed, &paxos->outbox);
    paxos->catchup.reached_ns = paxos->outbox.now_ns;
    election_lead(&paxos->election, &paxos->outbox);
    leader_changed(paxos);
    send_heartbeats(paxos);
}

/* Gives up leading and scouting, if this node does either. */
static void stand_down(struct decree_paxos *paxos, struct decree_ballot higher)
{
    bool active = paxos->leader.active;

    if (!active && !paxos->scout.running)
        return;
    scout_stop(&paxos->scout, &paxos->outbox);
    election_back_off(&paxos->election, higher, &paxos->outbox);
    if (active) {
        leader_deactivate(&paxos->leader, &paxos->outbox);
        leader_changed(paxos);
    }
}

static void give_way(struct decree_paxos *paxos, struct decree_ballot seen)
{
    const struct leader *leader = &paxos->leader;
    const struct scout *scout = &paxos->scout;

    if ((leader->active && ballot_compare(seen, leader->ballot) > 0) ||
        (scout->running && ballot_compare(seen, scout->ballot) > 0)) {
        outbox_trace(&paxos->outbox, DECREE_TRACE_PREEMPTED, seen.node, seen, 0, 0);
        stand_down(paxos, seen);
    }
}

/* Phase 1 would have who answers it, and a disk to keep the promise. */
static bool can_scout(const struct decree_paxos *paxos)
{
    const struct outbox *outbox = &paxos->outbox;
    const struct quorum *quorum = &outbox->quorum;
    uint32_t need = quorum->prepare > quorum->vote ? quorum->prepare : quorum->vote;

    return !paxos->scout.running && !outbox_is_stalled(outbox) &&
           election_reaches(&paxos->election, need, outbox);
}

/* That nobody leads is reason enough, unless this node is to wait for something to propose. */
static bool wants_to_scout(const struct decree_paxos *paxos)
{
    return !paxos->config.scout_on_demand || paxos->replica.first < paxos->replica.next;
}

static bool may_scout(const struct decree_paxos *paxos)
{
    return !paxos->leader.active && !election_hears_leader(&paxos->election, &paxos->outbox) &&
           wants_to_scout(paxos) && can_scout(paxos);
}

/* Phase 1 begins at this node's own acceptor: its durable promise is the claim to the ballot. */
static void ask_own_acceptor(struct decree_paxos *paxos)
{
    const struct outbox *outbox = &paxos->outbox;
    struct decree_message p1a = {.type = DECREE_P1A,
                                 .from = paxos->config.self,
                                 .to = paxos->config.self,
                                 .ballot = paxos->scout.ballot,
                                 .slot = paxos->scout.next[outbox->quorum.self]};

    acceptor_on_p1a(&paxos->acceptor, &p1a, &paxos->outbox);
}

static void start_scout(struct decree_paxos *paxos)
{
    struct decree_ballot ballot = {.round = paxos->acceptor.promised.round,
                                   .node = paxos->config.self};

    if (ballot.round < paxos->election.highest_round)
        ballot.round = paxos->election.highest_round;
    ballot.round++;
    outbox_timer(&paxos->outbox, TIMER_SCOUT, UINT64_MAX);
    outbox_timer(&paxos->outbox, TIMER_PREPARE,
                 paxos->outbox.now_ns + paxos->config.heartbeat_every_ns);
    scout_start(&paxos->scout, ballot, paxos->log.decided, &paxos->outbox);
    ask_own_acceptor(paxos);
}

/* Somebody wants this node to lead, or to show how it begins to. */
static void campaign(struct decree_paxos *paxos)
{
    if (!paxos->speaking || !can_scout(paxos))
        return;
    if (paxos->leader.active)
        stand_down(paxos, paxos->leader.ballot);
    start_scout(paxos);
}

/* --- messages
 * ------------------------------------------------------------------------------------- */

static void on_p1b(struct decree_paxos *paxos, const struct decree_message *message)
{
    struct scout *scout = &paxos->scout;

    if (scout_on_p1b(scout, message, &paxos->outbox))
        become_leader(paxos);
}

/* The own promise is durable, so the pages after the first are read at once. */
static void on_own_p1b(struct decree_paxos *paxos, const struct decree_message *first)
{
    struct scout *scout = &paxos->scout;
    const decree_slot *next = &scout->next[paxos->outbox.quorum.self];
    struct held page = {.type = DECREE_P1B, .to = paxos->config.self, .ballot = first->ballot};
    struct decree_message reply = *first;

    for (;;) {
        page.slot = *next;
        on_p1b(paxos, &reply);
        if (!scout->running || scout->claimed || *next == page.slot)
            return;
        page.slot = *next;
        acceptor_answer(&paxos->acceptor, &page, &paxos->outbox, &reply);
    }
}

static void on_p2b(struct decree_paxos *paxos, const struct decree_message *message)
{
    if (paxos->leader.active)
        (void)commander_on_p2b(&paxos->leader.commander, message, &paxos->outbox);
}

/* What a leader says of its own ballot: everything accepted in it up to decided is decided. */
static void take_hint(struct decree_paxos *paxos, const struct decree_message *message)
{
    if (message->from != message->ballot.node || ballot_is_bottom(message->ballot))
        return;
    replica_hint(&paxos->replica, message->ballot, message->decided);
    (void)replica_decide(&paxos->replica);
}

static void on_decision(struct decree_paxos *paxos, const struct decree_message *message)
{
    struct log *log = &paxos->log;

    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        const struct decree_pvalue *pvalue = &message->pvalues[i];

        if (pvalue->slot <= log->decided)
            continue;
        if (pvalue->slot > log->decided + 1 || !log_fits(log, pvalue->slot))
            break;
        acceptor_learn(&paxos->acceptor, pvalue, &paxos->outbox);
    }
    (void)replica_decide(&paxos->replica);
    if (paxos->leader.active)
        (void)commander_decide(&paxos->leader.commander, &paxos->outbox);
    take_hint(paxos, message);
}

/* Commands from a peer: propose them, or pass them on to a leader that is heard directly. */
static void on_propose(struct decree_paxos *paxos, const struct decree_message *message)
{
    struct leader *leader = &paxos->leader;
    decree_node_id route = election_route(&paxos->election, &paxos->outbox);
    const struct decree_pvalue *kept;
    struct decree_message *relayed;

    if (leader->active) {
        if (!leader_inherit(leader, &paxos->outbox))
            return;
        for (uint32_t i = 0; i < message->pvalue_count; i++)
            if (!leader_propose(leader, &message->pvalues[i].command, &paxos->outbox))
                return;
        return;
    }
    if (route == 0 || route != paxos->election.leader.node || route == message->from)
        return;
    kept = outbox_keep(&paxos->outbox, message->pvalues, message->pvalue_count);
    if (kept == NULL)
        return;
    relayed = outbox_message(&paxos->outbox, DECREE_PROPOSE, route);
    relayed->decided = paxos->log.decided;
    relayed->pvalues = kept;
    relayed->pvalue_count = message->pvalue_count;
}

static void on_read(struct decree_paxos *paxos, const struct decree_message *message)
{
    decree_node_id route = election_route(&paxos->election, &paxos->outbox);

    if (paxos->leader.active ||
        (route != 0 && route == paxos->election.leader.node && route != message->from))
        (void)reads_add(&paxos->reads, message->round,
                        message->from); /* full: the peer asks again */
}

static void on_heartbeat(struct decree_paxos *paxos, const struct decree_message *message)
{
    struct decree_ballot before = paxos->election.leader;
    struct decree_message heard = *message;

    if (paxos->leader.active && ballot_compare(heard.ballot, paxos->leader.ballot) < 0)
        heard.ballot = (struct decree_ballot){0}; /* a leader follows nobody of a lower ballot */
    election_on_heartbeat(&paxos->election, &heard, paxos->acceptor.promised, &paxos->outbox);
    give_way(paxos, message->ballot);
    take_hint(paxos, message);
    if (!ballot_equal(before, paxos->election.leader))
        leader_changed(paxos);
}

static void on_heartbeat_ack(struct decree_paxos *paxos, const struct decree_message *message)
{
    const struct outbox *outbox = &paxos->outbox;

    election_on_heartbeat_ack(&paxos->election, message, &paxos->outbox);
    give_way(paxos, message->ballot);
    if (paxos->leader.active)
        reads_on_round(&paxos->reads,
                       election_confirmed_round(&paxos->election,
                                                quorum_meets_prepare(&outbox->quorum), outbox));
}

static void route_message(struct decree_paxos *paxos, const struct decree_message *message)
{
    switch (message->type) {
    case DECREE_P1A:
        acceptor_on_p1a(&paxos->acceptor, message, &paxos->outbox);
        if (ballot_equal(message->ballot, paxos->acceptor.promised))
            election_yield(&paxos->outbox);
        break;
    case DECREE_P1B:
        give_way(paxos, message->ballot);
        on_p1b(paxos, message);
        break;
    case DECREE_P2A:
        acceptor_on_p2a(&paxos->acceptor, message, &paxos->outbox);
        take_hint(paxos, message);
        break;
    case DECREE_P2B:
        give_way(paxos, message->ballot);
        on_p2b(paxos, message);
        break;
    case DECREE_DECISION:
        on_decision(paxos, message);
        break;
    case DECREE_CATCH_UP:
        catchup_on_catch_up(&paxos->catchup, message, &paxos->outbox);
        break;
    case DECREE_PROPOSE:
        on_propose(paxos, message);
        break;
    case DECREE_HEARTBEAT:
        on_heartbeat(paxos, message);
        break;
    case DECREE_HEARTBEAT_ACK:
        on_heartbeat_ack(paxos, message);
        break;
    case DECREE_READ:
        on_read(paxos, message);
        break;
    case DECREE_READ_OK:
        take_hint(paxos, message);
        reads_confirm(&paxos->reads, message->round, message->slot);
        break;
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        assert(false);
    }
}

/* --- step
 * ----------------------------------------------------------------------------------------- */

/* After each event: own replies that are durable reach their role, and a higher promise ends a
 * ballot. */
static void settle(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;
    const struct held *held;

    if (!paxos->speaking && outbox->persisted >= paxos->replica.boot_lsn) {
        paxos->speaking = true;
        election_start(&paxos->election, paxos->replica.incarnation, outbox);
    }
    give_way(paxos, paxos->acceptor.promised);
    while ((held = outbox_next_released(outbox)) != NULL) {
        struct decree_message reply;

        if (held->to != paxos->config.self)
            continue;
        acceptor_answer(&paxos->acceptor, held, outbox, &reply);
        if (reply.type == DECREE_P1B)
            on_own_p1b(paxos, &reply);
        else
            on_p2b(paxos, &reply);
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
    route_message(paxos, message);
    catchup_on_progress(&paxos->catchup, outbox);
    return 0;
}

static int restore_decide(struct decree_paxos *paxos, decree_slot slot)
{
    struct log *log = &paxos->log;

    for (decree_slot next = log->decided + 1; next <= slot; next++)
        if (!log_has(log, next))
            return DECREE_CORRUPT;
    while (log->decided < slot)
        log_decide(log);
    log->recorded = log->settled = paxos->traced = log->decided;
    return 0;
}

static int step_restore(struct decree_paxos *paxos, const struct decree_record *record)
{
    struct outbox *outbox = &paxos->outbox;
    const struct log *log = &paxos->log;
    int error = 0;

    if (record->type == DECREE_RECORD_FOREIGN)
        return 0;
    if (outbox->appended != 0 && record->lsn != outbox->appended + 1)
        return DECREE_CORRUPT;
    switch (record->type) {
    case DECREE_RECORD_BOOT:
        if (record->pvalue.command.incarnation <= paxos->replica.incarnation)
            return DECREE_CORRUPT;
        paxos->replica.incarnation = record->pvalue.command.incarnation;
        break;
    case DECREE_RECORD_ACCEPT:
        if (!log_fits(log, record->pvalue.slot))
            return log->delivered < log->decided ? DECREE_FULL : DECREE_CORRUPT;
        error = acceptor_restore(&paxos->acceptor, record);
        break;
    case DECREE_RECORD_PROMISE:
        error = acceptor_restore(&paxos->acceptor, record);
        break;
    case DECREE_RECORD_DECIDE:
        error = restore_decide(paxos, record->pvalue.slot);
        break;
    default:
        return DECREE_CORRUPT;
    }
    if (error == 0)
        outbox->appended = outbox->persisted = record->lsn;
    return error;
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
    return 0;
}

static void on_scout_timer(struct decree_paxos *paxos)
{
    if (may_scout(paxos))
        start_scout(paxos);
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
        stand_down(paxos, paxos->acceptor.promised);
    }
    election_forget_silent(&paxos->election, outbox);
    if (!ballot_equal(before, paxos->election.leader))
        leader_changed(paxos);
    send_heartbeats(paxos);
}

static void on_prepare_timer(struct decree_paxos *paxos)
{
    outbox_timer(&paxos->outbox, TIMER_PREPARE,
                 paxos->outbox.now_ns + paxos->config.heartbeat_every_ns);
    if (paxos->outbox.now_ns - paxos->scout.moved_ns > paxos->config.suspect_after_ns)
        stand_down(paxos, paxos->scout.ballot);
    else
        scout_on_timer(&paxos->scout, &paxos->outbox);
}

static void watch_reads(struct decree_paxos *paxos)
{
    reads_watch(&paxos->reads);
    outbox_timer(&paxos->outbox, TIMER_READ,
                 paxos->outbox.now_ns +
                     (3 * paxos->config.heartbeat_every_ns << paxos->reads.patience));
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
        watch_reads(paxos);
    else
        outbox_timer(&paxos->outbox, TIMER_READ, UINT64_MAX);
}

static void step_wake(struct decree_paxos *paxos)
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
        propose_another_way(paxos);
    if (outbox_is_due(outbox, TIMER_CATCH_UP))
        catchup_on_timer(&paxos->catchup, outbox);
    if (outbox_is_due(outbox, TIMER_READ))
        on_read_timer(paxos);
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
        return paxos->started ? DECREE_MISUSE : step_restore(paxos, &event->u.restore);
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
        campaign(paxos);
        return 0;
    case DECREE_EVENT_WAKE:
        step_wake(paxos);
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
        settle(paxos);
    return error;
}

/* --- take
 * ----------------------------------------------------------------------------------------- */

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
        send_heartbeats(paxos);
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
        watch_reads(paxos);
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
        acceptor_answer(&paxos->acceptor, held, outbox, &reply);
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
        settle(paxos);
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

/* --- questions
 * ------------------------------------------------------------------------------------ */

uint64_t decree_paxos_last_sequence(const struct decree_paxos *paxos)
{
    return paxos->replica.next - 1;
}

void decree_paxos_status(const struct decree_paxos *paxos, struct decree_status *ret_status)
{
    const struct outbox *outbox = &paxos->outbox;
    const struct quorum *quorum = &outbox->quorum;
    uint32_t need = quorum->prepare > quorum->vote ? quorum->prepare : quorum->vote;
    struct decree_ballot own = leading(paxos);
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
        .dropped_messages = outbox->dropped_messages};
}
