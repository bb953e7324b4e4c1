/* SPDX-License-Identifier: MIT */
/* grpc.c -- a call from its headers to its status. The order of the checks is that of grpc-go. */
#include "grpc_inside.h"

#include <assert.h>
#include <stdio.h>

#include <decree/error.h>

#include "grpc_parse.h"
#include "utf8.h"

#define MESSAGE_BYTES_MAX (2u * 1024 * 1024)
#define REQUEST_TIMEOUT_MS 7000u
#define STREAM_UNSENT_BYTES_MAX ((size_t)1024 * 1024)
#define DECODED_BYTES_MAX (64u * 1024 * 1024)

const nghttp2_nv grpc_reply_headers[2] = {
    GRPC_CONSTANT_NV(":status", "200"),
    GRPC_CONSTANT_NV("content-type", "application/grpc"),
};
const nghttp2_nv grpc_reply_trailers[1] = {GRPC_CONSTANT_NV("grpc-status", "0")};

static struct grpc_call *call_of(struct http2_stream *stream)
{
    return list_owner(stream, struct grpc_call, stream);
}

/* ---- answers ---- */

/* HTTP status and gRPC status in one set of headers, which is all of the answer. */
static void fail_as(struct grpc_call *call, const char *http_status, enum grpc_status status,
                    const char *text)
{
    static const char TYPE[] = "application/grpc";
    char number[4], escaped[GRPC_ERROR_TEXT_BYTES_MAX];
    int number_size = snprintf(number, sizeof(number), "%d", (int)status);
    size_t escaped_size = grpc_escape(text, escaped, sizeof(escaped));
    nghttp2_nv headers[] = {
        GRPC_CONSTANT_NV(":status", "200"),
        GRPC_CONSTANT_NV("content-type", ""),
        GRPC_CONSTANT_NV("grpc-status", ""),
        GRPC_CONSTANT_NV("grpc-message", ""),
    };

    assert(status != GRPC_OK);
    headers[0].value = (uint8_t *)(uintptr_t)http_status;
    headers[1].value = (uint8_t *)(uintptr_t)TYPE;
    headers[1].valuelen = sizeof(TYPE) - 1;
    headers[2].value = (uint8_t *)number;
    headers[2].valuelen = (size_t)number_size;
    headers[2].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    headers[3].value = (uint8_t *)escaped;
    headers[3].valuelen = escaped_size;
    headers[3].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    grpc_count_handled(call, status);
    deadline_disarm(&call->server->wheel, &call->deadline);
    byte_buffer_reset(&call->stream.out, 0);
    http2_answer(&call->stream, headers, sizeof(headers) / sizeof(headers[0]), NULL, 0);
}

void grpc_fail(struct grpc_call *call, enum grpc_status status, const char *text)
{
    if (call->opened && call->stream.answered)
        return; /* a stream whose client does not read is there for long after its end */
    if (call->local != NULL)
        grpc_local_answer(call, status, text);
    else if (call->stream.begun)
        grpc_stream_end(call, status, text);
    else
        fail_as(call, "200", status, text);
}

void grpc_fail_malformed(struct grpc_call *call)
{
    grpc_fail(call, GRPC_INTERNAL, "grpc: error unmarshalling request: malformed message");
}

struct byte_buffer *grpc_reply_begin(struct grpc_call *call)
{
    static const uint8_t PREFIX[GRPC_PREFIX_BYTES];

    assert(call->stream.out.size == 0);
    byte_buffer_append(&call->stream.out, PREFIX, sizeof(PREFIX));
    return &call->stream.out;
}

void grpc_reply_end(struct grpc_call *call)
{
    struct byte_buffer *out = &call->stream.out;

    if (out->failed || out->size - GRPC_PREFIX_BYTES > UINT32_MAX) {
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for a reply of this size");
        return;
    }
    assert(out->size >= GRPC_PREFIX_BYTES);
    grpc_count_sent(call, out->size - GRPC_PREFIX_BYTES);
    if (call->local != NULL) {
        grpc_local_answer(call, GRPC_OK, "");
        return;
    }
    grpc_prefix_write(out->data, (uint32_t)(out->size - GRPC_PREFIX_BYTES));
    grpc_count_handled(call, GRPC_OK);
    deadline_disarm(&call->server->wheel, &call->deadline);
    http2_answer(&call->stream, grpc_reply_headers, 2, grpc_reply_trailers, 1);
}

