/* SPDX-License-Identifier: MIT */
/* http1_answer.c -- answers, in one piece and in many.
 *
 *     HTTP/1.1 200 OK
 *     Content-Type: application/json
 *     Content-Length: 2                  or   Transfer-Encoding: chunked
 *     Connection: close                  if it is the last one
 *
 * A client of HTTP/1.0 knows no chunks: its stream ends with the connection.
 */
#include "http1_connection.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <decree/error.h>

static struct http1_connection *connection_of(struct http1_call *call)
{
    return (struct http1_connection *)call;
}

const char *http1_reason(unsigned status)
{
    return http_status_str((enum http_status)status);
}

/* Everything up to the empty line, but for what says how long the body is. */
static void write_head(struct http1_connection *connection, unsigned status,
                       const char *content_type, const char *length)
{
    const char *extra = connection->call.extra;
    const char *common = connection->call.common;
    char text[512];
    int size;

    assert(extra == NULL || strlen(extra) <= HTTP1_EXTRA_BYTES_MAX);
    assert(status >= 200 && status < 600);
    if (connection->server->closing)
        connection->keep_alive = false;
    size = snprintf(text, sizeof(text), "HTTP/1.1 %u %s\r\n%s%.100s%s%.*s%s%s\r\n", status,
                    http1_reason(status), content_type != NULL ? "Content-Type: " : "",
                    content_type != NULL ? content_type : "", content_type != NULL ? "\r\n" : "",
                    HTTP1_EXTRA_BYTES_MAX, extra != NULL ? extra : "", length,
                    !connection->keep_alive      ? "Connection: close\r\n"
                    : connection->call.is_http10 ? "Connection: keep-alive\r\n"
                                                 : "");
    assert(size > 0 && (size_t)size < sizeof(text));
    byte_buffer_append(&connection->out, text, (size_t)size - 2);
    if (common != NULL)
        byte_buffer_append(&connection->out, common, strlen(common));
    byte_buffer_append(&connection->out, "\r\n", 2);
    connection->call.extra = NULL;
    connection->call.common = NULL;
}

/* The answer is complete: on to the next request, or to the end. */
static void finish(struct http1_connection *connection)
{
    assert(connection->phase != HTTP1_LEAVING);
    http1_connection_forget_body(connection);
    connection->call.events = NULL;
    connection->call.is_head = false;
    connection->call.is_http10 = false;
    connection->whole = false;
    connection->begun = false;
    connection->since_ms = uv_now(connection->server->loop);
    connection->phase = connection->keep_alive ? HTTP1_READING : HTTP1_LEAVING;
    http1_connection_drive(connection);
}

static void give(struct http1_connection *connection, unsigned status, const char *content_type,
                 const void *body, size_t size)
{
    bool bodiless = status == 204 || status == 304;
    char length[48] = "";

    assert(!bodiless || size == 0);
    if (!bodiless)
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", size);
    write_head(connection, status, content_type, length);
    if (!connection->call.is_head)
        byte_buffer_append(&connection->out, body, size);
    finish(connection);
}

void http1_add_header(struct http1_call *call, const char *line)
{
    assert(call->extra == NULL);
    call->extra = line;
}

void http1_set_headers(struct http1_call *call, const char *lines)
{
    assert(call->common == NULL);
    assert(strlen(lines) <= HTTP1_COMMON_BYTES_MAX);
    call->common = lines;
}

void http1_answer(struct http1_call *call, unsigned status, const char *content_type,
                  const void *body, size_t size)
{
    struct http1_connection *connection = connection_of(call);

    assert(connection->phase == HTTP1_ASKED);
    assert(call->kept == 0);
    give(connection, status, content_type, body, size);
}

void http1_fail(struct http1_call *call, unsigned status, const char *text)
{
    char line[512];
    int size = snprintf(line, sizeof(line), "%.500s\n", text);

    http1_answer(call, status, "text/plain; charset=utf-8", line, (size_t)size);
}

/* A request that no handler sees. If not all of it has come there is no telling where the next one
 * begins. */
