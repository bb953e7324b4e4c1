/* SPDX-License-Identifier: MIT */
/* engine_registers.c -- see engine_registers.h.
 *
 * Open requests lie in a table with a list of free places; the place is the request's name in the
 * core. Calls of this node's acceptor by somebody who is no node lie in a ring, by number: the core
 * answers each as soon as its record is durable. An answer that never comes (the core may let go of
 * what it has no room for) must not keep a place for ever: the call is lost when its place is
 * wanted again after a while.
 */
#include "engine_registers.h"

#include <assert.h>
#include <stdlib.h>

#include "engine_inside.h"

#define REQUESTS_MAX_DEFAULT 4096u
#define CALLS_MAX 4096u /* a power of two */
#define CALL_LOST_AFTER_NS UINT64_C(10000000000)
#define RECORDS_AT_ONCE 64u

struct register_waiter {        /* one open request */
    decree_register_done *done; /* NULL: the place is free */
    void *argument;
    uint32_t next_free;
};

struct register_call {             /* of the acceptor, by somebody who is no node */
    engine_register_replied *done; /* NULL: the place is free */
    void *argument;
    uint64_t number, asked_ns;
};

struct engine_registers {
    struct decree_registers *core;
    uint64_t records, sync_asked, persisted_told; /* by their own numbers */
    uint64_t wake_at_ns;
    bool stepped;   /* since the last take */
    bool full_told; /* somebody was refused, and nothing was taken in since */
    struct register_waiter *waiters;
    uint32_t waiters_max, waiters_open, waiters_free;
    struct register_call *calls;
    uint64_t calls_numbered;
    uint32_t calls_open;
};

static int step(struct engine *engine, struct decree_register_event *event)
{
    struct engine_registers *registers = engine->registers;
    int error;

    assert(!engine->busy);
    event->now_ns = engine->now_ns;
    error = decree_registers_step(registers->core, event);
    if (error == 0 || (error == DECREE_FULL && !registers->full_told))
        registers->stepped = true; /* FULL: what piled up is to be taken; once is enough */
    registers->full_told = error == DECREE_FULL;
    return error;
}

/* For the events that always fit. */
static void step_surely(struct engine *engine, struct decree_register_event *event)
{
    int error = step(engine, event);

    assert(error == 0);
    (void)error;
}

/* ---- turns ---- */

/* While the places of many records in the journal are still remembered, no more are taken: the core
 * says FULL when it has enough, and goes on when the disk has. */
bool engine_registers_due(const struct engine *engine)
{
    const struct engine_registers *registers = engine->registers;

    if (registers == NULL)
        return false;
    if (engine->lsns.foreign_persisted > registers->persisted_told)
        return true;
    return (registers->stepped || engine->now_ns >= registers->wake_at_ns) &&
           lsn_map_has_room(&engine->lsns);
}

uint64_t engine_registers_wake_at(const struct engine *engine)
{
    const struct engine_registers *registers = engine->registers;

    if (registers == NULL || !lsn_map_has_room(&engine->lsns))
        return UINT64_MAX;
    return registers->stepped ? engine->now_ns : registers->wake_at_ns;
}

void engine_registers_step_due(struct engine *engine)
{
    struct engine_registers *registers = engine->registers;

    if (registers == NULL)
        return;
    if (engine->lsns.foreign_persisted > registers->persisted_told) {
        struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_PERSISTED,
                                              .u.persisted = engine->lsns.foreign_persisted};

        registers->persisted_told = engine->lsns.foreign_persisted;
        step_surely(engine, &event);
    }
    if (engine->now_ns >= registers->wake_at_ns) {
        struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_WAKE};

        step_surely(engine, &event);
    }
}

void engine_registers_take(struct engine *engine, struct decree_register_effects *ret_effects)
{
    struct engine_registers *registers = engine->registers;

    if (registers == NULL || !registers->stepped || !lsn_map_has_room(&engine->lsns)) {
        *ret_effects = (struct decree_register_effects){0};
        return;
    }
    registers->stepped = false;
    decree_registers_take(registers->core, ret_effects);
    registers->wake_at_ns = ret_effects->wake_at_ns;
}

