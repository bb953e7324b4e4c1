/* SPDX-License-Identifier: MIT */
/* errands.c -- see errands.h. One step of each a turn: however many there are, the loop looks at its
 * sockets in between. */
#include "errands.h"

#include <assert.h>

#define TICK_MS 10u

static void step_all(struct errands *errands, struct list_link *from, bool stop)
{
    struct list_link taken;

    list_init(&taken);
    list_move_all(&taken, from);
    while (!list_alone(&taken)) {
        struct errand *errand = list_owner(taken.next, struct errand, link);
        bool late = stop || uv_now(errands->tick.loop) >= errand->ends_ms;
        enum errand_state state;

        list_remove(&errand->link);
        state = errand->step(errand, late);
        assert(!late || state == ERRAND_OVER);
        if (state == ERRAND_WORKS)
            list_append(&errands->working, &errand->link);
        else if (state == ERRAND_WAITS)
            list_append(&errands->waiting, &errand->link);
    }
}

static void on_awake(uv_idle_t *awake);
static void on_tick(uv_timer_t *tick);

static void set_alarms(struct errands *errands)
{
    if (list_alone(&errands->working))
        uv_idle_stop(&errands->awake);
    else
        uv_idle_start(&errands->awake, on_awake);
    if (list_alone(&errands->waiting))
        uv_timer_stop(&errands->tick);
    else if (!uv_is_active((uv_handle_t *)&errands->tick))
        uv_timer_start(&errands->tick, on_tick, TICK_MS, TICK_MS);
}

static void on_awake(uv_idle_t *awake)
{
    struct errands *errands = awake->data;

    step_all(errands, &errands->working, false);
    set_alarms(errands);
}

static void on_tick(uv_timer_t *tick)
{
    struct errands *errands = tick->data;

    step_all(errands, &errands->waiting, false);
    set_alarms(errands);
}

void errands_start(struct errands *errands, uv_loop_t *loop, uint32_t patience_ms)
{
    *errands = (struct errands){.patience_ms = patience_ms, .open_handles = 2};
    list_init(&errands->working);
    list_init(&errands->waiting);
    uv_idle_init(loop, &errands->awake);
    uv_timer_init(loop, &errands->tick);
    errands->awake.data = errands->tick.data = errands;
}

void errands_add(struct errands *errands, struct errand *errand)
{
    assert(errand->step != NULL);
    if (errands->closed != NULL) {
        (void)errand->step(errand, true);
        return;
    }
    errand->ends_ms = uv_now(errands->tick.loop) + errands->patience_ms;
    list_init(&errand->link);
    list_append(&errands->working, &errand->link);
    set_alarms(errands);
}

bool errand_resume(struct errand *errand, bool late)
{
    bool waiting = grpc_resume(errand->call);

    if (waiting && late)
        etcd_fail(errand->call, ETCD_TIMEOUT);
    return waiting && !late;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct errands *errands = handle->data;

    if (--errands->open_handles == 0)
        errands->closed(errands->closed_context);
}

void errands_close(struct errands *errands, void (*closed)(void *context), void *context)
{
    step_all(errands, &errands->working, true);
    step_all(errands, &errands->waiting, true);
    errands->closed = closed;
    errands->closed_context = context;
    uv_close((uv_handle_t *)&errands->awake, on_handle_closed);
    uv_close((uv_handle_t *)&errands->tick, on_handle_closed);
}
