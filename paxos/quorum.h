/* SPDX-License-Identifier: MIT */
/* quorum.h -- the members, as bits of a word, and the sizes that matter.
 *
 *     prepare_quorum q1: promises that phase 1 needs
 *     vote_quorum    q2: votes that decide a slot; q1 + q2 > n, so every vote quorum meets every prepare
 *                        quorum (Howard, Malkhi, Spiegelman: Flexible Paxos, 2016)
 *     n - q1 + 1:        members that meet every prepare quorum: who hears from that many knows whether a
 *                        higher ballot can have been adopted
 */
#ifndef DECREE_PAXOS_QUORUM_H
#define DECREE_PAXOS_QUORUM_H

#include <assert.h>

#include <decree/paxos.h>

struct quorum {
    const decree_node_id *members;
    uint32_t count;
    uint32_t self; /* index of this node */
    uint32_t prepare, vote;
};

/* Some, but not too many, each of them once and none of them 0; self is one. */
bool quorum_members_are_sane(const decree_node_id *members, uint32_t count, decree_node_id self);

/* The index of a member, or DECREE_MEMBERS_MAX for a stranger. */
static inline uint32_t quorum_index(const struct quorum *quorum, decree_node_id node)
{
    for (uint32_t i = 0; i < quorum->count; i++)
        if (quorum->members[i] == node)
            return i;
    return DECREE_MEMBERS_MAX;
}

static inline uint32_t quorum_meets_prepare(const struct quorum *quorum)
{
    return quorum->count - quorum->prepare + 1;
}

static inline uint32_t quorum_size(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

#endif
