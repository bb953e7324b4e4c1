/* SPDX-License-Identifier: MIT */
/* synod.c -- single-decree Paxos, whole: acceptor, proposer and learner of one value.
 *
 *   proposer                    acceptor (each member)                         learner
 *   prepare(b)  ----------->    promise b, if nothing higher is promised
 *               <-----------    promise(b, last vote)
 *   from prepare_quorum: take the value of the highest vote, else one's own
 *   accept(b,v) ----------->    vote, if nothing higher is promised
 *               <-----------    accepted(b)
 *   from vote_quorum: v is chosen -------------------------- decided(v) -----> done
 *                                                           <-- learned
 *
 * Why no two values are chosen: let v be chosen in b, and b' > b be the next ballot in which a
 * value is proposed. Its prepare quorum shares a member with the vote quorum of b (the sizes add up
 * to more than n). That member voted in b before it promised b', so it told b' of v; and no vote
 * between b and b' was for anything else. So b' proposes v.
 *
 * A node is its own acceptor too: its promise to itself, once durable, is the claim to the ballot,
 * and only then do the others hear of it, so no ballot is used twice. What an acceptor owes to a
 * member is one answer, the newest; it goes out at the first take after its record is durable.
 * Messages are made at take, from the state then.
 */
#include "synod_inside.h"

#include <assert.h>
#include <string.h>

#include "ballot.h"

#define PATIENCE_MAX 16u /* the longest wait, in retry_after_ns */

static void set_value(struct decree_value **slot, struct decree_value *value)
{
    decree_value_ref(value);
    decree_value_unref(*slot);
    *slot = value;
}

static uint32_t others(const struct decree_synod *synod)
{
    return ((1u << synod->quorum.count) - 1) & ~(1u << synod->quorum.self);
}

/* --- acceptor
 * ------------------------------------------------------------------------------------- */

static void owe(struct decree_synod *synod, uint32_t member, enum decree_synod_message_type type,
                struct decree_ballot ballot)
{
    synod->owed[member] = (struct synod_answer){
        .type = type, .ballot = ballot, .version = synod->state.version};
}

static void promise(struct decree_synod *synod, struct decree_ballot ballot)
{
    assert(ballot_compare(ballot, synod->state.promised) >= 0);
    synod->state.promised = ballot;
    synod->state.version++;
}

static void on_prepare(struct decree_synod *synod, uint32_t from, struct decree_ballot ballot)
{
    int order = ballot_compare(ballot, synod->state.promised);

    if (order > 0)
        promise(synod, ballot);
    owe(synod, from, order >= 0 ? DECREE_SYNOD_PROMISE : DECREE_SYNOD_REFUSED, ballot);
}

static void try_later(struct decree_synod *synod);

static void on_accept(struct decree_synod *synod, uint32_t from, struct decree_ballot ballot,
                      struct decree_value *value)
{
    if (ballot_compare(ballot, synod->state.promised) < 0) {
        owe(synod, from, DECREE_SYNOD_REFUSED, ballot);
        return;
    }
    if (!ballot_equal(ballot, synod->state.voted)) {
        promise(synod, ballot);
        synod->state.voted = ballot;
        set_value(&synod->state.value, value);
    }
    owe(synod, from, DECREE_SYNOD_ACCEPTED, ballot);
    if (synod->retry_at_ns == UINT64_MAX)
        try_later(synod); /* who has voted wants to know the outcome */
}

/* --- learner
 * -------------------------------------------------------------------------------------- */

static void decide(struct decree_synod *synod, struct decree_value *value)
{
    assert(!synod->state.decided);
    set_value(&synod->state.value, value);
    synod->state.decided = true;
    synod->state.version++;
    synod->phase = SYNOD_IDLE;
    synod->retry_at_ns = UINT64_MAX;
    synod->to_prepare = synod->to_accept = 0;
    synod->to_inform = others(synod);
    for (uint32_t i = 0; i < synod->quorum.count; i++)
        if (i != synod->quorum.self && synod->owed[i].type != DECREE_SYNOD_NONE)
            synod->to_tell |= 1u << i; /* a better answer than the one that is owed */
    memset(synod->owed, 0, sizeof(synod->owed));
}

/* --- proposer
 * ------------------------------------------------------------------------------------- */

