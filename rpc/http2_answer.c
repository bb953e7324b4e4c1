/* SPDX-License-Identifier: MIT */
/* http2_answer.c -- answers, in one piece and in many.
 *
 *     http2_answer()         HEADERS, DATA x N, trailers
 *     http2_answer_begin()   HEADERS
 *     http2_answer_more()    DATA x N; when all is sent, nghttp2 is told to wait
 *     http2_answer_end()     trailers
 *
 * A body lies in stream->out until nghttp2 takes it. Of an answer in pieces the part that was sent
 * is dropped when it is all, or when it is more than the rest.
 */
#include "http2_connection.h"

#include <assert.h>

#include <decree/error.h>

/* All of the body is with nghttp2: the trailers follow, or the end. */
static int end_of_body(nghttp2_session *session, struct http2_stream *stream, uint32_t *data_flags)
{
    *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trailer_count == 0)
        return 0;
    *data_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return nghttp2_submit_trailer(session, stream->id, stream->trailers, stream->trailer_count);
}

/* What was unsent has become so little that there is room again. */
static void note_drained(struct http2_stream *stream)
{
    size_t left = stream->out.size - stream->out_sent;

    if (left == 0) {
        stream->out.size = 0;
        stream->out_sent = 0;
    }
    if (stream->wants_room && left <= stream->out_sent) {
        stream->wants_room = false;
        http2_offer(stream);
    }
}

/* nghttp2 asks for the next bytes of the body. */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *data, size_t size,
                         uint32_t *data_flags, nghttp2_data_source *source, void *user_data)
{
    struct http2_stream *stream = source->ptr;
    struct http2_connection *connection = user_data;
    size_t left = stream->out.size - stream->out_sent;

    assert(stream->id == id);
    if (size > left)
        size = left;
    if (size > 0)
        memcpy(data, stream->out.data + stream->out_sent, size);
    stream->out_sent += size;
    connection->answer_bytes -= size;
    connection->server->counters.answer_bytes -= size;
    if (stream->answered) {
        if (size == left && end_of_body(session, stream, data_flags) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        return (ssize_t)size;
    }
    note_drained(stream);
    stream->idle = size == 0;
    return stream->idle ? NGHTTP2_ERR_DEFERRED : (ssize_t)size;
}

void http2_answer(struct http2_stream *stream, const nghttp2_nv *headers, size_t count,
                  const nghttp2_nv *trailers, size_t trailer_count)
{
    struct http2_connection *connection = stream->connection;
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = read_body};
    bool has_body = stream->out.size > 0 || trailer_count > 0;

    assert(connection != NULL);
    assert(!stream->answered);
    assert(!stream->begun);
    stream->answered = true;
    connection->server->releases++;
    stream->trailers = trailers;
    stream->trailer_count = trailer_count;
    list_remove(&stream->ready_link);
    http2_forget_request(stream);
    connection->answer_bytes += stream->out.size;
    connection->server->counters.answer_bytes += stream->out.size;
    if (nghttp2_submit_response(connection->session, stream->id, headers, count,
                                has_body ? &body : NULL) != 0)
        connection->failed = true;
    connection->control_frames = 0;
    server_note_dirty(connection->server, connection);
}

/* ---- in pieces ---- */

void http2_answer_begin(struct http2_stream *stream, const nghttp2_nv *headers, size_t count)
{
    struct http2_connection *connection = stream->connection;
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = read_body};

    assert(!stream->answered);
    assert(!stream->begun);
    assert(stream->out.size == 0);
    stream->begun = true;
    if (nghttp2_submit_response(connection->session, stream->id, headers, count, &body) != 0)
        connection->failed = true;
    server_note_dirty(connection->server, connection);
}

static void drop_sent(struct http2_stream *stream)
{
    size_t left = stream->out.size - stream->out_sent;

    if (stream->out_sent < left || stream->out_sent == 0)
        return;
    memmove(stream->out.data, stream->out.data + stream->out_sent, left);
    stream->out.size = left;
    stream->out_sent = 0;
}

int http2_answer_room(struct http2_stream *stream, size_t size, size_t unsent_bytes_max,
                      uint8_t **ret_room)
{
    const struct http2_connection *connection = stream->connection;
    const struct http2_limits *limits = &connection->server->limits;
    size_t unsent = stream->out.size - stream->out_sent;

    if (unsent > 0 &&
        (unsent + size > unsent_bytes_max ||
         connection->answer_bytes + size > limits->connection_answer_bytes_max ||
         connection->server->counters.answer_bytes + size > limits->answer_bytes_max)) {
        stream->wants_room = true;
        return DECREE_FULL;
    }
    drop_sent(stream);
    *ret_room = byte_buffer_reserve(&stream->out, size);
    stream->out.failed = false;
    return *ret_room != NULL ? 0 : DECREE_NOMEM;
}

static void go_on(struct http2_stream *stream)
{
    struct http2_connection *connection = stream->connection;

    if (stream->idle && nghttp2_session_resume_data(connection->session, stream->id) != 0)
        connection->failed = true;
    stream->idle = false;
    connection->control_frames = 0;
    server_note_dirty(connection->server, connection);
}

void http2_answer_more(struct http2_stream *stream, size_t size)
{
    assert(stream->begun);
    assert(!stream->answered);
    byte_buffer_grew(&stream->out, size);
    stream->connection->answer_bytes += size;
    stream->connection->server->counters.answer_bytes += size;
    go_on(stream);
}

void http2_answer_end(struct http2_stream *stream, const nghttp2_nv *trailers, size_t trailer_count)
{
    assert(stream->begun);
    assert(!stream->answered);
    stream->answered = true;
    stream->trailers = trailers;
    stream->trailer_count = trailer_count;
    list_remove(&stream->ready_link);
    http2_forget_request(stream);
    go_on(stream);
}
