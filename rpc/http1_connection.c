/* SPDX-License-Identifier: MIT */
/* http1_connection.c -- bytes between a socket and the parser, and back.
 *
 * What is read is parsed from where it lies; only what comes behind a request that is under way is
 * kept, and when that is enough the socket is not read any more. Answers are collected in out while
 * requests are taken in, and written at the end, together. What the socket does not take waits in
 * writing.
 */
#include "http1_connection.h"

#include <assert.h>
#include <stdlib.h>

#define KEPT_BYTES_MAX 65536u /* of out, between two answers */

static struct http1_connection *connection_of(void *handle)
{
    struct http1_connection *connection = ((uv_handle_t *)handle)->data;

    assert(connection != NULL);
    return connection;
}

size_t http1_connection_unsent(const struct http1_connection *connection)
{
    return connection->out.size + connection->writing.size - connection->writing_at;
}

void http1_connection_forget_body(struct http1_connection *connection)
{
    assert(connection->server->request_bytes >= connection->body.size);
    connection->server->request_bytes -= connection->body.size;
    connection->body.size = 0;
    connection->call.request.body = NULL;
    connection->call.request.body_size = 0;
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int status);

static void write_rest(struct http1_connection *connection)
{
    uv_buf_t buffer = uv_buf_init((char *)connection->writing.data + connection->writing_at,
                                  (unsigned)(connection->writing.size - connection->writing_at));

    if (uv_write(&connection->write, (uv_stream_t *)connection->tcp, &buffer, 1, on_written) == 0)
        return;
    connection->writing.size = connection->writing_at = 0;
    connection->failed = true;
}

/* Offers what there is to the socket; keeps what it does not take. */
static void write_out(struct http1_connection *connection)
{
    uv_buf_t buffer = uv_buf_init((char *)connection->out.data, (unsigned)connection->out.size);
    int written = uv_try_write((uv_stream_t *)connection->tcp, &buffer, 1);
    struct byte_buffer spare = connection->writing;

    if (written < 0 && written != UV_EAGAIN) {
        connection->failed = true;
        return;
    }
    connection->progress_ms = uv_now(connection->server->loop);
    if (written == (int)connection->out.size) {
        byte_buffer_reset(&connection->out, KEPT_BYTES_MAX);
        return;
    }
    connection->writing = connection->out;
    connection->writing_at = written > 0 ? (size_t)written : 0;
    connection->out = spare;
    write_rest(connection);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct http1_connection *connection = connection_of(request->handle);

    if (status != 0 && !connection->closing)
        http1_connection_close(connection);
}

/* The last answer is out. The client is let finish what it sends, or it might never read the
 * answer. */
