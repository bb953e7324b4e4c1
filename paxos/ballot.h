/* SPDX-License-Identifier: MIT */
/* ballot.h -- the order of ballots: by round, then by node (PMMC section 2.2).
 *
 * The all-zero ballot is the bottom: less than every ballot that a leader can have.
 */
#ifndef DECREE_PAXOS_BALLOT_H
#define DECREE_PAXOS_BALLOT_H

#include <decree/paxos.h>

static inline int ballot_compare(struct decree_ballot a, struct decree_ballot b)
{
    if (a.round != b.round)
        return a.round < b.round ? -1 : 1;
    if (a.node != b.node)
        return a.node < b.node ? -1 : 1;
    return 0;
}

static inline bool ballot_equal(struct decree_ballot a, struct decree_ballot b)
{
    return a.round == b.round && a.node == b.node;
}

static inline bool ballot_is_bottom(struct decree_ballot a)
{
    return a.round == 0 && a.node == 0;
}

#endif
