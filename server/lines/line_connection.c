/* SPDX-License-Identifier: MIT */
/* line_connection.c -- one client of a line server: bytes in, lines and raw pieces out of them.
 *
 *     on_read --> [in] --> hand_over() --> handler --> [out] --> [going] --> the system
 *
 * What comes in is cut where it lies, in the buffer that all connections read into; only what cannot
 * be handed over yet is kept. All else is done by the turn, at the end of an iteration of the loop.
 * A client who gets no more answers is read from all the same until he closes his side: closing
 * while bytes of his lie unread would make the system throw away the answers that are under way.
 */
#include <assert.h>
#include <netinet/tcp.h>

#include "line_inside.h"

#define KEPT_IN_BYTES 4096u
#define KEEP_ALIVE_S 60u

/* ---- the end ---- */

static void free_connection(uv_handle_t *handle)
{
    struct line_connection *connection = handle->data;

    byte_buffer_release(&connection->in);
    byte_buffer_release(&connection->out);
    byte_buffer_release(&connection->going);
    free(connection);
}

static void on_closed(uv_handle_t *handle)
{
    struct line_connection *connection = handle->data;
    struct line_server *server = connection->server;

    assert(connection->closing);
    server->handler.closed(server->handler.context, connection);
    list_remove(&connection->link);
    free_connection(handle);
    line_server_connection_gone(server);
}

void line_drop(struct line_connection *connection)
{
    if (connection->closing)
        return;
    connection->closing = true;
    list_remove(&connection->dirty_link);
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

void line_finish(struct line_connection *connection)
{
    if (connection->closing || connection->finishing)
        return;
    connection->finishing = true;
    connection->finish_at_ms = uv_now(connection->server->loop) +
                               connection->server->limits.finish_ms;
    line_server_note_waiting(connection->server);
    line_server_note_dirty(connection->server, connection);
}

/* ---- lines ---- */

static bool may_hand_over(const struct line_connection *connection)
{
    return !connection->closing && !connection->finishing && !connection->congested &&
           connection->pauses == 0;
}

static void tell_too_long(struct line_connection *connection)
{
    const struct line_handler *handler = &connection->server->handler;

    if (handler->too_long != NULL)
        handler->too_long(handler->context, connection);
    else
        line_finish(connection);
}

static void hand_over_counted(struct line_connection *connection, const uint8_t *data)
{
    const struct line_handler *handler = &connection->server->handler;

    assert(handler->counted != NULL);
    connection->counting = false;
    handler->counted(handler->context, connection, data, connection->counted_size);
}

static void hand_over_line(struct line_connection *connection, const uint8_t *data, size_t size)
{
    const struct line_handler *handler = &connection->server->handler;

    if (size > 0 && data[size - 1] == '\r')
        size--;
    if (connection->skipping)
        connection->skipping = false;
    else if (size > connection->server->limits.line_bytes_max)
        tell_too_long(connection);
    else
        handler->line(handler->context, connection, data, size);
}

/* No newline in sight: the bytes stay, unless the line is too long already. */
static size_t put_off(struct line_connection *connection, size_t size)
{
    connection->scanned = size;
    if (!connection->skipping) {
        if (size <= (size_t)connection->server->limits.line_bytes_max + 1)
            return 0;
        connection->skipping = true;
        tell_too_long(connection);
    }
    connection->scanned = 0;
    return size;
}

/* Hands over the first piece; returns its size, 0 if it is not complete. */
static size_t hand_over_one(struct line_connection *connection, const uint8_t *data, size_t size,
                            bool *ret_more)
{
    const uint8_t *newline;
    size_t line_size;

    *ret_more = true;
    if (connection->counting) {
        size_t wanted = connection->counted_size;

        *ret_more = size >= wanted;
        if (*ret_more)
            hand_over_counted(connection, data);
        return *ret_more ? wanted : 0;
    }
    assert(connection->scanned <= size);
    newline = size == 0 ? NULL
                        : memchr(data + connection->scanned, '\n', size - connection->scanned);
    if (newline == NULL) {
        *ret_more = false;
        return put_off(connection, size);
    }
    connection->scanned = 0;
    line_size = (size_t)(newline - data);
    hand_over_line(connection, data, line_size);
    return line_size + 1;
}

/* Returns how much of data was used. */
static size_t hand_over(struct line_connection *connection, const uint8_t *data, size_t size)
{
    size_t used = 0;
    bool more = true;

    assert(!connection->handing);
    connection->handing = true;
    while (more && may_hand_over(connection))
        used += hand_over_one(connection, data + used, size - used, &more);
    connection->handing = false;
    return used;
}

static size_t kept(const struct line_connection *connection)
{
    return connection->in.size - connection->in_used;
}

static void hand_over_kept(struct line_connection *connection)
{
    struct byte_buffer *in = &connection->in;
    const uint8_t *data = in->data != NULL ? in->data : connection->server->read_buffer;

    connection->in_used += hand_over(connection, data + connection->in_used, kept(connection));
    assert(connection->in_used <= in->size);
    if (connection->in_used == in->size) {
        byte_buffer_reset(in, KEPT_IN_BYTES);
        connection->in_used = 0;
    }
}

static void keep(struct line_connection *connection, const uint8_t *data, size_t size)
{
    struct byte_buffer *in = &connection->in;

    if (connection->in_used > 0) {
        memmove(in->data, in->data + connection->in_used, kept(connection));
        in->size -= connection->in_used;
        connection->in_used = 0;
    }
    byte_buffer_append(in, data, size);
    if (in->failed)
        line_drop(connection);
}

static void take_in(struct line_connection *connection, const uint8_t *data, size_t size)
{
    if (connection->finishing)
        return;
    if (kept(connection) > 0) {
        keep(connection, data, size);
        if (!connection->closing)
            hand_over_kept(connection);
    } else {
        size_t used = hand_over(connection, data, size);

        if (used < size && !connection->closing)
            keep(connection, data + used, size - used);
    }
}

/* ---- reading ---- */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct line_connection *connection = handle->data;

    (void)suggested;
    *buffer = uv_buf_init((char *)connection->server->read_buffer, LINE_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct line_connection *connection = stream->data;

    if (size == 0 || connection->closing)
        return;
    if (size > 0) {
        take_in(connection, (const uint8_t *)buffer->base, (size_t)size);
    } else if (size == UV_EOF) {
        connection->ended = true;
        line_server_note_waiting(connection->server);
    } else {
        line_drop(connection);
        return;
    }
    line_server_note_dirty(connection->server, connection);
}

bool line_connection_is_gone(const struct line_connection *connection)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    uv_os_fd_t descriptor;

    return uv_fileno((const uv_handle_t *)&connection->tcp, &descriptor) == 0 &&
           getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_state == TCP_CLOSE;
}

