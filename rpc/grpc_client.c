/* SPDX-License-Identifier: MIT */
/* grpc_client.c -- name lookup, TCP and nghttp2, put together over libuv.
 *
 * Three things may be under way when a connection ends: a lookup, a handle, and calls. end() stops
 * all of them, and whichever of lookup and handle is the last to go frees the connection.
 */
#include "grpc_client.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#define READ_BYTES 65536u
#define WINDOW_BYTES (16 * 1024 * 1024)
#define REASON_BYTES 256u

struct grpc_client {
    uv_loop_t *loop;
    struct endpoint endpoint;
    struct grpc_client_sink sink;
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    uv_tcp_t tcp;
    struct addrinfo *addresses, *address; /* what the name stands for, and which is tried */
    nghttp2_session *session;
    struct grpc_client_call *calls;
    bool looking_up, has_handle, is_ready, has_ended;
    char reason[REASON_BYTES];
    char input[READ_BYTES];
};

struct output { /* one write on its way */
    uv_write_t request;
    struct grpc_client *connection;
    uint8_t *data;
};

static void try_address(struct grpc_client *connection);

/* ---- the end ---- */

static void finish_call(struct grpc_client *connection, struct grpc_client_call *call)
{
    struct grpc_client_call **at = &connection->calls;

    while (*at != call) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = call->next;
    if (connection->session != NULL && call->stream_id > 0)
        nghttp2_session_set_stream_user_data(connection->session, call->stream_id, NULL);
    call->done(call);
}

static void free_when_over(struct grpc_client *connection)
{
    assert(connection->has_ended);
    if (connection->looking_up || connection->has_handle)
        return;
    assert(connection->calls == NULL);
    nghttp2_session_del(connection->session);
    uv_freeaddrinfo(connection->addresses);
    connection->sink.closed(connection->sink.context, connection->reason);
    free(connection);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct grpc_client *connection = handle->data;

    connection->has_handle = false;
    if (connection->has_ended)
        free_when_over(connection);
    else
        try_address(connection);
}

static void end(struct grpc_client *connection, const char *reason)
{
    if (connection->has_ended)
        return;
    connection->has_ended = true;
    snprintf(connection->reason, sizeof(connection->reason), "%s", reason);
    while (connection->calls != NULL) {
        struct grpc_client_call *call = connection->calls;

        reply_fail(&call->reply, GRPC_UNAVAILABLE, reason);
        finish_call(connection, call);
    }
    if (connection->looking_up)
        uv_cancel((uv_req_t *)&connection->lookup);
    if (connection->has_handle && !uv_is_closing((uv_handle_t *)&connection->tcp))
        uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
}

void grpc_client_close(struct grpc_client *connection, const char *reason)
{
    assert(connection != NULL);
    assert(reason != NULL);
    end(connection, reason);
}

/* ---- writing ---- */

static void on_written(uv_write_t *request, int status)
{
    struct output *output = request->data;

    if (status < 0)
        end(output->connection, uv_strerror(status));
    free(output->data);
    free(output);
}

static int write_out(struct grpc_client *connection, const uint8_t *data, size_t size)
{
    struct output *output = malloc(sizeof(*output));
    uv_buf_t buffer;
    int error;

    assert(size > 0);
    if (output == NULL)
        return UV_ENOMEM;
    *output = (struct output){.connection = connection, .data = malloc(size)};
    if (output->data == NULL) {
        free(output);
        return UV_ENOMEM;
    }
    memcpy(output->data, data, size);
    output->request.data = output;
    buffer = uv_buf_init((char *)output->data, (unsigned)size);
    error = uv_write(&output->request, (uv_stream_t *)&connection->tcp, &buffer, 1, on_written);
    if (error != 0) {
        free(output->data);
        free(output);
    }
    return error;
}

/* Sends all that nghttp2 has to say, and ends a connection that has nothing more to say or hear. */
static void flush(struct grpc_client *connection)
{
    while (!connection->has_ended) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(connection->session, &data);
        int error;

        if (size < 0) {
            end(connection, nghttp2_strerror((int)size));
            return;
        }
        if (size == 0)
            break;
        error = write_out(connection, data, (size_t)size);
        if (error != 0) {
            end(connection, uv_strerror(error));
            return;
        }
    }
    if (!connection->has_ended && nghttp2_session_want_read(connection->session) == 0 &&
        nghttp2_session_want_write(connection->session) == 0)
        end(connection, "the server has ended the connection");
}

/* ---- what nghttp2 reports ---- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session,
                                                                         frame->hd.stream_id);

    (void)flags;
    (void)user;
    if (call != NULL)
        reply_header(&call->reply, name, name_size, value, value_size);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user)
{
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)user;
    if (call != NULL)
        reply_data(&call->reply, data, size);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct grpc_client *connection = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS && !connection->is_ready && !connection->has_ended) {
        connection->is_ready = true;
        connection->sink.ready(connection->sink.context);
    }
    return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                            void *user)
{
    struct grpc_client *connection = user;
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    char text[128];

    if (call == NULL)
        return 0;
    if (error_code == NGHTTP2_NO_ERROR || call->reply.has_status) {
        reply_finish(&call->reply);
    } else {
        snprintf(text, sizeof(text), "the server has reset the stream: %s",
                 nghttp2_http2_strerror(error_code));
        reply_fail(&call->reply,
                   error_code == NGHTTP2_REFUSED_STREAM ? GRPC_UNAVAILABLE : GRPC_INTERNAL, text);
        call->surely_not_done = error_code == NGHTTP2_REFUSED_STREAM;
    }
    finish_call(connection, call);
    return 0;
}

static int new_session(struct grpc_client *connection)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
    };
    nghttp2_session_callbacks *callbacks;
    int error = nghttp2_session_callbacks_new(&callbacks);

    if (error != 0)
        return error;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
    error = nghttp2_session_client_new(&connection->session, callbacks, connection);
    nghttp2_session_callbacks_del(callbacks);
    if (error == 0)
        error = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
    if (error == 0)
        error = nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                                      WINDOW_BYTES);
    return error;
}

/* ---- connecting and reading ---- */

