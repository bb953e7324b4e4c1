/* SPDX-License-Identifier: MIT */
/* http2_server.c -- the listener and what all connections share: limits, the pool of streams, the
 * flush.
 *
 * A turn of the loop, and where this comes in:
 *
 *     timers -> idle -> prepare: http2_flush() -> sleep, then reads -> check -> closing -> timers ...
 *
 * What becomes dirty after the flush starts the idle handle, which keeps the loop from sleeping, so
 * that the next flush comes at once. Requests that found no room are offered again at each flush,
 * but nothing is kept awake for them: what makes room, a completion, wakes the loop itself.
 */
#include "http2_connection.h"

#include <assert.h>
#include <inttypes.h>

#include <decree/error.h>

#define LISTEN_BACKLOG 4096
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
    stream->header_bytes = 0;
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

void http2_flush(struct http2_server *server)
{
    struct list_link turn;

    list_init(&turn);
    list_move_all(&turn, &server->dirty);
    list_move_all(&turn, &server->stalled);
    uv_idle_stop(&server->awake);
    while (!list_alone(&turn))
        connection_flush(list_owner(turn.next, struct http2_connection, turn_link));
}

static void on_prepare(uv_prepare_t *prepare)
{
    http2_flush(prepare->data);
}

/* ---- accepting ---- */

/* One line for the first, the second, the fourth: a flood of connections is not a flood of
 * lines. */
static void note_refused(struct http2_server *server)
{
    uint64_t refused = ++server->counters.refused;

    if ((refused & (refused - 1)) == 0)
        log_warn(server->logger, "client_refused", "connections=%u refused=%" PRIu64,
                 server->counters.connections, refused);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http2_server *server = listener->data;
    int error;

    if (status != 0) {
        log_warn(server->logger, "accept_failed", "reason=\"%s\"", uv_strerror(status));
        return;
    }
    server->counters.accepted++;
    error = connection_accept(server);
    /* Until it is taken, libuv tells of no other one: the timer tries again. */
    server->owes_accept = error == DECREE_NOMEM;
    if (error != 0)
        note_refused(server);
}

int http2_listen(struct http2_server *server, const char *host, uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    int error = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);

    assert(!server->listening);
    if (error != 0)
        error = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address);
    if (error == 0)
        error = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&server->listener, LISTEN_BACKLOG, on_connection);
    if (error == 0)
        error = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size);
    if (error != 0)
        return error;
    server->listening = true;
    *ret_port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                   : ((struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
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
    struct http2_server *server = handle->data;

    assert(server->handles > 0);
    if (--server->handles == 0)
        server->closed(server->closed_context);
}

void http2_free(struct http2_server *server)
{
    assert(server->handles == 0);
    free_server(server);
}

/* The last connection of a closing server is gone. */
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
    if (server->owes_accept && !server->closing)
        server->owes_accept = connection_accept(server) == DECREE_NOMEM;
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
        nghttp2_option_new(&server->option) != 0)
        return DECREE_NOMEM;
    pool_memory_init(&server->memory, POOL_BYTES_MAX);
    stream_set_callbacks(server->callbacks);
    nghttp2_option_set_no_closed_streams(server->option, 1);
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
    server->listener.data = server;
    server->flush.data = server;
    server->awake.data = server;
    server->timer.data = server;
    server->handles = 4;
    uv_prepare_start(&server->flush, on_prepare);
    uv_timer_start(&server->timer, on_timer, TIMER_MS, TIMER_MS);
}

int http2_open(struct http2_server **ret_server, uv_loop_t *loop,
               const struct http2_handler *handler, const struct http2_limits *limits,
               const struct logger *logger)
{
    struct http2_server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return DECREE_NOMEM;
    assert(handler->stream_bytes >= sizeof(struct http2_stream));
    server->loop = loop;
    server->handler = handler;
    server->logger = logger;
    if (limits != NULL)
        server->limits = *limits;
    fill_limits(&server->limits);
    list_init(&server->newcomers);
    list_init(&server->connections);
    list_init(&server->dirty);
    list_init(&server->stalled);
    list_init(&server->free_streams);
    if (init_nghttp2(server) != 0 || uv_tcp_init(loop, &server->listener) != 0) {
        free_server(server);
        return DECREE_NOMEM;
    }
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
    uv_close((uv_handle_t *)&server->listener, on_handle_closed);
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
}
