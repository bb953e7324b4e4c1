/* SPDX-License-Identifier: MIT */
/* http2_stream.c -- nghttp2's callbacks, frame by frame.
 *
 * The life of a stream:
 *
 *     HEADERS         begin, header x N, head      in: empty
 *     DATA            body                         in grows
 *     END_STREAM      whole, to the ready list
 *     its turn        request                      the handler fills out, then http2_answer
 *     out is sent     trailers, END_STREAM
 *     closed          closed; the object goes back to the pool with its last reference
 *
 * A peer may reset a stream at any of these points. What it can make us hold is bounded: streams,
 * header bytes and body bytes are counted per connection and in all.
 */
#include "http2_connection.h"

#include <assert.h>

#include <decree/error.h>

static struct http2_stream *find_stream(struct http2_connection *connection, int32_t id)
{
    assert(connection->session != NULL);
    if (connection->latest == NULL || connection->latest->id != id)
        connection->latest = nghttp2_session_get_stream_user_data(connection->session, id);
    return connection->latest;
}

static void reset(struct http2_connection *connection, int32_t id, uint32_t code)
{
    assert(id > 0);
    if (nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, id, code) != 0)
        connection->failed = true;
}

/* Frames that ask for nothing are cheap to send and not for us: only so many of them between two
 * requests. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *user_data)
{
    struct http2_connection *connection = user_data;
    uint64_t now_ms;

    assert(session == connection->session);
    if (frame->type == NGHTTP2_HEADERS || (frame->type == NGHTTP2_DATA && frame->length > 0))
        return 0;
    now_ms = uv_now(connection->server->loop);
    if (now_ms - connection->control_since_ms >= 1000) {
        connection->control_since_ms = now_ms;
        connection->control_frames = 0;
    }
    if (++connection->control_frames == connection->server->limits.control_frames_max &&
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM) != 0)
        connection->failed = true;
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_connection *connection = user_data;
    struct http2_server *server = connection->server;
    struct http2_stream *stream;

    assert(session == connection->session);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream = server->closing ? NULL : server_take_stream(server);
    if (stream == NULL) {
        reset(connection, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    stream->connection = connection;
    stream->id = frame->hd.stream_id;
    list_append(&connection->streams, &stream->link);
    connection->stream_count++;
    connection->latest = stream;
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    server->handler->begin(stream);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user_data)
{
    struct http2_connection *connection = user_data;
    struct http2_stream *stream = find_stream(connection, frame->hd.stream_id);

    (void)flags;
    if (stream == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream->header_bytes += name_size + value_size + 32;
    if (stream->header_bytes > connection->server->limits.header_bytes_max) {
        if (nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM) != 0)
            connection->failed = true;
        return 0;
    }
    connection->server->handler->header(stream, name, name_size, value, value_size);
    return 0;
}

static void note_complete(struct http2_stream *stream)
{
    if (stream->complete)
        return;
    stream->complete = true;
    if (stream->answered)
        return;
    if (list_alone(&stream->ready_link))
        list_append(&stream->connection->ready, &stream->ready_link);
    stream->handler->whole(stream);
}

static void on_headers_frame(struct http2_connection *connection, const nghttp2_frame *frame)
{
    struct http2_stream *stream = find_stream(connection, frame->hd.stream_id);

    if (stream == NULL)
        return;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        connection->server->handler->head(stream);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        note_complete(stream);
}

static void on_data_frame(struct http2_connection *connection, const nghttp2_frame *frame)
{
    struct http2_stream *stream = find_stream(connection, frame->hd.stream_id);

    if (stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        note_complete(stream);
}

static void on_settings_frame(struct http2_connection *connection)
{
    struct http2_server *server = connection->server;

    if (!connection->greeted) {
        connection->greeted = true;
        list_remove(&connection->link);
        list_append(&server->connections, &connection->link);
    }
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_connection *connection = user_data;

    assert(session == connection->session);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers_frame(connection, frame);
        break;
    case NGHTTP2_DATA:
        on_data_frame(connection, frame);
        break;
    case NGHTTP2_SETTINGS:
        on_settings_frame(connection);
        break;
    default:
        break;
    }
    return 0;
}

/* There is no room for the request's body: nobody will answer it. */
static void refuse(struct http2_stream *stream)
{
    stream->answered = true;
    list_remove(&stream->ready_link);
    http2_forget_request(stream);
    reset(stream->connection, stream->id, NGHTTP2_ENHANCE_YOUR_CALM);
}

