/* SPDX-License-Identifier: MIT */
/* election.c -- heartbeats and suspicion; see election.h. */
#include "election.h"

#include <assert.h>

#include "ballot.h"

static void note_round(struct election *election, struct decree_ballot ballot)
{
    if (ballot.round > election->highest_round)
        election->highest_round = ballot.round;
}

static void scout_after(uint64_t delay_ns, struct outbox *outbox)
{
    uint64_t jitter_ns = prng_below(&outbox->prng, outbox->config->heartbeat_every_ns + 1);

    outbox_timer(outbox, TIMER_SCOUT, outbox->now_ns + delay_ns + jitter_ns);
}

void election_start(struct election *election, uint64_t incarnation, struct outbox *outbox)
{
    election->round = incarnation << 32;
    election->patience_ns = outbox->config->heartbeat_every_ns;
    outbox_timer(outbox, TIMER_HEARTBEAT, outbox->now_ns);
    if (outbox->quorum.count == 1)
        outbox_timer(outbox, TIMER_SCOUT, outbox->now_ns);
    else
        scout_after(2 * outbox->config->heartbeat_every_ns, outbox);
}

static bool hears_directly(const struct election *election, const struct outbox *outbox)
{
    return election->direct_ns != 0 &&
           outbox->now_ns - election->direct_ns < outbox->config->suspect_after_ns;
}

bool election_hears_leader(const struct election *election, const struct outbox *outbox)
{
    return election->heard_ns != 0 &&
           outbox->now_ns - election->heard_ns < outbox->config->suspect_after_ns;
}

void election_send_heartbeats(struct election *election, struct decree_ballot leading,
                              decree_slot decided, struct outbox *outbox)
{
    election->round++;
    for (uint32_t i = 0; i < outbox->quorum.count; i++) {
        struct decree_message *message;

        if (i == outbox->quorum.self)
            continue;
        message = outbox_message(outbox, DECREE_HEARTBEAT, outbox->quorum.members[i]);
        message->round = election->round;
        message->decided = decided;
        if (!ballot_is_bottom(leading)) {
            message->ballot = leading;
        } else if (hears_directly(election, outbox)) {
            message->ballot = election->leader;
            message->age_ns = outbox->now_ns - election->direct_ns;
        }
    }
}

/* Who answers a scout waits for it also when the old leader, who has answered it too, stands down. */
static void lose_leader(struct election *election, struct outbox *outbox)
{
    uint64_t yield_ns = election->yield_until_ns > outbox->now_ns
                            ? election->yield_until_ns - outbox->now_ns
                            : 0;

    outbox_trace(outbox, DECREE_TRACE_LEADERLESS, election->leader.node, election->leader, 0, 0);
    election->leader = (struct decree_ballot){0};
    election->heard_ns = election->direct_ns = 0;
    election->via = 0;
    scout_after(yield_ns, outbox);
}

/* Not silence but word has come that the leader leads no more: older news of it, from others, are
 * void. */
static void give_up_leader(struct election *election, struct outbox *outbox)
{
    election->lost = election->leader;
    election->lost_ns = outbox->now_ns;
    lose_leader(election, outbox);
}

static bool is_old_news(const struct election *election, const struct decree_message *message,
                        const struct outbox *outbox)
{
    return ballot_equal(message->ballot, election->lost) &&
           outbox->now_ns - message->age_ns <= election->lost_ns;
}

static void hear(struct election *election, const struct decree_message *message,
                 struct outbox *outbox)
{
    uint64_t heard_ns = outbox->now_ns - message->age_ns;
    bool direct = message->from == message->ballot.node;

    if (!ballot_equal(message->ballot, election->leader)) {
        outbox_trace(outbox, DECREE_TRACE_FOLLOWING, message->from, message->ballot, 0, 0);
        election->leader = message->ballot;
        election->heard_ns = election->direct_ns = 0;
        election->via = message->from;
        election->patience_ns = outbox->config->heartbeat_every_ns;
        election->yield_until_ns = 0;
    }
    if (direct)
        election->direct_ns = heard_ns;
    if (heard_ns > election->heard_ns) {
        election->heard_ns = heard_ns;
        election->via = message->from;
        scout_after(outbox->config->suspect_after_ns - message->age_ns, outbox);
    }
}

void election_on_heartbeat(struct election *election, const struct decree_message *message,
                           struct decree_ballot promised, struct outbox *outbox)
{
    struct decree_message *ack;
    uint32_t member = quorum_index(&outbox->quorum, message->from);
    bool silent = message->age_ns >= outbox->config->suspect_after_ns ||
                  message->age_ns >= outbox->now_ns;

    note_round(election, message->ballot);
    ack = outbox_message(outbox, DECREE_HEARTBEAT_ACK, message->from);
    ack->round = message->round;
    ack->ballot = promised;
    if (message->round < election->heard_round[member])
        return;
    election->heard_round[member] = message->round;
    election->named[member] = message->ballot;
    election->named_ns[member] = outbox->now_ns;
    if (ballot_is_bottom(message->ballot)) {
        if (message->from == election->leader.node)
            give_up_leader(election, outbox);
        return;
    }
    if (message->ballot.node == outbox->config->self || silent ||
        is_old_news(election, message, outbox))
        return;
    if (ballot_compare(message->ballot, election->leader) >= 0 ||
        !election_hears_leader(election, outbox))
        hear(election, message, outbox);
}

