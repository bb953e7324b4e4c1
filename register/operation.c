/* SPDX-License-Identifier: MIT */
/* operation.c -- requests and their turns; see operation.h. */
#include "operation.h"

#include <assert.h>
#include <stdlib.h>

static bool is_append(const struct operation *operation)
{
    return operation->kind == DECREE_REGISTER_CAS ||
           (operation->kind == DECREE_REGISTER_SET && operation->version == 0);
}

static bool gets_latest(enum decree_register_operation kind, uint64_t version)
{
    return kind == DECREE_REGISTER_GET && version == 0;
}

/* --- lists --- */

static void list_add(struct operation_list *list, struct operation *operation)
{
    operation->list = list;
    operation->previous = list->tail;
    if (list->tail != NULL)
        list->tail->next = operation;
    else
        list->head = operation;
    list->tail = operation;
}

static void list_remove(struct operation *operation)
{
    struct operation_list *list = operation->list;

    if (operation->previous != NULL)
        operation->previous->next = operation->next;
    else
        list->head = operation->next;
    if (operation->next != NULL)
        operation->next->previous = operation->previous;
    else
        list->tail = operation->previous;
}

static void asking_add(struct decree_registers *registers, struct operation *operation,
                       struct asking *asking, const struct decree_register_request *request)
{
    *asking = (struct asking){
        .operation = operation, .name = request->name, .next = operation->askings};
    asking->deadline.kind = TIMER_DEADLINE;
    if (asking->next != NULL)
        asking->next->previous = asking;
    operation->askings = asking;
    if (request->deadline_ns != 0)
        timer_set(&registers->timers, &asking->deadline, request->deadline_ns);
}

static void asking_free(struct decree_registers *registers, struct asking *asking)
{
    struct operation *operation = asking->operation;

    timer_stop(&registers->timers, &asking->deadline);
    if (asking->previous != NULL)
        asking->previous->next = asking->next;
    else
        operation->askings = asking->next;
    if (asking->next != NULL)
        asking->next->previous = asking->previous;
    free(asking);
}

/* --- begin --- */

static void begin(struct decree_registers *registers, struct operation *operation)
{
    switch (operation->kind) {
    case DECREE_REGISTER_SET:
        if (operation->version != 0)
            set_begin(registers, operation);
        else
            append_begin(registers, operation);
        return;
    case DECREE_REGISTER_CAS:
        append_begin(registers, operation);
        return;
    case DECREE_REGISTER_GET:
        get_begin(registers, operation);
        return;
    case DECREE_REGISTER_HISTORY:
        history_begin(registers, operation);
        return;
    case DECREE_REGISTER_FORGET:
        forget_begin(registers, operation);
        return;
    }
}

static bool is_its_turn(const struct operation *operation)
{
    if (is_append(operation))
        return operation == operation->cell->appends.head;
    return operation != operation->cell->get_next;
}

/* Before the incarnation is durable nothing can be asked; then it is tried again a little later. */
static void begin_if_its_turn(struct decree_registers *registers, struct operation *operation)
{
    if (operation->round.phase != ROUND_IDLE || !is_its_turn(operation))
        return;
    if (registers->speaks)
        begin(registers, operation);
    else
        round_pause(registers, &operation->round);
}

/* --- requests --- */

static struct operation *operation_new(struct decree_registers *registers, struct cell *cell,
                                       const struct decree_register_request *request)
{
    struct operation *operation = calloc(1, sizeof(*operation));

    if (operation == NULL)
        return NULL;
    round_init(&operation->round);
    operation->round.timer.kind = TIMER_ROUND;
    operation->cell = cell;
    operation->kind = request->operation;
    operation->step = STEP_FIRST;
    operation->version = request->version;
    operation->expected = request->expected;
    operation->limit = request->limit;
    operation->at = request->version == 0 ? 1 : request->version;
    operation->value = decree_value_ref(request->value);
    operation->mark = (struct decree_register_mark){.node = members_self(&registers->tray.members),
                                                    .incarnation = registers->incarnation,
                                                    .sequence = ++registers->sequence};
    list_add(is_append(operation) ? &cell->appends : &cell->others, operation);
    return operation;
}

/* A get of the latest joins those that wait; the first of them begins, or waits, itself. */
static struct operation *operation_for(struct decree_registers *registers, struct cell *cell,
                                       const struct decree_register_request *request)
{
    bool shares = gets_latest(request->operation, request->version);
    struct operation *operation;

    if (shares && cell->get_next != NULL)
        return cell->get_next;
    operation = operation_new(registers, cell, request);
    if (operation == NULL || !shares)
        return operation;
    if (cell->getting == NULL)
        cell->getting = operation;
    else
        cell->get_next = operation;
    return operation;
}

static bool make_room(struct decree_registers *registers)
{
    uint32_t open = registers->open + 1;

    return tray_reserve_answers(&registers->tray, open + registers->tray.answer_count) &&
           hash_table_reserve(&registers->rounds, open) &&
           timer_heap_reserve(&registers->timers, 2 * open + registers->news_timers);
}

int operation_add(struct decree_registers *registers, struct cell *cell,
                  const struct decree_register_request *request)
{
    struct asking *asking = make_room(registers) ? malloc(sizeof(*asking)) : NULL;
    struct operation *operation = asking == NULL ? NULL : operation_for(registers, cell, request);

    if (operation == NULL) {
        free(asking);
        return DECREE_NOMEM;
    }
    cell->news_timer.kind = TIMER_NEWS;
    asking_add(registers, operation, asking, request);
    registers->open++;
    begin_if_its_turn(registers, operation);
    return 0;
}

