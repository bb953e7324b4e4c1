/* SPDX-License-Identifier: MIT */
/* gateway_stream.c -- methods that answer with a stream: an answer in chunks, one object a line.
 *
 *     {"result":{...}}
 *     {"error":{"grpc_code":14,"http_code":503,"message":"...","http_status":"Service Unavailable",
 *               "code":14,"details":[]}}      the last line, if it did not end well
 *
 * Each line is a chunk of its own and sent at once, because clients take a chunk for an object. Who
 * does not read is waited for: the method finds no room, as over HTTP/2.
 */
#include "gateway_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#include "protobuf_json.h"

struct gateway_stream {
    struct gateway *gateway;
    struct http1_call *call;
    struct grpc_local *local;
    const ProtobufCMessageDescriptor *output;
};

static void put_text(struct byte_buffer *out, const char *text)
{
    byte_buffer_append(out, text, strlen(text));
}

/* FULL if the client has not read what came before; otherwise it is done with. Without memory the
 * connection breaks: a line that is missing would be worse. */
static int send_line(struct gateway_stream *stream, struct byte_buffer *line)
{
    int error = 0;

    byte_buffer_append(line, "\n", 1);
    if (line->failed)
        http1_stream_break(stream->call);
    else
        error = http1_stream_write(stream->call, line->data, line->size);
    byte_buffer_release(line);
    return error;
}

static int on_message(void *context, const uint8_t *message, size_t size)
{
    struct gateway_stream *stream = context;
    struct gateway *gateway = stream->gateway;
    struct byte_buffer line = {0};
    const ProtobufCMessage *decoded = protobuf_c_message_unpack(
        stream->output, &gateway->arena.allocator, size, message);

    put_text(&line, "{\"result\":");
    if (decoded != NULL)
        protobuf_json_write(&line, decoded);
    else
        line.failed = true;
    put_text(&line, "}");
    arena_reset(&gateway->arena);
    return send_line(stream, &line) == DECREE_FULL ? DECREE_FULL : 0;
}

static void put_error(struct byte_buffer *line, enum grpc_status status, const char *text)
{
    unsigned http_status = gateway_http_status(status);
    char numbers[96];

    snprintf(numbers, sizeof(numbers),
             "{\"error\":{\"grpc_code\":%d,\"http_code\":%u,\"message\":", (int)status,
             http_status);
    put_text(line, numbers);
    protobuf_json_write_string(line, text);
    put_text(line, ",\"http_status\":");
    protobuf_json_write_string(line, http1_reason(http_status));
    snprintf(numbers, sizeof(numbers), ",\"code\":%d,\"details\":[]}}", (int)status);
    put_text(line, numbers);
}

static void on_ended(void *context, enum grpc_status status, const char *text)
{
    struct gateway_stream *stream = context;
    struct byte_buffer line = {0};

    if (status != GRPC_OK) {
        put_error(&line, status, text);
        (void)send_line(stream, &line); /* a client that does not read is cut off without it */
    }
    http1_stream_end(stream->call);
    free(stream);
}

static void on_writable(struct http1_call *call, void *context)
{
    const struct gateway_stream *stream = context;

    assert(stream->call == call);
    grpc_local_writable(stream->local);
}

static void on_gone(struct http1_call *call, void *context)
{
    struct gateway_stream *stream = context;

    assert(stream->call == call);
    grpc_local_cancel(stream->local);
    free(stream);
}

static const struct grpc_local_events LOCAL_EVENTS = {on_message, on_ended};
static const struct http1_stream_events HTTP1_EVENTS = {on_writable, on_gone};

int gateway_stream(struct gateway *gateway, struct http1_call *call,
                   const struct grpc_local_request *request,
                   const ProtobufCMethodDescriptor *descriptor)
{
    struct gateway_stream *stream = malloc(sizeof(*stream));
    struct grpc_local_request local = *request;
    int error;

    if (stream == NULL)
        return DECREE_NOMEM;
    *stream = (struct gateway_stream){gateway, call, NULL, descriptor->output};
    local.context = stream;
    error = grpc_local_stream(&stream->local, gateway->grpc, &local, &LOCAL_EVENTS);
    if (error != 0) {
        free(stream);
        return error;
    }
    http1_add_header(call, GATEWAY_HEADER);
    http1_stream_begin(call, 200, "application/json", &HTTP1_EVENTS, stream);
    return 0;
}
