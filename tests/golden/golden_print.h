/* SPDX-License-Identifier: MIT */
/* golden_print.h -- what cores do, in lines made to be read and compared.
 *
 *     1 scouting 1.1 from slot 1           a trace event of node 1; ballots are round.node
 *     1 record #2 promise 1.1              appended to the journal of node 1
 *     1->2 p2a 1.1 {1: "a"} decided 0      a message; pvalues as slot: command
 *     1 applies 1: "a"                     a decision is handed out
 *     1 answers read 7                     at the state that has all the decisions above
 *     1 fetches 1..4 for 2                 the journal must be read back
 *     1 waits for #3                       somebody waits until this record is durable
 */
#ifndef DECREE_TESTS_GOLDEN_PRINT_H
#define DECREE_TESTS_GOLDEN_PRINT_H

#include "cores.h"
#include "golden_script.h"

enum golden_kind { /* which lines are wanted; bits */
                   GOLDEN_TRACE = 1,
                   GOLDEN_RECORDS = 2,
                   GOLDEN_MESSAGES = 4,
                   GOLDEN_HEARTBEATS = 8,
                   GOLDEN_DECISIONS = 16,
                   GOLDEN_READS = 32,
                   GOLDEN_FETCHES = 64,
                   GOLDEN_WAITS = 128
};

void golden_print_trace(struct golden_text *text, decree_node_id node,
                        const struct decree_trace *trace);
void golden_print_message(struct golden_text *text, const struct decree_message *message);
void golden_print_effects(struct golden_text *text, decree_node_id node,
                          const struct decree_effects *effects, unsigned kinds, decree_lsn synced);
void golden_print_status(struct golden_text *text, decree_node_id node,
                         const struct decree_status *status);

#endif