/* Waits from once to twice the present patience, and has twice as much the next time. */
static void try_later(struct decree_synod *synod)
{
    uint64_t wait_ns = synod->patience * synod->retry_after_ns;

    synod->retry_at_ns = synod->now_ns + wait_ns + prng_below(&synod->prng, wait_ns);
    if (synod->patience < PATIENCE_MAX)
        synod->patience *= 2;
}

static void give_up_ballot(struct decree_synod *synod)
{
    synod->phase = SYNOD_IDLE;
    synod->to_prepare = synod->to_accept = 0;
    try_later(synod);
}

static void begin_ballot(struct decree_synod *synod)
{
    uint64_t round = synod->state.promised.round;

    if (synod->highest_round > round)
        round = synod->highest_round;
    synod->ballot = (struct decree_ballot){.round = round + 1,
                                           .node = synod->members[synod->quorum.self]};
    synod->phase = SYNOD_PREPARING;
    synod->best = (struct decree_ballot){0};
    set_value(&synod->best_value, synod->proposal);
    synod->promised = synod->accepted = synod->to_prepare = synod->to_accept = 0;
    try_later(synod);
    on_prepare(synod, synod->quorum.self, synod->ballot);
}

/* A slow disk is no reason for a new ballot, which would only give it more to do. */
static void retry(struct decree_synod *synod)
{
    if (synod->owed[synod->quorum.self].type == DECREE_SYNOD_NONE)
        begin_ballot(synod);
    else
        try_later(synod);
}

static void ask_for_votes(struct decree_synod *synod)
{
    assert(synod->best_value != NULL); /* who begins a ballot has proposed or voted */
    synod->phase = SYNOD_ACCEPTING;
    synod->to_prepare = 0;
    synod->to_accept = others(synod);
    on_accept(synod, synod->quorum.self, synod->ballot, synod->best_value);
}

static void on_promise(struct decree_synod *synod, uint32_t from,
                       const struct decree_synod_message *message)
{
    uint32_t claim = 1u << synod->quorum.self;

    if (synod->phase != SYNOD_PREPARING || !ballot_equal(message->ballot, synod->ballot))
        return;
    if (from != synod->quorum.self && (synod->promised & claim) == 0)
        return; /* nobody can know this ballot yet */
    if (ballot_compare(message->voted, synod->best) > 0) {
        synod->best = message->voted;
        set_value(&synod->best_value, message->value);
    }
    synod->promised |= 1u << from;
    if (from == synod->quorum.self)
        synod->to_prepare = others(synod);
    if (quorum_size(synod->promised) >= synod->quorum.prepare)
        ask_for_votes(synod);
}

static void on_accepted(struct decree_synod *synod, uint32_t from, struct decree_ballot ballot)
{
    if (synod->phase != SYNOD_ACCEPTING || !ballot_equal(ballot, synod->ballot))
        return;
    synod->accepted |= 1u << from;
    if (quorum_size(synod->accepted) < synod->quorum.vote)
        return;
    decide(synod, synod->best_value);
    synod->to_tell = others(synod);
}

/* --- the answers and the border
 * ------------------------------------------------------------------- */

/* What the owed answer says by now: a promise may have been overtaken, a vote that was given stays
 * given. */
static struct decree_synod_message answer_now(const struct decree_synod *synod,
                                              const struct synod_answer *answer)
{
    const struct decree_synod_record *state = &synod->state;
    struct decree_synod_message message = {.type = answer->type, .ballot = answer->ballot};

    if (answer->type != DECREE_SYNOD_ACCEPTED && !ballot_equal(answer->ballot, state->promised)) {
        message.type = DECREE_SYNOD_REFUSED;
        message.ballot = state->promised;
    }
    if (message.type == DECREE_SYNOD_PROMISE) {
        message.voted = state->voted;
        message.value = state->value;
    }
    return message;
}

static bool is_due(const struct decree_synod *synod, uint32_t member)
{
    const struct synod_answer *answer = &synod->owed[member];

    return answer->type != DECREE_SYNOD_NONE &&
           (answer->type == DECREE_SYNOD_REFUSED || answer->version <= synod->durable);
}

/* After each event: the own acceptor's answer reaches the proposer, and a higher promise ends the
 * ballot. */
