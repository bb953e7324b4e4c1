/* SPDX-License-Identifier: MIT */
/* lookup.c -- get, set of a given version, history, forget.
 *
 * GET asks what has votes. Whatever was chosen before the question has a vote in every prepare
 * quorum's answers, so the highest version found is no older than the latest set that was
 * acknowledged; and it is answered only when it is known to be chosen, so no later get finds an
 * older one. One round trip if it is known at once, two if the doubt has to be ended (round.h).
 *
 * SET of a version is one Paxos instance, as in paxoskv: what was voted before is completed instead
 * of the own value. The same bytes are no conflict, so that who lost the answer may ask again.
 *
 * HISTORY finds the latest version and walks up to it; versions that the own acceptor knows to be
 * decided cost nothing, the others a get each. Versions that nobody has set are left out.
 *
 * FORGET finds the latest version too, and tells all to forget the older ones (voter.h).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "operation.h"

#define HELP_TRIES 2u /* refusals after which a reader takes part itself */

/* --- get --- */

/* A version to look at, or 0: the latest. After refusals in a ballot of its own, as who sets would
 * ask: what is in doubt may be a vote that a higher ballot has passed by, whose owner is gone. */
static void look(struct decree_registers *registers, struct operation *operation, uint64_t version)
{
    if (operation->round.refusals > HELP_TRIES)
        round_prepare(registers, operation->cell, &operation->round, version);
    else
        round_query(registers, operation->cell, &operation->round, version);
}

static void finish_with_best(struct decree_registers *registers, struct operation *operation,
                             int error)
{
    struct round_vote best = operation->round.best;

    decree_value_ref(best.value);
    operation_finish(registers, operation, error, &best);
    decree_value_unref(best.value);
}

void get_begin(struct decree_registers *registers, struct operation *operation)
{
    look(registers, operation, operation->version);
}

void get_on_outcome(struct decree_registers *registers, struct operation *operation,
                    enum round_outcome outcome)
{
    switch (outcome) {
    case ROUND_NOTHING:
        operation_finish(registers, operation, DECREE_NOT_FOUND, NULL);
        return;
    case ROUND_CHOSEN:
        finish_with_best(registers, operation, 0);
        return;
    case ROUND_COMPACTED:
        if (operation->version != 0) {
            operation_finish(registers, operation, DECREE_COMPACTED, NULL);
            return;
        }
        round_pause(registers, &operation->round); /* there is a later one */
        return;
    case ROUND_REFUSED:
        round_pause(registers, &operation->round);
        return;
    case ROUND_RESUMED:
        look(registers, operation, operation->version);
        return;
    case ROUND_DONE:
    case ROUND_GOES_ON:
        break;
    }
    assert(false); /* not an outcome of these rounds */
}

/* --- set of a version --- */

static bool is_what_was_wanted(const struct operation *operation)
{
    const struct decree_value *value = operation->round.best.value;

    return value->size == operation->value->size &&
           (value->size == 0 || memcmp(value->data, operation->value->data, value->size) == 0);
}

void set_begin(struct decree_registers *registers, struct operation *operation)
{
    round_prepare(registers, operation->cell, &operation->round, operation->version);
}

void set_on_outcome(struct decree_registers *registers, struct operation *operation,
                    enum round_outcome outcome)
{
    struct round_vote proposal = {.version = operation->version,
                                  .ballot = operation->round.ballot,
                                  .mark = operation->mark,
                                  .value = operation->value};

    switch (outcome) {
    case ROUND_NOTHING:
        round_propose(registers, operation->cell, &operation->round, &proposal,
                      (struct decree_ballot){0});
        return;
    case ROUND_CHOSEN:
        finish_with_best(registers, operation, is_what_was_wanted(operation) ? 0 : DECREE_CONFLICT);
        return;
    case ROUND_COMPACTED:
        operation_finish(registers, operation, DECREE_COMPACTED, NULL);
        return;
    case ROUND_REFUSED:
        round_pause(registers, &operation->round);
        return;
    case ROUND_RESUMED:
        set_begin(registers, operation);
        return;
    case ROUND_DONE:
    case ROUND_GOES_ON:
        break;
    }
    assert(false); /* not an outcome of these rounds */
}

/* --- history --- */

static uint32_t history_limit(const struct operation *operation)
{
    if (operation->limit == 0 || operation->limit > DECREE_REGISTER_HISTORY_MAX)
        return DECREE_REGISTER_HISTORY_MAX;
    return operation->limit;
}

