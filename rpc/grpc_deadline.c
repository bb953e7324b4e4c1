/* SPDX-License-Identifier: MIT */
/* grpc_deadline.c -- how long a call may take: what the client allows, and the server's own bound,
 * whichever comes first. */
#include "grpc_inside.h"

static void on_expired(void *context, struct deadline *deadline)
{
    struct grpc_call *call = list_owner(deadline, struct grpc_call, deadline);

    assert(call->server == context);
    if (call->stream.answered)
        return;
    if (call->own_deadline)
        grpc_fail(call, GRPC_UNAVAILABLE, "etcdserver: request timed out");
    else
        grpc_fail(call, GRPC_DEADLINE_EXCEEDED, "context deadline exceeded");
}

static void on_tick(uv_timer_t *timer)
{
    struct grpc_server *server = timer->data;

    deadline_wheel_turn(&server->wheel, uv_now(server->loop), on_expired, server);
    grpc_locals_offer(server);
    if (server->wheel.count == 0)
        uv_timer_stop(timer);
}

void grpc_deadlines_open(struct grpc_server *server)
{
    deadline_wheel_init(&server->wheel, uv_now(server->loop));
    uv_timer_init(server->loop, &server->timer);
    server->timer.data = server;
}

void grpc_deadline_arm(struct grpc_call *call, uint64_t timeout_ms, bool own)
{
    struct grpc_server *server = call->server;
    uint64_t at_ms = uv_now(server->loop) + timeout_ms;

    if (!list_alone(&call->deadline.link) && call->deadline.at_ms <= at_ms)
        return;
    if (server->wheel.count == 0)
        uv_timer_start(&server->timer, on_tick, DEADLINE_TICK_MS, DEADLINE_TICK_MS);
    call->own_deadline = own;
    deadline_arm(&server->wheel, &call->deadline, at_ms);
}
