/* SPDX-License-Identifier: MIT */
/* check_ballots.c -- the ballots of a node carry its name and only grow. */
#include "check_ballots.h"

#include <assert.h>
#include <inttypes.h>

void ballots_init(struct ballots *ballots, struct verdict *verdict)
{
    assert(verdict != NULL);
    *ballots = (struct ballots){.verdict = verdict};
}

void ballots_on_adopted(struct ballots *ballots, uint64_t now_ns, unsigned node,
                        struct decree_ballot ballot)
{
    struct decree_ballot highest = ballots->highest[node];

    assert(node >= 1 && node <= SIM_NODES_MAX);
    ballots->adopted++;
    if (ballot.node != node || ballot.round <= highest.round)
        verdict_fail(ballots->verdict, "ballots", now_ns,
                     "node %u: adopted ballot %" PRIu64
                     ".n%u; expected one of its own above %" PRIu64 ".n%u",
                     node, ballot.round, ballot.node, highest.round, node);
    ballots->highest[node] = ballot;
}
