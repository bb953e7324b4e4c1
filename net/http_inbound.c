/* SPDX-License-Identifier: MIT */
/* http_inbound.c -- messages that come in as JSON, over HTTP/1.1; see http_transport.h. */
#include <stdio.h>

#include "call_parts.h"
#include "protobuf_json.h"

#define JSON_MEMORY_MAX ((size_t)256 << 20)

static unsigned status_of(enum call_fault fault)
{
    switch (fault) {
    case CALL_MALFORMED:
        return 400;
    case CALL_STRANGER:
        return 403;
    case CALL_ELSEWHERE:
        return 409;
    }
    return 500;
}

static void refuse(struct http1_call *call, unsigned status, const char *reason)
{
    struct call_transport *transport = http1_context(call);

    call_refused(transport, reason);
    http1_fail(call, status, reason);
}

/* Reads the message at index. Returns 0, or the status that it is refused with. */
static unsigned take_message(struct call_transport *transport,
                             const struct protobuf_json_document *document, size_t index,
                             struct peer_letter *ret_letter, char *reason)
{
    ProtobufCMessage *message;
    enum call_fault fault;
    int error = protobuf_json_message(&message, document, index, &decree__v1__message__descriptor,
                                      &transport->receiving, reason);

    if (error != 0)
        return error == DECREE_NOMEM ? 413 : 400;
    if (call_judge(transport, (const Decree__V1__Message *)message, ret_letter, &fault, reason))
        return 0;
    return status_of(fault);
}

/* All messages, or none. */
static void take_all(struct call_transport *transport, struct http1_call *call,
                     const struct protobuf_json_document *document)
{
    size_t count = protobuf_json_count(document), taken = 0;
    char reason[CALL_SENTENCE_BYTES] = "too many messages";
    struct peer_letter *letters = arena_alloc(&transport->receiving,
                                              (count + 1) * sizeof(*letters));
    unsigned status = letters == NULL ? 413 : 0;

    while (status == 0 && taken < count) {
        status = take_message(transport, document, taken, &letters[taken], reason);
        taken += status == 0;
    }
    for (size_t i = 0; i < taken; i++) {
        if (status == 0)
            call_deliver(transport, &letters[i]);
        else
            peer_proto_drop(&letters[i]);
    }
    if (status == 0)
        http1_answer(call, 200, "application/json", "{}", 2);
    else
        refuse(call, status, reason);
}

static void on_handle(struct http1_call *call)
{
    static const struct protobuf_json_limits limits = {.memory_max = JSON_MEMORY_MAX};
    struct call_transport *transport = http1_context(call);
    const struct http1_request *request = http1_request_of(call);
    struct protobuf_json_document *document;
    char reason[CALL_SENTENCE_BYTES];
    int error;

    error = protobuf_json_open(&document, (const char *)request->body, request->body_size, &limits,
                               reason);
    if (error != 0) {
        refuse(call, error == DECREE_INVALID ? 400 : 413, reason);
        return;
    }
    take_all(transport, call, document);
    protobuf_json_close(document);
    arena_reset(&transport->receiving);
}

static void on_value(struct http1_call *call)
{
    struct call_transport *transport = http1_context(call);
    const struct value_source *source = transport->config.value;
    const struct decree_value *value = source == NULL ? NULL : source->value(source->context);

    if (source == NULL)
        http1_fail(call, 404, "this node has no synod\n");
    else if (value == NULL)
        http1_fail(call, 503, "not chosen yet");
    else
        http1_answer(call, 200, "application/octet-stream", value->data, value->size);
}

const struct http1_route http_inbound_routes[] = {
    {"POST", "/handle", on_handle}, {"GET", "/value", on_value}, {0}};
