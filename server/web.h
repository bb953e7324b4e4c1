/* SPDX-License-Identifier: MIT */
/* web.h -- what the client port says in HTTP/1.1, beside gRPC.
 *
 *     POST /v3/...   /v3beta/...   the API as JSON            gateway.h
 *     GET  /version                what is spoken here
 *     GET  /health /livez /readyz  whether this member can do its work     health.h
 *     GET  /metrics                what it counts, for Prometheus          metrics.h
 */
#ifndef DECREE_SERVER_WEB_H
#define DECREE_SERVER_WEB_H

#include "backend.h"
#include "gateway.h"

struct web {
    struct backend *backend; /* borrowed */
    struct grpc_server *grpc;
    struct http1_server *http1;
    struct gateway gateway;
};

/* Opens the HTTP/1.1 server that grpc_options.http1 gets. Errors: NOMEM. */
int web_open(struct web *web, uv_loop_t *loop, struct backend *backend,
             const struct logger *logger);

/* The server whose methods are asked; before anybody connects. */
void web_serve(struct web *web, struct grpc_server *grpc);

/* After web->http1 was closed, by itself or with the gRPC server. */
void web_release(struct web *web);

#endif
