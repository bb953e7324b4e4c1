/* SPDX-License-Identifier: MIT */
/* members.h -- who votes, as bits of a word, and how many it takes.
 *
 *     prepare  promises, or answers to a query, that are enough to know what may be chosen
 *     vote     votes that choose; prepare + vote > count, so that any two such sets share a member
 */
#ifndef DECREE_REGISTER_MEMBERS_H
#define DECREE_REGISTER_MEMBERS_H

#include <decree/paxos.h>

struct members {
    decree_node_id ids[DECREE_MEMBERS_MAX];
    uint32_t count;
    uint32_t self; /* index of this node */
    uint32_t prepare, vote;
};

/* The index of a member, or DECREE_MEMBERS_MAX for a stranger. */
static inline uint32_t members_index(const struct members *members, decree_node_id node)
{
    for (uint32_t i = 0; i < members->count; i++)
        if (members->ids[i] == node)
            return i;
    return DECREE_MEMBERS_MAX;
}

static inline decree_node_id members_self(const struct members *members)
{
    return members->ids[members->self];
}

static inline uint32_t members_count(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

static inline bool ballot_same(struct decree_ballot a, struct decree_ballot b)
{
    return a.round == b.round && a.node == b.node;
}

static inline bool ballot_none(struct decree_ballot ballot)
{
    return ballot.round == 0 && ballot.node == 0;
}

#endif