static void settle(struct decree_synod *synod)
{
    uint32_t self = synod->quorum.self;

    if (synod->phase != SYNOD_IDLE && ballot_compare(synod->state.promised, synod->ballot) > 0)
        give_up_ballot(synod);
    while (!synod->state.decided && is_due(synod, self)) {
        struct decree_synod_message message = answer_now(synod, &synod->owed[self]);

        synod->owed[self].type = DECREE_SYNOD_NONE;
        if (message.type == DECREE_SYNOD_PROMISE)
            on_promise(synod, self, &message);
        else if (message.type == DECREE_SYNOD_ACCEPTED)
            on_accepted(synod, self, message.ballot);
    }
}

static bool message_is_sane(const struct decree_synod *synod,
                            const struct decree_synod_message *message)
{
    bool from_proposer = message->ballot.node == message->from && message->ballot.round > 0;

    if (message->to != synod->members[synod->quorum.self] || message->from == message->to ||
        quorum_index(&synod->quorum, message->from) == DECREE_MEMBERS_MAX ||
        message->ballot.round > UINT64_MAX / 2)
        return false;
    switch (message->type) {
    case DECREE_SYNOD_PREPARE:
        return from_proposer;
    case DECREE_SYNOD_ACCEPT:
        return from_proposer && message->value != NULL;
    case DECREE_SYNOD_PROMISE:
        return ballot_is_bottom(message->voted) == (message->value == NULL);
    case DECREE_SYNOD_ACCEPTED:
    case DECREE_SYNOD_REFUSED:
    case DECREE_SYNOD_ASK:
    case DECREE_SYNOD_LEARNED:
        return true;
    case DECREE_SYNOD_DECIDED:
        return message->value != NULL;
    case DECREE_SYNOD_NONE:
        return false;
    }
    return false;
}

static void on_refused(struct decree_synod *synod, struct decree_ballot higher)
{
    if (synod->phase != SYNOD_IDLE && ballot_compare(higher, synod->ballot) > 0)
        give_up_ballot(synod);
}

/* Who still asks does not know. */
static void on_message_decided(struct decree_synod *synod, uint32_t from,
                               enum decree_synod_message_type type)
{
    if (type != DECREE_SYNOD_PREPARE && type != DECREE_SYNOD_ACCEPT && type != DECREE_SYNOD_ASK)
        return;
    synod->to_tell |= 1u << from;
    synod->to_inform |= 1u << from;
}

static void on_message(struct decree_synod *synod, const struct decree_synod_message *message)
{
    uint32_t from = quorum_index(&synod->quorum, message->from);

    if (message->type == DECREE_SYNOD_LEARNED)
        synod->known |= 1u << from;
    if (synod->state.decided) {
        on_message_decided(synod, from, message->type);
        return;
    }
    if (message->ballot.round > synod->highest_round)
        synod->highest_round = message->ballot.round;
    switch (message->type) {
    case DECREE_SYNOD_PREPARE:
        on_prepare(synod, from, message->ballot);
        break;
    case DECREE_SYNOD_PROMISE:
        on_promise(synod, from, message);
        break;
    case DECREE_SYNOD_ACCEPT:
        on_accept(synod, from, message->ballot, message->value);
        break;
    case DECREE_SYNOD_ACCEPTED:
        on_accepted(synod, from, message->ballot);
        break;
    case DECREE_SYNOD_REFUSED:
        on_refused(synod, message->ballot);
        break;
    case DECREE_SYNOD_DECIDED:
        decide(synod, message->value);
        break;
    case DECREE_SYNOD_ASK: /* whom it asks in vain, it asks again */
    case DECREE_SYNOD_LEARNED:
        break;
    case DECREE_SYNOD_NONE:
        assert(false);
    }
}

/* --- step and take
 * -------------------------------------------------------------------------------- */

static int restore(struct decree_synod *synod, const struct decree_synod_record *record)
{
    bool wants_value = record->decided || !ballot_is_bottom(record->voted);

    if (synod->begun)
        return DECREE_MISUSE;
    if (wants_value != (record->value != NULL) ||
        ballot_compare(record->voted, record->promised) > 0)
        return DECREE_CORRUPT;
    synod->state = *record;
    decree_value_ref(record->value);
    synod->handed_out = synod->durable = record->version;
    if (record->value != NULL && !record->decided)
        try_later(synod);
    return 0;
}

static int propose(struct decree_synod *synod, struct decree_value *value)
{
    if (value == NULL || synod->proposal != NULL)
        return DECREE_MISUSE;
    set_value(&synod->proposal, value);
    if (!synod->state.decided && synod->phase == SYNOD_IDLE)
        begin_ballot(synod);
    return 0;
}

