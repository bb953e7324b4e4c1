/* SPDX-License-Identifier: MIT */
/* requests.c -- sliding windows of request numbers; see requests.h. */
#include "requests.h"

#include <string.h>

static bool bit_at(const struct requests *requests, const struct request_window *window,
                   uint64_t sequence)
{
    uint64_t bit = sequence & (requests->width - 1);

    return (window->bits[bit / 64] >> (bit % 64)) & 1;
}

static void set_bit(const struct requests *requests, struct request_window *window,
                    uint64_t sequence, bool on)
{
    uint64_t bit = sequence & (requests->width - 1);

    window->bits[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
    window->bits[bit / 64] |= (uint64_t)on << (bit % 64);
}

bool requests_seen(const struct requests *requests, uint32_t member,
                   const struct decree_command *command)
{
    const struct request_window *window = &requests->windows[member];

    if (command->incarnation != window->incarnation)
        return command->incarnation < window->incarnation;
    if (command->sequence <= window->low)
        return true;
    if (command->sequence > window->low + requests->width)
        return false;
    return bit_at(requests, window, command->sequence);
}

static void reset(const struct requests *requests, struct request_window *window,
                  uint64_t incarnation)
{
    window->incarnation = incarnation;
    window->low = 0;
    memset(window->bits, 0, requests->width / 8);
}

static void advance(const struct requests *requests, struct request_window *window)
{
    while (bit_at(requests, window, window->low + 1)) {
        window->low++;
        set_bit(requests, window, window->low, false);
    }
}

void requests_mark(struct requests *requests, uint32_t member, const struct decree_command *command)
{
    struct request_window *window = &requests->windows[member];

    if (requests_seen(requests, member, command))
        return;
    if (command->incarnation > window->incarnation)
        reset(requests, window, command->incarnation);
    /* No honest origin opens more than width; whoever does loses its oldest, the same on all
     * nodes. */
    if (command->sequence > window->low + 2 * (uint64_t)requests->width) {
        reset(requests, window, window->incarnation);
        window->low = command->sequence - requests->width;
    }
    while (command->sequence > window->low + requests->width) {
        window->low++;
        set_bit(requests, window, window->low, false);
    }
    set_bit(requests, window, command->sequence, true);
    advance(requests, window);
}

void requests_copy(struct requests *requests, const struct requests *from)
{
    for (uint32_t i = 0; i < DECREE_MEMBERS_MAX; i++) {
        struct request_window *to = &requests->windows[i];

        if (to->bits == NULL)
            continue;
        to->incarnation = from->windows[i].incarnation;
        to->low = from->windows[i].low;
        memcpy(to->bits, from->windows[i].bits, from->width / 8);
    }
}
