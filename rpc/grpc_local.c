/* SPDX-License-Identifier: MIT */
/* grpc_local.c -- calls from inside the process, so that a method has one implementation however it
 * is reached.
 *
 *     grpc_local_call() -> admit -> handler -> grpc_reply_end(), grpc_fail() -> ended -> done()
 *                                   \-- FULL -> stalled -- next tick of the deadlines --> handler
 *
 * To a handler it is a call like any other, but its stream has no connection: the answer stays in
 * stream.out. An answer may be given from inside a completion, where nothing new may be asked of a
 * backend; so done() is not called there but from an idle handle, which keeps the loop awake until
 * then. A call lives while one of two holds it: done() that is still due, and an operation under
 * way.
 */
#include "grpc_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <decree/error.h>

#include "grpc_parse.h"

void grpc_local_drop(struct grpc_local *local)
{
    struct http2_stream *stream = &local->call.stream;

    assert(stream->refs > 0);
    if (--stream->refs > 0)
        return;
    byte_buffer_release(&stream->in);
    byte_buffer_release(&stream->out);
    free(local);
}

static void tell(struct grpc_local *local)
{
    const struct byte_buffer *out = &local->call.stream.out;
    bool ok = local->status == GRPC_OK;

    assert(local->call.stream.answered);
    list_remove(&local->link);
    local->done(local->context, local->status, local->text,
                ok ? out->data + GRPC_PREFIX_BYTES : NULL, ok ? out->size - GRPC_PREFIX_BYTES : 0);
    grpc_local_drop(local);
}

static void tell_all(struct grpc_server *server)
{
    struct list_link ready;

    list_init(&ready);
    list_move_all(&ready, &server->locals_ready);
    while (!list_alone(&ready)) {
        struct grpc_local *local = list_owner(ready.next, struct grpc_local, link);

        if (local->events != NULL)
            grpc_local_stream_tell(local);
        else
            tell(local);
    }
}

/* What is asked from inside done() may end at once, and is told when the loop comes by again. */
static void on_idle(uv_idle_t *idle)
{
    struct grpc_server *server = idle->data;

    tell_all(server);
    if (list_alone(&server->locals_ready))
        uv_idle_stop(idle);
}

void grpc_local_wake(struct grpc_local *local)
{
    struct grpc_server *server = local->call.server;

    list_remove(&local->link);
    list_append(&server->locals_ready, &local->link);
    uv_idle_start(&server->local_idle, on_idle);
}

void grpc_local_answer(struct grpc_call *call, enum grpc_status status, const char *text)
{
    struct grpc_local *local = call->local;

    assert(!call->stream.answered);
    call->stream.answered = true;
    grpc_count_handled(call, status);
    deadline_disarm(&call->server->wheel, &call->deadline);
    local->status = status;
    snprintf(local->text, sizeof(local->text), "%s", text);
    grpc_local_wake(local);
}

bool grpc_local_resume(struct grpc_call *call)
{
    bool waiting = !call->stream.answered;

    grpc_local_drop(call->local);
    return waiting;
}

/* ---- asking ---- */

/* The handler may answer, keep the call, or have no room for it. */
static void offer(struct grpc_local *local)
{
    struct grpc_call *call = &local->call;
    struct grpc_server *server = call->server;
    int error;

    if (!server->options.admit(call)) {
        assert(call->stream.answered);
        return;
    }
    error = call->method->handle(call, call->stream.in.data, call->stream.in.size);
    arena_reset(&server->arena);
    assert(error == 0 || error == DECREE_FULL);
    if (call->stream.answered)
        return;
    list_remove(&local->link);
    list_append(error == 0 ? &server->locals_open : &server->locals_stalled, &local->link);
}

void grpc_locals_offer(struct grpc_server *server)
{
    struct list_link stalled;

    list_init(&stalled);
    list_move_all(&stalled, &server->locals_stalled);
    while (!list_alone(&stalled))
        offer(list_owner(stalled.next, struct grpc_local, link));
}

static void start(struct grpc_local *local, const char *path)
{
    struct grpc_call *call = &local->call;
    struct grpc_server *server = call->server;
    char text[96];

    call->method = grpc_methods_find(&server->methods, (const uint8_t *)path, strlen(path));
    if (call->method == NULL) {
        grpc_local_answer(call, GRPC_UNIMPLEMENTED, "decree: there is no such method");
    } else if (call->method->handle == NULL) {
        grpc_fail_not_implemented(call);
    } else if (call->stream.in.size > server->options.message_bytes_max) {
        snprintf(text, sizeof(text), "grpc: received message larger than max (%zu vs. %u)",
                 call->stream.in.size, server->options.message_bytes_max);
        grpc_local_answer(call, GRPC_RESOURCE_EXHAUSTED, text);
    } else {
        grpc_count_started(call);
        grpc_count_received(call, call->stream.in.size);
        grpc_deadline_arm(call, server->options.request_timeout_ms, true);
        offer(local);
    }
}

struct grpc_local *grpc_local_new(struct grpc_server *server,
                                  const struct grpc_local_request *request)
{
    struct grpc_local *local = calloc(1, sizeof(*local));
    struct grpc_call *call;

    if (local == NULL)
        return NULL;
    call = &local->call;
    call->server = server;
    call->local = local;
    call->requires_leader = request->requires_leader;
    call->stream.refs = 1;
    list_init(&call->deadline.link);
    list_init(&call->stream_link);
    local->done = request->done;
    local->context = request->context;
    list_init(&local->link);
    if (byte_buffer_reserve(&call->stream.in, request->size) == NULL) {
        grpc_local_drop(local);
        return NULL;
    }
    byte_buffer_append(&call->stream.in, request->message, request->size);
    list_append(&server->locals_open, &local->link);
    return local;
}

int grpc_local_call(struct grpc_server *server, const struct grpc_local_request *request)
{
    struct grpc_local *local;

    assert(request->done != NULL);
    local = grpc_local_new(server, request);
    if (local == NULL)
        return DECREE_NOMEM;
    start(local, request->path);
    return 0;
}

const ProtobufCMethodDescriptor *grpc_method_descriptor(const struct grpc_server *server,
                                                        const char *path)
{
    const struct grpc_method *method = grpc_methods_find(&server->methods, (const uint8_t *)path,
                                                         strlen(path));

    return method == NULL ? NULL : method->descriptor;
}

bool grpc_method_answers_once(const struct grpc_server *server, const char *path)
{
    const struct grpc_method *method = grpc_methods_find(&server->methods, (const uint8_t *)path,
                                                         strlen(path));

    return method != NULL && method->stream != NULL && method->stream->answers_once;
}

/* ---- opening and closing ---- */

void grpc_locals_open(struct grpc_server *server)
{
    uv_idle_init(server->loop, &server->local_idle);
    server->local_idle.data = server;
    list_init(&server->locals_open);
    list_init(&server->locals_stalled);
    list_init(&server->locals_ready);
}

static void end_list(struct list_link *list)
{
    while (!list_alone(list))
        grpc_local_answer(&list_owner(list->next, struct grpc_local, link)->call, GRPC_UNAVAILABLE,
                          "etcdserver: server stopped");
}

/* Operations that are still under way find their calls answered. */
void grpc_locals_end_all(struct grpc_server *server)
{
    end_list(&server->locals_open);
    end_list(&server->locals_stalled);
    tell_all(server);
}