/* --- outcomes --- */

void operation_on_outcome(struct decree_registers *registers, struct operation *operation,
                          enum round_outcome outcome)
{
    if (outcome == ROUND_GOES_ON)
        return;
    switch (operation->kind) {
    case DECREE_REGISTER_SET:
        if (operation->version != 0)
            set_on_outcome(registers, operation, outcome);
        else
            append_on_outcome(registers, operation, outcome);
        return;
    case DECREE_REGISTER_CAS:
        append_on_outcome(registers, operation, outcome);
        return;
    case DECREE_REGISTER_GET:
        get_on_outcome(registers, operation, outcome);
        return;
    case DECREE_REGISTER_HISTORY:
        history_on_outcome(registers, operation, outcome);
        return;
    case DECREE_REGISTER_FORGET:
        forget_on_outcome(registers, operation, outcome);
        return;
    }
}

/* --- answers --- */

static uint64_t latest_known(const struct operation *operation, const struct round_vote *vote)
{
    uint64_t latest = operation->cell->chosen;

    if (operation->seen.version > latest)
        latest = operation->seen.version;
    if (vote != NULL && vote->version > latest)
        latest = vote->version;
    return latest;
}

static void answer_one(struct decree_registers *registers, struct asking *asking, int error,
                       const struct round_vote *vote)
{
    struct operation *operation = asking->operation;
    struct decree_register_answer *answer = tray_answer(&registers->tray);
    struct tray_answer *values = &registers->tray.answer_values[registers->tray.answer_count - 1];

    *answer = (struct decree_register_answer){.name = asking->name,
                                              .error = error,
                                              .latest = latest_known(operation, vote),
                                              .rounds = operation->round.trips};
    if (vote != NULL) {
        values->one = (struct decree_register_version){.version = vote->version,
                                                       .value = decree_value_ref(vote->value)};
        answer->version_count = 1;
    } else if (operation->found_count > 0 && error == 0) {
        values->many = operation->found; /* a history has one asker */
        answer->version_count = operation->found_count;
        operation->found = NULL;
        operation->found_count = 0;
    }
    assert(registers->open > 0);
    registers->open--;
    asking_free(registers, asking);
}

void operation_free(struct decree_registers *registers, struct operation *operation)
{
    while (operation->askings != NULL)
        asking_free(registers, operation->askings);
    round_release(registers, &operation->round);
    round_vote_clear(&operation->seen);
    list_remove(operation);
    for (uint32_t i = 0; i < operation->found_count; i++)
        decree_value_unref(operation->found[i].value);
    free(operation->found);
    decree_value_unref(operation->value);
    free(operation);
}

/* The next of those that wait for it takes its turn. */
static void leave(struct decree_registers *registers, struct operation *operation)
{
    struct cell *cell = operation->cell;
    bool was_getting = operation == cell->getting;

    if (was_getting)
        cell->getting = cell->get_next;
    if (was_getting || operation == cell->get_next)
        cell->get_next = NULL;
    operation_free(registers, operation);
    if (cell->appends.head != NULL)
        begin_if_its_turn(registers, cell->appends.head);
    if (was_getting && cell->getting != NULL)
        begin_if_its_turn(registers, cell->getting);
}

void operation_finish(struct decree_registers *registers, struct operation *operation, int error,
                      const struct round_vote *vote)
{
    while (operation->askings != NULL)
        answer_one(registers, operation->askings, error, vote);
    leave(registers, operation);
}

/* --- timers --- */

/* Nobody may use the ballot of a set that is given up: its value may be out, and one ballot has one
 * value for a version. */
static void on_deadline(struct decree_registers *registers, struct asking *asking)
{
    struct operation *operation = asking->operation;

    answer_one(registers, asking, DECREE_LOST, NULL);
    if (operation->askings != NULL)
        return;
    if (is_append(operation) && operation == operation->cell->appends.head)
        operation->cell->holds = false;
    leave(registers, operation);
}

static struct operation *operation_of_timer(struct timer_node *timer)
{
    if (timer->kind == TIMER_DEADLINE)
        return ((struct asking *)(void *)timer)->operation; /* it is the first member */
    assert(timer->kind == TIMER_ROUND);
    return (struct operation *)(void *)((char *)timer - offsetof(struct operation, round) -
                                        offsetof(struct round, timer));
}

struct cell *operation_cell_of_timer(struct timer_node *timer)
{
    if (timer->kind == TIMER_NEWS)
        return (struct cell *)(void *)((char *)timer - offsetof(struct cell, news_timer));
    return operation_of_timer(timer)->cell;
}

static void on_round_timer(struct decree_registers *registers, struct operation *operation)
{
    if (!registers->speaks)
        round_pause(registers, &operation->round);
    else
        operation_on_outcome(registers, operation,
                             round_wake(registers, operation->cell, &operation->round));
}

void operation_on_timer(struct decree_registers *registers, struct timer_node *timer)
{
    if (timer->kind == TIMER_NEWS)
        round_tell_news(registers, operation_cell_of_timer(timer));
    else if (timer->kind == TIMER_DEADLINE)
        on_deadline(registers, (struct asking *)(void *)timer);
    else
        on_round_timer(registers, operation_of_timer(timer));
}
