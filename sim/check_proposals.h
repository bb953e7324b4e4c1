/* SPDX-License-Identifier: MIT */
/* check_proposals.h -- what nodes with registers may say at all: no ballot of a key is used in two
 * runs, and one ballot has one value for a version.
 *
 * Looks at every message that is sent, and remembers.
 */
#ifndef DECREE_SIM_CHECK_PROPOSALS_H
#define DECREE_SIM_CHECK_PROPOSALS_H

#include <decree/register.h>

#include "verdict.h"

struct proposal_fact {
    uint64_t name;  /* of key and ballot, or of key, version and ballot; 0: free */
    uint64_t value; /* the run, or the value */
};

struct proposals { /* all zero, but for verdict: nothing said yet */
    struct verdict *verdict;
    struct proposal_fact *facts;
    size_t count, room;
    uint64_t ballots;
};

void proposals_release(struct proposals *proposals);

/* run: names the node's life. */
void proposals_on_message(struct proposals *proposals, uint64_t now_ns, uint64_t run,
                          const struct decree_register_message *message);

#endif
