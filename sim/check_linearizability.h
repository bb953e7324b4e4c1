/* SPDX-License-Identifier: MIT */
/* check_linearizability.h -- every key behaves like one register that is read and written one at a
 * time.
 *
 * Each operation has to take effect at one moment between its call and its return. Wing and Gong's
 * search, with a memory of what was tried (as in Lowe's and in Porcupine): which operations are
 * done, and what the register then holds. Every written value is unique and not 0; 0 is what a key
 * holds at first. A history is short (see LINEARIZABILITY_OPERATIONS_MAX): who wants more takes the
 * next key.
 */
#ifndef DECREE_SIM_CHECK_LINEARIZABILITY_H
#define DECREE_SIM_CHECK_LINEARIZABILITY_H

#include <stddef.h>
#include <stdint.h>

#include "verdict.h"

#define LINEARIZABILITY_OPERATIONS_MAX 64u /* of one key */

enum operation_kind {
    OPERATION_PUT = 1, /* writes a value */
    OPERATION_SWAP,    /* writes a value and returns what was there */
    OPERATION_READ     /* returns what is there */
};

enum operation_outcome {
    OUTCOME_UNKNOWN = 0, /* it may take effect at any later time, or never */
    OUTCOME_DONE,
    OUTCOME_NOTHING /* it certainly never takes effect */
};

struct operation {
    enum operation_kind kind;
    enum operation_outcome outcome;
    uint64_t number;           /* the operation's name, from 1 */
    unsigned client, node;     /* who called, and where */
    uint64_t called, returned; /* in the order of all calls and returns of the run */
    uint64_t called_ns, returned_ns;
    uint64_t written, seen; /* PUT and SWAP; SWAP and READ once done */
};

/* True if the operations, all of one key, have an order that explains what each returned. */
bool linearizable(const struct operation *const *operations, size_t count);

/* Judges one key and says what is wrong. */
void linearizability_check(struct verdict *verdict, uint64_t now_ns, uint64_t key,
                           const struct operation *const *operations, size_t count);

#endif
