/* SPDX-License-Identifier: MIT */
/* errands.h -- what calls wait for that is neither a command nor a read: long work in slices, and
 * things that come to pass in their own time.
 *
 *     errands_add() --> step() once a turn while it works, else every 10 ms --> it answers: over
 *
 * A step is a bounded bit of work. All on the loop's thread.
 */
#ifndef DECREE_SERVER_ERRANDS_H
#define DECREE_SERVER_ERRANDS_H

#include <uv.h>

#include "etcd_errors.h"
#include "linked_list.h"

enum errand_state { ERRAND_WORKS = 1, ERRAND_WAITS, ERRAND_OVER };

struct errand { /* the head of what the owner has allocated; he frees it when it is over */
    struct list_link link;
    struct grpc_call *call; /* kept */
    /* Does a bit. stop: nothing will come of it any more, for it takes longer than a request may, or
     * the server closes; then it must be over. */
    enum errand_state (*step)(struct errand *errand, bool stop);
    uint64_t ends_ms;
};

struct errands {
    struct list_link working, waiting;
    uv_idle_t awake; /* active while one works */
    uv_timer_t tick; /* ... while one waits */
    uint32_t patience_ms;
    int open_handles;
    void (*closed)(void *context);
    void *closed_context;
};

/* patience_ms: what a request may take. */
void errands_start(struct errands *errands, uv_loop_t *loop, uint32_t patience_ms);

/* The errand has call and step; its first step comes later. Of an operation that comes back when all
 * is closed, it is stopped at once. */
void errands_add(struct errands *errands, struct errand *errand);

/* For the last step. True: answer the call now. late: it is told so, if anybody still waits. */
bool errand_resume(struct errand *errand, bool late);

void errands_close(struct errands *errands, void (*closed)(void *context), void *context);

#endif
