/* SPDX-License-Identifier: MIT */
/* engine.c -- step, take, hand out; see engine.h for the picture, engine_open.c for life and sinks.
 *
 * The order in which one take is handed out is for latency alone; the core has already held back
 * whatever the disk has not got. The records go first, so that the disk, which is the slowest,
 * starts while the rest is done. Then the messages, flushed at once, because the other nodes can
 * work on them while this one applies. Decisions and completions come last of the three: only
 * clients of this node wait for them. Reads follow the decisions, since they are answered from the
 * state that has these applied. What peers want fetched is background work, and its answers may
 * come back from inside the call: by then nothing is borrowed any more.
 *
 * Open proposals lie in a ring, by sequence. The core hands out sequences without holes and bounds
 * how many are undecided, so the ring has one place for each; should the place of the next sequence
 * still be taken (its decision waits to be handed out), the proposal is refused as FULL. Open reads
 * lie in a table with a list of free places; the place is the read's name in the core.
 */
#include "engine_inside.h"

#include <assert.h>

#define TAKES_PER_TURN_MAX 64u /* then the loop gets a chance to look at its sockets */

/* ---- stepping the core ---- */

int engine_step(struct engine *engine, struct decree_event *event)
{
    int error;

    assert(!engine->busy);
    event->now_ns = engine->now_ns;
    error = decree_paxos_step(engine->paxos, event);
    if (error == 0) {
        engine->stepped = true;
        engine->full_told = false;
    }
    return error;
}

/* For the events that always fit. */
void engine_step_surely(struct engine *engine, struct decree_event *event)
{
    int error = engine_step(engine, event);

    assert(error == 0);
    (void)error;
}

/* Passes on what the journal reported, to each writer by its own numbers. */
static void tell_persisted(struct engine *engine)
{
    decree_lsn own = lsn_map_persisted(&engine->lsns, engine->persisted);
    struct decree_event event = {.type = DECREE_EVENT_PERSISTED, .u.persisted = own};

    engine->persisted_seen = engine->persisted;
    if (own == engine->persisted_told)
        return;
    engine->persisted_told = own;
    engine_step_surely(engine, &event);
}

static void step_what_is_due(struct engine *engine)
{
    if (engine->persisted > engine->persisted_seen)
        tell_persisted(engine);
    if (engine->now_ns >= engine->wake_at_ns) {
        struct decree_event event = {.type = DECREE_EVENT_WAKE};

        engine_step_surely(engine, &event);
    }
    engine_registers_step_due(engine);
}

/* ---- handing out effects ---- */

/* Ends the wait of who proposed the command on this node, if it was in this run. */
static void complete_proposal(struct engine *engine, const struct decree_pvalue *decision,
                              void *result)
{
    const struct decree_command *command = &decision->command;
    struct waiter *place = &engine->proposals[command->sequence & (engine->proposals_max - 1)];
    struct waiter waiter = *place;

    if (command->origin != engine->self || command->incarnation != engine->incarnation)
        return;
    if (waiter.done == NULL || waiter.sequence != command->sequence)
        return;
    place->done = NULL;
    assert(engine->proposals_open > 0);
    engine->proposals_open--;
    waiter.done(waiter.argument, 0, decision->slot, result);
}

void engine_hand_out_decision(struct engine *engine, const struct decree_pvalue *decision)
{
    const struct decree_value *value = decision->command.value;
    void *result;

    assert(decision->slot == engine->applied + 1);
    if (engine->hooks.on_decision != NULL)
        engine->hooks.on_decision(engine->hooks.context, decision->slot, &decision->command);
    engine->applied = decision->slot;
    engine->counters.decisions++;
    if (decision->command.origin == 0)
        return;
    assert(value != NULL);
    result = engine->machine.apply(engine->machine.context, decision->slot, value->data,
                                   value->size);
    if (engine->proposals_open > 0)
        complete_proposal(engine, decision, result);
}