static void take_leave(struct http1_connection *connection)
{
    connection->since_ms = uv_now(connection->server->loop);
    connection->shut = true;
    if (connection->saw_end ||
        uv_shutdown(&connection->shutdown, (uv_stream_t *)connection->tcp, on_shut) != 0)
        connection->failed = true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct http1_server *server = connection_of(handle)->server;

    (void)suggested;
    *ret_buffer = uv_buf_init(server->read_bytes, sizeof(server->read_bytes));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void pace_reading(struct http1_connection *connection)
{
    size_t waiting = connection->pending.size - connection->pending_at;
    bool read = !connection->saw_end &&
                (connection->phase == HTTP1_LEAVING || waiting < HTTP1_PENDING_BYTES_MAX);

    if (read == connection->reading)
        return;
    connection->reading = read;
    if (!read)
        uv_read_stop((uv_stream_t *)connection->tcp);
    else if (uv_read_start((uv_stream_t *)connection->tcp, on_room, on_read) != 0)
        connection->failed = true;
}

void http1_connection_flush(struct http1_connection *connection)
{
    if (connection->busy || connection->closing)
        return;
    if (connection->out.failed)
        connection->failed = true;
    if (!connection->failed && connection->writing.size == 0 && connection->out.size > 0)
        write_out(connection);
    if (connection->phase == HTTP1_LEAVING && !connection->shut && !connection->failed &&
        http1_connection_unsent(connection) == 0)
        take_leave(connection);
    if (!connection->failed)
        pace_reading(connection);
    if (connection->failed)
        http1_connection_close(connection);
}

/* ---- taking in ---- */

/* One request or a part of it. Returns how many of the bytes were of it. */
static size_t step(struct http1_connection *connection, const uint8_t *bytes, size_t size)
{
    size_t taken;

    if (!connection->begun)
        connection->since_ms = uv_now(connection->server->loop);
    taken = http1_parse(connection, bytes, size);
    if (connection->wrong_status != 0 && (connection->whole || taken < size))
        http1_answer_wrong(connection);
    else if (connection->whole)
        http1_dispatch(connection);
    return taken;
}

static bool may_take(const struct http1_connection *connection)
{
    return connection->phase == HTTP1_READING && !connection->failed && !connection->closing &&
           http1_connection_unsent(connection) < connection->server->limits.unsent_bytes_max;
}

static size_t take_in(struct http1_connection *connection, const uint8_t *bytes, size_t size)
{
    size_t taken = 0;

    assert(!connection->busy);
    connection->busy = true;
    while (taken < size && may_take(connection))
        taken += step(connection, bytes + taken, size - taken);
    connection->busy = false;
    return taken;
}

static void keep_pending(struct http1_connection *connection, const uint8_t *bytes, size_t size)
{
    struct byte_buffer *pending = &connection->pending;

    if (connection->phase == HTTP1_LEAVING || size == 0)
        return;
    pending->size -= connection->pending_at;
    if (connection->pending_at > 0)
        memmove(pending->data, pending->data + connection->pending_at, pending->size);
    connection->pending_at = 0;
    byte_buffer_append(pending, bytes, size);
    if (pending->failed)
        connection->failed = true;
}

/* False: nothing more can be done now. */
static bool take_pending(struct http1_connection *connection)
{
    struct byte_buffer *pending = &connection->pending;

    connection->pending_at += take_in(connection, pending->data + connection->pending_at,
                                      pending->size - connection->pending_at);
    if (connection->pending_at == pending->size || connection->phase == HTTP1_LEAVING) {
        byte_buffer_reset(pending, 0);
        connection->pending_at = 0;
    }
    if (connection->saw_end && connection->phase == HTTP1_READING && pending->size == 0)
        connection->phase = HTTP1_LEAVING;
    http1_connection_flush(connection);
    return pending->size > 0 && may_take(connection);
}

static void tell_writable(struct http1_connection *connection)
{
    struct http1_call *call = &connection->call;

    if (connection->phase != HTTP1_STREAMING || connection->closing || !call->wants_writable ||
        http1_connection_unsent(connection) > connection->server->limits.unsent_bytes_max / 2)
        return;
    call->wants_writable = false;
    assert(call->events->writable != NULL);
    call->events->writable(call, call->context);
}

/* Goes on with what waits. */
void http1_connection_drive(struct http1_connection *connection)
{
    if (connection->busy || connection->closing)
        return;
    while (take_pending(connection))
        continue;
    tell_writable(connection);
}

static void on_end(struct http1_connection *connection, int error)
{
    connection->saw_end = true;
    connection->reading = false;
    uv_read_stop((uv_stream_t *)connection->tcp);
    if (error != UV_EOF || connection->call.events != NULL || connection->shut)
        http1_connection_close(connection);
    else
        http1_connection_drive(connection);
}

static void take_bytes(struct http1_connection *connection, const uint8_t *bytes, size_t size)
{
    size_t taken = 0;

    if (connection->pending.size == 0)
        taken = take_in(connection, bytes, size);
    keep_pending(connection, bytes + taken, size - taken);
    http1_connection_drive(connection);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct http1_connection *connection = connection_of(stream);

    if (count < 0)
        on_end(connection, (int)count);
    else if (count > 0)
        take_bytes(connection, (const uint8_t *)buffer->base, (size_t)count);
}

static void on_written(uv_write_t *write, int status)
{
    struct http1_connection *connection = connection_of(write->handle);

    byte_buffer_reset(&connection->writing, KEPT_BYTES_MAX);
    connection->writing_at = 0;
    connection->progress_ms = uv_now(connection->server->loop);
    if (connection->closing)
        return;
    if (status != 0)
        connection->failed = true;
    http1_connection_drive(connection);
}

/* ---- the life of a connection ---- */

void http1_connection_free(struct http1_connection *connection)
{
    assert(connection->tcp == NULL);
    byte_buffer_release(&connection->head);
    byte_buffer_release(&connection->body);
    byte_buffer_release(&connection->pending);
    byte_buffer_release(&connection->out);
    byte_buffer_release(&connection->writing);
    free(connection);
}

static void on_closed(uv_handle_t *handle)
{
    struct http1_connection *connection = connection_of(handle);
    struct http1_server *server = connection->server;

    free(connection->tcp);
    connection->tcp = NULL;
    list_remove(&connection->link);
    http1_connection_forget_body(connection);
    http1_answer_gone(connection);
    if (connection->call.kept == 0)
        http1_connection_free(connection);
    http1_server_connection_gone(server);
}

void http1_connection_close(struct http1_connection *connection)
{
    if (connection->closing)
        return;
    connection->closing = true;
    uv_close((uv_handle_t *)connection->tcp, on_closed);
}

static void on_dropped_closed(uv_handle_t *handle)
{
    struct http1_server *server = handle->data;

    free(handle);
    http1_server_connection_gone(server);
}

void http1_adopt(struct http1_server *server, uv_tcp_t *tcp, const uint8_t *bytes, size_t size)
{
    struct http1_connection *connection = calloc(1, sizeof(*connection));

    http1_server_connection_came(server);
    if (connection == NULL) {
        tcp->data = server;
        uv_close((uv_handle_t *)tcp, on_dropped_closed);
        return;
    }
    connection->server = server;
    connection->tcp = tcp;
    tcp->data = connection;
    connection->phase = HTTP1_READING;
    connection->since_ms = uv_now(server->loop);
    connection->progress_ms = connection->since_ms;
    list_init(&connection->link);
    list_append(&server->connections, &connection->link);
    http1_parse_init(connection);
    take_bytes(connection, bytes, size);
}
