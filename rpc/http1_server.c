/* SPDX-License-Identifier: MIT */
/* http1_server.c -- opens, finds routes, looks at the clock once a second, closes. */
#include "http1_connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#define TIMER_MS 1000u
#define CLOSING_TIMER_MS 50u
#define GREETING_MS 10000u

static const struct http1_limits DEFAULTS = {
    .connections_max = 20000,
    .header_bytes_max = 32 * 1024,
    .body_bytes_max = 4 * 1024 * 1024,
    .request_bytes_max = (size_t)256 * 1024 * 1024,
    .unsent_bytes_max = 1024 * 1024,
    .request_ms = 30000,
    .unread_ms = 30000,
    .idle_ms = 120000,
};

#define OR_DEFAULT(limits, name) \
    (limits)->name = (limits)->name != 0 ? (limits)->name : DEFAULTS.name

static void fill_limits(struct http1_limits *limits)
{
    OR_DEFAULT(limits, connections_max);
    OR_DEFAULT(limits, header_bytes_max);
    OR_DEFAULT(limits, body_bytes_max);
    OR_DEFAULT(limits, request_bytes_max);
    OR_DEFAULT(limits, unsent_bytes_max);
    OR_DEFAULT(limits, request_ms);
    OR_DEFAULT(limits, unread_ms);
    OR_DEFAULT(limits, idle_ms);
}

/* ---- routes ---- */

static bool path_fits(const char *pattern, const char *path)
{
    size_t size = strlen(pattern);

    if (size > 0 && pattern[size - 1] == '*')
        return strncmp(pattern, path, size - 1) == 0;
    return strcmp(pattern, path) == 0;
}

/* Who answers GET answers HEAD too. */
static bool method_fits(const char *wanted, const char *method)
{
    return wanted == NULL || strcmp(wanted, method) == 0 ||
           (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

const struct http1_route *http1_server_find_route(const struct http1_server *server,
                                                  const char *method, const char *path,
                                                  const char **ret_allowed)
{
    const struct http1_route *route = server->options.routes;

    *ret_allowed = NULL;
    for (; route->path != NULL; route++) {
        if (!path_fits(route->path, path))
            continue;
        if (method_fits(route->method, method))
            return route;
        *ret_allowed = route->method;
    }
    return NULL;
}

/* ---- the clock ---- */

static void look_at(struct http1_connection *connection, uint64_t now_ms)
{
    const struct http1_limits *limits = &connection->server->limits;
    uint64_t age_ms = now_ms - connection->since_ms;
    bool unread = http1_connection_unsent(connection) > 0;

    if (connection->closing)
        return;
    if (unread && now_ms - connection->progress_ms >= limits->unread_ms) {
        http1_connection_close(connection);
    } else if (connection->phase == HTTP1_LEAVING) {
        if (!unread && age_ms >= HTTP1_LINGER_MS)
            http1_connection_close(connection);
    } else if (connection->phase == HTTP1_READING && connection->begun) {
        if (age_ms < limits->request_ms)
            return;
        connection->wrong_status = 408;
        snprintf(connection->wrong, sizeof(connection->wrong),
                 "the request did not come whole within %u ms", limits->request_ms);
        http1_answer_wrong(connection);
    } else if (connection->phase == HTTP1_READING && !unread && age_ms >= limits->idle_ms) {
        http1_connection_close(connection);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct http1_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);
    bool over = server->closing && now_ms >= server->grace_until_ms;
    struct list_link *next;

    for (struct list_link *link = server->connections.next; link != &server->connections;
         link = next) {
        struct http1_connection *connection = list_owner(link, struct http1_connection, link);

        next = link->next;
        if (over)
            http1_connection_close(connection);
        else
            look_at(connection, now_ms);
    }
}

/* ---- opening and closing ---- */

static uint32_t count_connections(void *context)
{
    return ((const struct http1_server *)context)->connection_count;
}

static void take_connection(void *context, uv_tcp_t *tcp, bool is_http2, const uint8_t *bytes,
                            size_t size)
{
    (void)is_http2; /* the parser will say what is wrong with it */
    http1_adopt(context, tcp, bytes, size);
}

int http1_open(struct http1_server **ret_server, uv_loop_t *loop,
               const struct http1_options *options)
{
    struct http1_server *server = calloc(1, sizeof(*server));
    struct http_port_sink sink = {server, count_connections, take_connection};

    if (server == NULL)
        return DECREE_NOMEM;
    assert(options->routes != NULL);
    server->loop = loop;
    server->options = *options;
    if (options->limits != NULL)
        server->limits = *options->limits;
    fill_limits(&server->limits);
    list_init(&server->connections);
    http_port_init(&server->port, loop, &sink, options->logger, server->limits.connections_max,
                   GREETING_MS);
    uv_timer_init(loop, &server->timer);
    server->timer.data = server;
    server->parts = 2;
    *ret_server = server;
    return 0;
}

int http1_listen(struct http1_server *server, const char *host, uint16_t port, uint16_t *ret_port)
{
    return http_port_listen(&server->port, host, port, ret_port);
}

uint32_t http1_connections(const struct http1_server *server)
{
    return server->connection_count + http_port_newcomers(&server->port);
}

uint64_t http1_broken(const struct http1_server *server)
{
    return server->broken_count;
}

static void part_gone(struct http1_server *server)
{
    assert(server->parts > 0);
    if (--server->parts == 0)
        server->closed(server->closed_context);
}

static void on_part_closed(void *context)
{
    part_gone(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_gone(handle->data);
}

void http1_server_connection_came(struct http1_server *server)
{
    assert(!server->closing);
    if (server->connection_count++ == 0)
        uv_timer_start(&server->timer, on_timer, TIMER_MS, TIMER_MS);
}

/* With the last connection of a closing server goes its timer. */
void http1_server_connection_gone(struct http1_server *server)
{
    assert(server->connection_count > 0);
    if (--server->connection_count > 0)
        return;
    uv_timer_stop(&server->timer);
    if (server->closing)
        uv_close((uv_handle_t *)&server->timer, on_timer_closed);
}

void http1_close(struct http1_server *server, uint32_t grace_ms, void (*closed)(void *context),
                 void *context)
{
    struct list_link *next;

    assert(!server->closing);
    server->closing = true;
    server->closed = closed;
    server->closed_context = context;
    server->grace_until_ms = uv_now(server->loop) + grace_ms;
    http_port_close(&server->port, on_part_closed, server);
    uv_timer_start(&server->timer, on_timer, CLOSING_TIMER_MS, CLOSING_TIMER_MS);
    server->connection_count++;
    for (struct list_link *link = server->connections.next; link != &server->connections;
         link = next) {
        struct http1_connection *connection = list_owner(link, struct http1_connection, link);

        next = link->next;
        if (connection->phase == HTTP1_STREAMING ||
            (connection->phase == HTTP1_READING && !connection->begun &&
             http1_connection_unsent(connection) == 0))
            http1_connection_close(connection);
    }
    http1_server_connection_gone(server);
}

void http1_free(struct http1_server *server)
{
    assert(server->parts == 0);
    assert(server->request_bytes == 0);
    free(server);
}
