/* SPDX-License-Identifier: MIT */
/* timer_heap.c -- see timer_heap.h. */
#include "timer_heap.h"

#include <assert.h>
#include <stdlib.h>

void timer_heap_release(struct timer_heap *heap)
{
    free(heap->nodes);
    *heap = (struct timer_heap){.nodes = NULL};
}

bool timer_heap_reserve(struct timer_heap *heap, uint32_t count)
{
    uint32_t room = heap->room < 16 ? 16 : heap->room;
    struct timer_node **nodes;

    if (count <= heap->room)
        return true;
    while (room < count)
        room *= 2;
    nodes = realloc(heap->nodes, room * sizeof(struct timer_node *));
    if (nodes == NULL)
        return false;
    heap->nodes = nodes;
    heap->room = room;
    return true;
}

static bool is_before(const struct timer_node *a, const struct timer_node *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void put(struct timer_heap *heap, uint32_t place, struct timer_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

static void sift_up(struct timer_heap *heap, struct timer_node *node)
{
    uint32_t place = node->place;

    while (place > 1 && is_before(node, heap->nodes[place / 2 - 1])) {
        put(heap, place, heap->nodes[place / 2 - 1]);
        place /= 2;
    }
    put(heap, place, node);
}

static void sift_down(struct timer_heap *heap, struct timer_node *node)
{
    uint32_t place = node->place;

    while (2 * place <= heap->count) {
        uint32_t child = 2 * place;

        if (child < heap->count && is_before(heap->nodes[child], heap->nodes[child - 1]))
            child++;
        if (!is_before(heap->nodes[child - 1], node))
            break;
        put(heap, place, heap->nodes[child - 1]);
        place = child;
    }
    put(heap, place, node);
}

void timer_set(struct timer_heap *heap, struct timer_node *node, uint64_t at_ns)
{
    if (node->place == 0) {
        assert(heap->count < heap->room);
        heap->count++;
        put(heap, heap->count, node);
    }
    node->at_ns = at_ns;
    node->order = ++heap->order;
    sift_up(heap, node);
    sift_down(heap, node);
}

void timer_stop(struct timer_heap *heap, struct timer_node *node)
{
    struct timer_node *last;
    uint32_t place = node->place;

    if (place == 0)
        return;
    assert(heap->nodes[place - 1] == node);
    last = heap->nodes[--heap->count];
    node->place = 0;
    if (last == node)
        return;
    put(heap, place, last);
    sift_up(heap, last);
    sift_down(heap, last);
}

struct timer_node *timer_first(const struct timer_heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[0];
}
