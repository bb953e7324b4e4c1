/* SPDX-License-Identifier: MIT */
/* http2_connection.c -- bytes between a socket and nghttp2, and whole requests on to the handler.
 *
 * Writing: frames are collected into one buffer that all connections share, and offered to the
 * socket at once. What it does not take is copied and waits for it; nghttp2 is asked for no more
 * frames until then, so a connection holds one such buffer at most. While the socket is full and
 * nghttp2's queue is long (answers to pings, resets), nothing more is read either.
 */
#include "http2_connection.h"

#include <assert.h>

#include <decree/error.h>

static struct http2_connection *connection_of(void *handle)
{
    struct http2_connection *connection = ((uv_handle_t *)handle)->data;

    assert(connection != NULL);
    return connection;
}

/* ---- handing on ---- */

/* Answers pile up if they are not read: then new requests wait. One answer at a time goes through
 * always. */
static bool may_answer(const struct http2_connection *connection)
{
    const struct http2_server *server = connection->server;

    return connection->answer_bytes == 0 ||
           (connection->answer_bytes < server->limits.connection_answer_bytes_max &&
            server->counters.answer_bytes < server->limits.answer_bytes_max);
}

bool http2_may_answer(const struct http2_stream *stream)
{
    return may_answer(stream->connection);
}

/* False: the handler has no room. */
static bool hand_on(struct http2_connection *connection)
{
    const struct http2_handler *handler = connection->server->handler;

    while (!list_alone(&connection->ready) && may_answer(connection) && !connection->failed) {
        struct http2_stream *stream = list_owner(connection->ready.next, struct http2_stream,
                                                 ready_link);

        list_remove(&stream->ready_link);
        if (handler->request(stream) == DECREE_FULL) {
            list_append(connection->ready.next, &stream->ready_link);
            return false;
        }
    }
    return true;
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int status)
{
    struct http2_connection *connection = connection_of(write->handle);

    assert(connection->writing != NULL);
    free(connection->writing);
    connection->writing = NULL;
    if (connection->closing)
        return;
    if (status != 0)
        connection->failed = true;
    server_note_dirty(connection->server, connection);
}

/* Offers bytes to the socket; keeps what it does not take. */
static void write_out(struct http2_connection *connection, const uint8_t *data, size_t size)
{
    uv_stream_t *stream = (uv_stream_t *)connection->tcp;
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);
    int written = uv_try_write(stream, &buffer, 1);
    size_t left = written > 0 ? size - (size_t)written : size;

    assert(connection->writing == NULL);
    if (written < 0 && written != UV_EAGAIN)
        connection->failed = true;
    if (left == 0 || connection->failed)
        return;
    connection->writing = malloc(left);
    if (connection->writing == NULL) {
        connection->failed = true;
        return;
    }
    memcpy(connection->writing, data + (size - left), left);
    buffer = uv_buf_init((char *)connection->writing, (unsigned)left);
    if (uv_write(&connection->write, stream, &buffer, 1, on_written) != 0) {
        free(connection->writing);
        connection->writing = NULL;
        connection->failed = true;
    }
}

/* As many of nghttp2's frames as fit into one write. */
static size_t collect(struct http2_connection *connection)
{
    struct http2_server *server = connection->server;
    size_t size = 0;

    while (HTTP2_WRITE_BYTES - size >= HTTP2_FRAME_BYTES_MAX) {
        const uint8_t *data;
        ssize_t count = nghttp2_session_mem_send(connection->session, &data);

        if (count < 0)
            connection->failed = true;
        if (count <= 0)
            break;
        assert((size_t)count <= HTTP2_FRAME_BYTES_MAX);
        memcpy(server->write_bytes + size, data, (size_t)count);
        size += (size_t)count;
    }
    return size;
}

static void send_frames(struct http2_connection *connection)
{
    for (unsigned i = 0; i < HTTP2_WRITES_PER_TURN && connection->writing == NULL; i++) {
        size_t size = connection->failed ? 0 : collect(connection);

        if (size == 0)
            return;
        write_out(connection, connection->server->write_bytes, size);
    }
    if (connection->writing == NULL)
        server_note_dirty(connection->server, connection);
}

/* ---- reading ---- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct http2_server *server = connection_of(handle)->server;

    (void)suggested;
    *ret_buffer = uv_buf_init((char *)server->read_bytes, sizeof(server->read_bytes));
}

void connection_note_broken(struct http2_connection *connection)
{
    if (!connection->broken)
        connection->server->counters.broken++;
    connection->broken = true;
}

/* The peer broke the protocol beyond repair. It is told so, if the socket takes it. */
static void break_off(struct http2_connection *connection, int error)
{
    struct http2_server *server = connection->server;

    log_debug(server->logger, "client_broken", "reason=\"%s\"", nghttp2_strerror(error));
    connection_note_broken(connection);
    if (connection->writing == NULL && error != NGHTTP2_ERR_BAD_CLIENT_MAGIC &&
        nghttp2_session_terminate_session(connection->session, NGHTTP2_ENHANCE_YOUR_CALM) == 0)
        send_frames(connection);
    connection_close(connection);
}

/* What has come is in our hands or was dropped: the bounds on what is kept are others than the
 * connection's window. */
