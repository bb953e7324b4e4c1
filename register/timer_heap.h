/* SPDX-License-Identifier: MIT */
/* timer_heap.h -- which of many things is due first: a binary heap of timers that lie in what they
 * are for.
 *
 * Equal times come in the order of their setting, so that a run can be repeated.
 */
#ifndef DECREE_REGISTER_TIMER_HEAP_H
#define DECREE_REGISTER_TIMER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer_node { /* all zero: not set */
    uint64_t at_ns;
    uint64_t order;
    uint32_t place; /* in the heap, from 1; 0: not in it */
    int kind;       /* the owner's */
};

struct timer_heap { /* all zero: empty */
    struct timer_node **nodes;
    uint32_t count, room;
    uint64_t order;
};

void timer_heap_release(struct timer_heap *heap);

/* Makes room for count timers in all. False: out of memory. */
bool timer_heap_reserve(struct timer_heap *heap, uint32_t count);

/* Sets it, or sets it anew. Room must have been reserved. */
void timer_set(struct timer_heap *heap, struct timer_node *node, uint64_t at_ns);

/* One that is not set is fine. */
void timer_stop(struct timer_heap *heap, struct timer_node *node);

/* The first one, or NULL. */
struct timer_node *timer_first(const struct timer_heap *heap);

#endif
