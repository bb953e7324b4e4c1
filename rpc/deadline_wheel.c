/* SPDX-License-Identifier: MIT */
/* deadline_wheel.c -- see deadline_wheel.h. */
#include "deadline_wheel.h"

void deadline_wheel_init(struct deadline_wheel *wheel, uint64_t now_ms)
{
    for (unsigned i = 0; i < DEADLINE_SLOTS; i++)
        list_init(&wheel->slots[i]);
    wheel->tick = now_ms / DEADLINE_TICK_MS;
    wheel->count = 0;
}

void deadline_arm(struct deadline_wheel *wheel, struct deadline *deadline, uint64_t at_ms)
{
    uint64_t tick = at_ms / DEADLINE_TICK_MS + 1;

    deadline_disarm(wheel, deadline);
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    deadline->at_ms = at_ms;
    list_append(&wheel->slots[tick % DEADLINE_SLOTS], &deadline->link);
    wheel->count++;
}

void deadline_disarm(struct deadline_wheel *wheel, struct deadline *deadline)
{
    if (list_alone(&deadline->link))
        return;
    assert(wheel->count > 0);
    list_remove(&deadline->link);
    wheel->count--;
}

/* A slot holds later rounds of the wheel too: they go back. */
static void turn_slot(struct deadline_wheel *wheel, struct list_link *slot, uint64_t now_ms,
                      void (*expired)(void *context, struct deadline *deadline), void *context)
{
    struct list_link waiting;

    list_init(&waiting);
    list_move_all(&waiting, slot);
    while (!list_alone(&waiting)) {
        struct deadline *deadline = list_owner(waiting.next, struct deadline, link);

        list_remove(&deadline->link);
        if (deadline->at_ms > now_ms) {
            list_append(slot, &deadline->link);
            continue;
        }
        assert(wheel->count > 0);
        wheel->count--;
        expired(context, deadline);
    }
}

void deadline_wheel_turn(struct deadline_wheel *wheel, uint64_t now_ms,
                         void (*expired)(void *context, struct deadline *deadline), void *context)
{
    uint64_t last = now_ms / DEADLINE_TICK_MS;
    uint64_t first = wheel->tick + 1;

    if (last > wheel->tick + DEADLINE_SLOTS)
        first = last - DEADLINE_SLOTS + 1;
    for (uint64_t tick = first; tick <= last; tick++) {
        wheel->tick = tick;
        turn_slot(wheel, &wheel->slots[tick % DEADLINE_SLOTS], now_ms, expired, context);
    }
}