/* False: no room for it; the history ends here. */
static bool take_down(struct operation *operation, uint64_t version, struct decree_value *value)
{
    uint32_t room = operation->found_room == 0 ? 16 : 2 * operation->found_room;

    if (operation->found_count == history_limit(operation) ||
        (operation->found_count > 0 &&
         operation->found_bytes + value->size > DECREE_REGISTER_HISTORY_BYTES_MAX))
        return false;
    if (operation->found_count == operation->found_room) {
        struct decree_register_version *found = realloc(operation->found, room * sizeof(*found));

        if (found == NULL)
            return false;
        operation->found = found;
        operation->found_room = room;
    }
    operation->found[operation->found_count++] = (struct decree_register_version){
        .version = version, .value = decree_value_ref(value)};
    operation->found_bytes += value->size;
    operation->at = version + 1;
    return true;
}

/* Past versions that are gone; the latest was found before, and is shown whatever is forgotten. */
static void skip_to(struct operation *operation, uint64_t version)
{
    uint64_t last = operation->seen.version;

    if (version > operation->at)
        operation->at = version < last || operation->at > last ? version : last;
}

/* From operation->at on: what is known here, until a version has to be asked for. */
static void walk(struct decree_registers *registers, struct operation *operation)
{
    const struct cell *cell = operation->cell;
    uint64_t last = operation->seen.version;

    operation->step = STEP_LOOK;
    skip_to(operation, cell->first);
    while (operation->at <= last) {
        const struct cell_version *known = cell_find(cell, operation->at);
        struct decree_value *value = operation->at == last             ? operation->seen.value
                                     : known != NULL && known->decided ? known->value
                                                                       : NULL;

        if (value == NULL) {
            operation->round.refusals = 0;
            look(registers, operation, operation->at);
            return;
        }
        if (!take_down(operation, operation->at, value))
            break;
    }
    operation_finish(registers, operation, 0, NULL);
}

void history_begin(struct decree_registers *registers, struct operation *operation)
{
    look(registers, operation, 0);
}

static void history_on_chosen(struct decree_registers *registers, struct operation *operation)
{
    const struct round_vote *best = &operation->round.best;

    if (operation->step == STEP_FIRST) {
        round_vote_set(&operation->seen, best);
        skip_to(operation, operation->round.first);
    } else if (!take_down(operation, best->version, best->value)) {
        operation->at = UINT64_MAX; /* no room for more */
    }
    walk(registers, operation);
}

static void history_on_nothing(struct decree_registers *registers, struct operation *operation)
{
    if (operation->step == STEP_FIRST) {
        operation_finish(registers, operation, DECREE_NOT_FOUND, NULL);
        return;
    }
    skip_to(operation,
            operation->round.next != 0 ? operation->round.next : operation->seen.version);
    walk(registers, operation);
}

void history_on_outcome(struct decree_registers *registers, struct operation *operation,
                        enum round_outcome outcome)
{
    bool first = operation->step == STEP_FIRST;

    switch (outcome) {
    case ROUND_NOTHING:
        history_on_nothing(registers, operation);
        return;
    case ROUND_CHOSEN:
        history_on_chosen(registers, operation);
        return;
    case ROUND_COMPACTED:
        if (!first) {
            skip_to(operation, operation->round.first > operation->at ? operation->round.first
                                                                      : operation->at + 1);
            walk(registers, operation);
            return;
        }
        round_pause(registers, &operation->round);
        return;
    case ROUND_REFUSED:
        round_pause(registers, &operation->round);
        return;
    case ROUND_RESUMED:
        look(registers, operation, first ? 0 : operation->at);
        return;
    case ROUND_DONE:
    case ROUND_GOES_ON:
        break;
    }
    assert(false); /* not an outcome of these rounds */
}

/* --- forget --- */

void forget_begin(struct decree_registers *registers, struct operation *operation)
{
    look(registers, operation, 0);
}

void forget_on_outcome(struct decree_registers *registers, struct operation *operation,
                       enum round_outcome outcome)
{
    uint64_t latest = operation->round.best.version;

    switch (outcome) {
    case ROUND_NOTHING:
        operation_finish(registers, operation, DECREE_NOT_FOUND, NULL);
        return;
    case ROUND_CHOSEN:
        operation->step = STEP_LAST;
        round_vote_set(&operation->seen, &operation->round.best);
        round_compact(registers, operation->cell, &operation->round,
                      operation->version < latest ? operation->version : latest);
        return;
    case ROUND_DONE:
        operation_finish(registers, operation, 0, NULL);
        return;
    case ROUND_COMPACTED:
    case ROUND_REFUSED:
        round_pause(registers, &operation->round);
        return;
    case ROUND_RESUMED:
        look(registers, operation, 0);
        return;
    case ROUND_GOES_ON:
        break;
    }
    assert(false); /* not an outcome of these rounds */
}
