/* SPDX-License-Identifier: MIT */
/* world.c -- a binary heap; the root is what happens next. */
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"

struct world_event {
    uint64_t at_ns, order;
    world_action *action;
    void *context;
    uint64_t number;
    void *memory;
};

void world_init(struct world *world, uint64_t seed)
{
    assert(world != NULL);
    *world = (struct world){.seed = seed, .digest = seed};
}

void world_release(struct world *world)
{
    assert(world != NULL);
    assert(world->count <= world->capacity);
    for (size_t i = 0; i < world->count; i++)
        free(world->events[i].memory);
    free(world->events);
    *world = (struct world){0};
}

uint64_t world_seed(const struct world *world, const char *part, uint64_t number)
{
    assert(part != NULL);
    return checksum(part, strlen(part), checksum(&number, sizeof(number), world->seed));
}

static bool event_before(const struct world_event *a, const struct world_event *b)
{
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns;
    return a->order < b->order;
}

static void heap_swap(struct world_event *a, struct world_event *b)
{
    struct world_event kept = *a;

    *a = *b;
    *b = kept;
}

static void heap_up(struct world_event *events, size_t index)
{
    while (index > 0 && event_before(&events[index], &events[(index - 1) / 2])) {
        heap_swap(&events[index], &events[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
}

static void heap_down(struct world_event *events, size_t count, size_t index)
{
    for (;;) {
        size_t least = index, left = 2 * index + 1, right = left + 1;

        if (left < count && event_before(&events[left], &events[least]))
            least = left;
        if (right < count && event_before(&events[right], &events[least]))
            least = right;
        if (least == index)
            return;
        heap_swap(&events[least], &events[index]);
        index = least;
    }
}

void world_at(struct world *world, uint64_t at_ns, world_action *action, void *context,
              uint64_t number, void *memory)
{
    assert(action != NULL);
    if (world->count == world->capacity) {
        world->capacity = world->capacity == 0 ? 256 : 2 * world->capacity;
        world->events = realloc(world->events, world->capacity * sizeof(*world->events));
        assert(world->events != NULL);
    }
    world->events[world->count] = (struct world_event){
        .at_ns = at_ns < world->now_ns ? world->now_ns : at_ns,
        .order = world->asked++,
        .action = action,
        .context = context,
        .number = number,
        .memory = memory,
    };
    heap_up(world->events, world->count++);
}

static void world_run_next(struct world *world)
{
    struct world_event event = world->events[0];

    assert(event.at_ns >= world->now_ns);
    world->events[0] = world->events[--world->count];
    heap_down(world->events, world->count, 0);
    world->now_ns = event.at_ns;
    world->happened++;
    world_note(world, event.at_ns ^ event.order);
    event.action(event.context, event.number, event.memory);
    free(event.memory);
}

void world_run_until(struct world *world, uint64_t until_ns)
{
    assert(until_ns >= world->now_ns);
    while (!world->stopped && world->count > 0 && world->events[0].at_ns <= until_ns)
        world_run_next(world);
    if (!world->stopped)
        world->now_ns = until_ns;
}

void world_stop(struct world *world)
{
    world->stopped = true;
}

void world_note(struct world *world, uint64_t what)
{
    uint64_t mixed = (world->digest ^ what) * 0x9e3779b97f4a7c15u;

    world->digest = mixed ^ (mixed >> 29);
}
