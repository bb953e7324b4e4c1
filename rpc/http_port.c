/* SPDX-License-Identifier: MIT */
/* http_port.c -- see http_port.h. */
#include "http_port.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#define LISTEN_BACKLOG 4096
#define TIMER_MS 1000u
#define KEEPALIVE_SECONDS 30u
#define SNIFFED_BYTES 4u

static const char PREFACE[SNIFFED_BYTES + 1] = "PRI ";

struct newcomer {
    uv_tcp_t tcp; /* first: who takes the connection frees it by this */
    struct http_port *port;
    struct list_link link;
    uint64_t accepted_ms;
    size_t size; /* bytes that came and could still become the preface's first */
};

static struct newcomer *newcomer_of(void *handle)
{
    struct newcomer *newcomer = (struct newcomer *)handle;

    assert(newcomer->port != NULL);
    return newcomer;
}

static void leave(struct newcomer *newcomer)
{
    assert(newcomer->port->newcomer_count > 0);
    list_remove(&newcomer->link);
    newcomer->port->newcomer_count--;
}

static void handle_gone(struct http_port *port)
{
    assert(port->handles > 0);
    if (--port->handles == 0)
        port->closed(port->closed_context);
}

static void on_newcomer_closed(uv_handle_t *handle)
{
    struct newcomer *newcomer = newcomer_of(handle);
    struct http_port *port = newcomer->port;

    free(newcomer);
    handle_gone(port);
}

static void drop(struct newcomer *newcomer)
{
    leave(newcomer);
    uv_close((uv_handle_t *)&newcomer->tcp, on_newcomer_closed);
}

/* ---- the first bytes ---- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct newcomer *newcomer = newcomer_of(handle);
    struct http_port *port = newcomer->port;

    (void)suggested;
    *ret_buffer = uv_buf_init((char *)port->read_bytes + newcomer->size,
                              (unsigned)(sizeof(port->read_bytes) - newcomer->size));
}

/* All that has come is in the port's buffer again: what came before was like the preface. */
static void hand_on(struct newcomer *newcomer, size_t size, bool is_http2)
{
    struct http_port *port = newcomer->port;

    leave(newcomer);
    port->handles--;
    uv_read_stop((uv_stream_t *)&newcomer->tcp);
    port->sink.take(port->sink.context, &newcomer->tcp, is_http2, port->read_bytes, size);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct newcomer *newcomer = newcomer_of(stream);
    struct http_port *port = newcomer->port;
    size_t size = newcomer->size + (count > 0 ? (size_t)count : 0);
    size_t sniffed = size < SNIFFED_BYTES ? size : SNIFFED_BYTES;

    (void)buffer;
    if (count == 0)
        return;
    if (count < 0) {
        drop(newcomer);
        return;
    }
    memcpy(port->read_bytes, PREFACE, newcomer->size);
    if (memcmp(port->read_bytes, PREFACE, sniffed) != 0)
        hand_on(newcomer, size, false);
    else if (sniffed == SNIFFED_BYTES)
        hand_on(newcomer, size, true);
    else
        newcomer->size = size;
}

/* ---- accepting ---- */

/* One line for the first, the second, the fourth: a flood of connections is not a flood of
 * lines. */
static void note_refused(struct http_port *port)
{
    uint64_t refused = ++port->refused;

    if ((refused & (refused - 1)) == 0)
        log_warn(port->logger, "client_refused", "connections=%u refused=%" PRIu64,
                 port->sink.connections(port->sink.context) + port->newcomer_count, refused);
}