void election_on_heartbeat_ack(struct election *election, const struct decree_message *message,
                               struct outbox *outbox)
{
    uint32_t member = quorum_index(&outbox->quorum, message->from);

    note_round(election, message->ballot);
    if (message->round > election->round || message->round <= election->acked_round[member])
        return;
    election->acked_round[member] = message->round;
    election->acked_ns[member] = outbox->now_ns;
}

void election_on_unreachable(struct election *election, decree_node_id node, struct outbox *outbox)
{
    uint32_t member = quorum_index(&outbox->quorum, node);

    if (member == DECREE_MEMBERS_MAX)
        return;
    election->acked_ns[member] = 0;
    if (node == election->leader.node && election->direct_ns != 0)
        give_up_leader(election, outbox);
}

void election_back_off(struct election *election, struct decree_ballot higher,
                       struct outbox *outbox)
{
    uint64_t patience_ns = election->patience_ns;

    note_round(election, higher);
    scout_after(patience_ns + prng_below(&outbox->prng, patience_ns + 1), outbox);
    if (patience_ns < outbox->config->suspect_after_ns)
        election->patience_ns = 2 * patience_ns;
}

uint64_t election_confirmed_round(const struct election *election, uint32_t need,
                                  const struct outbox *outbox)
{
    uint64_t best = election->round;

    if (need <= 1)
        return best;
    best = 0;
    for (uint32_t i = 0; i < outbox->quorum.count; i++) {
        uint64_t round = election->acked_round[i];
        uint32_t answered = 1;

        for (uint32_t j = 0; j < outbox->quorum.count; j++)
            answered += j != outbox->quorum.self && election->acked_round[j] >= round;
        if (i != outbox->quorum.self && answered >= need && round > best)
            best = round;
    }
    return best;
}

bool election_reaches(const struct election *election, uint32_t need, const struct outbox *outbox)
{
    uint32_t reached = 1;

    for (uint32_t i = 0; i < outbox->quorum.count; i++)
        reached += i != outbox->quorum.self && election->acked_ns[i] != 0 &&
                   outbox->now_ns - election->acked_ns[i] < outbox->config->suspect_after_ns;
    return reached >= need;
}

void election_wait(struct election *election, struct outbox *outbox)
{
    uint64_t silence_ns = outbox->now_ns - election->heard_ns;

    if (election_hears_leader(election, outbox))
        scout_after(outbox->config->suspect_after_ns - silence_ns, outbox);
    else
        scout_after(outbox->config->heartbeat_every_ns, outbox);
}

/* What was random about the time that this node would have scouted stays so. */
void election_yield(struct election *election, struct outbox *outbox)
{
    uint64_t heartbeat_ns = outbox->config->heartbeat_every_ns;
    uint64_t due_ns = outbox->timers_ns[TIMER_SCOUT];
    uint64_t due_in_ns = due_ns > outbox->now_ns ? due_ns - outbox->now_ns : 0;

    election->yield_until_ns = outbox->now_ns + 3 * heartbeat_ns;
    if (due_ns != UINT64_MAX && due_in_ns < 3 * heartbeat_ns)
        outbox_timer(outbox, TIMER_SCOUT, election->yield_until_ns + due_in_ns % heartbeat_ns);
}

void election_lead(struct election *election, struct outbox *outbox)
{
    election->leader = (struct decree_ballot){0};
    election->heard_ns = election->direct_ns = 0;
    election->via = 0;
    election->patience_ns = outbox->config->heartbeat_every_ns;
    outbox_timer(outbox, TIMER_SCOUT, UINT64_MAX);
}

void election_forget_silent(struct election *election, struct outbox *outbox)
{
    if (!ballot_is_bottom(election->leader) && !election_hears_leader(election, outbox))
        lose_leader(election, outbox);
}

decree_node_id election_route(const struct election *election, const struct outbox *outbox)
{
    if (!election_hears_leader(election, outbox))
        return 0;
    return hears_directly(election, outbox) ? election->leader.node : election->via;
}

static bool is_detour(const struct election *election, uint32_t member, const struct outbox *outbox)
{
    decree_node_id id = outbox->quorum.members[member];

    return member != outbox->quorum.self && id != election->leader.node &&
           ballot_equal(election->named[member], election->leader) &&
           outbox->now_ns - election->named_ns[member] < outbox->config->suspect_after_ns;
}

decree_node_id election_detour(struct election *election, const struct outbox *outbox)
{
    if (ballot_is_bottom(election->leader))
        return 0;
    for (uint32_t i = 0; i < outbox->quorum.count; i++) {
        election->detour = (election->detour + 1) % outbox->quorum.count;
        if (is_detour(election, election->detour, outbox))
            return outbox->quorum.members[election->detour];
    }
    return 0;
}
