/* SPDX-License-Identifier: MIT */
/* random_seed.h -- a number that nobody can guess: of hashes of what clients choose, for who knows the hash could
 * choose what lands in one place, and keep the loop busy with it. */
#ifndef DECREE_SERVER_RANDOM_SEED_H
#define DECREE_SERVER_RANDOM_SEED_H

#include <uv.h>

static inline uint64_t random_seed(void)
{
    uint64_t seed;

    return uv_random(NULL, NULL, &seed, sizeof(seed), 0, NULL) == 0 ? seed : uv_hrtime();
}

#endif