static void hand_out_read(struct engine *engine, uint64_t name)
{
    struct waiter *place, waiter;

    assert(name < engine->reads_max);
    place = &engine->reads[name];
    waiter = *place;
    assert(waiter.done != NULL);
    *place = (struct waiter){.next_free = engine->reads_free};
    engine->reads_free = (uint32_t)name;
    engine->reads_open--;
    waiter.done(waiter.argument, 0, engine->applied, NULL);
}

static void count_sent(struct engine *engine, const struct decree_message *message)
{
    engine->counters.sent[message->type]++;
    if (message->type != DECREE_HEARTBEAT || message->round == engine->round)
        return;
    engine->round = message->round;
    engine->round_sent_ns = engine->now_ns;
}

static void count_received(struct engine *engine, const struct decree_message *message)
{
    engine->counters.messages_in++;
    if (message->type <= 0 || message->type >= DECREE_MESSAGE_TYPES)
        return;
    engine->counters.received[message->type]++;
    if (message->type == DECREE_HEARTBEAT_ACK && message->round == engine->round &&
        message->from - 1 < DECREE_MEMBERS_MAX)
        histogram_add(&engine->round_trips[message->from - 1],
                      engine->now_ns - engine->round_sent_ns);
}

const struct histogram *engine_round_trips(const struct engine *engine, decree_node_id member)
{
    assert(member >= 1);
    assert(member <= DECREE_MEMBERS_MAX);
    return &engine->round_trips[member - 1];
}

static void hand_out_messages(struct engine *engine, const struct decree_effects *effects,
                              const struct decree_register_effects *registers)
{
    struct transport *transport = engine->transport;
    bool flush = engine_registers_send(engine, registers);

    for (uint32_t i = 0; i < effects->message_count; i++) {
        struct peer_message message = {PEER_PAXOS, {.paxos = &effects->messages[i]}};

        count_sent(engine, message.u.paxos);
        transport->ops->send(transport, &message);
    }
    if (flush || effects->message_count > 0)
        transport->ops->flush(transport);
    engine->counters.messages_out += effects->message_count;
}

static void hand_out_fetches(struct engine *engine, const struct decree_effects *effects)
{
    struct decree_fetch fetches[DECREE_MEMBERS_MAX];
    uint32_t count = effects->fetch_count;

    assert(count <= DECREE_MEMBERS_MAX);
    for (uint32_t i = 0; i < count; i++)
        fetches[i] = effects->fetches[i];
    engine->busy = false; /* from here on nothing of the effects is looked at */
    for (uint32_t i = 0; i < count; i++)
        engine->journal->ops->fetch(engine->journal, &fetches[i]);
}

/* Who asks for a sync asks for one of all that was appended: the journal writes it in one piece. */
static void append_records(struct engine *engine, const struct decree_effects *effects,
                           const struct decree_register_effects *registers)
{
    struct journal *journal = engine->journal;
    bool sync = engine_registers_append(engine, registers);

    if (effects->sync_lsn > engine->sync_asked) {
        engine->sync_asked = effects->sync_lsn;
        sync = true;
    }
    if (effects->record_count == 0 && !sync)
        return;
    lsn_map_append_own(&engine->lsns, effects->record_count);
    journal->ops->append(journal, effects->records, effects->record_count,
                         sync ? engine->lsns.appended : 0);
    engine->counters.records += effects->record_count;
}

static void hand_out(struct engine *engine, const struct decree_effects *effects,
                     const struct decree_register_effects *registers)
{
    assert(!engine->busy);
    engine->busy = true;
    append_records(engine, effects, registers);
    hand_out_messages(engine, effects, registers);
    for (uint32_t i = 0; i < effects->decision_count; i++)
        engine_hand_out_decision(engine, &effects->decisions[i]);
    for (uint32_t i = 0; i < effects->read_count; i++)
        hand_out_read(engine, effects->reads[i]);
    engine_registers_answer(engine, registers);
    hand_out_fetches(engine, effects);
    assert(!engine->busy);
}

