/* SPDX-License-Identifier: MIT */
/* gateway_wait.c -- methods that wait for as long as the client does: one answer, at some time.
 *
 *     grpc_local_stream() -> message -> ended -> answer
 *                \-- the client is gone --> grpc_local_cancel()
 *
 * Within they are streams of one message (grpc_stream_handler.answers_once), so that the method hears of
 * a client that gives up.
 */
#include "gateway_inside.h"

#include <assert.h>
#include <stdlib.h>

#include <decree/error.h>

struct gateway_wait {
    struct gateway *gateway;
    struct http1_call *call;
    struct grpc_local *local;
    const ProtobufCMessageDescriptor *output;
    struct byte_buffer message;
};

static void forget(struct gateway_wait *wait)
{
    byte_buffer_release(&wait->message);
    free(wait);
}

static int on_message(void *context, const uint8_t *message, size_t size)
{
    struct gateway_wait *wait = context;

    assert(wait->message.size == 0);
    byte_buffer_append(&wait->message, message, size);
    return 0;
}

static void on_ended(void *context, enum grpc_status status, const char *text)
{
    struct gateway_wait *wait = context;

    if (status != GRPC_OK)
        gateway_fail(wait->call, status, text);
    else if (wait->message.failed)
        gateway_fail(wait->call, GRPC_RESOURCE_EXHAUSTED,
                     "decree: no memory for an answer of this size");
    else
        gateway_answer(wait->gateway, wait->call, wait->output, wait->message.data,
                       wait->message.size);
    forget(wait);
}

static void on_gone(struct http1_call *call, void *context)
{
    struct gateway_wait *wait = context;

    assert(wait->call == call);
    grpc_local_cancel(wait->local);
    forget(wait);
}

static const struct grpc_local_events LOCAL_EVENTS = {on_message, on_ended};
static const struct http1_stream_events HTTP1_EVENTS = {NULL, on_gone};

int gateway_wait(struct gateway *gateway, struct http1_call *call,
                 const struct grpc_local_request *request,
                 const ProtobufCMethodDescriptor *descriptor)
{
    struct grpc_local_request local = *request;
    struct gateway_wait *wait;
    int error;

    if (!grpc_method_answers_once(gateway->grpc, request->path))
        return DECREE_INVALID;
    wait = calloc(1, sizeof(*wait));
    if (wait == NULL)
        return DECREE_NOMEM;
    wait->gateway = gateway;
    wait->call = call;
    wait->output = descriptor->output;
    local.context = wait;
    error = grpc_local_stream(&wait->local, gateway->grpc, &local, &LOCAL_EVENTS);
    if (error != 0) {
        free(wait);
        return error;
    }
    http1_wait(call, &HTTP1_EVENTS, wait);
    return 0;
}
