/* SPDX-License-Identifier: MIT */
/* check_linearizability.c -- depth-first search for an order, with a table of the dead ends.
 *
 * State: a set of the operations that have taken effect (a bit each) and the value that is there.
 * Next may come any operation whose call is not after the return of another that is still to come.
 * A write whose outcome is unknown and whose value nobody saw is left out: if it took effect, the
 * next operation did not look, and everything is as if it had not.
 */
#include "check_linearizability.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "checksum.h"

struct state {
    uint64_t done; /* bit per operation */
    uint64_t value;
};

struct search {
    const struct operation *operations[LINEARIZABILITY_OPERATIONS_MAX];
    size_t count;
    uint64_t required;  /* bits of those that must take effect */
    struct state *dead; /* open addressing; done is never 0 in an entry */
    size_t dead_count, dead_capacity;
};

static struct state *dead_find(struct state *dead, size_t capacity, const struct state *state)
{
    size_t index = (size_t)checksum(state, sizeof(*state), 0) & (capacity - 1);

    while (dead[index].done != 0 &&
           (dead[index].done != state->done || dead[index].value != state->value))
        index = (index + 1) & (capacity - 1);
    return &dead[index];
}

static void search_grow(struct search *search)
{
    size_t capacity = search->dead_capacity == 0 ? 256 : 2 * search->dead_capacity;
    struct state *dead = calloc(capacity, sizeof(*dead));

    assert(dead != NULL);
    for (size_t i = 0; i < search->dead_capacity; i++)
        if (search->dead[i].done != 0)
            *dead_find(dead, capacity, &search->dead[i]) = search->dead[i];
    free(search->dead);
    search->dead = dead;
    search->dead_capacity = capacity;
}

/* True if the state is new. */
static bool search_visit(struct search *search, const struct state *state)
{
    struct state *entry;

    if (2 * search->dead_count >= search->dead_capacity)
        search_grow(search);
    entry = dead_find(search->dead, search->dead_capacity, state);
    if (entry->done != 0)
        return false;
    *entry = *state;
    search->dead_count++;
    return true;
}

static uint64_t operation_returned(const struct operation *operation)
{
    return operation->outcome == OUTCOME_DONE ? operation->returned : UINT64_MAX;
}

/* The earliest return among those still to come: nothing called after it can come before. */
static uint64_t search_limit(const struct search *search, uint64_t done)
{
    uint64_t limit = UINT64_MAX;

    for (size_t i = 0; i < search->count; i++)
        if ((done >> i & 1) == 0 && operation_returned(search->operations[i]) < limit)
            limit = operation_returned(search->operations[i]);
    return limit;
}

static bool operation_fits(const struct operation *operation, uint64_t value)
{
    return operation->kind == OPERATION_PUT || operation->outcome != OUTCOME_DONE ||
           operation->seen == value;
}

static bool search_from(struct search *search, struct state state)
{
    uint64_t limit = search_limit(search, state.done);

    if ((state.done & search->required) == search->required)
        return true;
    for (size_t i = 0; i < search->count; i++) {
        const struct operation *operation = search->operations[i];
        struct state next = {.done = state.done | UINT64_C(1) << i, .value = state.value};

        if (next.done == state.done || operation->called > limit ||
            !operation_fits(operation, state.value))
            continue;
        if (operation->kind != OPERATION_READ)
            next.value = operation->written;
        if (search_visit(search, &next) && search_from(search, next))
            return true;
    }
    return false;
}

static bool value_seen(const struct operation *const *operations, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++)
        if (operations[i]->outcome == OUTCOME_DONE && operations[i]->kind != OPERATION_PUT &&
            operations[i]->seen == value)
            return true;
    return false;
}

static bool operation_matters(const struct operation *operation,
                              const struct operation *const *operations, size_t count)
{
    if (operation->outcome == OUTCOME_DONE)
        return true;
    return operation->outcome == OUTCOME_UNKNOWN && operation->kind != OPERATION_READ &&
           value_seen(operations, count, operation->written);
}