bool engine_registers_append(struct engine *engine, const struct decree_register_effects *effects)
{
    struct decree_record records[RECORDS_AT_ONCE];
    struct engine_registers *registers = engine->registers;
    struct journal *journal = engine->journal;
    uint32_t filled = 0;

    if (effects->record_count > 0)
        lsn_map_append_foreign(&engine->lsns, effects->record_count);
    for (uint32_t i = 0; i < effects->record_count; i++) {
        const struct decree_register_record *record = &effects->records[i];

        assert(record->number == registers->records + 1);
        registers->records = record->number;
        records[filled++] = (struct decree_record){.type = DECREE_RECORD_FOREIGN,
                                                   .pvalue.command.value = record->value};
        if (filled < RECORDS_AT_ONCE && i + 1 < effects->record_count)
            continue;
        journal->ops->append(journal, records, filled, 0);
        filled = 0;
    }
    engine->counters.records += effects->record_count;
    if (registers == NULL || effects->sync_number <= registers->sync_asked)
        return false;
    registers->sync_asked = effects->sync_number;
    return true;
}

static void reply_to_call(struct engine_registers *registers,
                          const struct decree_register_message *reply)
{
    struct register_call *place = &registers->calls[reply->number & (CALLS_MAX - 1)];
    struct register_call call = *place;

    if (call.done == NULL || call.number != reply->number)
        return; /* it was given up */
    place->done = NULL;
    registers->calls_open--;
    call.done(call.argument, 0, reply);
}

bool engine_registers_send(struct engine *engine, const struct decree_register_effects *effects)
{
    struct transport *transport = engine->transport;
    uint32_t sent = 0;

    for (uint32_t i = 0; i < effects->message_count; i++) {
        struct peer_message message = {PEER_REGISTER, {.reg = &effects->messages[i]}};

        if (effects->messages[i].to == 0)
            continue;
        transport->ops->send(transport, &message);
        sent++;
    }
    engine->counters.messages_out += sent;
    return sent > 0;
}

void engine_registers_answer(struct engine *engine, const struct decree_register_effects *effects)
{
    struct engine_registers *registers = engine->registers;

    for (uint32_t i = 0; i < effects->message_count; i++)
        if (effects->messages[i].to == 0)
            reply_to_call(registers, &effects->messages[i]);
    for (uint32_t i = 0; i < effects->answer_count; i++) {
        const struct decree_register_answer *answer = &effects->answers[i];
        struct register_waiter waiter;

        assert(answer->name < registers->waiters_max);
        waiter = registers->waiters[answer->name];
        assert(waiter.done != NULL);
        registers->waiters[answer->name] = (struct register_waiter){
            .next_free = registers->waiters_free};
        registers->waiters_free = (uint32_t)answer->name;
        registers->waiters_open--;
        waiter.done(waiter.argument, answer);
    }
}

/* ---- what comes in ---- */

void engine_registers_on_message(struct engine *engine,
                                 const struct decree_register_message *message)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_MESSAGE,
                                          .u.message = *message};
    int error;

    if (engine->registers == NULL) {
        engine->counters.messages_foreign++;
        return;
    }
    engine->counters.messages_in++;
    error = step(engine, &event);
    if (error == DECREE_FULL) {
        engine_turn(engine);
        error = step(engine, &event);
    }
    if (error != 0)
        engine->counters.messages_refused++;
}

int engine_register(struct engine *engine, const struct decree_register_request *request,
                    decree_register_done *done, void *argument)
{
    struct engine_registers *registers = engine->registers;
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_REQUEST,
                                          .u.request = *request};
    struct register_waiter *place;
    int error;

    assert(engine->started);
    assert(done != NULL);
    if (registers == NULL)
        return DECREE_MISUSE;
    if (registers->waiters_free == NO_PLACE)
        return DECREE_FULL;
    event.u.request.name = registers->waiters_free;
    error = step(engine, &event);
    if (error != 0)
        return error;
    place = &registers->waiters[registers->waiters_free];
    registers->waiters_free = place->next_free;
    *place = (struct register_waiter){.done = done, .argument = argument, .next_free = NO_PLACE};
    registers->waiters_open++;
    engine->counters.register_requests++;
    return 0;
}