static bool is_due(const struct engine *engine)
{
    return engine->stepped || engine->persisted != engine->persisted_seen ||
           engine->now_ns >= engine->wake_at_ns || engine_registers_due(engine);
}

bool engine_turn(struct engine *engine)
{
    struct decree_register_effects registers;
    struct decree_effects effects;

    assert(engine->started);
    assert(!engine->busy);
    if (!is_due(engine))
        return false;
    engine->counters.turns++;
    for (uint32_t takes = 0; takes < TAKES_PER_TURN_MAX; takes++) {
        step_what_is_due(engine);
        engine->stepped = false;
        decree_paxos_take(engine->paxos, &effects);
        engine->counters.takes++;
        engine->wake_at_ns = effects.wake_at_ns;
        engine_registers_take(engine, &registers);
        hand_out(engine, &effects, &registers);
        if (!is_due(engine))
            break;
    }
    return true;
}

/* ---- what comes in ---- */

void engine_on_message(struct engine *engine, const struct decree_message *message)
{
    struct decree_event event = {.type = DECREE_EVENT_MESSAGE, .u.message = *message};
    int error = engine_step(engine, &event);

    assert(engine->started);
    count_received(engine, message);
    if (error == DECREE_FULL) {
        engine->stepped = true; /* what piled up is to be taken, whatever brought it */
        engine_turn(engine);
        error = engine_step(engine, &event);
    }
    if (error != 0)
        engine->counters.messages_refused++;
}

/* What piled up is to be taken, whatever brought it; but once is enough, or else who asks again
 * after each turn would keep the loop turning for nothing. */
static int refuse(struct engine *engine, int error)
{
    if (!engine->full_told)
        engine->stepped = true;
    engine->full_told = true;
    return error;
}

int engine_propose(struct engine *engine, struct decree_value *value, decree_done *done,
                   void *argument)
{
    struct decree_event event = {.type = DECREE_EVENT_PROPOSE, .u.propose = value};
    uint64_t sequence = decree_paxos_last_sequence(engine->paxos) + 1;
    struct waiter *place = &engine->proposals[sequence & (engine->proposals_max - 1)];
    int error;

    assert(engine->started);
    assert(done != NULL);
    if (place->done != NULL)
        return refuse(engine, DECREE_FULL);
    error = engine_step(engine, &event);
    if (error != 0)
        return refuse(engine, error);
    assert(decree_paxos_last_sequence(engine->paxos) == sequence);
    *place = (struct waiter){.done = done, .argument = argument, .sequence = sequence};
    engine->proposals_open++;
    engine->counters.proposals++;
    return 0;
}

int engine_read(struct engine *engine, decree_done *done, void *argument)
{
    struct decree_event event = {.type = DECREE_EVENT_READ, .u.read = engine->reads_free};
    struct waiter *place;
    int error;

    assert(engine->started);
    assert(done != NULL);
    if (engine->reads_free == NO_PLACE)
        return refuse(engine, DECREE_FULL);
    error = engine_step(engine, &event);
    if (error != 0)
        return refuse(engine, error);
    place = &engine->reads[engine->reads_free];
    engine->reads_free = place->next_free;
    *place = (struct waiter){.done = done, .argument = argument, .next_free = NO_PLACE};
    engine->reads_open++;
    engine->counters.reads++;
    return 0;
}

void engine_campaign(struct engine *engine)
{
    struct decree_event event = {.type = DECREE_EVENT_CAMPAIGN};

    engine_step_surely(engine, &event);
}

void engine_hand_over(struct engine *engine, decree_node_id to)
{
    struct decree_event event = {.type = DECREE_EVENT_HAND_OVER, .u.hand_over = to};

    engine_step_surely(engine, &event);
}
