/* SPDX-License-Identifier: MIT */
/* round.c -- see round.h. */
#include "round.h"

#include <assert.h>

#define SENDINGS_MAX 3u    /* after which the time to the next does not double any more */
#define PAUSE_PARTS 16u    /* the first pause is at most this part of a retransmission time */
#define PAUSE_DOUBLINGS 6u /* and the longest this many times doubled */
#define NEWS_PARTS 16u     /* news waits for this part of a retransmission time */
#define NUMBER_SERIAL_BITS 40u

/* --- votes --- */

void round_vote_clear(struct round_vote *vote)
{
    decree_value_unref(vote->value);
    *vote = (struct round_vote){.version = 0};
}

void round_vote_set(struct round_vote *vote, const struct round_vote *from)
{
    struct round_vote copy = *from;

    decree_value_ref(copy.value);
    round_vote_clear(vote);
    *vote = copy;
}

static struct round_vote vote_in(const struct decree_register_message *message)
{
    bool decided = message->type == DECREE_REGISTER_DECIDED;

    return (struct round_vote){.version = message->version,
                               .ballot = decided ? message->ballot : message->voted,
                               .mark = message->mark,
                               .value = message->value,
                               .decided = decided || message->decided};
}

/* --- questions --- */

static struct decree_register_message question(const struct round *round)
{
    struct decree_register_message message = {.number = round->number, .version = round->version};

    switch (round->phase) {
    case ROUND_QUERY:
        message.type = DECREE_REGISTER_QUERY;
        break;
    case ROUND_PREPARE:
        message.type = DECREE_REGISTER_PREPARE;
        message.ballot = round->ballot;
        break;
    case ROUND_ACCEPT:
        message.type = DECREE_REGISTER_ACCEPT;
        message.ballot = round->ballot;
        message.voted = round->below;
        message.mark = round->best.mark;
        message.value = round->best.value;
        break;
    case ROUND_COMPACT:
        message.type = DECREE_REGISTER_COMPACT;
        break;
    case ROUND_IDLE:
    case ROUND_PAUSE:
        assert(false); /* nothing is asked */
    }
    return message;
}

static void send_to(struct decree_registers *registers, const struct cell *cell, uint32_t members,
                    struct decree_register_message *message)
{
    const struct members *all = &registers->tray.members;

    for (uint32_t i = 0; i < all->count; i++) {
        if ((members >> i & 1) == 0)
            continue;
        message->to = all->ids[i];
        tray_send(&registers->tray, cell->name, message);
    }
}

static struct decree_register_message decision(const struct round_vote *vote)
{
    return (struct decree_register_message){.type = DECREE_REGISTER_DECIDED,
                                            .version = vote->version,
                                            .ballot = vote->ballot,
                                            .mark = vote->mark,
                                            .value = vote->value};
}

static uint32_t everyone(const struct decree_registers *registers)
{
    return (uint32_t)((UINT64_C(1) << registers->tray.members.count) - 1);
}

/* To those who have not answered. Who is to forget must know first that something later is chosen.
 */
static void ask(struct decree_registers *registers, const struct cell *cell, struct round *round)
{
    struct decree_register_message message = question(round);
    bool counts_votes = round->phase == ROUND_ACCEPT || round->phase == ROUND_COMPACT;
    uint32_t left = everyone(registers) & ~(counts_votes ? round->agreed : round->answered);
    uint32_t doublings = round->sendings < SENDINGS_MAX ? round->sendings : SENDINGS_MAX;

    if (round->phase == ROUND_COMPACT) {
        struct decree_register_message chosen = decision(&round->best);

        send_to(registers, cell, left, &chosen);
    }
    send_to(registers, cell, left, &message);
    timer_set(&registers->timers, &round->timer,
              registers->now_ns + (registers->retry_after_ns << doublings));
    round->sendings++;
}

static void leave_table(struct decree_registers *registers, struct round *round)
{
    if (round->number != 0)
        hash_table_remove(&registers->rounds, &round->entry);
    round->number = 0;
}

