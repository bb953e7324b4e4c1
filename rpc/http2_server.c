/* SPDX-License-Identifier: MIT */
/* http2_server.c -- what all connections share: the port, limits, the pool of streams, the flush.
 *
 * A turn of the loop, and where this comes in:
 *
 *     timers -> idle -> prepare: http2_flush() -> sleep, then reads -> check -> closing -> timers ...
 *
 * What becomes dirty after the flush starts the idle handle, which keeps the loop from sleeping, so
 * that the next flush comes at once. Requests that found no room are offered again at the flush after
 * something else is done with, or some milliseconds later, but nothing is kept awake for them: what
 * makes room, a completion, wakes the loop itself.
 */
#include "http2_connection.h"

#include <assert.h>

#include <decree/error.h>

#define TIMER_MS 1000u
#define FREE_STREAMS_MAX 16384u
#define POOL_BYTES_MAX (16u * 1024 * 1024)
#define KEPT_BYTES_MAX 4096u /* of each buffer of a free stream */

static const struct http2_limits DEFAULTS = {
    .connections_max = 20000,
    .streams_max = 262144,
    .connection_streams_max = 8192,
    .header_bytes_max = 64 * 1024,
    .request_bytes_max = (size_t)512 * 1024 * 1024,
    .connection_request_bytes_max = (size_t)64 * 1024 * 1024,
    .answer_bytes_max = (size_t)1024 * 1024 * 1024,
    .connection_answer_bytes_max = (size_t)16 * 1024 * 1024,
    .control_frames_max = 10000,
    .greeting_ms = 10000,
};

#define OR_DEFAULT(limits, name) \
    (limits)->name = (limits)->name != 0 ? (limits)->name : DEFAULTS.name

static void fill_limits(struct http2_limits *limits)
{
    OR_DEFAULT(limits, connections_max);
    OR_DEFAULT(limits, streams_max);
    OR_DEFAULT(limits, connection_streams_max);
    OR_DEFAULT(limits, header_bytes_max);
    OR_DEFAULT(limits, request_bytes_max);
    OR_DEFAULT(limits, connection_request_bytes_max);
    OR_DEFAULT(limits, answer_bytes_max);
    OR_DEFAULT(limits, connection_answer_bytes_max);
    OR_DEFAULT(limits, control_frames_max);
    OR_DEFAULT(limits, greeting_ms);
}

/* ---- the pool of streams ---- */

struct http2_stream *server_take_stream(struct http2_server *server)
{
    struct http2_stream *stream = NULL;

    if (server->counters.streams >= server->limits.streams_max)
        return NULL;
    if (!list_alone(&server->free_streams)) {
        stream = list_owner(server->free_streams.previous, struct http2_stream, link);
        list_remove(&stream->link);
        server->free_stream_count--;
    } else {
        stream = calloc(1, server->handler->stream_bytes);
        if (stream == NULL)
            return NULL;
        stream->handler = server->handler;
        list_init(&stream->link);
        list_init(&stream->ready_link);
    }
    server->counters.streams++;
    stream->refs = 1;
    stream->complete = false;
    stream->answered = false;
    stream->in_parts = false;
    stream->paused = false;
    stream->begun = false;
    stream->idle = false;
    stream->wants_room = false;
    stream->header_bytes = 0;
    stream->unconsumed = 0;
    stream->out_sent = 0;
    return stream;
}

static void free_stream(struct http2_stream *stream)
{
    byte_buffer_release(&stream->in);
    byte_buffer_release(&stream->out);
    free(stream);
}

void server_give_stream(struct http2_server *server, struct http2_stream *stream)
{
    assert(stream->connection == NULL);
    assert(server->counters.streams > 0);
    server->counters.streams--;
    server->releases++;
    if (server->free_stream_count >= FREE_STREAMS_MAX) {
        free_stream(stream);
        return;
    }
    byte_buffer_reset(&stream->in, KEPT_BYTES_MAX);
    byte_buffer_reset(&stream->out, KEPT_BYTES_MAX);
    list_append(&server->free_streams, &stream->link);
    server->free_stream_count++;
}

/* ---- the flush ---- */

/* That the handle is active is all that is wanted of it: the loop then polls without sleeping. */
static void on_idle(uv_idle_t *idle)
{
    assert(idle->data != NULL);
}

