/* SPDX-License-Identifier: MIT */
/* grpc_local_stream.c -- streams from inside the process: one message goes in, many come out.
 *
 *     open -> message -> half_close          as soon as the handler takes the message
 *     grpc_stream_send() -> stream.out -> idle handle -> events.message() -> grpc_local_writable()
 *
 * What the handler sends lies in stream.out, each message behind its prefix, until it is told; told
 * are the first stream.out_sent bytes.
 */
#include "grpc_inside.h"

#include <assert.h>

#include <decree/error.h>

#include "grpc_parse.h"

static size_t unsent(const struct grpc_local *local)
{
    return local->call.stream.out.size - local->call.stream.out_sent;
}

/* The request, as far as the handler takes it. */
static void say(struct grpc_local *local)
{
    struct grpc_call *call = &local->call;
    const struct grpc_stream_handler *handler = call->method->stream;

    if (call->opened && !local->said && !local->waiting && !call->stream.answered) {
        local->waiting = handler->message(call, call->stream.in.data, call->stream.in.size) ==
                         DECREE_FULL;
        local->said = !local->waiting;
        if (local->said)
            grpc_count_received(call, call->stream.in.size);
    }
    if (local->said && !call->half_closed && !call->stream.answered) {
        call->half_closed = true;
        handler->half_close(call);
    }
    arena_reset(&call->server->arena);
}

static void hand_out(struct grpc_local *local)
{
    struct http2_stream *stream = &local->call.stream;

    while (!local->blocked && unsent(local) > 0) {
        const uint8_t *message = stream->out.data + stream->out_sent;
        uint32_t size = grpc_prefix_length(message);

        local->blocked = local->events->message(local->context, message + GRPC_PREFIX_BYTES,
                                                size) == DECREE_FULL;
        if (!local->blocked)
            stream->out_sent += GRPC_PREFIX_BYTES + size;
    }
    if (unsent(local) == 0) {
        stream->out.size = 0;
        stream->out_sent = 0;
    }
}

static void tell_writable(struct grpc_local *local)
{
    struct grpc_call *call = &local->call;

    if (!call->wants_writable || call->stream.answered ||
        unsent(local) > call->server->options.stream_unsent_bytes_max / 2)
        return;
    call->wants_writable = false;
    if (call->method->stream->writable != NULL)
        call->method->stream->writable(call);
}

/* The handler lets go of it. */
static void leave(struct grpc_local *local)
{
    struct grpc_call *call = &local->call;

    assert(call->stream.answered);
    list_remove(&local->link);
    list_remove(&call->stream_link);
    if (call->opened)
        call->method->stream->gone(call);
    call->opened = false;
}

void grpc_local_stream_tell(struct grpc_local *local)
{
    list_remove(&local->link);
    list_append(&local->call.server->locals_open, &local->link);
    say(local);
    hand_out(local);
    tell_writable(local);
    if (!local->call.stream.answered || unsent(local) > 0)
        return;
    leave(local);
    local->events->ended(local->context, local->status, local->text);
    grpc_local_drop(local);
}

/* ---- for grpc_stream.c ---- */

int grpc_local_room(struct grpc_call *call, size_t size, uint8_t **ret_room)
{
    struct byte_buffer *out = &call->stream.out;
    size_t told = call->stream.out_sent;

    if (unsent(call->local) > 0 &&
        unsent(call->local) + size > call->server->options.stream_unsent_bytes_max)
        return DECREE_FULL;
    if (told > 0 && told >= out->size - told) {
        memmove(out->data, out->data + told, out->size - told);
        out->size -= told;
        call->stream.out_sent = 0;
    }
    *ret_room = byte_buffer_reserve(out, size);
    out->failed = false;
    return *ret_room != NULL ? 0 : DECREE_NOMEM;
}

void grpc_local_more(struct grpc_call *call, size_t size)
{
    byte_buffer_grew(&call->stream.out, size);
    grpc_local_wake(call->local);
}

void grpc_local_offer_again(struct grpc_call *call)
{
    call->local->waiting = false;
    grpc_local_wake(call->local);
}

/* ---- asking ---- */

int grpc_local_stream(struct grpc_local **ret_local, struct grpc_server *server,
                      const struct grpc_local_request *request,
                      const struct grpc_local_events *events)
{
    const struct grpc_method *method = grpc_methods_find(
        &server->methods, (const uint8_t *)request->path, strlen(request->path));
    struct grpc_local *local;

    if (method == NULL || method->stream == NULL)
        return DECREE_INVALID;
    local = grpc_local_new(server, request);
    if (local == NULL)
        return DECREE_NOMEM;
    *ret_local = local;
    local->events = events;
    local->call.method = method;
    grpc_count_started(&local->call);
    if (!server->options.admit(&local->call)) {
        assert(local->call.stream.answered);
        return 0;
    }
    local->call.opened = true;
    list_append(&server->streams, &local->call.stream_link);
    method->stream->open(&local->call);
    grpc_local_wake(local);
    return 0;
}

void grpc_local_writable(struct grpc_local *local)
{
    local->blocked = false;
    grpc_local_wake(local);
}

void grpc_local_cancel(struct grpc_local *local)
{
    local->call.stream.answered = true;
    grpc_count_handled(&local->call, GRPC_CANCELLED);
    leave(local);
    grpc_local_drop(local);
}