static bool keep_body(struct http2_stream *stream, const uint8_t *data, size_t size)
{
    struct http2_connection *connection = stream->connection;
    struct http2_server *server = connection->server;

    if (connection->request_bytes + size > server->limits.connection_request_bytes_max ||
        server->counters.request_bytes + size > server->limits.request_bytes_max ||
        byte_buffer_reserve(&stream->in, size) == NULL)
        return false;
    byte_buffer_append(&stream->in, data, size);
    connection->request_bytes += size;
    server->counters.request_bytes += size;
    return true;
}

/* Gives back to the stream's window what has come, unless the client is to be held back. In large
 * pieces: most requests end before the first one. */
static void give_back(struct http2_stream *stream)
{
    struct http2_connection *connection = stream->connection;
    bool hold = stream->in_parts && (stream->paused || !list_alone(&stream->ready_link));

    if (hold || stream->unconsumed < HTTP2_STREAM_WINDOW_BYTES / 4)
        return;
    if (nghttp2_session_consume_stream(connection->session, stream->id, stream->unconsumed) != 0)
        connection->failed = true;
    stream->unconsumed = 0;
    server_note_dirty(connection->server, connection);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t size, void *user_data)
{
    struct http2_connection *connection = user_data;
    struct http2_stream *stream = find_stream(connection, id);

    (void)flags;
    (void)session;
    connection->unconsumed += size;
    if (stream == NULL || stream->answered)
        return 0;
    stream->unconsumed += size;
    if (keep_body(stream, data, size))
        stream->handler->body(stream);
    else
        refuse(stream);
    give_back(stream);
    return 0;
}

void http2_forget_request(struct http2_stream *stream)
{
    struct http2_connection *connection = stream->connection;

    assert(connection != NULL);
    assert(connection->request_bytes >= stream->in.size);
    connection->request_bytes -= stream->in.size;
    connection->server->counters.request_bytes -= stream->in.size;
    stream->in.size = 0;
}

void http2_take_parts(struct http2_stream *stream)
{
    assert(!stream->in_parts);
    stream->in_parts = true;
    http2_offer(stream);
}

void http2_offer(struct http2_stream *stream)
{
    assert(stream->connection != NULL);
    if (list_alone(&stream->ready_link))
        list_append(&stream->connection->ready, &stream->ready_link);
    server_note_dirty(stream->connection->server, stream->connection);
}

void http2_drop_part(struct http2_stream *stream, size_t size)
{
    struct http2_connection *connection = stream->connection;

    assert(stream->in_parts);
    assert(size <= stream->in.size);
    if (size < stream->in.size)
        memmove(stream->in.data, stream->in.data + size, stream->in.size - size);
    stream->in.size -= size;
    connection->request_bytes -= size;
    connection->server->counters.request_bytes -= size;
}

void http2_pause(struct http2_stream *stream, bool paused)
{
    stream->paused = paused;
    give_back(stream);
}

/* The connection has no more to do with the stream. */
void stream_detach(struct http2_stream *stream)
{
    struct http2_connection *connection = stream->connection;
    struct http2_server *server = connection->server;
    size_t unsent = stream->out.size - stream->out_sent;

    assert(connection->stream_count > 0);
    http2_forget_request(stream);
    if (stream->answered || stream->begun) {
        connection->answer_bytes -= unsent;
        server->counters.answer_bytes -= unsent;
    }
    list_remove(&stream->ready_link);
    list_remove(&stream->link);
    connection->stream_count--;
    if (connection->latest == stream)
        connection->latest = NULL;
    stream->connection = NULL;
    server->handler->closed(stream);
    http2_stream_unref(stream, server);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data)
{
    struct http2_connection *connection = user_data;
    struct http2_stream *stream = find_stream(connection, id);

    (void)code;
    if (stream == NULL)
        return 0;
    nghttp2_session_set_stream_user_data(session, id, NULL);
    stream_detach(stream);
    return 0;
}

/* A client that broke the protocol is told so by nghttp2 itself. One that still sends after its answer is
 * told that nobody reads; not before, since nghttp2 would drop the answer. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_connection *connection = user_data;
    struct http2_stream *stream;

    assert(session == connection->session);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        connection_note_broken(connection);
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    stream = find_stream(connection, frame->hd.stream_id);
    if (stream != NULL && !stream->complete)
        reset(connection, stream->id, NGHTTP2_NO_ERROR);
    return 0;
}

void stream_set_callbacks(nghttp2_session_callbacks *callbacks)
{
    assert(callbacks != NULL);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}

void http2_stream_ref(struct http2_stream *stream)
{
    assert(stream->refs > 0);
    stream->refs++;
}

/* The connection holds a reference of its own, so the last one to go is never that of an operation
 * on a live stream. */
void http2_stream_unref(struct http2_stream *stream, struct http2_server *server)
{
    assert(stream->refs > 0);
    if (--stream->refs == 0)
        server_give_stream(server, stream);
}