void server_note_dirty(struct http2_server *server, struct http2_connection *connection)
{
    if (connection->closing)
        return;
    list_remove(&connection->turn_link);
    if (list_alone(&server->dirty))
        uv_idle_start(&server->awake, on_idle);
    list_append(&server->dirty, &connection->turn_link);
}

void server_note_stalled(struct http2_server *server, struct http2_connection *connection)
{
    assert(!connection->closing);
    list_remove(&connection->turn_link);
    list_append(&server->stalled, &connection->turn_link);
}

/* Whether who found no room may find some now: something is done with since then, or it is a while
 * ago. To ask may itself wake the loop, so to ask at each turn would be to ask for ever. */
static bool may_find_room(struct http2_server *server)
{
    uint64_t now_ms = uv_now(server->loop);

    if (server->releases == server->releases_then && now_ms - server->asked_ms < HTTP2_STALLED_MS)
        return false;
    server->releases_then = server->releases;
    server->asked_ms = now_ms;
    return true;
}

void http2_flush(struct http2_server *server)
{
    struct list_link turn;

    list_init(&turn);
    list_move_all(&turn, &server->dirty);
    if (may_find_room(server))
        list_move_all(&turn, &server->stalled);
    uv_idle_stop(&server->awake);
    while (!list_alone(&turn))
        connection_flush(list_owner(turn.next, struct http2_connection, turn_link));
}

static void on_prepare(uv_prepare_t *prepare)
{
    http2_flush(prepare->data);
}

/* ---- the port ---- */

static const char NO_HTTP1[] = "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 28\r\n\r\n"
                               "This port speaks HTTP/2 only";

static void part_gone(struct http2_server *server)
{
    assert(server->parts > 0);
    if (--server->parts == 0)
        server->closed(server->closed_context);
}

static uint32_t count_connections(void *context)
{
    struct http2_server *server = context;
    uint32_t others = server->http1 != NULL ? http1_connections(server->http1) : 0;

    return server->counters.connections + others;
}

static void on_dropped_closed(uv_handle_t *handle)
{
    struct http2_server *server = handle->data;

    free(handle);
    server_connection_gone(server);
}

/* Closes what the port has handed on, and nobody can take. */
void server_drop(struct http2_server *server, uv_tcp_t *tcp)
{
    server->counters.connections++;
    tcp->data = server;
    uv_close((uv_handle_t *)tcp, on_dropped_closed);
}

/* Somebody speaks HTTP/1, or no HTTP at all, and nobody here does. */
static void refuse_http1(struct http2_server *server, uv_tcp_t *tcp, uint8_t first_byte)
{
    uv_buf_t answer = uv_buf_init((char *)(uintptr_t)NO_HTTP1, sizeof(NO_HTTP1) - 1);

    server->counters.broken++;
    if (first_byte >= 'A' && first_byte <= 'Z')
        uv_try_write((uv_stream_t *)tcp, &answer, 1);
    server_drop(server, tcp);
}

static void take_connection(void *context, uv_tcp_t *tcp, bool is_http2, const uint8_t *bytes,
                            size_t size)
{
    struct http2_server *server = context;

    assert(!server->closing);
    if (is_http2)
        connection_adopt(server, tcp, bytes, size);
    else if (server->http1 != NULL)
        http1_adopt(server->http1, tcp, bytes, size);
    else
        refuse_http1(server, tcp, bytes[0]);
}

int http2_listen(struct http2_server *server, const char *host, uint16_t port, uint16_t *ret_port)
{
    return http_port_listen(&server->port, host, port, ret_port);
}

/* ---- opening and closing ---- */

static void free_server(struct http2_server *server)
{
    assert(server->counters.streams == 0);
    while (!list_alone(&server->free_streams)) {
        struct http2_stream *stream = list_owner(server->free_streams.next, struct http2_stream,
                                                 link);

        list_remove(&stream->link);
        free_stream(stream);
    }
    nghttp2_session_callbacks_del(server->callbacks);
    nghttp2_option_del(server->option);
    pool_memory_release(&server->memory);
    free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    part_gone(handle->data);
}

static void on_part_closed(void *context)
{
    part_gone(context);
}

void http2_free(struct http2_server *server)
{
    assert(server->parts == 0);
    free_server(server);
}

