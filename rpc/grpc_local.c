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

struct grpc_local {
    struct grpc_call call; /* first */
    struct list_link link; /* one of the server's three lists, until done was called */
    grpc_local_done *done;
    void *context;
    enum grpc_status status; /* of the answer */
    char text[GRPC_ERROR_TEXT_BYTES_MAX];
};

static void drop(struct grpc_local *local)
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
    drop(local);
}

static void tell_all(struct grpc_server *server)
{
    struct list_link ended;

    list_init(&ended);
    list_move_all(&ended, &server->locals_ended);
    while (!list_alone(&ended))
        tell(list_owner(ended.next, struct grpc_local, link));
}

/* What is asked from inside done() may end at once, and is told when the loop comes by again. */
static void on_idle(uv_idle_t *idle)
{
    struct grpc_server *server = idle->data;

    tell_all(server);
    if (list_alone(&server->locals_ended))
        uv_idle_stop(idle);
}

void grpc_local_answer(struct grpc_call *call, enum grpc_status status, const char *text)
{
    struct grpc_local *local = call->local;
    struct grpc_server *server = call->server;

    assert(!call->stream.answered);
    assert(local->done != NULL);
    call->stream.answered = true;
    deadline_disarm(&server->wheel, &call->deadline);
    local->status = status;
    snprintf(local->text, sizeof(local->text), "%s", text);
    list_remove(&local->link);
    list_append(&server->locals_ended, &local->link);
    uv_idle_start(&server->local_idle, on_idle);
}

bool grpc_local_resume(struct grpc_call *call)
{
    bool waiting = !call->stream.answered;

    drop(call->local);
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
        grpc_deadline_arm(call, server->options.request_timeout_ms, true);
        offer(local);
    }
}

int grpc_local_call(struct grpc_server *server, const struct grpc_local_request *request)
{
    struct grpc_local *local = calloc(1, sizeof(*local));
    struct grpc_call *call;

    assert(request->done != NULL);
    if (local == NULL)
        return DECREE_NOMEM;
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
    list_append(&server->locals_open, &local->link);
    if (byte_buffer_reserve(&call->stream.in, request->size) == NULL) {
        list_remove(&local->link);
        drop(local);
        return DECREE_NOMEM;
    }
    byte_buffer_append(&call->stream.in, request->message, request->size);
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

/* ---- opening and closing ---- */

void grpc_locals_open(struct grpc_server *server)
{
    uv_idle_init(server->loop, &server->local_idle);
    server->local_idle.data = server;
    list_init(&server->locals_open);
    list_init(&server->locals_stalled);
    list_init(&server->locals_ended);
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
