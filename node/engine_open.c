/* SPDX-License-Identifier: MIT */
/* engine_open.c -- the beginning and the end of an engine, its sinks, and what may be asked of
 * it. */
#include <assert.h>
#include <stdlib.h>

#include "engine_inside.h"

#define PROPOSALS_MAX_DEFAULT 4096u
#define READS_MAX_DEFAULT 8192u
#define ROUND_TRIP_FIRST_NS UINT64_C(100000) /* as etcd's */
#define ROUND_TRIP_BOUNDS 16u

/* ---- sinks ---- */

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
    (void)engine_step(context, &event); /* no room: the peer asks again */
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
    else if (message->protocol == PEER_REGISTER)
        engine_registers_on_message(engine, message->u.reg);
    else
        engine->counters.messages_foreign++;
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct decree_event event = {.type = DECREE_EVENT_UNREACHABLE, .u.unreachable = peer};

    engine_step_surely(context, &event);
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
    for (uint32_t i = 0; i < DECREE_MEMBERS_MAX; i++)
        histogram_init(&engine->round_trips[i], ROUND_TRIP_FIRST_NS, 2, ROUND_TRIP_BOUNDS);
    engine->journal_sink = (struct journal_sink){engine, on_persisted, on_fetched, on_trouble};
    engine->transport_sink = (struct transport_sink){engine, on_message, on_unreachable};
    error = decree_paxos_open(&engine->paxos, &core);
    if (error == 0)
        error = allocate_waiters(engine);
    if (error == 0 && config->registers != NULL)
        error = engine_registers_open(&engine->registers, config->registers);
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
    engine_registers_close(engine->registers);
    engine->registers = NULL;
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
        engine_hand_out_decision(engine, &effects.decisions[i]);
    engine->busy = false;
    return effects.decision_count > 0;
}

int engine_restore(struct engine *engine, const struct decree_record *record)
{
    struct decree_event event = {.type = DECREE_EVENT_RESTORE, .u.restore = *record};
    int error;

    assert(!engine->started);
    lsn_map_restored(&engine->lsns, record->type == DECREE_RECORD_FOREIGN);
    engine->persisted = engine->persisted_seen = engine->lsns.appended;
    if (record->type == DECREE_RECORD_FOREIGN)
        return engine_registers_restore(engine, record->pvalue.command.value);
    engine->persisted_told = engine->lsns.appended - engine->lsns.foreign;
    event.u.restore.lsn = engine->persisted_told;
    do
        error = engine_step(engine, &event);
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
    engine_step_surely(engine, &event);
    engine_registers_start(engine);
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

uint64_t engine_wake_at(const struct engine *engine)
{
    uint64_t registers;

    if (engine->stepped || engine->persisted > engine->persisted_seen)
        return engine->now_ns;
    registers = engine_registers_wake_at(engine);
    return registers < engine->wake_at_ns ? registers : engine->wake_at_ns;
}

uint32_t engine_open_count(const struct engine *engine)
{
    return engine->proposals_open + engine->reads_open + engine_registers_open_count(engine);
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