/* With the last connection of a closing server go its handles. */
void server_connection_gone(struct http2_server *server)
{
    assert(server->counters.connections > 0);
    if (--server->counters.connections > 0 || !server->closing)
        return;
    uv_close((uv_handle_t *)&server->flush, on_handle_closed);
    uv_close((uv_handle_t *)&server->awake, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
}

static void close_all(struct list_link *connections)
{
    struct list_link *next;

    for (struct list_link *link = connections->next; link != connections; link = next) {
        next = link->next;
        connection_close(list_owner(link, struct http2_connection, link));
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct http2_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);

    if (server->closing && now_ms >= server->grace_until_ms) {
        close_all(&server->newcomers);
        close_all(&server->connections);
        return;
    }
    for (struct list_link *link = server->newcomers.next; link != &server->newcomers;
         link = link->next) {
        struct http2_connection *connection = list_owner(link, struct http2_connection, link);

        if (now_ms - connection->accepted_ms < server->limits.greeting_ms)
            break;
        connection_close(connection);
    }
}

static int init_nghttp2(struct http2_server *server)
{
    if (nghttp2_session_callbacks_new(&server->callbacks) != 0 ||
        nghttp2_option_new(&server->option) != 0 ||
        pool_memory_init(&server->memory, POOL_BYTES_MAX) != 0)
        return DECREE_NOMEM;
    stream_set_callbacks(server->callbacks);
    nghttp2_option_set_no_closed_streams(server->option, 1);
    nghttp2_option_set_no_auto_window_update(server->option, 1);
    /* nghttp2 would refuse the authority that etcdctl sends, which is a whole URL, and check the
     * bytes of headers that nobody reads. What matters of a request the calls check themselves. */
    nghttp2_option_set_no_http_messaging(server->option, 1);
    return 0;
}

/* These calls of libuv cannot fail on a handle of their own. */
static void init_handles(struct http2_server *server)
{
    uv_prepare_init(server->loop, &server->flush);
    uv_idle_init(server->loop, &server->awake);
    uv_timer_init(server->loop, &server->timer);
    server->flush.data = server;
    server->awake.data = server;
    server->timer.data = server;
    server->parts = 3;
    uv_prepare_start(&server->flush, on_prepare);
    uv_timer_start(&server->timer, on_timer, TIMER_MS, TIMER_MS);
}

int http2_open(struct http2_server **ret_server, uv_loop_t *loop,
               const struct http2_handler *handler, struct http1_server *http1,
               const struct http2_limits *limits, const struct logger *logger)
{
    struct http2_server *server = calloc(1, sizeof(*server));
    struct http_port_sink sink = {server, count_connections, take_connection};

    if (server == NULL)
        return DECREE_NOMEM;
    assert(handler->stream_bytes >= sizeof(struct http2_stream));
    server->loop = loop;
    server->handler = handler;
    server->http1 = http1;
    server->logger = logger;
    if (limits != NULL)
        server->limits = *limits;
    fill_limits(&server->limits);
    list_init(&server->newcomers);
    list_init(&server->connections);
    list_init(&server->dirty);
    list_init(&server->stalled);
    list_init(&server->free_streams);
    if (init_nghttp2(server) != 0) {
        free_server(server);
        return DECREE_NOMEM;
    }
    http_port_init(&server->port, loop, &sink, logger, server->limits.connections_max,
                   server->limits.greeting_ms);
    init_handles(server);
    *ret_server = server;
    return 0;
}

void http2_close(struct http2_server *server, uint32_t grace_ms, void (*closed)(void *context),
                 void *context)
{
    assert(!server->closing);
    server->closing = true;
    server->closed = closed;
    server->closed_context = context;
    server->grace_until_ms = uv_now(server->loop) + grace_ms;
    server->parts += server->http1 != NULL ? 2 : 1;
    http_port_close(&server->port, on_part_closed, server);
    if (server->http1 != NULL)
        http1_close(server->http1, grace_ms, on_part_closed, server);
    uv_timer_start(&server->timer, on_timer, grace_ms, 50);
    for (struct list_link *link = server->newcomers.next; link != &server->newcomers;
         link = link->next)
        connection_go_away(list_owner(link, struct http2_connection, link));
    for (struct list_link *link = server->connections.next; link != &server->connections;
         link = link->next)
        connection_go_away(list_owner(link, struct http2_connection, link));
    server->counters.connections++;
    server_connection_gone(server);
}

void http2_counters(const struct http2_server *server, struct http2_counters *ret_counters)
{
    *ret_counters = server->counters;
    ret_counters->accepted = server->port.accepted;
    ret_counters->refused = server->port.refused;
    ret_counters->connections += http_port_newcomers(&server->port);
}
