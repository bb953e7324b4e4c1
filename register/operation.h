/* SPDX-License-Identifier: MIT */
/* operation.h -- a request on its way to its answer: a few rounds, one after the other.
 *
 * Of one key, and asked at this node:
 *
 *     set without version, compare-and-set   in order of arrival, one at a time: each starts from
 *                                            what the one before has left
 *     get without version                    all that wait share the next round: a round that began
 *                                            after they came answers them all
 *     everything else                        at once, each by itself
 *
 * Of different keys: at once. An operation whose deadline has passed is answered with LOST and
 * forgotten; what it has proposed may still be chosen, by who finds it.
 */
#ifndef DECREE_REGISTER_OPERATION_H
#define DECREE_REGISTER_OPERATION_H

#include "round.h"

struct asking { /* who wants to know */
    struct timer_node deadline;
    struct operation *operation;
    struct asking *next, *previous;
    uint64_t name;
};

enum operation_step {
    STEP_FIRST = 1, /* the first question; a set's promise for every version */
    STEP_LOOK,      /* append: what became of what was tried; history: one version */
    STEP_PROPOSE,   /* of its own value */
    STEP_LAST       /* forget: all are told */
};

struct operation {
    struct round round; /* first */
    struct cell *cell;
    struct operation_list *list;
    struct operation *next, *previous;
    struct asking *askings;
    enum decree_register_operation kind;
    enum operation_step step;
    uint64_t version, expected;
    uint32_t limit;
    struct decree_value *value;
    struct decree_register_mark mark;
    uint64_t tried;         /* append: the version where value was proposed; 0: nowhere */
    bool fresh;             /* append: has asked for a promise itself */
    struct round_vote seen; /* the latest version, as it was found */
    uint64_t at;            /* history: the next version to look at */
    struct decree_register_version *found;
    uint32_t found_count, found_room;
    uint64_t found_bytes;
};

/* A request that has been checked. NOMEM: nothing has changed. */
int operation_add(struct decree_registers *registers, struct cell *cell,
                  const struct decree_register_request *request);

/* Its round has come to something. */
void operation_on_outcome(struct decree_registers *registers, struct operation *operation,
                          enum round_outcome outcome);

/* The key that a timer is about; and it has come. */
struct cell *operation_cell_of_timer(struct timer_node *timer);
void operation_on_timer(struct decree_registers *registers, struct timer_node *timer);

/* Ends it with an answer; vote: what to show, or NULL. The operation is gone then. */
void operation_finish(struct decree_registers *registers, struct operation *operation, int error,
                      const struct round_vote *vote);

/* Frees it without an answer. */
void operation_free(struct decree_registers *registers, struct operation *operation);

enum { TIMER_ROUND = 1, TIMER_DEADLINE, TIMER_NEWS };

/* append.c and lookup.c: the first question, and what follows from an outcome. */
void append_begin(struct decree_registers *registers, struct operation *operation);
void append_on_outcome(struct decree_registers *registers, struct operation *operation,
                       enum round_outcome outcome);
void get_begin(struct decree_registers *registers, struct operation *operation);
void get_on_outcome(struct decree_registers *registers, struct operation *operation,
                    enum round_outcome outcome);
void set_begin(struct decree_registers *registers, struct operation *operation);
void set_on_outcome(struct decree_registers *registers, struct operation *operation,
                    enum round_outcome outcome);
void history_begin(struct decree_registers *registers, struct operation *operation);
void history_on_outcome(struct decree_registers *registers, struct operation *operation,
                        enum round_outcome outcome);
void forget_begin(struct decree_registers *registers, struct operation *operation);
void forget_on_outcome(struct decree_registers *registers, struct operation *operation,
                       enum round_outcome outcome);

#endif
