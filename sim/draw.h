/* SPDX-License-Identifier: MIT */
/* draw.h -- numbers for the simulator's choices: ranges and ranges by order of magnitude. */
#ifndef DECREE_SIM_DRAW_H
#define DECREE_SIM_DRAW_H

#include "prng.h"

#define DRAW_MILLION 1000000u

/* A number in [low, high]. */
static inline uint64_t draw_between(struct prng *prng, uint64_t low, uint64_t high)
{
    assert(low <= high);
    assert(high - low < UINT64_MAX);
    return low + prng_below(prng, high - low + 1);
}

/* A number in [low, high], small ones as often as large ones: first an order of magnitude, then
 * within it. */
static inline uint64_t draw_magnitude(struct prng *prng, uint64_t low, uint64_t high)
{
    uint64_t top = low > 0 ? low : 1;
    unsigned doublings = 0;

    assert(low <= high);
    while (top <= high / 2) {
        top *= 2;
        doublings++;
    }
    for (unsigned i = (unsigned)prng_below(prng, doublings + 1u); i < doublings; i++)
        top /= 2;
    return draw_between(prng, low, top * 2 - 1 < high ? top * 2 - 1 : high);
}

#endif
