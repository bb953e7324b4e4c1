/* SPDX-License-Identifier: MIT */
/* log_service.h -- the ordered log for programs and people: lines over TCP, see
 * docs/log-protocol.md.
 *
 *     lines --> session: a queue of requests --> proposals to the engine, at once
 *     lines <-- answers, in the order of the requests <-- what was decided
 *
 * A session is a connection. Its proposals and reads are under way together; its answers come in
 * the order in which it asked, each when those before it are out. Everything is bounded: requests
 * of a session by count, answers by what is unread, proposals by the engine, which when it is full
 * makes the sessions wait and be served in turn.
 */
#ifndef DECREE_SERVER_LOG_SERVICE_H
#define DECREE_SERVER_LOG_SERVICE_H

#include "log_backend.h"
#include "logger.h"

struct log_service;

/* backend and logger are borrowed; logger may be NULL. Errors: NOMEM. */
int log_service_open(struct log_service **ret_service, uv_loop_t *loop, struct log_backend *backend,
                     const struct logger *logger);

/* As line_server_listen(). Errors: libuv's. */
int log_service_listen(struct log_service *service, const char *host, uint16_t port,
                       uint16_t *ret_port);

/* After each turn of the node: answers what is decided, offers again what found no room, writes. */
void log_service_flush(struct log_service *service);

/* Takes no more requests. drained(context) is called once from log_service_flush(), when nothing is
 * under way any more, perhaps from inside this call. */
void log_service_drain(struct log_service *service, void (*drained)(void *context), void *context);

/* Closes all connections; closed(context) is called, from the loop, when the service is gone. To
 * be called when the node has completed everything, with LOST if need be: when it is closed, or was
 * never opened. */
void log_service_close(struct log_service *service, void (*closed)(void *context), void *context);

#endif
