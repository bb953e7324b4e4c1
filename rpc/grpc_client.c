/* SPDX-License-Identifier: MIT */
/* grpc_client.c -- name lookup, TCP and nghttp2, put together over libuv.
 *
 * Three things may be under way when a connection ends: a lookup, a handle, and calls. end() stops
 * all of them, and whichever of lookup and handle is the last to go frees the connection.
 */
#include "grpc_client_inside.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLLECTED_BYTES (256u * 1024) /* for one write */
#define FRAME_BYTES_MAX (32u * 1024)  /* nghttp2 hands out no more at a time */

static void try_address(struct grpc_client *connection);

/* ---- the end ---- */

static void free_when_over(struct grpc_client *connection)
{
    assert(connection->has_ended);
    if (connection->looking_up || connection->handles > 0)
        return;
    assert(list_alone(&connection->calls));
    nghttp2_session_del(connection->session);
    uv_freeaddrinfo(connection->addresses);
    byte_buffer_release(&connection->writing);
    connection->sink.closed(connection->sink.context, connection->reason);
    free(connection);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct grpc_client *connection = handle->data;

    assert(connection->handles > 0);
    connection->handles--;
    if (connection->has_ended)
        free_when_over(connection);
    else
        try_address(connection);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void end(struct grpc_client *connection, const char *reason)
{
    if (connection->has_ended)
        return;
    connection->has_ended = true;
    snprintf(connection->reason, sizeof(connection->reason), "%s", reason);
    client_end_calls(connection, connection->reason);
    if (connection->looking_up)
        uv_cancel((uv_req_t *)&connection->lookup);
    if (connection->has_turn) {
        close_handle((uv_handle_t *)&connection->turn);
        close_handle((uv_handle_t *)&connection->awake);
    }
    if (connection->handles > 0)
        close_handle((uv_handle_t *)&connection->tcp);
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
    struct grpc_client *connection = request->handle->data;

    byte_buffer_reset(&connection->writing, COLLECTED_BYTES);
    if (status < 0)
        end(connection, uv_strerror(status));
    else
        client_note_dirty(connection);
}

/* As many of nghttp2's frames as one write should have. */
static bool collect(struct grpc_client *connection)
{
    struct byte_buffer *out = &connection->writing;

    while (out->size + FRAME_BYTES_MAX <= COLLECTED_BYTES) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(connection->session, &data);

        if (size > 0)
            byte_buffer_append(out, data, (size_t)size);
        if (size < 0 || out->failed)
            end(connection, size < 0 ? nghttp2_strerror((int)size) : "out of memory");
        if (size <= 0 || out->failed)
            break;
    }
    return out->size > 0 && !connection->has_ended;
}

/* Offers the collected bytes to the socket; keeps what it does not take. */
static void write_out(struct grpc_client *connection)
{
    struct byte_buffer *out = &connection->writing;
    uv_buf_t buffer = uv_buf_init((char *)out->data, (unsigned)out->size);
    int written = uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    int error = written < 0 && written != UV_EAGAIN ? written : 0;

    if (written == (int)out->size) {
        byte_buffer_reset(out, COLLECTED_BYTES);
        return;
    }
    if (written > 0) {
        buffer.base += written;
        buffer.len -= (size_t)written;
    }
    if (error == 0)
        error = uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buffer, 1,
                         on_written);
    if (error != 0)
        end(connection, uv_strerror(error));
}

/* Sends all that nghttp2 has to say, and ends a connection that has nothing more to say or hear. */
static void flush(struct grpc_client *connection)
{
    uv_idle_stop(&connection->awake);
    while (!connection->has_ended && connection->writing.size == 0 && collect(connection))
        write_out(connection);
    if (!connection->has_ended && nghttp2_session_want_read(connection->session) == 0 &&
        nghttp2_session_want_write(connection->session) == 0)
        end(connection, "the server has ended the connection");
}

const uv_tcp_t *grpc_client_socket(const struct grpc_client *connection)
{
    return &connection->tcp;
}

void grpc_client_flush(struct grpc_client *connection)
{
    if (!connection->has_ended && uv_is_active((uv_handle_t *)&connection->awake))
        flush(connection);
}

static void on_turn(uv_prepare_t *turn)
{
    struct grpc_client *connection = turn->data;

    if (!uv_is_active((uv_handle_t *)&connection->awake))
        return;
    flush(connection);
    client_tell_writable(connection);
}

/* That the handle is active is all that is wanted of it: the loop then polls without sleeping. */
static void on_idle(uv_idle_t *idle)
{
    assert(idle->data != NULL);
}

void client_note_dirty(struct grpc_client *connection)
{
    if (!connection->has_ended)
        uv_idle_start(&connection->awake, on_idle);
}

static int new_session(struct grpc_client *connection)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GRPC_CLIENT_WINDOW_BYTES},
    };
    nghttp2_session_callbacks *callbacks;
    int error = nghttp2_session_callbacks_new(&callbacks);

    if (error != 0)
        return error;
    client_set_callbacks(callbacks);
    error = nghttp2_session_client_new(&connection->session, callbacks, connection);
    nghttp2_session_callbacks_del(callbacks);
    if (error == 0)
        error = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
    if (error == 0)
        error = nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                                      GRPC_CLIENT_WINDOW_BYTES);
    return error;
}

/* These calls of libuv cannot fail on a handle of their own. */
static void start_turns(struct grpc_client *connection)
{
    uv_prepare_init(connection->loop, &connection->turn);
    uv_idle_init(connection->loop, &connection->awake);
    connection->turn.data = connection;
    connection->awake.data = connection;
    connection->handles += 2;
    connection->has_turn = true;
    uv_prepare_start(&connection->turn, on_turn);
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
        client_note_dirty(connection);
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
    start_turns(connection);
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
    connection->handles = 1;
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
    list_init(&connection->calls);
    connection->lookup.data = connection;
    if (uv_getaddrinfo(loop, &connection->lookup, on_looked_up, endpoint->host, endpoint->port,
                       &hints) != 0) {
        free(connection);
        return NULL;
    }
    connection->looking_up = true;
    return connection;
}