static void give_back(struct http2_connection *connection)
{
    if (connection->unconsumed < HTTP2_CONNECTION_WINDOW_BYTES / 8)
        return;
    if (nghttp2_session_consume_connection(connection->session, connection->unconsumed) != 0)
        connection->failed = true;
    connection->unconsumed = 0;
}

static void take_in(struct http2_connection *connection, const uint8_t *bytes, size_t size)
{
    ssize_t taken = nghttp2_session_mem_recv(connection->session, bytes, size);

    if (taken < 0) {
        break_off(connection, (int)taken);
        return;
    }
    give_back(connection);
    hand_on(
        connection); /* now, not at the flush: who orders and stores them may do so in this turn */
    server_note_dirty(connection->server, connection);
    if (nghttp2_session_get_outbound_queue_size(connection->session) > HTTP2_QUEUED_FRAMES_MAX)
        connection_flush(connection);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct http2_connection *connection = connection_of(stream);

    if (count < 0)
        connection_close(connection);
    else if (count > 0)
        take_in(connection, (const uint8_t *)buffer->base, (size_t)count);
}

static void pace_reading(struct http2_connection *connection)
{
    bool read = connection->writing == NULL || nghttp2_session_get_outbound_queue_size(
                                                   connection->session) <= HTTP2_QUEUED_FRAMES_MAX;

    if (read == connection->reading)
        return;
    connection->reading = read;
    if (!read)
        uv_read_stop((uv_stream_t *)connection->tcp);
    else if (uv_read_start((uv_stream_t *)connection->tcp, on_room, on_read) != 0)
        connection->failed = true;
}

/* ---- the life of a connection ---- */

static bool has_nothing_to_do(const struct http2_connection *connection)
{
    if (connection->writing != NULL)
        return false;
    if (connection->server->closing && connection->stream_count == 0)
        return true;
    return !nghttp2_session_want_read(connection->session) &&
           !nghttp2_session_want_write(connection->session);
}

/* One turn: whole requests go on, frames go out. */
void connection_flush(struct http2_connection *connection)
{
    bool room;

    if (connection->closing)
        return;
    list_remove(&connection->turn_link);
    room = hand_on(connection);
    if (!connection->failed)
        send_frames(connection);
    if (!connection->failed)
        pace_reading(connection);
    if (connection->failed || has_nothing_to_do(connection)) {
        connection_close(connection);
        return;
    }
    if (list_alone(&connection->ready))
        return;
    if (room && may_answer(connection))
        server_note_dirty(connection->server, connection);
    else if (list_alone(&connection->turn_link))
        server_note_stalled(connection->server, connection);
}

static void on_closed(uv_handle_t *handle)
{
    struct http2_connection *connection = connection_of(handle);
    struct http2_server *server = connection->server;

    assert(connection->writing == NULL);
    assert(list_alone(&connection->streams));
    nghttp2_session_del(connection->session);
    list_remove(&connection->link);
    free(connection->tcp);
    free(connection);
    server_connection_gone(server);
}

/* nghttp2 is not asked again, so its streams may be let go at once. */
void connection_close(struct http2_connection *connection)
{
    if (connection->closing)
        return;
    connection->closing = true;
    list_remove(&connection->turn_link);
    while (!list_alone(&connection->streams))
        stream_detach(list_owner(connection->streams.next, struct http2_stream, link));
    uv_close((uv_handle_t *)connection->tcp, on_closed);
}

void connection_go_away(struct http2_connection *connection)
{
    int32_t last;

    if (connection->closing)
        return;
    last = nghttp2_session_get_last_proc_stream_id(connection->session);
    if (nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL,
                              0) != 0)
        connection->failed = true;
    server_note_dirty(connection->server, connection);
}

static int open_session(struct http2_connection *connection)
{
    struct http2_server *server = connection->server;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server->limits.connection_streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, server->limits.header_bytes_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    int error = nghttp2_session_server_new3(&connection->session, server->callbacks, connection,
                                            server->option, &server->memory.hooks);

    if (error != 0)
        return error;
    error = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
                                    sizeof(settings) / sizeof(settings[0]));
    if (error != 0)
        return error;
    return nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                                 HTTP2_CONNECTION_WINDOW_BYTES);
}

static struct http2_connection *new_connection(struct http2_server *server, uv_tcp_t *tcp)
{
    struct http2_connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL)
        return NULL;
    connection->server = server;
    connection->tcp = tcp;
    connection->accepted_ms = uv_now(server->loop);
    list_init(&connection->link);
    list_init(&connection->turn_link);
    list_init(&connection->streams);
    list_init(&connection->ready);
    tcp->data = connection;
    list_append(&server->newcomers, &connection->link);
    server->counters.connections++;
    return connection;
}

/* Takes over a connection of the port's, with what it has sent already. */
void connection_adopt(struct http2_server *server, uv_tcp_t *tcp, const uint8_t *bytes, size_t size)
{
    struct http2_connection *connection = new_connection(server, tcp);

    if (connection == NULL) {
        server_drop(server, tcp);
        return;
    }
    if (open_session(connection) != 0) {
        connection_close(connection);
        return;
    }
    pace_reading(connection);
    take_in(connection, bytes, size);
}