int engine_register_call(struct engine *engine, const struct decree_register_message *message,
                         engine_register_replied *done, void *argument)
{
    struct engine_registers *registers = engine->registers;
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_MESSAGE,
                                          .u.message = *message};
    struct register_call *place, lost;
    int error;

    assert(engine->started);
    assert(done != NULL);
    if (registers == NULL)
        return DECREE_MISUSE;
    place = &registers->calls[(registers->calls_numbered + 1) & (CALLS_MAX - 1)];
    lost = *place;
    if (lost.done != NULL && engine->now_ns < lost.asked_ns + CALL_LOST_AFTER_NS)
        return DECREE_FULL;
    event.u.message.from = 0;
    event.u.message.to = engine->self;
    event.u.message.number = registers->calls_numbered + 1;
    error = step(engine, &event);
    if (error != 0)
        return error;
    *place = (struct register_call){done, argument, ++registers->calls_numbered, engine->now_ns};
    if (lost.done == NULL)
        registers->calls_open++;
    else
        lost.done(lost.argument, DECREE_LOST, NULL);
    return 0;
}

uint32_t engine_registers_open_count(const struct engine *engine)
{
    const struct engine_registers *registers = engine->registers;

    return registers == NULL ? 0 : registers->waiters_open + registers->calls_open;
}

/* ---- life ---- */

int engine_registers_restore(struct engine *engine, struct decree_value *value)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_RESTORE};

    if (engine->registers == NULL)
        return 0;
    if (value == NULL)
        return DECREE_CORRUPT;
    event.u.restore.number = engine->lsns.foreign;
    event.u.restore.value = value;
    engine->registers->records = engine->lsns.foreign;
    engine->registers->persisted_told = engine->lsns.foreign_persisted;
    return step(engine, &event);
}

void engine_registers_start(struct engine *engine)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_START};

    if (engine->registers != NULL)
        step_surely(engine, &event);
}

int engine_registers_open(struct engine_registers **ret_registers,
                          const struct decree_registers_config *config)
{
    struct engine_registers *registers = calloc(1, sizeof(*registers));
    struct decree_registers_config core = *config;
    int error;

    if (registers == NULL)
        return DECREE_NOMEM;
    if (core.requests_max == 0)
        core.requests_max = REQUESTS_MAX_DEFAULT;
    registers->wake_at_ns = UINT64_MAX;
    registers->waiters_max = core.requests_max;
    registers->waiters = calloc(core.requests_max, sizeof(*registers->waiters));
    registers->calls = calloc(CALLS_MAX, sizeof(*registers->calls));
    error = registers->waiters == NULL || registers->calls == NULL
                ? DECREE_NOMEM
                : decree_registers_open(&registers->core, &core);
    if (error != 0) {
        engine_registers_close(registers);
        return error;
    }
    for (uint32_t i = 0; i < core.requests_max; i++)
        registers->waiters[i].next_free = i + 1 < core.requests_max ? i + 1 : NO_PLACE;
    *ret_registers = registers;
    return 0;
}

static void lose_all(struct engine_registers *registers)
{
    struct decree_register_answer answer = {.error = DECREE_LOST};

    for (uint32_t i = 0; registers->waiters_open > 0 && i < registers->waiters_max; i++)
        if (registers->waiters[i].done != NULL)
            registers->waiters[i].done(registers->waiters[i].argument, &answer);
    for (uint32_t i = 0; registers->calls_open > 0 && i < CALLS_MAX; i++)
        if (registers->calls[i].done != NULL)
            registers->calls[i].done(registers->calls[i].argument, DECREE_LOST, NULL);
}

void engine_registers_close(struct engine_registers *registers)
{
    if (registers == NULL)
        return;
    lose_all(registers);
    decree_registers_close(registers->core);
    free(registers->waiters);
    free(registers->calls);
    free(registers);
}
