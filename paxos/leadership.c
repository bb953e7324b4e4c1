/* SPDX-License-Identifier: MIT */
/* leadership.c -- see leadership.h. */
#include "leadership.h"

#include "ballot.h"

struct decree_ballot leadership_ballot(const struct decree_paxos *paxos)
{
    const struct outbox *outbox = &paxos->outbox;

    if (paxos->leader.active && election_reaches(&paxos->election, outbox->quorum.vote, outbox))
        return paxos->leader.ballot;
    return (struct decree_ballot){0};
}

void leadership_heartbeat(struct decree_paxos *paxos)
{
    if (!outbox_has_messages(&paxos->outbox, DECREE_MEMBERS_MAX))
        return;
    election_send_heartbeats(&paxos->election, leadership_ballot(paxos), paxos->log.decided,
                             &paxos->outbox);
}

void leadership_changed(struct decree_paxos *paxos)
{
    reads_again(&paxos->reads);
    outbox_timer(&paxos->outbox, TIMER_READ, UINT64_MAX);
    paxos->replica.detour = 0;
    replica_anew(&paxos->replica, &paxos->outbox);
}

void leadership_propose_another_way(struct decree_paxos *paxos)
{
    struct replica *replica = &paxos->replica;

    if (replica->detour != 0)
        replica->detour = 0;
    else if (!paxos->leader.active)
        replica->detour = election_detour(&paxos->election, &paxos->outbox);
    replica_again(replica, &paxos->outbox);
}

void leadership_adopt(struct decree_paxos *paxos)
{
    leader_adopt(&paxos->leader, &paxos->replica.performed, &paxos->outbox);
    paxos->catchup.reached_ns = paxos->outbox.now_ns;
    election_lead(&paxos->election, &paxos->outbox);
    leadership_changed(paxos);
    leadership_heartbeat(paxos);
}

void leadership_stand_down(struct decree_paxos *paxos, struct decree_ballot higher)
{
    bool active = paxos->leader.active;

    if (!active && !paxos->scout.running)
        return;
    scout_stop(&paxos->scout, &paxos->outbox);
    election_back_off(&paxos->election, higher, &paxos->outbox);
    if (active) {
        leader_deactivate(&paxos->leader, &paxos->outbox);
        leadership_changed(paxos);
    }
}

void leadership_give_way(struct decree_paxos *paxos, struct decree_ballot seen)
{
    const struct leader *leader = &paxos->leader;
    const struct scout *scout = &paxos->scout;

    if ((leader->active && ballot_compare(seen, leader->ballot) > 0) ||
        (scout->running && ballot_compare(seen, scout->ballot) > 0)) {
        outbox_trace(&paxos->outbox, DECREE_TRACE_PREEMPTED, seen.node, seen, 0, 0);
        leadership_stand_down(paxos, seen);
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

bool leadership_may_scout(const struct decree_paxos *paxos)
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

void leadership_scout(struct decree_paxos *paxos)
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

void leadership_campaign(struct decree_paxos *paxos)
{
    if (!paxos->speaking || !can_scout(paxos))
        return;
    if (paxos->leader.active)
        leadership_stand_down(paxos, paxos->leader.ballot);
    leadership_scout(paxos);
}

void leadership_hand_over(struct decree_paxos *paxos, decree_node_id to)
{
    struct decree_message *message;

    if (!paxos->leader.active || to == paxos->config.self ||
        quorum_index(&paxos->outbox.quorum, to) == DECREE_MEMBERS_MAX ||
        !outbox_has_messages(&paxos->outbox, 1))
        return;
    message = outbox_message(&paxos->outbox, DECREE_HAND_OVER, to);
    message->ballot = paxos->leader.ballot;
    message->decided = paxos->log.decided;
}
