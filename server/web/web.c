/* SPDX-License-Identifier: MIT */
/* web.c -- see web.h. */
#include "web.h"

#include <stdio.h>

#include "health.h"
#include "metrics.h"
#include "services.h"

#define BODY_BYTES_MIN (4u << 20)
#define BODY_OVERHEAD_BYTES ((size_t)1 << 20)

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

static const struct http1_route METRICS_ROUTES[] = {
    {"GET", "/health", health}, {"GET", "/livez", livez},     {"GET", "/livez/*", livez},
    {"GET", "/readyz", readyz}, {"GET", "/readyz/*", readyz}, {"GET", "/metrics", metrics},
    {NULL, NULL, NULL},
};

static unsigned admit(struct http1_call *call, const char **ret_text)
{
    const struct web *web = http1_context(call);

    return web_access_admit(&web->access, call, ret_text);
}

/* In JSON a request is a third larger, and has some more around it. */
static uint32_t body_bytes_max(size_t request_bytes_max)
{
    size_t bytes = request_bytes_max + request_bytes_max / 2 + BODY_OVERHEAD_BYTES;

    return bytes > BODY_BYTES_MIN ? (uint32_t)bytes : BODY_BYTES_MIN;
}

int web_open(struct web *web, uv_loop_t *loop, const struct etcd_front_options *options)
{
    struct http1_limits limits = {.body_bytes_max = body_bytes_max(options->request_bytes_max)};
    struct http1_options http1 = {.context = web,
                                  .routes = ROUTES,
                                  .limits = &limits,
                                  .logger = options->logger,
                                  .admit = admit};
    int error = web_access_open(&web->access, options->cors, options->host_whitelist);

    web->backend = options->backend;
    web->loop = loop;
    web->logger = options->logger;
    if (error != 0)
        return error;
    error = http1_open(&web->http1, loop, &http1);
    if (error != 0)
        web_access_release(&web->access);
    return error;
}

int web_listen_metrics(struct web *web, const char *host, uint16_t port, uint16_t *ret_port)
{
    struct http1_options http1 = {.context = web, .routes = METRICS_ROUTES, .logger = web->logger};

    if (web->metrics == NULL && http1_open(&web->metrics, web->loop, &http1) != 0)
        return UV_ENOMEM;
    return http1_listen(web->metrics, host, port, ret_port);
}

void web_serve(struct web *web, struct grpc_server *grpc, struct watch_hub *watch_hub)
{
    web->grpc = grpc;
    web->watch_hub = watch_hub;
    gateway_init(&web->gateway, grpc);
}

void web_release(struct web *web)
{
    http1_free(web->http1);
    if (web->metrics != NULL)
        http1_free(web->metrics);
    gateway_release(&web->gateway);
    metrics_grpc_release(&web->calls);
    web_access_release(&web->access);
}
