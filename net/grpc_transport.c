/* SPDX-License-Identifier: MIT */
/* grpc_transport.c -- the way out as protobuf, over gRPC; the way in is grpc_inbound.c. */
#include "grpc_transport.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_parts.h"
#include "grpc_client.h"
#include "grpc_parse.h"

#define SMALL_BYTES_MAX 16384u /* of one frame of HTTP/2 */

struct grpc_message { /* a call under way */
    struct grpc_client_call call;
    struct call_link *link;
    struct parcel *parcel;
};

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

/* Small messages are begun one after the other, and HTTP/2 sends them in that order. The bytes of a
 * large one it would mix with those of others, so no other is begun until all of it is sent. */
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
    link->sending = message->parcel->size > SMALL_BYTES_MAX ? message : NULL;
    call_link_called(link, message->parcel->size);
    grpc_client_start(link->connection, &message->call);
    return true;
}

static void flush(struct call_link *link)
{
    grpc_client_flush(link->connection);
}

static const uv_tcp_t *socket_of(const struct call_link *link)
{
    return grpc_client_socket(link->connection);
}

static void release(struct call_transport *transport)
{
    assert(transport->grpc == NULL);
    free(transport);
}

static const struct call_wire grpc_wire = {.name = "grpc",
                                           .encode = encode,
                                           .dial = dial,
                                           .hang_up = hang_up,
                                           .send = send_oldest,
                                           .flush = flush,
                                           .socket = socket_of,
                                           .release = release};

int grpc_transport_open(struct transport **ret_transport, uv_loop_t *loop,
                        const struct call_config *config, const struct transport_sink *sink,
                        char *sentence)
{
    struct call_transport *grpc = calloc(1, sizeof(*grpc));
    int error = grpc == NULL ? DECREE_NOMEM
                             : call_transport_init(grpc, &grpc_wire, loop, config, sink);

    (void)snprintf(sentence, CALL_SENTENCE_BYTES, "out of memory");
    if (error != 0) {
        free(grpc);
        return error;
    }
    error = call_server_open(grpc, sentence);
    if (error != 0) {
        call_abandon(grpc);
        return error;
    }
    *ret_transport = &grpc->transport;
    return 0;
}