void grpc_reply(struct grpc_call *call, const ProtobufCMessage *message)
{
    struct byte_buffer *out = grpc_reply_begin(call);
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *room = byte_buffer_reserve(out, size);

    if (room != NULL)
        byte_buffer_grew(out, protobuf_c_message_pack(message, room));
    grpc_reply_end(call);
}

/* ---- requests ---- */

static void on_begin(struct http2_stream *stream)
{
    struct grpc_call *call = call_of(stream);
    struct grpc_server *server = list_owner(stream->handler, struct grpc_server, handler);

    if (call->server == NULL) {
        call->server = server;
        list_init(&call->deadline.link);
        list_init(&call->stream_link);
    }
    assert(list_alone(&call->deadline.link));
    call->method = NULL;
    call->answer = NULL;
    call->is_post = false;
    call->is_grpc = false;
    call->bad_timeout = false;
    call->has_timeout = false;
    call->requires_leader = false;
    call->bad_version = false;
    call->version = 0;
    assert(!call->counted);
    grpc_stream_reset(call);
    call->path[0] = '\0';
}

static bool is_word(const uint8_t *text, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(text, word, size) == 0;
}

static void set_path(struct grpc_call *call, const uint8_t *path, size_t size)
{
    call->method = grpc_methods_find(&call->server->methods, path, size);
    if (call->method != NULL)
        return;
    if (size > GRPC_PATH_BYTES_MAX)
        size = GRPC_PATH_BYTES_MAX;
    memcpy(call->path, path, size);
    call->path[size] = '\0';
}

static void set_version(struct grpc_call *call, const uint8_t *version, size_t size)
{
    call->bad_version = !utf8_is_text(version, size);
    if (!call->bad_version)
        call->version = grpc_count_version(&call->server->counters, version, size);
}

static void on_header(struct http2_stream *stream, const uint8_t *name, size_t name_size,
                      const uint8_t *value, size_t value_size)
{
    struct grpc_call *call = call_of(stream);

    switch (name_size) {
    case 5:
        if (memcmp(name, ":path", 5) == 0)
            set_path(call, value, value_size);
        break;
    case 7:
        if (memcmp(name, ":method", 7) == 0)
            call->is_post = is_word(value, value_size, "POST");
        break;
    case 9:
        if (memcmp(name, "hasleader", 9) == 0)
            call->requires_leader = is_word(value, value_size, "true");
        break;
    case 12:
        if (memcmp(name, "content-type", 12) == 0) {
            call->is_grpc = grpc_is_content_type(value, value_size);
        } else if (memcmp(name, "grpc-timeout", 12) == 0) {
            call->has_timeout = grpc_parse_timeout(value, value_size, &call->timeout_ms);
            call->bad_timeout = !call->has_timeout;
        }
        break;
    case 18:
        if (memcmp(name, "client-api-version", 18) == 0)
            set_version(call, value, value_size);
        break;
    default:
        break;
    }
}

static void fail_unknown_path(struct grpc_call *call)
{
    char text[2 * GRPC_PATH_BYTES_MAX + 64];
    const char *slash = call->path[0] == '/' ? strrchr(call->path + 1, '/') : NULL;

    if (slash == NULL)
        snprintf(text, sizeof(text), "malformed method name: \"%s\"", call->path);
    else
        snprintf(text, sizeof(text), "unknown method %s for service %.*s", slash + 1,
                 (int)(slash - call->path - 1), call->path + 1);
    grpc_fail(call, GRPC_UNIMPLEMENTED, text);
}

void grpc_fail_not_implemented(struct grpc_call *call)
{
    char text[GRPC_PATH_BYTES_MAX + 64];

    snprintf(text, sizeof(text), "decree: %s is not implemented yet", call->method->path + 1);
    grpc_fail(call, GRPC_UNIMPLEMENTED, text);
}

