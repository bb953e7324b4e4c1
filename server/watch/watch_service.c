/* SPDX-License-Identifier: MIT */
/* watch_service.c -- etcdserverpb.Watch: a gRPC stream as a stream of the hub.
 *
 * A stream whose client has said all goes on: its watches still have things to tell.
 */
#include "services.h"

#include <assert.h>

#include "watch_hub.h"

_Static_assert(sizeof(struct watch_stream) <= GRPC_STATE_BYTES, "a call has room for its stream");

static struct watch_stream *stream_of(struct grpc_call *call)
{
    return (struct watch_stream *)(void *)call->state;
}

static struct grpc_call *call_of(struct watch_stream *stream)
{
    return list_owner(stream, struct grpc_call, state);
}

static int send_response(struct watch_stream *stream, const uint8_t *response, size_t size)
{
    return grpc_stream_send(call_of(stream), response, size);
}

static void fail(struct watch_stream *stream, enum etcd_error error)
{
    etcd_fail(call_of(stream), error);
}

static const struct watch_sink SINK = {send_response, fail};

static void on_open(struct grpc_call *call)
{
    const struct services *services = grpc_context(call);

    watch_stream_open(stream_of(call), services->watch_hub, &SINK);
}

static int on_message(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct watch_request request;

    if (watch_request_read(message, size, &request))
        return watch_stream_request(stream_of(call), &request);
    grpc_fail_malformed(call);
    return 0;
}

static void on_half_close(struct grpc_call *call)
{
    assert(stream_of(call)->hub != NULL);
}

static void on_writable(struct grpc_call *call)
{
    struct watch_stream *stream = stream_of(call);

    watch_stream_writable(stream);
    if (stream->request_waits)
        grpc_stream_resume(call);
}

static void on_gone(struct grpc_call *call)
{
    watch_stream_close(stream_of(call));
}

static const struct grpc_stream_handler WATCH = {
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .writable = on_writable,
    .gone = on_gone,
};

const struct grpc_stream_route watch_routes[] = {
    {"/etcdserverpb.Watch/Watch", &WATCH},
    {NULL, NULL},
};
