/* SPDX-License-Identifier: MIT */
/* deadline_wheel.h -- very many deadlines, nearly all of which are called off before they come.
 *
 * A hashed wheel: slot n holds what ends in a tick congruent to n. To arm and to disarm cost a few
 * pointers; a turn looks at the slots of the ticks that have passed. A deadline is reported up to a
 * tick late, never early.
 */
#ifndef DECREE_RPC_DEADLINE_WHEEL_H
#define DECREE_RPC_DEADLINE_WHEEL_H

#include <stdint.h>

#include "linked_list.h"

#define DEADLINE_TICK_MS 32u
#define DEADLINE_SLOTS 256u

struct deadline {
    struct list_link link; /* initialised by the owner; alone while not armed */
    uint64_t at_ms;
};

struct deadline_wheel {
    struct list_link slots[DEADLINE_SLOTS];
    uint64_t tick; /* the last one that was looked at */
    uint32_t count;
};

void deadline_wheel_init(struct deadline_wheel *wheel, uint64_t now_ms);

/* Arms, or changes when it is armed already. */
void deadline_arm(struct deadline_wheel *wheel, struct deadline *deadline, uint64_t at_ms);
void deadline_disarm(struct deadline_wheel *wheel, struct deadline *deadline); /* if it is armed */

/* Disarms what has come by now_ms and reports it; expired may arm and disarm whatever it likes. */
void deadline_wheel_turn(struct deadline_wheel *wheel, uint64_t now_ms,
                         void (*expired)(void *context, struct deadline *deadline), void *context);

#endif
