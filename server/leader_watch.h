/* SPDX-License-Identifier: MIT */
/* leader_watch.h -- for how long nobody has led, and who is to hear of it.
 *
 *     looks ten times in its patience: somebody leads -> begins to count anew
 *                                      nobody         -> longer than its patience? leaderless()
 *
 * So it tells at the earliest when the patience is over since the first look that found nobody, and
 * again with each look until somebody leads: what came in between is told too.
 */
#ifndef DECREE_SERVER_LEADER_WATCH_H
#define DECREE_SERVER_LEADER_WATCH_H

#include <uv.h>

#include "backend.h"

struct leader_watch {
    struct backend *backend;
    uv_timer_t timer;
    uint64_t since_ms; /* by the loop's clock; 0: somebody leads */
    uint32_t patience_ms;
    void (*leaderless)(void *context);
    void *context;
    void (*closed)(void *context);
    void *closed_context;
};

/* The backend and the context are borrowed until it is closed. */
void leader_watch_start(struct leader_watch *watch, uv_loop_t *loop, struct backend *backend,
                        uint32_t patience_ms, void (*leaderless)(void *context), void *context);

/* Has nobody led for longer than its patience? */
bool leader_watch_is_over(const struct leader_watch *watch);

/* leaderless() is not called any more; closed() later. */
void leader_watch_close(struct leader_watch *watch, void (*closed)(void *context), void *context);

#endif
