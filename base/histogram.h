/* SPDX-License-Identifier: MIT */
/* histogram.h -- how often a number was at most how large: what is measured, for who reads metrics.
 *
 * Numbers are whole, in the unit that the owner likes. Adding one is a few comparisons and two
 * additions; whoever adds owns the histogram, and hands out copies.
 */
#ifndef DECREE_BASE_HISTOGRAM_H
#define DECREE_BASE_HISTOGRAM_H

#include <assert.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 20u

struct histogram {
    uint32_t bound_count;
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX]; /* rising */
    uint64_t
        counts[HISTOGRAM_BOUNDS_MAX + 1]; /* above the bound before, at most its own; above all */
    uint64_t sum;                         /* of the numbers */
};

/* Bounds first, first * factor, ...; nothing is counted yet. */
static inline void histogram_init(struct histogram *histogram, uint64_t first, uint64_t factor,
                                  uint32_t count)
{
    uint64_t bound = first;

    assert(count <= HISTOGRAM_BOUNDS_MAX);
    assert(first > 0 && factor > 1);
    *histogram = (struct histogram){.bound_count = count};
    for (uint32_t i = 0; i < count; i++, bound *= factor)
        histogram->bounds[i] = bound;
}

/* The same with bounds of the owner's. */
static inline void histogram_init_bounds(struct histogram *histogram, const uint64_t *bounds,
                                         uint32_t count)
{
    assert(count <= HISTOGRAM_BOUNDS_MAX);
    *histogram = (struct histogram){.bound_count = count};
    for (uint32_t i = 0; i < count; i++) {
        assert(i == 0 || bounds[i] > bounds[i - 1]);
        histogram->bounds[i] = bounds[i];
    }
}

static inline void histogram_add(struct histogram *histogram, uint64_t number)
{
    uint32_t i = 0;

    while (i < histogram->bound_count && number > histogram->bounds[i])
        i++;
    histogram->counts[i]++;
    histogram->sum += number;
}

/* How many numbers were added. */
static inline uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i <= histogram->bound_count; i++)
        count += histogram->counts[i];
    return count;
}

/* How many of them were above the bound, which is one of the histogram's. */
static inline uint64_t histogram_above(const struct histogram *histogram, uint64_t bound)
{
    uint64_t count = 0;

    for (uint32_t i = histogram->bound_count; i > 0 && histogram->bounds[i - 1] >= bound; i--)
        count += histogram->counts[i];
    return count;
}

#endif
