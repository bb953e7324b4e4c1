/* SPDX-License-Identifier: MIT */
/* http_transport.c -- messages as JSON, over HTTP/1.1. */
#include "http_transport.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_parts.h"
#include "http1.h"
#include "http1_client.h"
#include "protobuf_json.h"

#define BATCH_BYTES_MAX (512u << 10) /* of a list; one message may be larger */
#define TEXT_KEPT_BYTES (512u << 10)
#define JSON_MEMORY_MAX ((size_t)256 << 20)
#define REQUESTS_BYTES_MAX ((size_t)256 << 20)
#define HOST_TEXT_BYTES 64u

struct http_transport {
    struct call_transport base; /* first: the two addresses are one */
    struct http1_server *server;
    struct byte_buffer text; /* what is being written */
};

struct http_post { /* a call under way */
    struct call_link *link;
    uint64_t bytes;
    uint32_t messages;
};

static struct http_transport *of(struct call_transport *transport)
{
    return (struct http_transport *)transport;
}

/* ---- out ---- */

static int encode(struct call_transport *transport, const Decree__V1__Message *message,
                  struct parcel **ret_parcel)
{
    struct byte_buffer *text = &of(transport)->text;
    struct parcel *parcel;

    byte_buffer_reset(text, TEXT_KEPT_BYTES);
    protobuf_json_write(text, &message->base);
    if (text->size > transport->config.message_bytes_max)
        return DECREE_TOO_LARGE;
    parcel = text->failed ? NULL : parcel_new(text->size);
    if (parcel == NULL)
        return DECREE_NOMEM;
    memcpy(parcel->chunk->data, text->data, text->size);
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
    struct http1_client_sink sink = {link, on_ready, on_closed};

    link->connection = http1_client_open(link->transport->loop, &link->endpoint, NULL, &sink);
    return link->connection != NULL;
}

static void hang_up(struct call_link *link, const char *reason)
{
    http1_client_close(link->connection, reason);
}

/* A reason that came from outside becomes one line without quotes. */
static void copy_reason(char *ret_text, size_t text_size, unsigned status, const uint8_t *body,
                        size_t size)
{
    size_t at = 0;

    if (status != 0) /* else the body is our own sentence */
        at = (size_t)snprintf(ret_text, text_size, "status %u: ", status);

    for (size_t i = 0; i < size && at + 1 < text_size; i++)
        ret_text[at++] = body[i] < 0x20 || body[i] == '"' || body[i] == 0x7f ? ' ' : (char)body[i];
    while (at > 0 && ret_text[at - 1] == ' ')
        at--;
    ret_text[at] = '\0';
}

/* Whether a member answers so. */
static bool is_members(unsigned status)
{
    return status == 200 || status == 400 || status == 403 || status == 409 || status == 413;
}

static void on_answered(void *context, unsigned status, const uint8_t *body, size_t size)
{
    struct http_post *post = context;
    char reason[CALL_SENTENCE_BYTES];

    if (status != 200)
        copy_reason(reason, sizeof(reason), status, body, size);
    call_link_answered(post->link, post->bytes, post->messages, status == 200 ? NULL : reason,
                       is_members(status));
    free(post);
}

/* Puts the oldest messages together: one as it is, several as a list. */
static void gather(struct byte_buffer *text, const struct parcels *queue, uint32_t *ret_count)
{
    const struct parcel *parcel = queue->first;
    uint32_t count = 0;

    byte_buffer_reset(text, TEXT_KEPT_BYTES);
    byte_buffer_append(text, "[", 1);
    do {
        if (count > 0)
            byte_buffer_append(text, ",", 1);
        byte_buffer_append(text, parcel->chunk->data, parcel->size);
        parcel = parcel->next;
        count++;
    } while (parcel != NULL && text->size + parcel->size <= BATCH_BYTES_MAX);
    byte_buffer_append(text, "]", 1);
    *ret_count = count;
}

static bool post_text(struct call_link *link, const void *body, size_t size, uint32_t messages)
{
    struct http_post *post = calloc(1, sizeof(*post));
    struct http1_client_request request = {.method = "POST",
                                           .path = "/handle",
                                           .content_type = "application/json",
                                           .body = body,
                                           .body_size = size,
                                           .done = on_answered,
                                           .context = post};

    if (post == NULL)
        return false;
    *post = (struct http_post){link, size, messages};
    if (http1_client_send(link->connection, &request) != 0) {
        free(post);
        return false;
    }
    call_link_called(link, size);
    return true;
}

