/* SPDX-License-Identifier: MIT */
/* http_transport.c -- the way out as JSON, over HTTP/1.1; the way in is http_inbound.c. */
#include "http_transport.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_parts.h"
#include "http1_client.h"
#include "protobuf_json.h"

#define BATCH_BYTES_MAX (512u << 10) /* of a list; one message may be larger */
#define TEXT_KEPT_BYTES (512u << 10)

struct http_transport {
    struct call_transport base; /* first: the two addresses are one */
    struct byte_buffer text;    /* what is being written */
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

static const uv_tcp_t *socket_of(const struct call_link *link)
{
    return http1_client_socket(link->connection);
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

/* ---- life ---- */

static void release(struct call_transport *transport)
{
    struct http_transport *http = of(transport);

    assert(http->base.http1 == NULL);
    byte_buffer_release(&http->text);
    free(http);
}

static const struct call_wire http_wire = {.name = "http",
                                           .encode = encode,
                                           .dial = dial,
                                           .hang_up = hang_up,
                                           .send = send_oldest,
                                           .socket = socket_of,
                                           .release = release};

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
    error = call_server_open(&http->base, sentence);
    if (error != 0) {
        call_abandon(&http->base);
        return error;
    }
    *ret_transport = &http->base.transport;
    return 0;
}
