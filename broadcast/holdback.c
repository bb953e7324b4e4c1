/* SPDX-License-Identifier: MIT */
/* holdback.c -- a ring of early messages for each origin that needs one; see holdback.h. */
#include "holdback.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct held {
    uint32_t size;
    uint8_t message[];
};

void holdback_init(struct holdback *holdback)
{
    assert(holdback != NULL);
    memset(holdback, 0, sizeof(*holdback));
}

static void drop_held(struct holdback_origin *origin)
{
    for (uint32_t i = 0; origin->count > 0; i++) {
        assert(i < HOLDBACK_WINDOW);
        if (origin->ring[i] == NULL)
            continue;
        free(origin->ring[i]);
        origin->ring[i] = NULL;
        origin->count--;
    }
}

void holdback_release(struct holdback *holdback)
{
    for (uint32_t id = 0; id <= DECREE_MEMBERS_MAX; id++) {
        drop_held(&holdback->origins[id]);
        free(holdback->origins[id].ring);
    }
    free(holdback->given);
    holdback_init(holdback);
}

static struct held **place_of(struct holdback_origin *origin, uint64_t sequence)
{
    assert(origin->ring != NULL);
    return &origin->ring[sequence & (HOLDBACK_WINDOW - 1)];
}

static void *memory_of(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    assert(memory != NULL && "out of memory: a replica cannot go on");
    return memory;
}

/* Keeps a copy of an early message. */
static void hold(struct holdback *holdback, struct holdback_origin *origin,
                 const struct envelope *message)
{
    struct held **place, *held;

    if (origin->ring == NULL)
        origin->ring = memory_of(HOLDBACK_WINDOW, sizeof(struct held *));
    place = place_of(origin, message->sequence);
    if (*place != NULL) {
        holdback->dropped++;
        return;
    }
    held = memory_of(1, sizeof(*held) + message->size);
    held->size = message->size;
    if (message->size > 0)
        memcpy(held->message, message->message, message->size);
    *place = held;
    origin->count++;
}

static void begin_incarnation(struct holdback *holdback, struct holdback_origin *origin,
                              uint64_t incarnation)
{
    holdback->dropped += origin->count;
    drop_held(origin);
    origin->incarnation = incarnation;
    origin->next = 1;
}

void holdback_take_in(struct holdback *holdback, const uint8_t *command, uint32_t size)
{
    struct holdback_origin *origin;
    struct envelope message;

    assert(holdback->ready.origin == 0 && holdback->current == 0);
    if (!envelope_read(&message, command, size)) {
        holdback->dropped++;
        return;
    }
    origin = &holdback->origins[message.origin];
    if (message.incarnation > origin->incarnation)
        begin_incarnation(holdback, origin, message.incarnation);
    if (message.incarnation < origin->incarnation || message.sequence < origin->next ||
        message.sequence - origin->next >= HOLDBACK_WINDOW) {
        holdback->dropped++;
        return;
    }
    if (message.sequence > origin->next) {
        hold(holdback, origin, &message);
        return;
    }
    holdback->ready = message;
    holdback->current = message.origin;
}

/* Takes the early message that has become due off the ring, if there is one. */
static bool next_held(struct holdback *holdback, struct envelope *ret_message)
{
    struct holdback_origin *origin = &holdback->origins[holdback->current];
    struct held **place;

    if (origin->count == 0)
        return false;
    place = place_of(origin, origin->next);
    if (*place == NULL)
        return false;
    holdback->given = *place;
    *place = NULL;
    origin->count--;
    *ret_message = (struct envelope){.origin = holdback->current,
                                     .incarnation = origin->incarnation,
                                     .sequence = origin->next,
                                     .message = holdback->given->message,
                                     .size = holdback->given->size};
    return true;
}

bool holdback_next(struct holdback *holdback, struct envelope *ret_message)
{
    free(holdback->given);
    holdback->given = NULL;
    if (holdback->current == 0)
        return false;
    if (holdback->ready.origin != 0) {
        *ret_message = holdback->ready;
        holdback->ready = (struct envelope){.origin = 0};
    } else if (!next_held(holdback, ret_message)) {
        holdback->current = 0;
        return false;
    }
    holdback->origins[holdback->current].next++;
    return true;
}