static void begin(struct decree_registers *registers, struct cell *cell, struct round *round,
                  enum round_phase phase, uint64_t version)
{
    assert(registers->speaks);
    leave_table(registers, round);
    round->number = registers->incarnation << NUMBER_SERIAL_BITS | ++registers->round_serial;
    round->entry.hash = round->number;
    hash_table_insert(&registers->rounds, &round->entry);
    round->phase = phase;
    round->version = version;
    round->answered = round->sendings = 0;
    round->trips++;
    ask(registers, cell, round);
}

static void forget_answers(struct round *round)
{
    round_vote_clear(&round->best);
    round->agreed = 0;
    round->first = round->next = 0;
    round->below = (struct decree_ballot){0};
}

void round_init(struct round *round)
{
    *round = (struct round){.phase = ROUND_IDLE};
}

void round_release(struct decree_registers *registers, struct round *round)
{
    leave_table(registers, round);
    timer_stop(&registers->timers, &round->timer);
    round_vote_clear(&round->best);
    round->phase = ROUND_IDLE;
}

void round_query(struct decree_registers *registers, struct cell *cell, struct round *round,
                 uint64_t version)
{
    forget_answers(round);
    begin(registers, cell, round, ROUND_QUERY, version);
}

void round_prepare_in(struct decree_registers *registers, struct cell *cell, struct round *round,
                      uint64_t version, struct decree_ballot ballot)
{
    forget_answers(round);
    round->ballot = ballot;
    begin(registers, cell, round, ROUND_PREPARE, version);
}

/* UNIQUE BALLOTS. In a run the counter of a key only grows; another run has another incarnation,
 * which was durable before this run spoke; another node has another number; an outsider has a bit
 * that no node has. */
static struct decree_ballot new_ballot(const struct decree_registers *registers, struct cell *cell,
                                       uint64_t version)
{
    struct decree_ballot above = cell_promised(cell, version);

    if (decree_ballot_compare(cell->highest, above) > 0)
        above = cell->highest;
    if (above.round >> INCARNATION_BITS > cell->counter)
        cell->counter = above.round >> INCARNATION_BITS;
    cell->counter++;
    return (struct decree_ballot){.round = cell->counter << INCARNATION_BITS |
                                           registers->incarnation,
                                  .node = members_self(&registers->tray.members)};
}

void round_prepare(struct decree_registers *registers, struct cell *cell, struct round *round,
                   uint64_t version)
{
    round_prepare_in(registers, cell, round, version, new_ballot(registers, cell, version));
}

void round_propose(struct decree_registers *registers, struct cell *cell, struct round *round,
                   const struct round_vote *proposal, struct decree_ballot below)
{
    assert(proposal->value != NULL);
    assert(proposal->version > 0);
    round_vote_set(&round->best, proposal);
    round->ballot = proposal->ballot;
    round->below = below;
    round->agreed = 0;
    begin(registers, cell, round, ROUND_ACCEPT, proposal->version);
}

void round_compact(struct decree_registers *registers, struct cell *cell, struct round *round,
                   uint64_t version)
{
    assert(round->best.value != NULL);
    assert(version <= round->best.version);
    round->agreed = 0;
    begin(registers, cell, round, ROUND_COMPACT, version);
}

void round_pause(struct decree_registers *registers, struct round *round)
{
    uint64_t longest_ns = registers->retry_after_ns / PAUSE_PARTS + 1;

    for (uint32_t i = 1; i < round->refusals && i <= PAUSE_DOUBLINGS; i++)
        longest_ns *= 2;
    leave_table(registers, round);
    round->phase = ROUND_PAUSE;
    timer_set(&registers->timers, &round->timer,
              registers->now_ns + 1 + prng_below(&registers->prng, longest_ns));
}

enum round_outcome round_wake(struct decree_registers *registers, struct cell *cell,
                              struct round *round)
{
    timer_stop(&registers->timers, &round->timer);
    if (round->phase == ROUND_PAUSE) {
        round->phase = ROUND_IDLE;
        return ROUND_RESUMED;
    }
    ask(registers, cell, round);
    return ROUND_GOES_ON;
}

/* --- answers --- */

