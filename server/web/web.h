/* SPDX-License-Identifier: MIT */
/* web.h -- what the client port says in HTTP/1.1, beside gRPC.
 *
 *     POST /v3/...   /v3beta/...   the API as JSON            gateway.h
 *     GET  /version                what is spoken here
 *     GET  /health /livez /readyz  whether this member can do its work     health.h
 *     GET  /metrics                what it counts, for Prometheus          metrics.h
 *
 * The last two may also be had at a port of their own.
 */
#ifndef DECREE_SERVER_WEB_H
#define DECREE_SERVER_WEB_H

#include "etcd_front.h"
#include "gateway.h"
#include "metrics.h"
#include "web_access.h"

struct watch_hub;

struct web {
    struct backend *backend; /* borrowed */
    struct grpc_server *grpc;
    struct http1_server *http1;
    struct http1_server *metrics; /* of the port for metrics; NULL: there is none */
    uv_loop_t *loop;
    const struct logger *logger;
    struct gateway gateway;
    struct watch_hub *watch_hub; /* borrowed */
    struct metrics_grpc calls;
    struct web_access access;
    uint64_t health_successes, health_failures;
};

/* Opens the HTTP/1.1 server that grpc_options.http1 gets. Errors: NOMEM, INVALID: one
 * of the origins is none. */
int web_open(struct web *web, uv_loop_t *loop, const struct etcd_front_options *options);

/* Where metrics are served beside; see http1_listen(). web->metrics is to be closed by the caller, with
 * the gRPC server, and then freed by web_release(). */
int web_listen_metrics(struct web *web, const char *host, uint16_t port, uint16_t *ret_port);

/* What is served: the server whose methods are asked, and the watches that are counted; before
 * anybody connects. */
void web_serve(struct web *web, struct grpc_server *grpc, struct watch_hub *watch_hub);

/* After web->http1 was closed, by itself or with the gRPC server. */
void web_release(struct web *web);

#endif
