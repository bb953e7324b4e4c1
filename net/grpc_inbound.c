/* SPDX-License-Identifier: MIT */
/* grpc_inbound.c -- messages that come in as protobuf, over gRPC; see grpc_transport.h. */
#include "call_parts.h"
#include "grpc.h"

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
    struct call_transport *transport = grpc_context(call);
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
    const struct call_transport *transport = grpc_context(call);
    const struct value_source *source = transport->config.value;
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

const ProtobufCServiceDescriptor *const grpc_inbound_services[] = {
    &decree__v1__peer__descriptor, &decree__v1__synod__descriptor, NULL};

static const struct grpc_route peer_routes[] = {{"/decree.v1.Peer/Handle", on_handle}, {0}};
static const struct grpc_route synod_routes[] = {{"/decree.v1.Synod/GetValue", on_get_value}, {0}};

const struct grpc_route *const grpc_inbound_routes[] = {peer_routes, synod_routes, NULL};
