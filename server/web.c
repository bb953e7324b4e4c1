/* SPDX-License-Identifier: MIT */
/* web.c -- see web.h. */
#include "web.h"

#include <stdio.h>

#include "health.h"
#include "metrics.h"
#include "services.h"

static void api(struct http1_call *call)
{
    struct web *web = http1_context(call);

    gateway_handle(&web->gateway, call);
}

static void version(struct http1_call *call)
{
    static const char TEXT[] = "{\"etcdserver\":\"" ETCD_VERSION
                               "\",\"etcdcluster\":\"" ETCD_VERSION "\",\"storage\":\"" ETCD_VERSION
                               "\"}";

    http1_answer(call, 200, "application/json", TEXT, sizeof(TEXT) - 1);
}

static const struct http1_route ROUTES[] = {
    {NULL, "/v3/*", api},       {NULL, "/v3beta/*", api},     {"GET", "/version", version},
    {"GET", "/health", health}, {"GET", "/livez", livez},     {"GET", "/livez/*", livez},
    {"GET", "/readyz", readyz}, {"GET", "/readyz/*", readyz}, {"GET", "/metrics", metrics},
    {NULL, NULL, NULL},
};

int web_open(struct web *web, uv_loop_t *loop, struct backend *backend, const struct logger *logger)
{
    struct http1_options options = {.context = web, .routes = ROUTES, .logger = logger};

    web->backend = backend;
    return http1_open(&web->http1, loop, &options);
}

void web_serve(struct web *web, struct grpc_server *grpc)
{
    web->grpc = grpc;
    gateway_init(&web->gateway, grpc);
}

void web_release(struct web *web)
{
    http1_free(web->http1);
    gateway_release(&web->gateway);
}
