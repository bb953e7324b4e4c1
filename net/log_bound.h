/* SPDX-License-Identifier: MIT */
/* log_bound.h -- a bound on the log lines about what others do wrong, however often they do it. */
#ifndef DECREE_NET_LOG_BOUND_H
#define DECREE_NET_LOG_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_BOUND_WINDOW_MS 1000u
#define LOG_BOUND_LINES_MAX 5u /* in a window */

struct log_bound { /* zero: nothing was logged */
    uint64_t window_ms;
    uint32_t count, suppressed;
};

/* True when one more line may be written now; then ret_suppressed says how many were not. */
static inline bool log_bound_allows(struct log_bound *bound, uint64_t now_ms,
                                    uint32_t *ret_suppressed)
{
    if (now_ms - bound->window_ms >= LOG_BOUND_WINDOW_MS) {
        bound->window_ms = now_ms;
        bound->count = 0;
    }
    if (bound->count == LOG_BOUND_LINES_MAX) {
        bound->suppressed++;
        return false;
    }
    bound->count++;
    *ret_suppressed = bound->suppressed;
    bound->suppressed = 0;
    return true;
}

#endif