/* NEWS. That a version is chosen is told to the own acceptor at once, to the others a little later:
 * the accept for the next version tells them too, and of several keys it goes in one turn. */
void round_tell_news(struct decree_registers *registers, struct cell *cell)
{
    struct decree_register_message message = {
        .type = DECREE_REGISTER_DECIDED, .version = cell->news, .ballot = cell->news_ballot};

    if (cell->news != 0)
        send_to(registers, cell, everyone(registers) & ~(1u << registers->tray.members.self),
                &message);
    cell->news = 0;
    if (cell->news_timer.place != 0)
        registers->news_timers--;
    timer_stop(&registers->timers, &cell->news_timer);
}

static void note_news(struct decree_registers *registers, struct cell *cell,
                      const struct round *round)
{
    const struct round_vote *vote = &round->best;
    bool follows = cell->news + 1 == vote->version && ballot_same(round->below, cell->news_ballot);

    if (!follows)
        round_tell_news(registers, cell);
    cell->news = vote->version;
    cell->news_ballot = vote->ballot;
    if (cell->news_timer.place != 0)
        return;
    if (!timer_heap_reserve(&registers->timers, 2 * registers->open + registers->news_timers + 1)) {
        round_tell_news(registers, cell);
        return;
    }
    registers->news_timers++;
    timer_set(&registers->timers, &cell->news_timer,
              registers->now_ns + registers->retry_after_ns / NEWS_PARTS);
}

/* When others knew already, only the own acceptor is told. */
static enum round_outcome chosen(struct decree_registers *registers, struct cell *cell,
                                 struct round *round)
{
    const struct cell_version *mine = cell_find(cell, round->best.version);
    uint32_t self = 1u << registers->tray.members.self;
    struct decree_register_message message = decision(&round->best);
    bool voted_now = round->phase == ROUND_ACCEPT && !round->best.decided;

    timer_stop(&registers->timers, &round->timer);
    leave_table(registers, round);
    round->best.decided = true;
    round->phase = ROUND_IDLE;
    if (round->best.version >= cell->first && (mine == NULL || !mine->decided))
        send_to(registers, cell, self, &message);
    if (voted_now)
        note_news(registers, cell, round);
    return ROUND_CHOSEN;
}

static enum round_outcome ended(struct decree_registers *registers, struct round *round,
                                enum round_outcome outcome)
{
    timer_stop(&registers->timers, &round->timer);
    leave_table(registers, round);
    round->phase = ROUND_IDLE;
    if (outcome == ROUND_REFUSED)
        round->refusals++;
    return outcome;
}

/* A vote for a higher version, in a higher ballot for the same, or known to be chosen is better. */
static void merge_vote(struct round *round, uint32_t bit,
                       const struct decree_register_message *message)
{
    struct round_vote vote = vote_in(message);
    int order;

    if (vote.value == NULL || vote.version < round->best.version)
        return;
    order = decree_ballot_compare(vote.ballot, round->best.ballot);
    if (vote.version > round->best.version || (vote.decided && !round->best.decided) ||
        (vote.decided == round->best.decided && order > 0)) {
        round_vote_set(&round->best, &vote);
        round->agreed = bit;
    } else if (order == 0) {
        round->agreed |= bit;
    }
}

/* A quorum has answered a query or a prepare. */
static enum round_outcome conclude(struct decree_registers *registers, struct cell *cell,
                                   struct round *round)
{
    struct round_vote *best = &round->best;

    if (best->value == NULL)
        return ended(registers, round, ROUND_NOTHING);
    if (best->decided || members_count(round->agreed) >= registers->tray.members.vote)
        return chosen(registers, cell, round);
    if (round->phase == ROUND_QUERY) {
        round->ballot = best->ballot; /* those who agree have voted in it already */
    } else {
        best->ballot = round->ballot;
        round->agreed = 0;
    }
    begin(registers, cell, round, ROUND_ACCEPT, best->version);
    return ROUND_GOES_ON;
}