/* What can be said of a call before its message. */
static void on_head(struct http2_stream *stream)
{
    struct grpc_call *call = call_of(stream);

    grpc_count_started(call);
    if (!call->is_post)
        fail_as(call, "405", GRPC_INTERNAL, "gRPC takes POST only");
    else if (!call->is_grpc)
        fail_as(call, "415", GRPC_INVALID_ARGUMENT, "invalid gRPC request content-type");
    else if (call->bad_timeout)
        fail_as(call, "400", GRPC_INTERNAL, "malformed grpc-timeout");
    else if (call->method == NULL)
        fail_unknown_path(call);
    else if (call->method->handle == NULL && call->method->stream == NULL)
        grpc_fail_not_implemented(call);
    else if (call->has_timeout && call->timeout_ms == 0)
        grpc_fail(call, GRPC_DEADLINE_EXCEEDED, "context deadline exceeded");
    else if (call->has_timeout)
        grpc_deadline_arm(call, call->timeout_ms, false);
    if (call->method != NULL && call->method->stream != NULL && !stream->answered)
        http2_take_parts(stream);
}

/* The prefix of a message tells what is wrong with it before it has all come. False: the call was
 * answered. */
bool grpc_check_prefix(struct grpc_call *call, size_t at)
{
    const uint8_t *prefix = call->stream.in.data + at;
    uint32_t length = grpc_prefix_length(prefix);
    uint32_t length_max = call->server->options.message_bytes_max;
    char text[96];

    if (prefix[0] == 1) {
        grpc_fail(call, GRPC_UNIMPLEMENTED, "grpc: compressed messages are not supported");
    } else if (prefix[0] != 0) {
        grpc_fail(call, GRPC_INTERNAL, "grpc: received unexpected payload format");
    } else if (length > length_max) {
        snprintf(text, sizeof(text), "grpc: received message larger than max (%u vs. %u)", length,
                 length_max);
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED, text);
    }
    return !call->stream.answered;
}

static void on_body(struct http2_stream *stream)
{
    struct grpc_call *call = call_of(stream);

    if (stream->in.size < GRPC_PREFIX_BYTES || !grpc_check_prefix(call, 0))
        return;
    if (stream->in_parts)
        grpc_stream_on_body(call);
    else if (stream->in.size - GRPC_PREFIX_BYTES > grpc_prefix_length(stream->in.data))
        grpc_fail(call, GRPC_INTERNAL, "grpc: more than one message for a method that takes one");
}

/* From here on it is the server that lets the client wait. */
static void on_whole(struct http2_stream *stream)
{
    struct grpc_call *call = call_of(stream);

    if (stream->in_parts)
        return;
    if (stream->in.size >= GRPC_PREFIX_BYTES)
        grpc_count_received(call, stream->in.size - GRPC_PREFIX_BYTES);
    grpc_deadline_arm(call, call->server->options.request_timeout_ms, true);
}

/* It may ask for another turn. */
static void answer_now(struct grpc_call *call)
{
    void (*answer)(struct grpc_call * call) = call->answer;

    call->answer = NULL;
    answer(call);
    arena_reset(&call->server->arena);
}

static int on_request(struct http2_stream *stream)
{
    struct grpc_call *call = call_of(stream);
    struct grpc_server *server = call->server;
    size_t size = stream->in.size;
    int error;

    assert(!stream->answered);
    if (stream->in_parts) {
        grpc_stream_turn(call);
        return 0;
    }
    if (call->answer != NULL) {
        answer_now(call);
        return 0;
    }
    if (size < GRPC_PREFIX_BYTES ||
        size - GRPC_PREFIX_BYTES < grpc_prefix_length(stream->in.data)) {
        grpc_fail(call, GRPC_INTERNAL, "unexpected EOF");
        return 0;
    }
    if (!server->options.admit(call)) {
        assert(stream->answered);
        return 0;
    }
    error = call->method->handle(call, stream->in.data + GRPC_PREFIX_BYTES,
                                 size - GRPC_PREFIX_BYTES);
    arena_reset(&server->arena);
    assert(error == 0 || error == DECREE_FULL);
    return error;
}

static void on_stream_closed(struct http2_stream *stream)
{
    struct grpc_call *call = call_of(stream);

    grpc_count_handled(call, GRPC_CANCELLED);
    deadline_disarm(&call->server->wheel, &call->deadline);
    if (stream->in_parts)
        grpc_stream_closed(call);
}

/* ---- for handlers ---- */

void *grpc_context(const struct grpc_call *call)
{
    return call->server->options.context;
}

const ProtobufCServiceDescriptor *const *grpc_services(const struct grpc_call *call)
{
    return call->server->options.services;
}