static void on_allocate(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    struct grpc_client *connection = handle->data;

    (void)size;
    *ret_buffer = uv_buf_init(connection->input, sizeof(connection->input));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct grpc_client *connection = stream->data;
    ssize_t taken;

    if (connection->has_ended || size == 0)
        return;
    if (size < 0) {
        end(connection,
            size == UV_EOF ? "the server has closed the connection" : uv_strerror((int)size));
        return;
    }
    taken = nghttp2_session_mem_recv(connection->session, (const uint8_t *)buffer->base,
                                     (size_t)size);
    if (taken < 0)
        end(connection, connection->is_ready ? nghttp2_strerror((int)taken)
                                             : "the server does not speak HTTP/2");
    else
        flush(connection);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct grpc_client *connection = request->handle->data;
    int error;

    if (connection->has_ended)
        return;
    if (status < 0) {
        connection->address = connection->address->ai_next;
        if (connection->address == NULL)
            end(connection, uv_strerror(status));
        else
            uv_close((uv_handle_t *)&connection->tcp, on_handle_closed); /* then the next address */
        return;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
    error = new_session(connection);
    if (error != 0) {
        end(connection, nghttp2_strerror(error));
        return;
    }
    error = uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read);
    if (error != 0)
        end(connection, uv_strerror(error));
    else
        flush(connection);
}

static void try_address(struct grpc_client *connection)
{
    int error = uv_tcp_init(connection->loop, &connection->tcp);

    assert(connection->address != NULL);
    assert(error == 0);
    connection->has_handle = true;
    connection->tcp.data = connection;
    error = uv_tcp_connect(&connection->connect, &connection->tcp, connection->address->ai_addr,
                           on_connected);
    if (error != 0)
        end(connection, uv_strerror(error));
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
    struct grpc_client *connection = lookup->data;

    connection->looking_up = false;
    connection->addresses = connection->address = addresses;
    if (connection->has_ended) {
        free_when_over(connection);
    } else if (status != 0 || addresses == NULL) {
        end(connection, status != 0 ? uv_strerror(status) : "the name has no address");
        free_when_over(connection);
    } else {
        try_address(connection);
    }
}

struct grpc_client *grpc_client_open(uv_loop_t *loop, const struct endpoint *endpoint,
                                     const struct grpc_client_sink *sink)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct grpc_client *connection = calloc(1, sizeof(*connection));

    assert(loop != NULL);
    assert(sink->closed != NULL);
    if (connection == NULL)
        return NULL;
    connection->loop = loop;
    connection->endpoint = *endpoint;
    connection->sink = *sink;
    connection->lookup.data = connection;
    if (uv_getaddrinfo(loop, &connection->lookup, on_looked_up, endpoint->host, endpoint->port,
                       &hints) != 0) {
        free(connection);
        return NULL;
    }
    connection->looking_up = true;
    return connection;
}

/* ---- calls ---- */

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *target, size_t room,
                         uint32_t *ret_flags, nghttp2_data_source *source, void *user)
{
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    size_t size;

    (void)source;
    (void)user;
    if (call == NULL) /* given up meanwhile */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size = call->body_size - call->body_sent;
    size = size < room ? size : room;
    memcpy(target, call->body + call->body_sent, size);
    call->body_sent += size;
    if (call->body_sent == call->body_size)
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)value,
                        .valuelen = strlen(value)};
}

void grpc_client_start(struct grpc_client *connection, struct grpc_client_call *call)
{
    char timeout[32];
    nghttp2_nv fields[8];
    size_t count = 0;
    nghttp2_data_provider body = {.read_callback = read_body};

    assert(connection->is_ready);
    assert(call->done != NULL);
    reply_init(&call->reply);
    call->surely_not_done = false;
    call->body_sent = 0;
    call->next = connection->calls;
    connection->calls = call;
    snprintf(timeout, sizeof(timeout), "%llum",
             (unsigned long long)(call->timeout_ms % 100000000u));
    fields[count++] = field(":method", "POST");
    fields[count++] = field(":scheme", "http");
    fields[count++] = field(":path", call->path);
    fields[count++] = field(":authority", connection->endpoint.name);
    fields[count++] = field("te", "trailers");
    fields[count++] = field("content-type", "application/grpc");
    fields[count++] = field("user-agent", "decree");
    if (call->timeout_ms > 0)
        fields[count++] = field("grpc-timeout", timeout);
    call->stream_id = nghttp2_submit_request(connection->session, NULL, fields, count, &body, call);
    if (connection->has_ended || call->stream_id < 0) {
        reply_fail(&call->reply, GRPC_UNAVAILABLE, "the connection takes no more calls");
        call->surely_not_done = true;
        finish_call(connection, call);
        return;
    }
    flush(connection);
}

void grpc_client_cancel(struct grpc_client *connection, struct grpc_client_call *call,
                        enum grpc_status code, const char *text)
{
    assert(call->stream_id > 0);
    assert(code != GRPC_OK);
    nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id,
                              NGHTTP2_CANCEL);
    reply_fail(&call->reply, code, text);
    finish_call(connection, call);
    flush(connection);
}
