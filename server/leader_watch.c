/* SPDX-License-Identifier: MIT */
/* leader_watch.c -- see leader_watch.h. */
#include "leader_watch.h"

#include <assert.h>

#define LOOKS 10u

bool leader_watch_is_over(const struct leader_watch *watch)
{
    return watch->since_ms != 0 &&
           uv_now(watch->timer.loop) - watch->since_ms >= watch->patience_ms;
}

static void on_look(uv_timer_t *timer)
{
    struct leader_watch *watch = timer->data;
    struct backend_status status;

    watch->backend->ops->status(watch->backend, &status);
    if (status.leader_id != 0)
        watch->since_ms = 0;
    else if (watch->since_ms == 0)
        watch->since_ms = uv_now(timer->loop);
    else if (leader_watch_is_over(watch))
        watch->leaderless(watch->context);
}

void leader_watch_start(struct leader_watch *watch, uv_loop_t *loop, struct backend *backend,
                        uint32_t patience_ms, void (*leaderless)(void *context), void *context)
{
    uint32_t look_ms = patience_ms / LOOKS + 1;

    assert(leaderless != NULL);
    *watch = (struct leader_watch){.backend = backend,
                                   .patience_ms = patience_ms,
                                   .leaderless = leaderless,
                                   .context = context};
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
    uv_timer_start(&watch->timer, on_look, look_ms, look_ms);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct leader_watch *watch = timer->data;

    watch->closed(watch->closed_context);
}

void leader_watch_close(struct leader_watch *watch, void (*closed)(void *context), void *context)
{
    assert(watch->closed == NULL);
    watch->closed = closed;
    watch->closed_context = context;
    uv_close((uv_handle_t *)&watch->timer, on_timer_closed);
}
