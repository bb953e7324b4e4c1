/* SPDX-License-Identifier: MIT */
/* line_server.c -- the listener of a line server and what its connections share.
 *
 *     idle -> prepare: line_server_flush() -> sleep, then reads -> closing -> timers -> idle ...
 *
 * A connection with something to do is dirty. The flush gives each a turn; what becomes dirty
 * afterwards starts the idle handle, which keeps the loop from sleeping, so that the next flush
 * comes at once.
 */
#include <assert.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "line_inside.h"

#define LISTEN_BACKLOG 1024
#define TIMER_MS 500u

static const struct line_limits DEFAULTS = {
    .connections_max = 10000,
    .line_bytes_max = 64 * 1024,
    .unread_bytes_max = 1024 * 1024,
    .finish_ms = 10000,
};

/* Clients may not take the last descriptors: others of the process open files and connections. */
static uint32_t connections_possible(void)
{
    struct rlimit descriptors;

    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0 ||
        descriptors.rlim_cur / 2 > DEFAULTS.connections_max)
        return DEFAULTS.connections_max;
    return (uint32_t)(descriptors.rlim_cur / 2) + 1;
}

#define OR_DEFAULT(limits, name) \
    (limits)->name = (limits)->name != 0 ? (limits)->name : DEFAULTS.name

static void fill_limits(struct line_limits *limits)
{
    if (limits->connections_max == 0)
        limits->connections_max = connections_possible();
    OR_DEFAULT(limits, line_bytes_max);
    OR_DEFAULT(limits, unread_bytes_max);
    OR_DEFAULT(limits, finish_ms);
}

/* ---- the flush ---- */

/* That the handle is active is all that is wanted of it. */
static void on_idle(uv_idle_t *idle)
{
    assert(idle->data != NULL);
}

void line_server_note_dirty(struct line_server *server, struct line_connection *connection)
{
    if (connection->closing || connection->turning || !list_alone(&connection->dirty_link))
        return;
    if (list_alone(&server->dirty))
        uv_idle_start(&server->awake, on_idle);
    list_append(&server->dirty, &connection->dirty_link);
}

void line_server_flush(struct line_server *server)
{
    struct list_link turn;

    list_init(&turn);
    list_move_all(&turn, &server->dirty);
    if (!uv_is_closing((uv_handle_t *)&server->awake))
        uv_idle_stop(&server->awake);
    while (!list_alone(&turn)) {
        struct line_connection *connection = list_owner(turn.next, struct line_connection,
                                                        dirty_link);

        list_remove(&connection->dirty_link);
        line_connection_turn(connection);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    line_server_flush(prepare->data);
}

/* ---- who does not read his last answers, or is gone while he waits for one ---- */

static void on_timer(uv_timer_t *timer)
{
    struct line_server *server = timer->data;
    bool waiting = false;

    for (struct list_link *link = server->connections.next; link != &server->connections;
         link = link->next) {
        struct line_connection *connection = list_owner(link, struct line_connection, link);
        bool late = connection->finishing && uv_now(server->loop) >= connection->finish_at_ms;

        waiting = waiting || connection->finishing || connection->ended;
        if (late || (connection->ended && line_connection_is_gone(connection)))
            line_drop(connection);
    }
    if (!waiting)
        uv_timer_stop(timer);
}

void line_server_note_waiting(struct line_server *server)
{
    if (!server->closing && !uv_is_active((uv_handle_t *)&server->timer))
        uv_timer_start(&server->timer, on_timer, TIMER_MS, TIMER_MS);
}

/* ---- accepting ---- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct line_server *server = listener->data;
    int error = status == 0 ? line_connection_accept(server) : status;

    if (error == 0)
        return;
    /* One line for the first, the second, the fourth: a flood of connections is not one of lines. */
    server->turned_away++;
    if ((server->turned_away & (server->turned_away - 1)) == 0)
        log_warn(server->logger, "line_client_refused", "connections=%" PRIu32 " refused=%" PRIu64,
                 server->connection_count, server->turned_away);
}

/* The first address that the host has. */
static int find_address(struct line_server *server, const char *host, uint16_t port,
                        struct sockaddr_storage *ret_address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    uv_getaddrinfo_t request;
    int error = uv_getaddrinfo(server->loop, &request, NULL, host, NULL, &hints);

    if (error != 0)
        return error;
    assert(request.addrinfo->ai_addrlen <= sizeof(*ret_address));
    memcpy(ret_address, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    if (ret_address->ss_family == AF_INET)
        ((struct sockaddr_in *)ret_address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)ret_address)->sin6_port = htons(port);
    uv_freeaddrinfo(request.addrinfo);
    return 0;
}

int line_server_listen(struct line_server *server, const char *host, uint16_t port,
                       uint16_t *ret_port)
{
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    int error = find_address(server, host, port, &address);

    assert(!server->listening);
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

int line_server_open(struct line_server **ret_server, uv_loop_t *loop,
                     const struct line_handler *handler, const struct line_limits *limits,
                     const struct logger *logger)
{
    struct line_server *server = calloc(1, sizeof(*server));

    assert(handler->line != NULL);
    assert(handler->closed != NULL);
    if (server == NULL)
        return DECREE_NOMEM;
    server->loop = loop;
    server->handler = *handler;
    server->logger = logger;
    if (limits != NULL)
        server->limits = *limits;
    fill_limits(&server->limits);
    list_init(&server->connections);
    list_init(&server->dirty);
    uv_tcp_init(loop, &server->listener);
    uv_prepare_init(loop, &server->flush);
    uv_idle_init(loop, &server->awake);
    uv_timer_init(loop, &server->timer);
    server->listener.data = server->flush.data = server->awake.data = server->timer.data = server;
    server->handles = 4;
    uv_prepare_start(&server->flush, on_prepare);
    *ret_server = server;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct line_server *server = handle->data;
    void (*closed)(void *context) = server->closed;
    void *context = server->closed_context;

    assert(server->handles > 0);
    if (--server->handles > 0)
        return;
    free(server);
    closed(context);
}

void line_server_connection_gone(struct line_server *server)
{
    assert(server->connection_count > 0);
    if (--server->connection_count > 0 || !server->closing)
        return;
    uv_close((uv_handle_t *)&server->flush, on_handle_closed);
    uv_close((uv_handle_t *)&server->awake, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
}

void line_server_close(struct line_server *server, void (*closed)(void *context), void *context)
{
    assert(!server->closing);
    assert(closed != NULL);
    line_server_flush(server);
    server->closing = true;
    server->closed = closed;
    server->closed_context = context;
    uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    for (struct list_link *link = server->connections.next; link != &server->connections;
         link = link->next)
        line_drop(list_owner(link, struct line_connection, link));
    server->connection_count++; /* holds the rest until here, if there is no connection */
    line_server_connection_gone(server);
}
