/* SPDX-License-Identifier: MIT */
/* rpc_server.c -- gRPC and HTTP/1.1 on one port, to be tried by programs and people.
 *
 *     rpc_server [grpc=0] [http1=0] [header=N] [body=N] [request=N] [unread=N] [idle=N] [unsent=N]
 *                [fail=N]
 *
 * Prints "listening on PORT"; ends well on SIGTERM. fail: of what is allocated while it serves, the
 * Nth allocation finds no memory. The other numbers are limits of struct http1_limits.
 */
#include "rpc_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 1000u

static unsigned long allocations_until_failure; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool fails(void)
{
    return allocations_until_failure > 0 && --allocations_until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

/* The number of the argument "name=number"; otherwise what it is without it. */
static unsigned long option(char **argv, const char *name, unsigned long without)
{
    size_t size = strlen(name);

    for (char **at = argv + 1; *at != NULL; at++)
        if (strncmp(*at, name, size) == 0 && (*at)[size] == '=')
            return strtoul(*at + size + 1, NULL, 10);
    return without;
}

static void on_closed(void *context)
{
    (void)context;
}

static void on_terminate(uv_signal_t *signal, int number)
{
    struct rpc_server *server = signal->data;

    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    if (server->grpc != NULL)
        grpc_close(server->grpc, server->grace_ms, on_closed, server);
    else
        http1_close(server->http1, server->grace_ms, on_closed, server);
}

static bool admit(struct grpc_call *call)
{
    (void)call;
    return true;
}

static int open_http1(struct rpc_server *server, char **argv)
{
    struct http1_limits limits = {
        .header_bytes_max = (uint32_t)option(argv, "header", 0),
        .body_bytes_max = (uint32_t)option(argv, "body", 0),
        .unsent_bytes_max = option(argv, "unsent", 0),
        .request_ms = (uint32_t)option(argv, "request", 0),
        .unread_ms = (uint32_t)option(argv, "unread", 0),
        .idle_ms = (uint32_t)option(argv, "idle", 0),
    };
    struct http1_options options = {
        .context = server, .routes = rpc_server_http1_routes, .limits = &limits};

    return http1_open(&server->http1, &server->loop, &options);
}

static int open_grpc(struct rpc_server *server)
{
    struct grpc_options options = {.context = server,
                                   .services = rpc_server_services,
                                   .routes = rpc_server_routes,
                                   .stream_routes = rpc_server_stream_routes,
                                   .request_timeout_ms = 1000,
                                   .admit = admit,
                                   .http1 = server->http1};

    return grpc_open(&server->grpc, &server->loop, &options);
}

static int listen_on(struct rpc_server *server)
{
    uint16_t port = 0;
    int error = server->grpc != NULL ? grpc_listen(server->grpc, "127.0.0.1", 0, &port)
                                     : http1_listen(server->http1, "127.0.0.1", 0, &port);

    printf("listening on %u\n", (unsigned)port);
    fflush(stdout);
    return error;
}

int main(int argc, char **argv)
{
    struct rpc_server *server = calloc(1, sizeof(*server));

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    server->grace_ms = (uint32_t)option(argv, "grace", GRACE_MS);
    uv_loop_init(&server->loop);
    if (option(argv, "http1", 1) != 0 && open_http1(server, argv) != 0)
        return 1;
    if (option(argv, "grpc", 1) != 0 && open_grpc(server) != 0)
        return 1;
    if (listen_on(server) != 0)
        return 1;
    uv_signal_init(&server->loop, &server->terminate);
    server->terminate.data = server;
    uv_signal_start(&server->terminate, on_terminate, SIGTERM);
    allocations_until_failure = option(argv, "fail", 0);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    if (server->grpc != NULL)
        grpc_free(server->grpc);
    if (server->http1 != NULL)
        http1_free(server->http1);
    if (uv_loop_close(&server->loop) != 0)
        return 1;
    free(server);
    return 0;
}