static enum round_outcome gather(struct decree_registers *registers, struct cell *cell,
                                 struct round *round, uint32_t bit,
                                 const struct decree_register_message *message)
{
    if (round->version != 0 && message->version != round->version)
        return ROUND_GOES_ON;
    round->answered |= bit;
    if (message->first > round->first)
        round->first = message->first;
    if (message->next > round->version && (round->next == 0 || message->next < round->next))
        round->next = message->next;
    if (round->version != 0 && round->first > round->version)
        return ended(registers, round, ROUND_COMPACTED);
    merge_vote(round, bit, message);
    if (members_count(round->answered) < registers->tray.members.prepare)
        return ROUND_GOES_ON;
    return conclude(registers, cell, round);
}

static enum round_outcome count_vote(struct decree_registers *registers, struct cell *cell,
                                     struct round *round, uint32_t bit,
                                     const struct decree_register_message *message)
{
    if (message->version != round->version || !ballot_same(message->ballot, round->ballot))
        return ROUND_GOES_ON;
    round->agreed |= bit;
    if (members_count(round->agreed) < registers->tray.members.vote)
        return ROUND_GOES_ON;
    return chosen(registers, cell, round);
}

static enum round_outcome count_compacted(struct decree_registers *registers, struct round *round,
                                          uint32_t bit,
                                          const struct decree_register_message *message)
{
    if (message->first < round->version)
        return ROUND_GOES_ON;
    round->agreed |= bit;
    if (members_count(round->agreed) < registers->tray.members.vote)
        return ROUND_GOES_ON;
    return ended(registers, round, ROUND_DONE);
}

static enum round_outcome on_refused(struct decree_registers *registers, struct cell *cell,
                                     struct round *round,
                                     const struct decree_register_message *message)
{
    if (round->phase != ROUND_PREPARE && round->phase != ROUND_ACCEPT)
        return ROUND_GOES_ON;
    if (decree_ballot_compare(message->ballot, cell->highest) > 0)
        cell->highest = message->ballot;
    return ended(registers, round,
                 round->version != 0 && message->first > round->version ? ROUND_COMPACTED
                                                                        : ROUND_REFUSED);
}

static enum round_outcome on_decided(struct decree_registers *registers, struct cell *cell,
                                     struct round *round,
                                     const struct decree_register_message *message)
{
    struct round_vote vote = vote_in(message);

    if (round->phase != ROUND_ACCEPT || message->version != round->version || vote.value == NULL)
        return ROUND_GOES_ON;
    round_vote_set(&round->best, &vote);
    return chosen(registers, cell, round);
}

enum round_outcome round_on_answer(struct decree_registers *registers, struct cell *cell,
                                   struct round *round,
                                   const struct decree_register_message *message)
{
    uint32_t bit = 1u << members_index(&registers->tray.members, message->from);

    assert(message->number == round->number);
    switch (message->type) {
    case DECREE_REGISTER_STATE:
        if (round->phase == ROUND_QUERY)
            return gather(registers, cell, round, bit, message);
        if (round->phase == ROUND_COMPACT)
            return count_compacted(registers, round, bit, message);
        return ROUND_GOES_ON;
    case DECREE_REGISTER_PROMISE:
        if (round->phase == ROUND_PREPARE && ballot_same(message->ballot, round->ballot))
            return gather(registers, cell, round, bit, message);
        return ROUND_GOES_ON;
    case DECREE_REGISTER_ACCEPTED:
        if (round->phase == ROUND_ACCEPT)
            return count_vote(registers, cell, round, bit, message);
        return ROUND_GOES_ON;
    case DECREE_REGISTER_REFUSED:
        return on_refused(registers, cell, round, message);
    case DECREE_REGISTER_DECIDED:
        return on_decided(registers, cell, round, message);
    case DECREE_REGISTER_NONE:
    case DECREE_REGISTER_QUERY:
    case DECREE_REGISTER_PREPARE:
    case DECREE_REGISTER_ACCEPT:
    case DECREE_REGISTER_COMPACT:
    case DECREE_REGISTER_MESSAGE_TYPES:
        break;
    }
    assert(false); /* for the acceptor */
    return ROUND_GOES_ON;
}
