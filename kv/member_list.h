/* SPDX-License-Identifier: MIT */
/* member_list.h -- what the members of the cluster told of themselves: names, and the addresses for
 * clients, so that each of them can tell a client of all. Who is a member is not decided here. */
#ifndef DECREE_KV_MEMBER_LIST_H
#define DECREE_KV_MEMBER_LIST_H

#include "allocator.h"
#include "kv.h"

struct members {
    struct allocator *allocator;
    struct kv_member *all; /* in the order in which they told of themselves first */
    size_t count, capacity;
};

void members_init(struct members *members, struct allocator *allocator);
void members_release(struct members *members);

/* Adds the member, or replaces what is known of it; the command was decoded. */
void members_set(struct members *members, const struct command_member *told);

#endif
