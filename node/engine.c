/* SPDX-License-Identifier: MIT */
/* engine.c -- step, take, hand out; see engine.h for the picture.
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
#include "engine.h"

#include <assert.h>
#include <stdlib.h>

#define PROPOSALS_MAX_DEFAULT 4096u
#define READS_MAX_DEFAULT 8192u
#define TAKES_PER_TURN_MAX 64u /* then the loop gets a chance to look at its sockets */
#define NO_PLACE UINT32_MAX

struct waiter {        /* one open proposal or read */
    decree_done *done; /* NULL: the place is free */
    void *argument;
    uint64_t sequence;  /* proposals only */
    uint32_t next_free; /* reads only */
};

struct engine {
    struct decree_paxos *paxos;
    struct journal *journal;
    struct transport *transport;
    struct decree_machine machine;
    struct engine_hooks hooks;
    struct journal_sink journal_sink;
    struct transport_sink transport_sink;

    decree_node_id self;
    uint64_t incarnation;
    uint64_t now_ns, wake_at_ns;
    decree_lsn persisted, persisted_told; /* reported by the journal; passed on to the core */
    decree_lsn sync_asked;                /* the journal was asked to sync up to here */
    decree_slot applied;
    bool started, busy; /* busy: effects are borrowed, the core must not be stepped */
    bool stepped;       /* since the last take */

    struct waiter *proposals; /* ring of proposals_max, a power of two */
    uint32_t proposals_max, proposals_open;
    struct waiter *reads; /* table of reads_max */
    uint32_t reads_max, reads_open, reads_free;

    struct engine_counters counters;
};

/* ---- stepping the core ---- */

static int step(struct engine *engine, struct decree_event *event)
{
    int error;

    assert(!engine->busy);
    event->now_ns = engine->now_ns;
    error = decree_paxos_step(engine->paxos, event);
    if (error == 0)
        engine->stepped = true;
    return error;
}

/* For the events that always fit. */
static void step_surely(struct engine *engine, struct decree_event *event)
{
    int error = step(engine, event);

    assert(error == 0);
    (void)error;
}