static int step_event(struct decree_synod *synod, const struct decree_synod_event *event)
{
    switch (event->type) {
    case DECREE_SYNOD_RESTORE:
        return restore(synod, &event->u.restore);
    case DECREE_SYNOD_MESSAGE:
        if (message_is_sane(synod, &event->u.message))
            on_message(synod, &event->u.message);
        return 0;
    case DECREE_SYNOD_PROPOSE:
        return propose(synod, event->u.propose);
    case DECREE_SYNOD_PERSISTED:
        if (event->u.persisted > synod->handed_out)
            return DECREE_MISUSE;
        if (event->u.persisted > synod->durable)
            synod->durable = event->u.persisted;
        return 0;
    case DECREE_SYNOD_WAKE:
        if (synod->now_ns >= synod->retry_at_ns)
            retry(synod);
        return 0;
    case DECREE_SYNOD_LEARN:
        synod->to_ask = others(synod);
        return 0;
    }
    return DECREE_MISUSE;
}

int decree_synod_step(struct decree_synod *synod, const struct decree_synod_event *event)
{
    uint64_t before_ns = synod->now_ns;
    int error;

    if (event->now_ns < before_ns)
        return DECREE_MISUSE;
    synod->now_ns = event->now_ns;
    error = step_event(synod, event);
    if (error != 0) {
        synod->now_ns = before_ns;
        return error;
    }
    synod->begun = true;
    settle(synod);
    return 0;
}

static struct decree_synod_message *put(struct decree_synod *synod, uint32_t member,
                                        const struct decree_synod_message *message)
{
    struct decree_synod_message *copy = &synod->messages[synod->message_count++];

    assert(synod->message_count <= MESSAGES_PER_MEMBER * DECREE_MEMBERS_MAX);
    *copy = *message;
    copy->from = synod->members[synod->quorum.self];
    copy->to = synod->members[member];
    return copy;
}

static bool is_durable(const struct decree_synod *synod)
{
    return synod->durable == synod->state.version;
}

static void put_messages(struct decree_synod *synod, uint32_t member)
{
    uint32_t bit = 1u << member;
    struct decree_synod_message prepare = {.type = DECREE_SYNOD_PREPARE, .ballot = synod->ballot};
    struct decree_synod_message accept = {
        .type = DECREE_SYNOD_ACCEPT, .ballot = synod->ballot, .value = synod->best_value};
    struct decree_synod_message decided = {.type = DECREE_SYNOD_DECIDED,
                                           .value = synod->state.value};
    struct decree_synod_message learned = {.type = DECREE_SYNOD_LEARNED};
    struct decree_synod_message ask = {.type = DECREE_SYNOD_ASK};

    if (is_due(synod, member)) {
        struct decree_synod_message answer = answer_now(synod, &synod->owed[member]);

        put(synod, member, &answer);
        synod->owed[member].type = DECREE_SYNOD_NONE;
    }
    if ((synod->to_prepare & bit) != 0)
        put(synod, member, &prepare);
    if ((synod->to_accept & bit) != 0)
        put(synod, member, &accept);
    if ((synod->to_tell & bit) != 0)
        put(synod, member, &decided);
    if ((synod->to_inform & bit) != 0 && is_durable(synod))
        put(synod, member, &learned);
    if ((synod->to_ask & bit) != 0)
        put(synod, member, &ask);
}

void decree_synod_take(struct decree_synod *synod, struct decree_synod_effects *ret_effects)
{
    bool changed = synod->state.version > synod->handed_out;

    synod->message_count = 0;
    for (uint32_t i = 0; i < synod->quorum.count; i++)
        if (i != synod->quorum.self)
            put_messages(synod, i);
    synod->to_prepare = synod->to_accept = synod->to_tell = synod->to_ask = 0;
    if (is_durable(synod))
        synod->to_inform = 0;
    synod->record = synod->state;
    synod->handed_out = synod->state.version;
    *ret_effects = (struct decree_synod_effects){
        .record = changed ? &synod->record : NULL,
        .messages = synod->messages,
        .message_count = synod->message_count,
        .decided = synod->state.decided ? synod->state.value : NULL,
        .everyone_knows = synod->known == others(synod),
        .wake_at_ns = synod->retry_at_ns};
}
