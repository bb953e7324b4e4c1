/* SPDX-License-Identifier: MIT */
/* receive.c -- see receive.h. */
#include "receive.h"

#include <assert.h>

#include "ballot.h"
#include "leadership.h"

static void on_p1b(struct decree_paxos *paxos, const struct decree_message *message)
{
    struct scout *scout = &paxos->scout;

    if (scout_on_p1b(scout, message, &paxos->outbox))
        leadership_adopt(paxos);
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
        if (!acceptor_answer(&paxos->acceptor, &page, &paxos->outbox, &reply))
            return;
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
    election_on_heartbeat(&paxos->election, &heard, paxos->acceptor.durable, &paxos->outbox);
    leadership_give_way(paxos, message->ballot);
    take_hint(paxos, message);
    if (!ballot_equal(before, paxos->election.leader))
        leadership_changed(paxos);
}

static void on_heartbeat_ack(struct decree_paxos *paxos, const struct decree_message *message)
{
    const struct outbox *outbox = &paxos->outbox;

    election_on_heartbeat_ack(&paxos->election, message, &paxos->outbox);
    leadership_give_way(paxos, message->ballot);
    if (paxos->leader.active)
        reads_on_round(&paxos->reads,
                       election_confirmed_round(&paxos->election,
                                                quorum_meets_prepare(&outbox->quorum), outbox));
}

/* Only from who leads now: one that comes late, or to who knows of another leader, means nothing. It
 * may come again before phase 1 is over, which is then not begun anew. */
static void on_hand_over(struct decree_paxos *paxos, const struct decree_message *message)
{
    if (ballot_equal(message->ballot, paxos->election.leader))
        leadership_campaign(paxos);
}

void receive_own(struct decree_paxos *paxos, const struct decree_message *reply)
{
    if (reply->type == DECREE_P1B)
        on_own_p1b(paxos, reply);
    else
        on_p2b(paxos, reply);
}

void receive_message(struct decree_paxos *paxos, const struct decree_message *message)
{
    switch (message->type) {
    case DECREE_P1A:
        acceptor_on_p1a(&paxos->acceptor, message, &paxos->outbox);
        if (ballot_equal(message->ballot, paxos->acceptor.promised))
            election_yield(&paxos->election, &paxos->outbox);
        break;
    case DECREE_P1B:
        leadership_give_way(paxos, message->ballot);
        on_p1b(paxos, message);
        break;
    case DECREE_P2A:
        acceptor_on_p2a(&paxos->acceptor, message, &paxos->outbox);
        take_hint(paxos, message);
        break;
    case DECREE_P2B:
        leadership_give_way(paxos, message->ballot);
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
    case DECREE_HAND_OVER:
        on_hand_over(paxos, message);
        break;
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        assert(false);
    }
}
