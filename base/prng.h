/* SPDX-License-Identifier: MIT */
/* prng.h -- one small generator for everything that is random: the same seed gives the same
 * sequence.
 *
 * splitmix64: 64 bits of state, every seed is a good one. Not for secrets.
 */
#ifndef DECREE_BASE_PRNG_H
#define DECREE_BASE_PRNG_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

static inline void prng_init(struct prng *prng, uint64_t seed)
{
    prng->state = seed;
}

static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t z = prng->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number in [0, bound). */
static inline uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0);
    return prng_next(prng) % bound;
}

/* True in per_million of a million cases. */
static inline bool prng_chance(struct prng *prng, uint32_t per_million)
{
    return prng_below(prng, 1000000) < per_million;
}

#endif
