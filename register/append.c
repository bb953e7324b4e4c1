/* SPDX-License-Identifier: MIT */
/* append.c -- set and compare-and-set: the next version of a key.
 *
 *     hold the key     a prepare quorum promises ballot b for every version and tells its latest
 *                      votes; the highest version h among them is completed in b, unless it is
 *                      known to be chosen
 *     propose          the own value at h + 1, in b: one round trip; and so on for the next sets,
 *                      until a refusal tells that somebody competes
 *
 * NO HOLE. Version h + 1 is proposed only when h is known to be chosen, or when no version is.
 *
 * THE LATEST. Who holds the key in b with latest version h appends behind everything that was set
 * before the promise: a version above h that was chosen would have met the quorum. And nobody can
 * have set another since: he would need votes in a higher ballot, for which a prepare quorum has to
 * promise first, and every vote quorum for b meets that one. (A promise for one version near the
 * end counts for the whole key, see cell.h; otherwise who sets versions by number could get in
 * between.) So an accepted append was the latest at a moment between request and answer, and sets,
 * gets and compare-and-sets of a key without numbers are linearizable.
 *
 * EXACTLY ONCE. A value is told from equal ones by its mark. After a refusal the operation does not
 * know whether its value was chosen at the version where it was tried. The next promise tells. In a
 * higher ballot, a prepare quorum reports version h:
 *     h below tried   no vote for tried, and none will count: it is free again
 *     h at tried      the vote found there is completed: it is this value, or never was
 *     h above tried   tried was chosen, as every version below h: one more prepare, of that
 *                     version, tells which value; if it is compacted, nobody can tell: LOST
 * Only when the value is known to have lost it is tried at another version.
 */
#include <assert.h>

#include "operation.h"

static bool is_own(const struct operation *operation, const struct round_vote *vote)
{
    return vote->mark.node == operation->mark.node &&
           vote->mark.incarnation == operation->mark.incarnation &&
           vote->mark.sequence == operation->mark.sequence;
}

static void hold_key(struct decree_registers *registers, struct operation *operation)
{
    operation->cell->holds = false;
    operation->fresh = true;
    operation->step = STEP_FIRST;
    round_prepare(registers, operation->cell, &operation->round, 0);
}

static void propose(struct decree_registers *registers, struct operation *operation)
{
    struct cell *cell = operation->cell;
    struct round_vote proposal = {.version = cell->hold_latest + 1,
                                  .ballot = cell->hold,
                                  .mark = operation->mark,
                                  .value = operation->value};

    operation->tried = proposal.version;
    operation->step = STEP_PROPOSE;
    round_propose(registers, cell, &operation->round, &proposal, cell->hold_chosen);
}

static void conflict(struct decree_registers *registers, struct operation *operation)
{
    struct round_vote seen = operation->seen;

    decree_value_ref(seen.value);
    operation_finish(registers, operation, DECREE_CONFLICT, seen.value == NULL ? NULL : &seen);
    decree_value_unref(seen.value);
}

/* The key is held, and what was tried before has lost. */
static void go_on(struct decree_registers *registers, struct operation *operation)
{
    const struct cell *cell = operation->cell;

    assert(cell->holds);
    operation->tried = 0;
    if (operation->kind == DECREE_REGISTER_SET || cell->hold_latest == operation->expected)
        propose(registers, operation);
    else if (operation->fresh)
        conflict(registers, operation);
    else
        hold_key(registers, operation); /* somebody else may have set what is expected */
}

void append_begin(struct decree_registers *registers, struct operation *operation)
{
    if (operation->cell->holds)
        go_on(registers, operation);
    else
        hold_key(registers, operation);
}

static void succeed(struct decree_registers *registers, struct operation *operation)
{
    struct round_vote set = operation->round.best;

    decree_value_ref(set.value);
    operation_finish(registers, operation, 0, &set);
    decree_value_unref(set.value);
}

/* A promise for every version; best: the latest one, chosen, if there is any. */
static void on_held(struct decree_registers *registers, struct operation *operation)
{
    struct cell *cell = operation->cell;

    round_vote_set(&operation->seen, &operation->round.best);
    cell->hold = operation->round.ballot;
    cell->hold_latest = operation->seen.version;
    cell->hold_chosen = operation->seen.ballot;
    cell->holds = true;
    if (operation->tried != 0 && operation->tried == operation->seen.version &&
        is_own(operation, &operation->seen)) {
        succeed(registers, operation);
    } else if (operation->tried != 0 && operation->tried < operation->seen.version) {
        operation->step = STEP_LOOK;
        round_prepare_in(registers, cell, &operation->round, operation->tried, cell->hold);
    } else {
        go_on(registers, operation);
    }
}

static void on_looked(struct decree_registers *registers, struct operation *operation)
{
    if (operation->round.best.value != NULL && is_own(operation, &operation->round.best))
        succeed(registers, operation);
    else
        go_on(registers, operation);
}

/* The version is chosen; by somebody else only if he has competed. */
static void on_proposed(struct decree_registers *registers, struct operation *operation)
{
    if (!is_own(operation, &operation->round.best)) {
        operation->tried = 0;
        hold_key(registers, operation);
        return;
    }
    operation->cell->hold_latest = operation->tried;
    operation->cell->hold_chosen = operation->round.best.ballot;
    succeed(registers, operation);
}

void append_on_outcome(struct decree_registers *registers, struct operation *operation,
                       enum round_outcome outcome)
{
    switch (outcome) {
    case ROUND_NOTHING:
    case ROUND_CHOSEN:
        if (operation->step == STEP_FIRST)
            on_held(registers, operation);
        else if (operation->step == STEP_LOOK)
            on_looked(registers, operation);
        else
            on_proposed(registers, operation);
        return;
    case ROUND_COMPACTED:
        if (operation->step == STEP_LOOK) {
            operation_finish(registers, operation, DECREE_LOST, NULL);
            return;
        }
        operation->round.refusals++;
        /* fall through */
    case ROUND_REFUSED:
        operation->cell->holds = false;
        round_pause(registers, &operation->round);
        return;
    case ROUND_RESUMED:
        hold_key(registers, operation);
        return;
    case ROUND_DONE:
    case ROUND_GOES_ON:
        break;
    }
    assert(false); /* not an outcome of these rounds */
}
