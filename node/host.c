/* SPDX-License-Identifier: MIT */
/* host.c -- the turn, and what other threads may ask for; host_open.c has the beginning and the
 * end. */
#include <assert.h>
#include <string.h>

#include "host_inside.h"

#define ROUNDS_PER_TURN_MAX \
    16u /* completions that ask for more are served at once, but not for ever */
#define MS_NS UINT64_C(1000000)

static int ask(struct engine *engine, struct request *request)
{
    switch (request->kind) {
    case REQUEST_PROPOSE:
        return engine_propose(engine, &request->value, request->done, request->argument);
    case REQUEST_READ:
        return engine_read(engine, request->done, request->argument);
    case REQUEST_REGISTER:
        return engine_register(engine, &request->of_register, request->answered, request->argument);
    }
    return DECREE_MISUSE;
}

/* Moves requests into the engine until it has no room. True: at least one went. */
static bool feed(struct host *host)
{
    struct request *request;
    bool moved = false;

    while ((request = request_queue_first(&host->requests)) != NULL) {
        int error = ask(host->engine, request);

        if (error == DECREE_FULL)
            break;
        /* The sizes were looked at by host_submit(). */
        assert(error == 0 || request->kind == REQUEST_REGISTER);
        if (error != 0)
            request_fail(request, error);
        request_drop(request_queue_pop(&host->requests));
        moved = true;
    }
    return moved;
}

/* Sees to it that a turn is made in time. A timer that fires too early costs less than moving it
 * each turn. */
static void arm(struct host *host)
{
    uint64_t wake_at_ns = engine_wake_at(host->engine);
    uint64_t now_ns = uv_hrtime();
    uint64_t in_ms;

    if (wake_at_ns >= host->timer_at_ns)
        return;
    in_ms = wake_at_ns <= now_ns ? 0 : (wake_at_ns - now_ns + MS_NS - 1) / MS_NS;
    host->timer_at_ns = wake_at_ns;
    uv_update_time(host->loop);
    uv_timer_start(&host->timer, host_on_timer, in_ms, 0);
}

void host_on_timer(uv_timer_t *timer)
{
    struct host *host = timer->data;

    host->timer_at_ns = UINT64_MAX;
}

static void publish_status(struct host *host)
{
    uv_mutex_lock(&host->status_lock);
    engine_status(host->engine, &host->status);
    uv_mutex_unlock(&host->status_lock);
}

void host_turn(struct host *host)
{
    uint64_t began_ns = uv_hrtime();
    bool turned = false;

    assert(host->running);
    uv_idle_stop(&host->asked);
    engine_set_now(host->engine, began_ns);
    if (host->journal_thread != NULL)
        journal_thread_poll(host->journal_thread);
    if (host->poll_transport != NULL)
        (void)host->poll_transport(host->transport);
    request_queue_collect(&host->requests);
    for (uint32_t rounds = 0; rounds < ROUNDS_PER_TURN_MAX; rounds++) {
        bool moved = feed(host);

        if (!engine_turn(host->engine) && !moved)
            break;
        turned = true;
        request_queue_collect(&host->requests);
        if (request_queue_first(&host->requests) == NULL)
            break;
    }
    if (turned) {
        publish_status(host);
        if (host->after_turn != NULL)
            host->after_turn(host->after_turn_context);
    }
    if (turned)
        histogram_add(&host->turn_ns, uv_hrtime() - began_ns);
    arm(host); /* also when nothing was due: the loop's clock is coarse, and a timer may be early */
}

static int check(const struct host *host, const struct request *request)
{
    uint32_t key_bytes = request->of_register.key.size;

    if (request->kind != REQUEST_REGISTER)
        return request->value.size > host->value_bytes_max ? DECREE_TOO_LARGE : 0;
    if (host->register_value_bytes_max == 0)
        return DECREE_MISUSE;
    if (key_bytes == 0 || key_bytes > DECREE_REGISTER_KEY_BYTES_MAX)
        return DECREE_INVALID;
    return request->value.size > host->register_value_bytes_max ? DECREE_TOO_LARGE : 0;
}

int host_submit(struct host *host, struct request *request)
{
    uv_thread_t self = uv_thread_self();
    bool wake = false;
    int error;

    if (atomic_load_explicit(&host->closing, memory_order_acquire))
        return DECREE_CLOSED;
    error = check(host, request);
    if (error != 0)
        return error;
    if (uv_thread_equal(&self, &host->thread))
        return request_queue_append(&host->requests, request);
    error = request_queue_push(&host->requests, request, &wake);
    if (error == 0 && wake)
        waker_wake(&host->waker);
    return error;
}

/* That the handle is active is all that is wanted of it. */
static void on_asked(uv_idle_t *asked)
{
    assert(asked->data != NULL);
}

struct engine *host_engine(struct host *host)
{
    if (!host->running)
        return NULL;
    if (!uv_is_active((uv_handle_t *)&host->asked))
        uv_idle_start(&host->asked, on_asked);
    engine_set_now(host->engine, uv_hrtime());
    return host->engine;
}

void host_not_taken(struct host *host)
{
    if (engine_wake_at(host->engine) > uv_hrtime())
        uv_idle_stop(&host->asked);
}

void host_status(struct host *host, struct decree_status *ret_status)
{
    uv_mutex_lock(&host->status_lock);
    *ret_status = host->status;
    uv_mutex_unlock(&host->status_lock);
}

const struct decree_status *host_latest_status(const struct host *host)
{
    return &host->status;
}

const char *host_trouble(const struct host *host)
{
    return host->trouble[0] == '\0' ? NULL : host->trouble;
}
