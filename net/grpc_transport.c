/* SPDX-License-Identifier: MIT */
/* grpc_transport.c -- messages as protobuf, over gRPC. */
#include "grpc_transport.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_parts.h"
#include "grpc.h"
#include "grpc_client.h"
#include "grpc_parse.h"

#define REQUESTS_BYTES_MAX ((size_t)256 << 20)
#define HOST_TEXT_BYTES 64u

struct grpc_transport {
    struct call_transport base; /* first: the two addresses are one */
    struct grpc_server *server;
};

struct grpc_message { /* a call under way */
    struct grpc_client_call call;
    struct call_link *link;
    struct parcel *parcel;
};

static struct grpc_transport *of(struct call_transport *transport)
{
    return (struct grpc_transport *)transport;
}

/* ---- out ---- */

/* With the prefix that gRPC wants. */
static int encode(struct call_transport *transport, const Decree__V1__Message *message,
                  struct parcel **ret_parcel)
{
    size_t size = protobuf_c_message_get_packed_size(&message->base);
    struct parcel *parcel;

    if (size > transport->config.message_bytes_max)
        return DECREE_TOO_LARGE;
    parcel = parcel_new(GRPC_PREFIX_BYTES + size);
    if (parcel == NULL)
        return DECREE_NOMEM;
    grpc_prefix_write(parcel->chunk->data, (uint32_t)size);
    (void)protobuf_c_message_pack(&message->base, parcel->chunk->data + GRPC_PREFIX_BYTES);
    *ret_parcel = parcel;
    return 0;
}

static void on_ready(void *context)
{
    call_link_ready(context);
}

static void on_closed(void *context, const char *reason)
{
    call_link_closed(context, strcmp(reason, uv_strerror(UV_ECONNREFUSED)) == 0, reason);
}

static bool dial(struct call_link *link)
{
    struct grpc_client_sink sink = {link, on_ready, on_closed};

    link->connection = grpc_client_open(link->transport->loop, &link->endpoint, &sink);
    return link->connection != NULL;
}

static void hang_up(struct call_link *link, const char *reason)
{
    grpc_client_close(link->connection, reason);
}

static void on_answered(struct grpc_client_call *call)
{
    struct grpc_message *message = call->context;
    struct call_link *link = message->link;
    struct reply reply = call->reply;
    char reason[CALL_SENTENCE_BYTES];
    uint64_t bytes = message->parcel->size;

    if (link->sending == message)
        link->sending = NULL;
    parcel_free(message->parcel);
    free(message);
    if (reply.code != GRPC_OK)
        (void)snprintf(reason, sizeof(reason), "%s: %.400s", grpc_status_name(reply.code),
                       reply.text);
    for (char *at = reason; reply.code != GRPC_OK && *at != '\0'; at++)
        *at = *at == '"' || (unsigned char)*at < 0x20 ? ' ' : *at;
    call_link_answered(link, bytes, 1, reply.code == GRPC_OK ? NULL : reason,
                       reply.http_status != 0);
    reply_release(&reply);
}

/* A message that is larger than what the other side has opened the window for is sent bit by bit;
 * until all of it is sent, no other is begun. */
static bool send_oldest(struct call_link *link)
{
    struct grpc_message *message = link->sending;

    if (message != NULL && message->call.body_sent < message->call.body_size)
        return false;
    message = calloc(1, sizeof(*message));
    if (message == NULL)
        return false;
    message->link = link;
    message->parcel = parcels_pop(&link->queue);
    message->call = (struct grpc_client_call){.path = "/decree.v1.Peer/Handle",
                                              .body = message->parcel->chunk->data,
                                              .body_size = message->parcel->size,
                                              .done = on_answered,
                                              .context = message};
    link->sending = message;
    call_link_called(link, message->parcel->size);
    grpc_client_start(link->connection, &message->call);
    return true;
}

/* ---- in ---- */

static enum grpc_status status_of(enum call_fault fault)
{
    switch (fault) {
    case CALL_MALFORMED:
        return GRPC_INVALID_ARGUMENT;
    case CALL_STRANGER:
        return GRPC_PERMISSION_DENIED;
    case CALL_ELSEWHERE:
        return GRPC_FAILED_PRECONDITION;
    }
    return GRPC_INTERNAL;
}

