/* SPDX-License-Identifier: MIT */
/* log_service.c -- the sessions together: who is to be answered, who waits, who found no room. */
#include <assert.h>

#include "log_service_inside.h"

#define RETRY_MS 20u

/* ---- connections ---- */

static void on_opened(void *context, struct line_connection *connection)
{
    struct log_service *service = context;
    struct log_session *session = log_session_new(service, connection);

    line_set_data(connection, session);
    if (session == NULL || service->draining)
        line_drop(connection);
}

static void on_line(void *context, struct line_connection *connection, const uint8_t *bytes,
                    size_t size)
{
    assert(context != NULL);
    log_gather_line(line_data(connection), bytes, size);
}

static void on_counted(void *context, struct line_connection *connection, const uint8_t *bytes,
                       size_t size)
{
    assert(context != NULL);
    log_gather_counted(line_data(connection), bytes, size);
}

static void on_too_long(void *context, struct line_connection *connection)
{
    assert(context != NULL);
    log_gather_too_long(line_data(connection));
}

static void on_ended(void *context, struct line_connection *connection)
{
    struct log_session *session = line_data(connection);

    assert(context != NULL);
    session->ended = true;
    log_session_advance(session);
}

static void on_drained(void *context, struct line_connection *connection)
{
    assert(context != NULL);
    log_session_advance(line_data(connection));
}

static void on_closed(void *context, struct line_connection *connection)
{
    assert(context != NULL);
    if (line_data(connection) != NULL)
        log_session_free(line_data(connection));
}

/* ---- the flush ---- */

/* To ask a full engine again at once would keep the loop awake for nothing. */
static void retry_stalled(struct log_service *service)
{
    service->room = false;
    while (!list_alone(&service->stalled)) {
        struct log_session *session = list_owner(service->stalled.next, struct log_session,
                                                 stalled_link);

        if (!log_session_retry(session))
            return;
    }
    uv_timer_stop(&service->retry);
}

static void on_retry(uv_timer_t *retry)
{
    struct log_service *service = retry->data;

    if (!service->draining)
        retry_stalled(service);
}

void log_service_note_stalled(struct log_service *service)
{
    if (!uv_is_active((uv_handle_t *)&service->retry))
        uv_timer_start(&service->retry, on_retry, RETRY_MS, RETRY_MS);
}

static void advance_all(struct list_link *sessions, bool parked)
{
    struct list_link turn;

    list_init(&turn);
    list_move_all(&turn, sessions);
    while (!list_alone(&turn)) {
        struct log_session *session = parked
                                          ? list_owner(turn.next, struct log_session, parked_link)
                                          : list_owner(turn.next, struct log_session, touched_link);

        log_session_advance(session); /* takes it off the list */
    }
}

static void check_drained(struct log_service *service)
{
    void (*drained)(void *context) = service->drained;

    if (!service->draining || drained == NULL || service->under_way > 0)
        return;
    service->drained = NULL;
    drained(service->drained_context);
}

void log_service_flush(struct log_service *service)
{
    uint64_t last = ordered_log_last(service->backend->items);

    if (service->room && !service->draining)
        retry_stalled(service);
    advance_all(&service->touched, false);
    if (last != service->last_seen)
        advance_all(&service->parked, true);
    service->last_seen = last;
    line_server_flush(service->server);
    check_drained(service);
}

/* ---- opening and closing ---- */

int log_service_open(struct log_service **ret_service, uv_loop_t *loop, struct log_backend *backend,
                     const struct logger *logger)
{
    struct log_service *service = calloc(1, sizeof(*service));
    struct line_handler handler = {service,     on_opened, on_line,    on_counted,
                                   on_too_long, on_ended,  on_drained, on_closed};
    struct line_limits limits = {.line_bytes_max = LOG_LINE_BYTES_MAX,
                                 .unread_bytes_max = LOG_UNREAD_BYTES_MAX};

    if (service == NULL)
        return DECREE_NOMEM;
    service->loop = loop;
    service->backend = backend;
    service->logger = logger;
    list_init(&service->sessions);
    list_init(&service->touched);
    list_init(&service->parked);
    list_init(&service->stalled);
    if (line_server_open(&service->server, loop, &handler, &limits, logger) != 0) {
        free(service);
        return DECREE_NOMEM;
    }
    uv_timer_init(loop, &service->retry);
    service->retry.data = service;
    *ret_service = service;
    return 0;
}

int log_service_listen(struct log_service *service, const char *host, uint16_t port,
                       uint16_t *ret_port)
{
    return line_server_listen(service->server, host, port, ret_port);
}

void log_service_drain(struct log_service *service, void (*drained)(void *context), void *context)
{
    assert(!service->draining);
    service->draining = true;
    service->drained = drained;
    service->drained_context = context;
    for (struct list_link *link = service->sessions.next; link != &service->sessions;
         link = link->next)
        line_pause(list_owner(link, struct log_session, link)->connection);
    check_drained(service);
}

static void on_retry_closed(uv_handle_t *retry)
{
    struct log_service *service = retry->data;
    void (*closed)(void *closed_context) = service->closed;
    void *closed_context = service->closed_context;

    assert(list_alone(&service->sessions));
    assert(service->under_way == 0);
    free(service);
    closed(closed_context);
}

static void on_server_closed(void *context)
{
    struct log_service *service = context;

    uv_close((uv_handle_t *)&service->retry, on_retry_closed);
}

void log_service_close(struct log_service *service, void (*closed)(void *context), void *context)
{
    service->draining = true;
    service->drained = NULL;
    service->closed = closed;
    service->closed_context = context;
    advance_all(&service->touched, false);
    line_server_close(service->server, on_server_closed, service);
}
