/* SPDX-License-Identifier: MIT */
/* quorum.c -- see quorum.h. */
#include "quorum.h"

bool quorum_members_are_sane(const decree_node_id *members, uint32_t count, decree_node_id self)
{
    const struct quorum quorum = {.members = members, .count = count};

    if (members == NULL || count == 0 || count > DECREE_MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (members[i] == 0 || quorum_index(&quorum, members[i]) != i)
            return false;
    return quorum_index(&quorum, self) != DECREE_MEMBERS_MAX;
}