static bool send_oldest(struct call_link *link)
{
    struct byte_buffer *text = &of(link->transport)->text;
    const struct parcel *first = link->queue.first;
    uint32_t count;
    bool sent;

    gather(text, &link->queue, &count);
    if (count == 1)
        sent = post_text(link, first->chunk->data, first->size, 1);
    else
        sent = !text->failed && post_text(link, text->data, text->size, count);
    for (uint32_t i = 0; sent && i < count; i++)
        parcel_free(parcels_pop(&link->queue));
    return sent;
}

/* ---- in ---- */

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
    struct http_transport *http = http1_context(call);

    call_refused(&http->base, reason);
    http1_fail(call, status, reason);
}

/* Reads the message at index. Returns 0, or the status that it is refused with. */
static unsigned take_message(struct http_transport *http,
                             const struct protobuf_json_document *document, size_t index,
                             struct peer_letter *ret_letter, char *reason)
{
    struct call_transport *transport = &http->base;
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
static void take_all(struct http_transport *http, struct http1_call *call,
                     const struct protobuf_json_document *document)
{
    size_t count = protobuf_json_count(document), taken = 0;
    char reason[CALL_SENTENCE_BYTES] = "too many messages";
    struct peer_letter *letters = arena_alloc(&http->base.receiving,
                                              (count + 1) * sizeof(*letters));
    unsigned status = letters == NULL ? 413 : 0;

    while (status == 0 && taken < count) {
        status = take_message(http, document, taken, &letters[taken], reason);
        taken += status == 0;
    }
    for (size_t i = 0; i < taken; i++) {
        if (status == 0)
            call_deliver(&http->base, &letters[i]);
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
    struct http_transport *http = http1_context(call);
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
    take_all(http, call, document);
    protobuf_json_close(document);
    arena_reset(&http->base.receiving);
}

static void on_value(struct http1_call *call)
{
    struct http_transport *http = http1_context(call);
    const struct value_source *source = http->base.config.value;
    const struct decree_value *value = source->value(source->context);

    if (value == NULL)
        http1_fail(call, 503, "not chosen yet");
    else
        http1_answer(call, 200, "application/octet-stream", value->data, value->size);
}

/* ---- life ---- */

static void on_server_closed(void *context)
{
    struct http_transport *http = context;

    http1_free(http->server);
    http->server = NULL;
    call_let_go(&http->base);
}

static void close_server(struct call_transport *transport)
{
    struct http_transport *http = of(transport);

    if (http->server == NULL)
        return;
    call_hold(transport);
    http1_close(http->server, 0, on_server_closed, http);
}

static void release(struct call_transport *transport)
{
    struct http_transport *http = of(transport);

    assert(http->server == NULL);
    byte_buffer_release(&http->text);
    free(http);
}

static const struct call_wire http_wire = {.name = "http",
                                           .encode = encode,
                                           .dial = dial,
                                           .hang_up = hang_up,
                                           .send = send_oldest,
                                           .close_server = close_server,
                                           .release = release};

static int listen_on(struct http_transport *http, char *sentence)
{
    static const struct http1_route handle_alone[] = {{"POST", "/handle", on_handle}, {0}};
    static const struct http1_route with_value[] = {
        {"POST", "/handle", on_handle}, {"GET", "/value", on_value}, {0}};
    struct call_transport *transport = &http->base;
    struct http1_limits limits = {.body_bytes_max = transport->config.message_bytes_max,
                                  .request_bytes_max = REQUESTS_BYTES_MAX};
    struct http1_options options = {.context = http,
                                    .routes = transport->config.value == NULL ? handle_alone
                                                                              : with_value,
                                    .limits = &limits,
                                    .logger = transport->config.logger};
    char host[HOST_TEXT_BYTES];
    int error;

    error = http1_open(&http->server, transport->loop, &options);
    if (error != 0)
        return error;
    error = call_listen_address(transport, host, sentence);
    if (error != 0)
        return error;
    error = http1_listen(http->server, host, transport->config.listen_port, &transport->port);
    return error == 0 ? 0 : call_listen_failed(transport, error, sentence);
}

int http_transport_open(struct transport **ret_transport, uv_loop_t *loop,
                        const struct call_config *config, const struct transport_sink *sink,
                        char *sentence)
{
    struct http_transport *http = calloc(1, sizeof(*http));
    int error = http == NULL ? DECREE_NOMEM
                             : call_transport_init(&http->base, &http_wire, loop, config, sink);

    (void)snprintf(sentence, CALL_SENTENCE_BYTES, "out of memory");
    if (error != 0) {
        free(http);
        return error;
    }
    error = listen_on(http, sentence);
    if (error != 0) {
        call_abandon(&http->base);
        return error;
    }
    *ret_transport = &http->base.transport;
    return 0;
}
