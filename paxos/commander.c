/* SPDX-License-Identifier: MIT */
/* commander.c -- collects votes; see commander.h. */
#include "commander.h"

#include <assert.h>

#include "ballot.h"

#define PATIENCE_MAX 3u

static uint32_t *votes_at(const struct commander *commander, decree_slot slot)
{
    return &commander->votes[slot & (commander->log->capacity - 1)];
}

void commander_start(struct commander *commander, struct decree_ballot ballot, decree_slot next)
{
    assert(next > 0);
    commander->ballot = ballot;
    commander->first = commander->next = next;
    commander->sent = commander->announced = commander->overdue = next - 1;
    commander->askers = 0;
    commander->retry = false;
    commander->reached = 0;
    commander->patience = 0;
}

void commander_proposed(struct commander *commander)
{
    *votes_at(commander, commander->next) = 0;
    commander->next++;
}

static bool is_decided(const struct commander *commander, decree_slot slot, uint32_t quorum)
{
    return slot >= commander->first && slot < commander->next &&
           quorum_size(*votes_at(commander, slot)) >= quorum;
}

bool commander_decide(struct commander *commander, const struct outbox *outbox)
{
    struct log *log = commander->log;
    decree_slot before = log->decided;

    while (is_decided(commander, log->decided + 1, outbox->quorum.vote)) {
        uint32_t origin = quorum_index(&outbox->quorum,
                                       log_at(log, log->decided + 1)->command.origin);

        if (origin != DECREE_MEMBERS_MAX)
            commander->askers |= 1u << origin;
        log_decide(log);
    }
    return log->decided > before;
}

bool commander_on_p2b(struct commander *commander, const struct decree_message *message,
                      struct outbox *outbox)
{
    uint32_t bit = 1u << quorum_index(&outbox->quorum, message->from);
    decree_slot start = commander->log->decided + 1;
    decree_slot end = message->slot + message->count;

    if (!ballot_equal(message->ballot, commander->ballot))
        return false;
    if (end > commander->next)
        end = commander->next;
    if (start < commander->first)
        start = commander->first;
    if (start < message->slot)
        start = message->slot;
    for (decree_slot slot = start; slot < end; slot++)
        *votes_at(commander, slot) |= bit;
    return commander_decide(commander, outbox);
}

static struct decree_message *put_p2a(const struct commander *commander, uint32_t member,
                                      decree_slot first, decree_slot last, struct outbox *outbox)
{
    struct decree_message *message = outbox_message(outbox, DECREE_P2A,
                                                    outbox->quorum.members[member]);

    assert(first <= last);
    message->ballot = commander->ballot;
    message->slot = first;
    message->decided = commander->log->decided;
    message->pvalues = log_at(commander->log, first);
    message->pvalue_count = (uint32_t)(last - first + 1);
    return message;
}

static void tell(const struct commander *commander, uint32_t members, struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->quorum.count; i++) {
        struct decree_message *message;

        if (i == outbox->quorum.self || (members & (1u << i)) == 0)
            continue;
        message = outbox_message(outbox, DECREE_DECISION, outbox->quorum.members[i]);
        message->ballot = commander->ballot;
        message->decided = commander->log->decided;
    }
}

/* Everybody knows what is decided now, or is about to. */
static void announced(struct commander *commander, struct outbox *outbox)
{
    commander->announced = commander->log->decided;
    commander->askers = 0;
    outbox_timer(outbox, TIMER_ANNOUNCE, UINT64_MAX);
}

void commander_on_announce_timer(struct commander *commander, struct outbox *outbox)
{
    commander->askers = UINT32_MAX;
    outbox_timer(outbox, TIMER_ANNOUNCE, UINT64_MAX);
}

static void announce(struct commander *commander, struct outbox *outbox)
{
    uint64_t patience_ns = outbox->config->heartbeat_every_ns / 64;

    tell(commander, commander->askers, outbox);
    if (commander->askers == UINT32_MAX)
        announced(commander, outbox);
    else if (outbox->timers_ns[TIMER_ANNOUNCE] == UINT64_MAX)
        outbox_timer(outbox, TIMER_ANNOUNCE, outbox->now_ns + patience_ns);
    commander->askers = 0;
}

/* Slots that a peer's vote could not wait for are decided by others already: no need to send
 * them. */
static void skip_decided(struct commander *commander)
{
    if (commander->sent < commander->log->first - 1)
        commander->sent = commander->log->first - 1;
}

/* The first run, among slots to last, that this member has not voted for. */
static void retry_member(const struct commander *commander, uint32_t member, struct outbox *outbox)
{
    const struct log *log = commander->log;
    decree_slot first = log->decided + 1, last;

    if (first < commander->first)
        first = commander->first;
    while (first <= commander->overdue && (*votes_at(commander, first) & (1u << member)) != 0)
        first++;
    if (first > commander->overdue)
        return;
    last = log_run(log, first, commander->overdue, outbox->config->message_bytes_max);
    for (decree_slot slot = first + 1; slot <= last; slot++)
        if ((*votes_at(commander, slot) & (1u << member)) != 0)
            last = slot - 1;
    put_p2a(commander, member, first, last, outbox)->again = true;
}

static void retry(struct commander *commander, struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->quorum.count; i++)
        if (i != outbox->quorum.self && outbox_has_messages(outbox, 1))
            retry_member(commander, i, outbox);
    commander->overdue = commander->sent;
    commander->retry = false;
}

bool commander_flush(struct commander *commander, struct outbox *outbox)
{
    const struct log *log = commander->log;

    if (commander->retry)
        retry(commander, outbox);
    skip_decided(commander);
    if (commander->sent + 1 < commander->next && outbox->timers_ns[TIMER_VOTE] == UINT64_MAX)
        outbox_timer(outbox, TIMER_VOTE, outbox->now_ns + outbox->config->heartbeat_every_ns);
    while (commander->sent + 1 < commander->next) {
        decree_slot first = commander->sent + 1;
        decree_slot last = log_run(log, first, commander->next - 1,
                                   outbox->config->message_bytes_max);

        assert(last >= first);
        if (!outbox_has_messages(outbox, OUTBOX_STEP_MESSAGES))
            return false;
        for (uint32_t i = 0; i < outbox->quorum.count; i++)
            if (i != outbox->quorum.self)
                (void)put_p2a(commander, i, first, last, outbox);
        commander->sent = last;
        announced(commander, outbox);
    }
    if (commander->announced < log->decided) {
        if (!outbox_has_messages(outbox, OUTBOX_STEP_MESSAGES))
            return false;
        announce(commander, outbox);
    }
    return true;
}

void commander_on_timer(struct commander *commander, struct outbox *outbox)
{
    decree_slot decided = commander->log->decided;
    uint64_t patience_ns;

    if (decided > commander->reached || decided >= commander->overdue)
        commander->patience = 0;
    else if (commander->patience < PATIENCE_MAX)
        commander->patience++;
    commander->reached = decided;
    commander->retry = true;
    patience_ns = outbox->config->heartbeat_every_ns << commander->patience;
    outbox_timer(outbox, TIMER_VOTE,
                 decided + 1 < commander->next ? outbox->now_ns + patience_ns : UINT64_MAX);
}