static void set_reading(struct line_connection *connection)
{
    bool wanted = !connection->ended && (connection->finishing || may_hand_over(connection));

    if (wanted && !connection->reading)
        uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read);
    if (!wanted && connection->reading)
        uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->reading = wanted;
}

/* ---- the turn ---- */

/* True: the client has read enough of his answers to be read from again. */
static bool relieve(struct line_connection *connection)
{
    const struct line_handler *handler = &connection->server->handler;

    if (!connection->congested || connection->closing ||
        line_unread(connection) > connection->server->limits.unread_bytes_max / 2)
        return false;
    connection->congested = false;
    if (handler->drained != NULL)
        handler->drained(handler->context, connection);
    return true;
}

static void tell_end(struct line_connection *connection)
{
    const struct line_handler *handler = &connection->server->handler;

    if (!connection->ended || connection->told_end || !may_hand_over(connection))
        return;
    connection->told_end = true;
    if (handler->ended != NULL)
        handler->ended(handler->context, connection);
    else
        line_finish(connection);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
    struct line_connection *connection = shutdown->handle->data;

    if (status != 0)
        line_drop(connection);
}

static void finish(struct line_connection *connection)
{
    if (!connection->finishing || line_unread(connection) > 0)
        return;
    if (connection->ended) {
        line_drop(connection);
    } else if (!connection->shut) {
        connection->shut = true;
        if (uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, on_shut) != 0)
            line_drop(connection);
    }
}

void line_connection_turn(struct line_connection *connection)
{
    bool again = true;

    assert(!connection->turning);
    connection->turning = true;
    while (again && !connection->closing) {
        hand_over_kept(connection);
        tell_end(connection);
        line_connection_write(connection);
        again = relieve(connection);
    }
    connection->turning = false;
    if (connection->closing)
        return;
    finish(connection);
    if (!connection->closing)
        set_reading(connection);
}

/* ---- for the handler ---- */

void line_set_data(struct line_connection *connection, void *data)
{
    connection->data = data;
}

void *line_data(const struct line_connection *connection)
{
    return connection->data;
}

void line_read_counted(struct line_connection *connection, size_t size)
{
    assert(connection->handing);
    assert(!connection->counting);
    connection->counting = true;
    connection->counted_size = size;
}

void line_pause(struct line_connection *connection)
{
    connection->pauses++;
    if (!connection->closing)
        line_server_note_dirty(connection->server, connection);
}

void line_resume(struct line_connection *connection)
{
    assert(connection->pauses > 0);
    connection->pauses--;
    if (!connection->closing)
        line_server_note_dirty(connection->server, connection);
}

/* ---- the beginning ---- */

int line_connection_accept(struct line_server *server)
{
    struct line_connection *connection = calloc(1, sizeof(*connection));
    int error;

    if (connection == NULL)
        return DECREE_NOMEM;
    connection->server = server;
    list_init(&connection->link);
    list_init(&connection->dirty_link);
    uv_tcp_init(server->loop, &connection->tcp);
    connection->tcp.data = connection;
    error = uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp);
    if (error == 0 && server->connection_count >= server->limits.connections_max)
        error = UV_EMFILE;
    if (error != 0) {
        uv_close((uv_handle_t *)&connection->tcp, free_connection);
        return error;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_tcp_keepalive(&connection->tcp, 1, KEEP_ALIVE_S);
    list_append(&server->connections, &connection->link);
    server->connection_count++;
    if (server->handler.opened != NULL)
        server->handler.opened(server->handler.context, connection);
    if (!connection->closing)
        line_server_note_dirty(server, connection);
    return 0;
}
