/* SPDX-License-Identifier: MIT */
/* call_server.c -- the port of a member that talks by calls. It takes calls of both kinds, HTTP/1.1
 * with JSON and gRPC, whichever the member itself makes.
 */
#include <assert.h>

#include "call_parts.h"
#include "grpc.h"

#define REQUESTS_BYTES_MAX ((size_t)256 << 20) /* bodies kept, of all connections */
#define CONNECTIONS_MAX 512u /* members have one each; the rest is for who looks */
#define IDLE_MS 30000u       /* then a connection over HTTP/1.1 ends; a member dials again */
#define HOST_TEXT_BYTES 64u

static bool admit_all(struct grpc_call *call)
{
    assert(call->method != NULL);
    return true;
}

static int open_http1(struct call_transport *transport)
{
    struct http1_limits limits = {.connections_max = CONNECTIONS_MAX,
                                  .idle_ms = IDLE_MS,
                                  .body_bytes_max = transport->config.message_bytes_max,
                                  .request_bytes_max = REQUESTS_BYTES_MAX};
    struct http1_options options = {.context = transport,
                                    .routes = http_inbound_routes,
                                    .limits = &limits,
                                    .logger = transport->config.logger};

    return http1_open(&transport->http1, transport->loop, &options);
}

static int open_grpc(struct call_transport *transport)
{
    struct http2_limits limits = {.connections_max = CONNECTIONS_MAX,
                                  .request_bytes_max = REQUESTS_BYTES_MAX,
                                  .connection_request_bytes_max = REQUESTS_BYTES_MAX};
    struct grpc_options options = {.context = transport,
                                   .services = grpc_inbound_services,
                                   .routes = grpc_inbound_routes,
                                   .admit = admit_all,
                                   .limits = &limits,
                                   .http1 = transport->http1,
                                   .logger = transport->config.logger,
                                   .message_bytes_max = transport->config.message_bytes_max};

    return grpc_open(&transport->grpc, transport->loop, &options);
}

int call_server_open(struct call_transport *transport, char *sentence)
{
    char host[HOST_TEXT_BYTES];
    int error = open_http1(transport);

    if (error == 0)
        error = open_grpc(transport);
    if (error == 0)
        error = call_listen_address(transport, host, sentence);
    if (error != 0)
        return error;
    error = grpc_listen(transport->grpc, host, transport->config.listen_port, &transport->port);
    return error == 0 ? 0 : call_listen_failed(transport, error, sentence);
}

static void on_closed(void *context)
{
    struct call_transport *transport = context;

    if (transport->grpc != NULL)
        grpc_free(transport->grpc);
    http1_free(transport->http1);
    transport->grpc = NULL;
    transport->http1 = NULL;
    call_let_go(transport);
}

void call_server_close(struct call_transport *transport)
{
    if (transport->http1 == NULL)
        return;
    call_hold(transport);
    if (transport->grpc != NULL) /* which closes the other */
        grpc_close(transport->grpc, 0, on_closed, transport);
    else
        http1_close(transport->http1, 0, on_closed, transport);
}