void http1_answer_wrong(struct http1_connection *connection)
{
    char line[sizeof(connection->wrong) + 2];
    int size = snprintf(line, sizeof(line), *connection->wrong != '\0' ? "%s\n" : "%s",
                        connection->wrong);

    assert(connection->phase == HTTP1_READING);
    assert(connection->wrong_status != 0);
    if (!connection->whole) {
        connection->keep_alive = false;
        connection->server->broken_count += connection->wrong_status < 500;
    }
    give(connection, connection->wrong_status, "text/plain; charset=utf-8", line, (size_t)size);
}

/* ---- later ---- */

void *http1_context(const struct http1_call *call)
{
    return ((const struct http1_connection *)call)->server->options.context;
}

const struct http1_request *http1_request_of(const struct http1_call *call)
{
    return &call->request;
}

void http1_keep(struct http1_call *call)
{
    assert(connection_of(call)->phase == HTTP1_ASKED);
    call->kept++;
}

void http1_wait(struct http1_call *call, const struct http1_stream_events *events, void *context)
{
    assert(connection_of(call)->phase == HTTP1_ASKED);
    assert(events->gone != NULL);
    call->events = events;
    call->context = context;
}

bool http1_resume(struct http1_call *call)
{
    struct http1_connection *connection = connection_of(call);

    assert(call->kept > 0);
    call->kept--;
    if (!connection->closing)
        return true;
    if (connection->tcp == NULL && call->kept == 0)
        http1_connection_free(connection);
    return false;
}

/* ---- streams ---- */

void http1_stream_begin(struct http1_call *call, unsigned status, const char *content_type,
                        const struct http1_stream_events *events, void *context)
{
    struct http1_connection *connection = connection_of(call);

    assert(connection->phase == HTTP1_ASKED);
    assert(events->gone != NULL);
    call->chunked = !call->is_http10;
    if (!call->chunked)
        connection->keep_alive = false;
    write_head(connection, status, content_type,
               call->chunked ? "Transfer-Encoding: chunked\r\n" : "");
    http1_connection_forget_body(connection);
    call->events = events;
    call->context = context;
    call->wants_writable = false;
    connection->phase = HTTP1_STREAMING;
    http1_connection_flush(connection);
}

int http1_stream_write(struct http1_call *call, const void *data, size_t size)
{
    struct http1_connection *connection = connection_of(call);
    size_t unsent = http1_connection_unsent(connection);
    char head[24];

    assert(connection->phase == HTTP1_STREAMING);
    if (connection->closing)
        return DECREE_CLOSED;
    if (unsent > 0 && unsent + size > connection->server->limits.unsent_bytes_max) {
        call->wants_writable = true;
        return DECREE_FULL;
    }
    if (call->is_head || size == 0)
        return 0;
    if (call->chunked)
        byte_buffer_append(&connection->out, head,
                           (size_t)snprintf(head, sizeof(head), "%zx\r\n", size));
    byte_buffer_append(&connection->out, data, size);
    if (call->chunked)
        byte_buffer_append(&connection->out, "\r\n", 2);
    http1_connection_flush(connection);
    return 0;
}

void http1_stream_end(struct http1_call *call)
{
    struct http1_connection *connection = connection_of(call);

    assert(connection->phase == HTTP1_STREAMING);
    if (call->chunked && !call->is_head)
        byte_buffer_append(&connection->out, "0\r\n\r\n", 5);
    finish(connection);
}

void http1_stream_break(struct http1_call *call)
{
    assert(connection_of(call)->phase == HTTP1_STREAMING);
    http1_connection_close(connection_of(call));
}

/* The connection is closed: whoever streams or waits is told. */
void http1_answer_gone(struct http1_connection *connection)
{
    struct http1_call *call = &connection->call;
    const struct http1_stream_events *events = call->events;

    if (events == NULL)
        return;
    call->events = NULL;
    connection->phase = HTTP1_LEAVING;
    events->gone(call, call->context);
}