void *grpc_decode(struct grpc_call *call, const ProtobufCMessageDescriptor *descriptor,
                  const uint8_t *message, size_t size)
{
    ProtobufCMessage *decoded = protobuf_c_message_unpack(
        descriptor, &call->server->arena.allocator, size, message);

    if (decoded != NULL)
        return decoded;
    if (call->server->arena.exhausted)
        grpc_fail(call, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for a request of this kind");
    else
        grpc_fail_malformed(call);
    return NULL;
}

void grpc_keep(struct grpc_call *call)
{
    assert(!call->stream.answered);
    http2_stream_ref(&call->stream);
}

bool grpc_resume(struct grpc_call *call)
{
    bool waiting = call->stream.connection != NULL && !call->stream.answered;

    if (call->local != NULL)
        return grpc_local_resume(call);
    http2_stream_unref(&call->stream, call->server->http2);
    return waiting;
}

void grpc_answer_in_turn(struct grpc_call *call, void (*answer)(struct grpc_call *call))
{
    assert(call->answer == NULL);
    assert(!call->stream.answered);
    if (call->local != NULL || http2_may_answer(&call->stream)) {
        answer(call);
        return;
    }
    call->answer = answer;
    http2_offer(&call->stream);
}

/* ---- opening and closing ---- */

static const struct http2_handler HANDLER = {
    .stream_bytes = sizeof(struct grpc_call),
    .begin = on_begin,
    .header = on_header,
    .head = on_head,
    .body = on_body,
    .whole = on_whole,
    .request = on_request,
    .closed = on_stream_closed,
};

int grpc_open(struct grpc_server **ret_server, uv_loop_t *loop, const struct grpc_options *options)
{
    struct grpc_server *server = calloc(1, sizeof(*server));
    int error;

    if (server == NULL)
        return DECREE_NOMEM;
    server->options = *options;
    if (server->options.message_bytes_max == 0)
        server->options.message_bytes_max = MESSAGE_BYTES_MAX;
    if (server->options.request_timeout_ms == 0)
        server->options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    if (server->options.stream_unsent_bytes_max == 0)
        server->options.stream_unsent_bytes_max = STREAM_UNSENT_BYTES_MAX;
    server->loop = loop;
    server->handler = HANDLER;
    arena_init(&server->arena, DECODED_BYTES_MAX);
    list_init(&server->streams);
    error = grpc_methods_init(&server->methods, options->services, options->routes,
                              options->stream_routes);
    if (error == 0)
        error = grpc_counters_init(&server->counters, &server->methods);
    if (error == 0)
        error = http2_open(&server->http2, loop, &server->handler, options->http1, options->limits,
                           options->logger);
    server->options.limits = NULL;
    if (error != 0) {
        grpc_counters_release(&server->counters);
        grpc_methods_release(&server->methods);
        free(server);
        return error;
    }
    grpc_deadlines_open(server);
    grpc_locals_open(server);
    *ret_server = server;
    return 0;
}

int grpc_listen(struct grpc_server *server, const char *host, uint16_t port, uint16_t *ret_port)
{
    return http2_listen(server->http2, host, port, ret_port);
}

void grpc_flush(struct grpc_server *server)
{
    http2_flush(server->http2);
}

void grpc_counters(const struct grpc_server *server, struct http2_counters *ret_counters)
{
    http2_counters(server->http2, ret_counters);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct grpc_server *server = handle->data;

    if (--server->handles == 0)
        server->closed(server->closed_context);
}

static void on_http2_closed(void *context)
{
    struct grpc_server *server = context;

    grpc_locals_end_all(server);
    server->handles = 2;
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    uv_close((uv_handle_t *)&server->local_idle, on_handle_closed);
}

void grpc_close(struct grpc_server *server, uint32_t grace_ms, void (*closed)(void *context),
                void *context)
{
    server->closed = closed;
    server->closed_context = context;
    grpc_stream_end_all(server);
    http2_close(server->http2, grace_ms, on_http2_closed, server);
}

void grpc_free(struct grpc_server *server)
{
    assert(server->wheel.count == 0);
    http2_free(server->http2);
    grpc_counters_release(&server->counters);
    grpc_methods_release(&server->methods);
    arena_release(&server->arena);
    free(server);
}