bool linearizable(const struct operation *const *operations, size_t count)
{
    struct search search = {.count = 0};
    bool found;

    assert(count <= LINEARIZABILITY_OPERATIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!operation_matters(operations[i], operations, count))
            continue;
        if (operations[i]->outcome == OUTCOME_DONE)
            search.required |= UINT64_C(1) << search.count;
        search.operations[search.count++] = operations[i];
    }
    found = search_from(&search, (struct state){0});
    free(search.dead);
    return found;
}

static int operation_print(char *text, size_t size, const struct operation *operation)
{
    static const char *const names[] = {"?", "put", "swap", "read"};
    bool done = operation->outcome == OUTCOME_DONE;
    int used = snprintf(text, size, " c%u@n%u[%.3f,", operation->client, operation->node,
                        (double)operation->called_ns / 1e6);

    if (done)
        used += snprintf(text + used, size - (size_t)used, "%.3f]",
                         (double)operation->returned_ns / 1e6);
    else
        used += snprintf(text + used, size - (size_t)used, "?]");
    used += snprintf(text + used, size - (size_t)used, "%s", names[operation->kind]);
    if (operation->kind != OPERATION_READ)
        used += snprintf(text + used, size - (size_t)used, " %" PRIu64, operation->written);
    if (done && operation->kind != OPERATION_PUT)
        used += snprintf(text + used, size - (size_t)used, "=%" PRIu64, operation->seen);
    return used;
}

/* The shortest beginning of the history, by return, that has no order: its last operation is the
 * one to look at. */
static size_t shortest_bad(const struct operation *const *operations, size_t count,
                           const struct operation **ret_bad)
{
    size_t taken = 0;

    while (taken < count) {
        const struct operation *next = NULL;

        for (size_t i = 0; i < count; i++) {
            bool later = taken == 0 ||
                         operation_returned(operations[i]) > ret_bad[taken - 1]->returned;

            if (operations[i]->outcome == OUTCOME_DONE && later &&
                (next == NULL || operations[i]->returned < next->returned))
                next = operations[i];
        }
        if (next == NULL)
            return taken;
        ret_bad[taken++] = next;
    }
    return taken;
}

/* Those that returned before moment, as they are, and those called before it, as if still open. */
static bool linearizable_until(const struct operation *const *operations, size_t count,
                               uint64_t moment)
{
    struct operation copies[LINEARIZABILITY_OPERATIONS_MAX];
    const struct operation *part[LINEARIZABILITY_OPERATIONS_MAX];
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        if (operations[i]->called > moment)
            continue;
        copies[taken] = *operations[i];
        if (operation_returned(operations[i]) > moment && copies[taken].outcome == OUTCOME_DONE)
            copies[taken].outcome = OUTCOME_UNKNOWN;
        part[taken] = &copies[taken];
        taken++;
    }
    return linearizable(part, taken);
}

void linearizability_check(struct verdict *verdict, uint64_t now_ns, uint64_t key,
                           const struct operation *const *operations, size_t count)
{
    const struct operation *by_return[LINEARIZABILITY_OPERATIONS_MAX];
    char text[VERDICT_TEXT_MAX];
    size_t done, bad = 0, used = 0;

    if (linearizable(operations, count))
        return;
    done = shortest_bad(operations, count, by_return);
    while (bad + 1 < done && linearizable_until(operations, count, by_return[bad]->returned))
        bad++;
    text[0] = '\0';
    for (size_t i = bad >= 3 ? bad - 3 : 0; i <= bad && used + 100 < sizeof(text); i++)
        used += (size_t)operation_print(text + used, sizeof(text) - used, by_return[i]);
    verdict_fail(verdict, "linearizability", bad < done ? by_return[bad]->returned_ns : now_ns,
                 "key %" PRIu64 ": no order of its %zu operations explains the last of:%s", key,
                 count, text);
}
