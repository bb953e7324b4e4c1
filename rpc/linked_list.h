/* SPDX-License-Identifier: MIT */
/* linked_list.h -- a circular list whose links live inside its members: to enter and to leave costs
 * no memory.
 *
 * The head is a link too. A link that points to itself is in no list; one that is all zero was
 * never initialised and must be, first.
 */
#ifndef DECREE_RPC_LINKED_LIST_H
#define DECREE_RPC_LINKED_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *next, *previous;
};

/* The struct that holds this link as its member. */
#define list_owner(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list_link *link)
{
    link->next = link;
    link->previous = link;
}

/* Of a head: there are no members. Of a member: it is in no list. */
static inline bool list_alone(const struct list_link *link)
{
    assert(link->next != NULL);
    return link->next == link;
}

static inline void list_append(struct list_link *head, struct list_link *link)
{
    assert(list_alone(link));
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

static inline void list_remove(struct list_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

/* Moves all members of from to the end of head. */
static inline void list_move_all(struct list_link *head, struct list_link *from)
{
    if (list_alone(from))
        return;
    from->next->previous = head->previous;
    from->previous->next = head;
    head->previous->next = from->next;
    head->previous = from->previous;
    list_init(from);
}

#endif