static int on_handle(struct grpc_call *call, const uint8_t *bytes, size_t size)
{
    static const Decree__V1__Empty nothing = DECREE__V1__EMPTY__INIT;
    struct grpc_transport *grpc = grpc_context(call);
    struct call_transport *transport = &grpc->base;
    char reason[CALL_SENTENCE_BYTES];
    struct peer_letter letter;
    ProtobufCMessage *message;
    enum call_fault fault;

    message = grpc_decode(call, &decree__v1__message__descriptor, bytes, size);
    if (message == NULL) {
        call_refused(transport, "not a message, or too costly");
        return 0;
    }
    if (call_judge(transport, (const Decree__V1__Message *)message, &letter, &fault, reason)) {
        call_deliver(transport, &letter);
        grpc_reply(call, &nothing.base);
    } else {
        call_refused(transport, reason);
        grpc_fail(call, status_of(fault), reason);
    }
    arena_reset(&transport->receiving);
    return 0;
}

static int on_get_value(struct grpc_call *call, const uint8_t *bytes, size_t size)
{
    struct grpc_transport *grpc = grpc_context(call);
    const struct value_source *source = grpc->base.config.value;
    const struct decree_value *value = source == NULL ? NULL : source->value(source->context);
    Decree__V1__ChosenValue chosen = DECREE__V1__CHOSEN_VALUE__INIT;

    (void)bytes; /* an Empty, whatever it has */
    (void)size;
    if (source == NULL) {
        grpc_fail(call, GRPC_UNIMPLEMENTED, "this node has no synod");
    } else if (value == NULL) {
        grpc_fail(call, GRPC_UNAVAILABLE, "not chosen yet");
    } else {
        chosen.value = (ProtobufCBinaryData){value->size, (uint8_t *)(uintptr_t)value->data};
        grpc_reply(call, &chosen.base);
    }
    return 0;
}

static bool admit_all(struct grpc_call *call)
{
    assert(call->method != NULL);
    return true;
}

/* ---- life ---- */

static void on_server_closed(void *context)
{
    struct grpc_transport *grpc = context;

    grpc_free(grpc->server);
    grpc->server = NULL;
    call_let_go(&grpc->base);
}

static void close_server(struct call_transport *transport)
{
    struct grpc_transport *grpc = of(transport);

    if (grpc->server == NULL)
        return;
    call_hold(transport);
    grpc_close(grpc->server, 0, on_server_closed, grpc);
}

static void release(struct call_transport *transport)
{
    struct grpc_transport *grpc = of(transport);

    assert(grpc->server == NULL);
    free(grpc);
}

static const struct call_wire grpc_wire = {.name = "grpc",
                                           .encode = encode,
                                           .dial = dial,
                                           .hang_up = hang_up,
                                           .send = send_oldest,
                                           .close_server = close_server,
                                           .release = release};

static int listen_on(struct grpc_transport *grpc, char *sentence)
{
    static const ProtobufCServiceDescriptor *const services[] = {
        &decree__v1__peer__descriptor, &decree__v1__synod__descriptor, NULL};
    static const struct grpc_route peer_routes[] = {{"/decree.v1.Peer/Handle", on_handle}, {0}};
    static const struct grpc_route synod_routes[] = {{"/decree.v1.Synod/GetValue", on_get_value},
                                                     {0}};
    static const struct grpc_route *const routes[] = {peer_routes, synod_routes, NULL};
    struct call_transport *transport = &grpc->base;
    struct http2_limits limits = {.request_bytes_max = REQUESTS_BYTES_MAX,
                                  .connection_request_bytes_max = REQUESTS_BYTES_MAX};
    struct grpc_options options = {.context = grpc,
                                   .services = services,
                                   .routes = routes,
                                   .admit = admit_all,
                                   .limits = &limits,
                                   .logger = transport->config.logger,
                                   .message_bytes_max = transport->config.message_bytes_max};
    char host[HOST_TEXT_BYTES];
    int error;

    error = grpc_open(&grpc->server, transport->loop, &options);
    if (error != 0)
        return error;
    error = call_listen_address(transport, host, sentence);
    if (error != 0)
        return error;
    error = grpc_listen(grpc->server, host, transport->config.listen_port, &transport->port);
    return error == 0 ? 0 : call_listen_failed(transport, error, sentence);
}

int grpc_transport_open(struct transport **ret_transport, uv_loop_t *loop,
                        const struct call_config *config, const struct transport_sink *sink,
                        char *sentence)
{
    struct grpc_transport *grpc = calloc(1, sizeof(*grpc));
    int error = grpc == NULL ? DECREE_NOMEM
                             : call_transport_init(&grpc->base, &grpc_wire, loop, config, sink);

    (void)snprintf(sentence, CALL_SENTENCE_BYTES, "out of memory");
    if (error != 0) {
        free(grpc);
        return error;
    }
    error = listen_on(grpc, sentence);
    if (error != 0) {
        call_abandon(&grpc->base);
        return error;
    }
    *ret_transport = &grpc->base.transport;
    return 0;
}