/* Takes the next connection of the listener; one over the limit is closed. */
static int accept_one(struct http_port_listener *listener)
{
    struct http_port *port = listener->port;
    struct newcomer *newcomer = calloc(1, sizeof(*newcomer));

    if (newcomer == NULL)
        return DECREE_NOMEM;
    newcomer->port = port;
    newcomer->accepted_ms = uv_now(port->loop);
    list_init(&newcomer->link);
    if (uv_tcp_init(port->loop, &newcomer->tcp) != 0) {
        free(newcomer);
        return DECREE_NOMEM;
    }
    list_append(&port->newcomers, &newcomer->link);
    port->newcomer_count++;
    port->handles++;
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&newcomer->tcp) != 0 ||
        port->sink.connections(port->sink.context) + port->newcomer_count > port->connections_max ||
        uv_read_start((uv_stream_t *)&newcomer->tcp, on_room, on_read) != 0) {
        drop(newcomer);
        return DECREE_FULL;
    }
    uv_tcp_nodelay(&newcomer->tcp, 1);
    uv_tcp_keepalive(&newcomer->tcp, 1, KEEPALIVE_SECONDS);
    return 0;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct http_port_listener *listener = stream->data;
    struct http_port *port = listener->port;
    int error;

    if (status != 0) {
        log_warn(port->logger, "accept_failed", "reason=\"%s\"", uv_strerror(status));
        return;
    }
    port->accepted++;
    error = accept_one(listener);
    /* Until it is taken, libuv tells of no other one: the timer tries again. */
    listener->owes_accept = error == DECREE_NOMEM;
    if (error != 0)
        note_refused(port);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_port *port = timer->data;
    uint64_t now_ms = uv_now(port->loop);

    for (size_t i = 0; i < port->listener_count; i++)
        if (port->listeners[i].owes_accept)
            port->listeners[i].owes_accept = accept_one(&port->listeners[i]) == DECREE_NOMEM;
    while (!list_alone(&port->newcomers)) {
        struct newcomer *oldest = list_owner(port->newcomers.next, struct newcomer, link);

        if (now_ms - oldest->accepted_ms < port->greeting_ms)
            return;
        drop(oldest);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_port_listener *listener = handle->data;

    handle_gone(listener->port);
}

static int listen_on(struct http_port_listener *listener, const char *host, uint16_t number,
                     uint16_t *ret_number)
{
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    int error = uv_ip4_addr(host, number, (struct sockaddr_in *)&address);

    if (error != 0)
        error = uv_ip6_addr(host, number, (struct sockaddr_in6 *)&address);
    if (error == 0)
        error = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&address, 0);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&listener->tcp, LISTEN_BACKLOG, on_connection);
    if (error == 0)
        error = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&address, &size);
    if (error == 0)
        *ret_number = ntohs(address.ss_family == AF_INET
                                ? ((struct sockaddr_in *)&address)->sin_port
                                : ((struct sockaddr_in6 *)&address)->sin6_port);
    return error;
}

/* A listener that failed stays in its place until all are closed. */
int http_port_listen(struct http_port *port, const char *host, uint16_t number,
                     uint16_t *ret_number)
{
    struct http_port_listener *listener = &port->listeners[port->listener_count];

    assert(!port->closing);
    if (port->listener_count == HTTP_PORT_LISTENERS_MAX)
        return UV_EMFILE;
    if (uv_tcp_init(port->loop, &listener->tcp) != 0)
        return UV_ENOMEM;
    listener->port = port;
    listener->tcp.data = listener;
    port->listener_count++;
    port->handles++;
    if (!uv_is_active((uv_handle_t *)&port->timer))
        uv_timer_start(&port->timer, on_timer, TIMER_MS, TIMER_MS);
    return listen_on(listener, host, number, ret_number);
}

/* ---- opening and closing ---- */

void http_port_init(struct http_port *port, uv_loop_t *loop, const struct http_port_sink *sink,
                    const struct logger *logger, uint32_t connections_max, uint32_t greeting_ms)
{
    assert(sink->take != NULL);
    port->loop = loop;
    port->sink = *sink;
    port->logger = logger;
    port->connections_max = connections_max;
    port->greeting_ms = greeting_ms;
    list_init(&port->newcomers);
    uv_timer_init(loop, &port->timer);
    port->timer.data = port;
    port->handles = 1;
}

void http_port_close(struct http_port *port, void (*closed)(void *context), void *context)
{
    assert(!port->closing);
    port->closing = true;
    port->closed = closed;
    port->closed_context = context;
    for (size_t i = 0; i < port->listener_count; i++)
        uv_close((uv_handle_t *)&port->listeners[i].tcp, on_listener_closed);
    uv_close((uv_handle_t *)&port->timer, on_handle_closed);
    while (!list_alone(&port->newcomers))
        drop(list_owner(port->newcomers.next, struct newcomer, link));
}

uint32_t http_port_newcomers(const struct http_port *port)
{
    return port->newcomer_count;
}