static void step_what_is_due(struct engine *engine)
{
    if (engine->persisted > engine->persisted_told) {
        struct decree_event event = {.type = DECREE_EVENT_PERSISTED,
                                     .u.persisted = engine->persisted};

        engine->persisted_told = engine->persisted;
        step_surely(engine, &event);
    }
    if (engine->now_ns >= engine->wake_at_ns) {
        struct decree_event event = {.type = DECREE_EVENT_WAKE};

        step_surely(engine, &event);
    }
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

static void hand_out_decision(struct engine *engine, const struct decree_pvalue *decision)
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

static void hand_out_messages(struct engine *engine, const struct decree_effects *effects)
{
    struct transport *transport = engine->transport;

    for (uint32_t i = 0; i < effects->message_count; i++) {
        struct peer_message message = {PEER_PAXOS, {.paxos = &effects->messages[i]}};

        transport->ops->send(transport, &message);
    }
    if (effects->message_count > 0)
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

static void hand_out(struct engine *engine, const struct decree_effects *effects)
{
    struct journal *journal = engine->journal;

    assert(!engine->busy);
    engine->busy = true;
    if (effects->record_count > 0 || effects->sync_lsn > engine->sync_asked)
        journal->ops->append(journal, effects->records, effects->record_count, effects->sync_lsn);
    if (effects->sync_lsn > engine->sync_asked)
        engine->sync_asked = effects->sync_lsn;
    engine->counters.records += effects->record_count;
    hand_out_messages(engine, effects);
    for (uint32_t i = 0; i < effects->decision_count; i++)
        hand_out_decision(engine, &effects->decisions[i]);
    for (uint32_t i = 0; i < effects->read_count; i++)
        hand_out_read(engine, effects->reads[i]);
    hand_out_fetches(engine, effects);
    assert(!engine->busy);
}

bool engine_turn(struct engine *engine)
{
    struct decree_effects effects;

    assert(engine->started);
    assert(!engine->busy);
    if (!engine->stepped && engine->persisted == engine->persisted_told &&
        engine->now_ns < engine->wake_at_ns)
        return false;
    engine->counters.turns++;
    for (uint32_t takes = 0; takes < TAKES_PER_TURN_MAX; takes++) {
        step_what_is_due(engine);
        engine->stepped = false;
        decree_paxos_take(engine->paxos, &effects);
        engine->counters.takes++;
        engine->wake_at_ns = effects.wake_at_ns;
        hand_out(engine, &effects);
        if (!engine->stepped && engine->persisted == engine->persisted_told &&
            engine->wake_at_ns > engine->now_ns)
            break;
    }
    return true;
}

/* ---- what comes in ---- */

void engine_on_message(struct engine *engine, const struct decree_message *message)
{
    struct decree_event event = {.type = DECREE_EVENT_MESSAGE, .u.message = *message};
    int error = step(engine, &event);

    assert(engine->started);
    engine->counters.messages_in++;
    if (error == DECREE_FULL) {
        engine->stepped = true; /* what piled up is to be taken, whatever brought it */
        engine_turn(engine);
        error = step(engine, &event);
    }
    if (error != 0)
        engine->counters.messages_refused++;
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
    if (place->done != NULL) {
        engine->stepped = true;
        return DECREE_FULL;
    }
    error = step(engine, &event);
    if (error != 0) {
        engine->stepped = true;
        return error;
    }
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
    if (engine->reads_free == NO_PLACE) {
        engine->stepped = true;
        return DECREE_FULL;
    }
    error = step(engine, &event);
    if (error != 0) {
        engine->stepped = true;
        return error;
    }
    place = &engine->reads[engine->reads_free];
    engine->reads_free = place->next_free;
    *place = (struct waiter){.done = done, .argument = argument, .next_free = NO_PLACE};
    engine->reads_open++;
    engine->counters.reads++;
    return 0;
}

/* May come from inside append(): it only notes the number, the turn passes it on. */
static void on_persisted(void *context, decree_lsn lsn)
{
    struct engine *engine = context;

    assert(lsn >= engine->persisted);
    engine->persisted = lsn;
}

static void on_fetched(void *context, decree_node_id to, const struct decree_pvalue *pvalues,
                       uint32_t count)
{
    struct decree_event event = {.type = DECREE_EVENT_FETCHED};

    event.u.fetched.to = to;
    event.u.fetched.pvalues = pvalues;
    event.u.fetched.count = count;
    (void)step(context, &event); /* no room: the peer asks again */
}

static void on_trouble(void *context, int system_errno, const char *what)
{
    struct engine *engine = context;

    if (engine->hooks.on_trouble != NULL)
        engine->hooks.on_trouble(engine->hooks.context, system_errno, what);
}

static void on_message(void *context, const struct peer_message *message)
{
    struct engine *engine = context;

    if (message->protocol == PEER_PAXOS)
        engine_on_message(engine, message->u.paxos);
    else
        engine->counters.messages_foreign++;
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct decree_event event = {.type = DECREE_EVENT_UNREACHABLE, .u.unreachable = peer};

    step_surely(context, &event);
}

/* ---- life ---- */

static int allocate_waiters(struct engine *engine)
{
    engine->proposals = calloc(engine->proposals_max, sizeof(*engine->proposals));
    engine->reads = calloc(engine->reads_max, sizeof(*engine->reads));
    if (engine->proposals == NULL || engine->reads == NULL)
        return DECREE_NOMEM;
    for (uint32_t i = 0; i < engine->reads_max; i++)
        engine->reads[i].next_free = i + 1 < engine->reads_max ? i + 1 : NO_PLACE;
    return 0;
}

static void free_engine(struct engine *engine)
{
    decree_paxos_close(engine->paxos);
    free(engine->proposals);
    free(engine->reads);
    free(engine);
}

int engine_open(struct engine **ret_engine, const struct engine_config *config)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    struct decree_config core = config->core;
    int error;

    assert(config->machine.apply != NULL);
    if (engine == NULL)
        return DECREE_NOMEM;
    if (core.proposals_max == 0)
        core.proposals_max = PROPOSALS_MAX_DEFAULT;
    if (core.reads_max == 0)
        core.reads_max = READS_MAX_DEFAULT;
    engine->self = core.self;
    engine->proposals_max = core.proposals_max;
    engine->reads_max = core.reads_max;
    engine->machine = config->machine;
    engine->hooks = config->hooks;
    engine->wake_at_ns = UINT64_MAX;
    engine->journal_sink = (struct journal_sink){engine, on_persisted, on_fetched, on_trouble};
    engine->transport_sink = (struct transport_sink){engine, on_message, on_unreachable};
    error = decree_paxos_open(&engine->paxos, &core);
    if (error == 0)
        error = allocate_waiters(engine);
    if (error != 0) {
        free_engine(engine);
        return error;
    }
    *ret_engine = engine;
    return 0;
}

static void lose(struct waiter *place)
{
    struct waiter waiter = *place;

    place->done = NULL;
    if (waiter.done != NULL)
        waiter.done(waiter.argument, DECREE_LOST, 0, NULL);
}

void engine_close(struct engine *engine)
{
    uint64_t sequence;

    if (engine == NULL)
        return;
    assert(!engine->busy);
    engine->busy = true; /* completions must not ask for more */
    sequence = decree_paxos_last_sequence(engine->paxos) + 1;
    for (uint32_t i = 0; i < engine->proposals_max; i++)
        lose(&engine->proposals[(sequence + i) & (engine->proposals_max - 1)]);
    for (uint32_t i = 0; i < engine->reads_max; i++)
        lose(&engine->reads[i]);
    free_engine(engine);
}

void engine_set_now(struct engine *engine, uint64_t now_ns)
{
    assert(now_ns >= engine->now_ns);
    engine->now_ns = now_ns;
}

/* Applies what restoring has decided so far. False: there was nothing. */
static bool apply_restored(struct engine *engine)
{
    struct decree_effects effects;

    decree_paxos_take(engine->paxos, &effects);
    assert(effects.record_count == 0);
    assert(effects.message_count == 0);
    engine->busy = true;
    for (uint32_t i = 0; i < effects.decision_count; i++)
        hand_out_decision(engine, &effects.decisions[i]);
    engine->busy = false;
    return effects.decision_count > 0;
}

int engine_restore(struct engine *engine, const struct decree_record *record)
{
    struct decree_event event = {.type = DECREE_EVENT_RESTORE, .u.restore = *record};
    int error;

    assert(!engine->started);
    do
        error = step(engine, &event);
    while (error == DECREE_FULL && apply_restored(engine));
    if (error == 0 && record->type == DECREE_RECORD_DECIDE)
        (void)apply_restored(engine);
    return error;
}

void engine_start(struct engine *engine, struct journal *journal, struct transport *transport)
{
    struct decree_event event = {.type = DECREE_EVENT_START};
    struct decree_status status;

    assert(!engine->started);
    assert(journal != NULL);
    assert(transport != NULL);
    engine->journal = journal;
    engine->transport = transport;
    step_surely(engine, &event);
    engine->started = true;
    decree_paxos_status(engine->paxos, &status);
    engine->incarnation = status.incarnation;
    engine_turn(engine);
}

/* ---- questions ---- */

const struct journal_sink *engine_journal_sink(struct engine *engine)
{
    return &engine->journal_sink;
}

const struct transport_sink *engine_transport_sink(struct engine *engine)
{
    return &engine->transport_sink;
}

void engine_campaign(struct engine *engine)
{
    struct decree_event event = {.type = DECREE_EVENT_CAMPAIGN};

    step_surely(engine, &event);
}

uint64_t engine_wake_at(const struct engine *engine)
{
    if (engine->stepped || engine->persisted > engine->persisted_told)
        return engine->now_ns;
    return engine->wake_at_ns;
}

uint32_t engine_open_count(const struct engine *engine)
{
    return engine->proposals_open + engine->reads_open;
}

decree_slot engine_applied(const struct engine *engine)
{
    return engine->applied;
}

void engine_status(const struct engine *engine, struct decree_status *ret_status)
{
    decree_paxos_status(engine->paxos, ret_status);
}

void engine_counters(const struct engine *engine, struct engine_counters *ret_counters)
{
    *ret_counters = engine->counters;
}
