/* SPDX-License-Identifier: MIT */
/* http1_client.c -- one connection: name lookup, TCP, a queue of requests, http-parser for the
 * answers.
 *
 *     waiting requests -> out -> socket          bounded by unsent_bytes_max and in_flight_max
 *     sent, in order   <- http-parser <- socket
 *
 * Three things may be under way when a connection ends: a lookup, a handle, and requests. end()
 * stops all of them, and whichever of lookup and handle is the last to go frees the client.
 */
#include "http1_client.h"

#include <assert.h>
#include <http_parser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#include "byte_buffer.h"
#include "linked_list.h"

#define READ_BYTES 65536u
#define REASON_BYTES 256u
#define UNSENT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define IN_FLIGHT_MAX 64u
#define HEAD_BYTES_MAX 2048u
#define STOP (-1)

struct asked { /* a request */
    struct list_link link;
    http1_client_done *done;
    void *context;
    bool is_head;
    size_t size; /* of what is to be sent; 0 once it is on its way */
    uint8_t bytes[];
};

struct http1_client {
    uv_loop_t *loop;
    struct endpoint endpoint;
    struct http1_client_sink sink;
    struct http1_client_options options;
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    uv_tcp_t tcp;
    uv_write_t write;
    struct addrinfo *addresses, *address; /* what the name stands for, and which is tried */
    http_parser parser;
    struct list_link waiting;   /* requests not sent yet */
    struct list_link sent;      /* those without an answer, oldest first */
    size_t waiting_bytes;       /* of the first list */
    uint32_t in_flight;         /* of the second */
    struct byte_buffer writing; /* what the socket has; empty: nothing */
    struct byte_buffer answer;  /* the body that is coming */
    bool looking_up, has_handle, is_ready, has_ended;
    bool busy;    /* answers are being taken in */
    bool is_last; /* the server closes after this answer */
    char reason[REASON_BYTES];
    char input[READ_BYTES];
};

static void try_address(struct http1_client *client);

/* ---- the end ---- */

static void finish(struct http1_client *client, struct asked *asked, unsigned status,
                   const uint8_t *body, size_t size)
{
    list_remove(&asked->link);
    client->waiting_bytes -= asked->size;
    if (asked->done != NULL)
        asked->done(asked->context, status, body, size);
    free(asked);
}

static void fail_all(struct http1_client *client, struct list_link *requests)
{
    while (!list_alone(requests))
        finish(client, list_owner(requests->next, struct asked, link), 0,
               (const uint8_t *)client->reason, strlen(client->reason));
}

static void free_when_over(struct http1_client *client)
{
    assert(client->has_ended);
    if (client->looking_up || client->has_handle)
        return;
    fail_all(client, &client->sent);
    fail_all(client, &client->waiting);
    uv_freeaddrinfo(client->addresses);
    client->sink.closed(client->sink.context, client->reason);
    byte_buffer_release(&client->writing);
    byte_buffer_release(&client->answer);
    free(client);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http1_client *client = handle->data;

    client->has_handle = false;
    if (client->has_ended)
        free_when_over(client);
    else
        try_address(client);
}

static void end(struct http1_client *client, const char *reason)
{
    if (client->has_ended)
        return;
    client->has_ended = true;
    snprintf(client->reason, sizeof(client->reason), "%s", reason);
    if (client->looking_up)
        uv_cancel((uv_req_t *)&client->lookup);
    if (client->has_handle && !uv_is_closing((uv_handle_t *)&client->tcp))
        uv_close((uv_handle_t *)&client->tcp, on_handle_closed);
}

void http1_client_close(struct http1_client *client, const char *reason)
{
    assert(reason != NULL);
    end(client, reason);
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int status);

/* Moves waiting requests to the socket's buffer, as many as may be in flight. */
static void gather(struct http1_client *client)
{
    while (!list_alone(&client->waiting) && client->in_flight < client->options.in_flight_max) {
        struct asked *asked = list_owner(client->waiting.next, struct asked, link);

        byte_buffer_append(&client->writing, asked->bytes, asked->size);
        if (client->writing.failed)
            return;
        client->waiting_bytes -= asked->size;
        asked->size = 0;
        list_remove(&asked->link);
        list_append(&client->sent, &asked->link);
        client->in_flight++;
    }
}

static void flush(struct http1_client *client)
{
    uv_buf_t buffer;
    int error;

    if (client->has_ended || !client->is_ready || client->busy || client->writing.size > 0)
        return;
    gather(client);
    if (client->writing.failed) {
        end(client, "out of memory");
        return;
    }
    if (client->writing.size == 0)
        return;
    buffer = uv_buf_init((char *)client->writing.data, (unsigned)client->writing.size);
    error = uv_write(&client->write, (uv_stream_t *)&client->tcp, &buffer, 1, on_written);
    if (error != 0)
        end(client, uv_strerror(error));
}

static void on_written(uv_write_t *write, int status)
{
    struct http1_client *client = write->handle->data;

    byte_buffer_reset(&client->writing, READ_BYTES);
    if (status < 0)
        end(client, uv_strerror(status));
    else
        flush(client);
}

static int write_head(const struct http1_client *client, const struct http1_client_request *request,
                      char *head)
{
    char body[192] = "";

    if (request->body_size > 0 || request->content_type != NULL)
        snprintf(body, sizeof(body), "Content-Type: %.100s\r\nContent-Length: %zu\r\n",
                 request->content_type != NULL ? request->content_type : "application/octet-stream",
                 request->body_size);
    return snprintf(head, HEAD_BYTES_MAX, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", request->method,
                    request->path, client->endpoint.name, body);
}

int http1_client_send(struct http1_client *client, const struct http1_client_request *request)
{
    char head[HEAD_BYTES_MAX];
    int head_size = write_head(client, request, head);
    size_t size = (size_t)head_size + request->body_size;
    struct asked *asked;

    if (client->has_ended)
        return DECREE_CLOSED;
    if (head_size < 0 || head_size >= (int)sizeof(head))
        return DECREE_TOO_LARGE;
    if (client->waiting_bytes > 0 &&
        client->waiting_bytes + size > client->options.unsent_bytes_max)
        return DECREE_FULL;
    asked = malloc(sizeof(*asked) + size);
    if (asked == NULL)
        return DECREE_NOMEM;
    *asked = (struct asked){.done = request->done,
                            .context = request->context,
                            .is_head = strcmp(request->method, "HEAD") == 0,
                            .size = size};
    memcpy(asked->bytes, head, (size_t)head_size);
    if (request->body_size > 0)
        memcpy(asked->bytes + head_size, request->body, request->body_size);
    list_init(&asked->link);
    list_append(&client->waiting, &asked->link);
    client->waiting_bytes += size;
    flush(client);
    return 0;
}

const uv_tcp_t *http1_client_socket(const struct http1_client *client)
{
    return &client->tcp;
}

/* ---- answers ---- */

static struct http1_client *client_of(http_parser *parser)
{
    return parser->data;
}

static int on_headers_complete(http_parser *parser)
{
    struct http1_client *client = client_of(parser);

    parser->upgrade = 0;
    byte_buffer_reset(&client->answer, READ_BYTES);
    if (list_alone(&client->sent))
        return STOP;
    return list_owner(client->sent.next, struct asked, link)->is_head ? 1 : 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t size)
{
    struct http1_client *client = client_of(parser);

    if (size > client->options.answer_bytes_max - client->answer.size)
        return STOP;
    byte_buffer_append(&client->answer, bytes, size);
    return client->answer.failed ? STOP : 0;
}

static int on_complete(http_parser *parser)
{
    struct http1_client *client = client_of(parser);

    if (parser->status_code < 200) /* "100 Continue": the answer is still to come */
        return 0;
    assert(!list_alone(&client->sent));
    client->in_flight--;
    client->is_last = http_should_keep_alive(parser) == 0;
    finish(client, list_owner(client->sent.next, struct asked, link), parser->status_code,
           client->answer.data, client->answer.size);
    if (client->is_last || client->has_ended)
        http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings SETTINGS = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static void take_in(struct http1_client *client, const char *bytes, size_t size)
{
    client->busy = true;
    http_parser_execute(&client->parser, &SETTINGS, bytes, size);
    client->busy = false;
    if (client->has_ended)
        return;
    switch (HTTP_PARSER_ERRNO(&client->parser)) {
    case HPE_OK:
        break;
    case HPE_PAUSED:
        end(client, "the server has ended the connection");
        break;
    case HPE_CB_headers_complete:
        end(client, "the server answers what was not asked");
        break;
    case HPE_CB_body:
        end(client, "the answer is too large");
        break;
    default: /* one of http-parser's many */
        end(client, "the server does not speak HTTP/1.1 as it should");
        break;
    }
    flush(client);
}

static void on_allocate(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    struct http1_client *client = handle->data;

    (void)size;
    *ret_buffer = uv_buf_init(client->input, sizeof(client->input));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct http1_client *client = stream->data;

    if (client->has_ended || size == 0)
        return;
    if (size > 0) {
        take_in(client, buffer->base, (size_t)size);
        return;
    }
    if (size == UV_EOF)
        take_in(client, NULL, 0); /* which may be the end of an answer */
    end(client, size == UV_EOF ? "the server has closed the connection" : uv_strerror((int)size));
}

/* ---- connecting ---- */

static void on_connected(uv_connect_t *request, int status)
{
    struct http1_client *client = request->handle->data;
    int error;

    if (client->has_ended)
        return;
    if (status < 0) {
        client->address = client->address->ai_next;
        if (client->address == NULL)
            end(client, uv_strerror(status));
        else
            uv_close((uv_handle_t *)&client->tcp, on_handle_closed); /* then the next address */
        return;
    }
    uv_tcp_nodelay(&client->tcp, 1);
    error = uv_read_start((uv_stream_t *)&client->tcp, on_allocate, on_read);
    if (error != 0) {
        end(client, uv_strerror(error));
        return;
    }
    client->is_ready = true;
    if (client->sink.ready != NULL)
        client->sink.ready(client->sink.context);
    flush(client);
}

static void try_address(struct http1_client *client)
{
    int error = uv_tcp_init(client->loop, &client->tcp);

    assert(client->address != NULL);
    assert(error == 0);
    client->has_handle = true;
    client->tcp.data = client;
    error = uv_tcp_connect(&client->connect, &client->tcp, client->address->ai_addr, on_connected);
    if (error != 0)
        end(client, uv_strerror(error));
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
    struct http1_client *client = lookup->data;

    client->looking_up = false;
    client->addresses = client->address = addresses;
    if (client->has_ended) {
        free_when_over(client);
    } else if (status != 0 || addresses == NULL) {
        end(client, status != 0 ? uv_strerror(status) : "the name has no address");
        free_when_over(client);
    } else {
        try_address(client);
    }
}

static void set_options(struct http1_client *client, const struct http1_client_options *options)
{
    if (options != NULL)
        client->options = *options;
    if (client->options.unsent_bytes_max == 0)
        client->options.unsent_bytes_max = UNSENT_BYTES_MAX;
    if (client->options.answer_bytes_max == 0)
        client->options.answer_bytes_max = ANSWER_BYTES_MAX;
    if (client->options.in_flight_max == 0)
        client->options.in_flight_max = IN_FLIGHT_MAX;
}

struct http1_client *http1_client_open(uv_loop_t *loop, const struct endpoint *endpoint,
                                       const struct http1_client_options *options,
                                       const struct http1_client_sink *sink)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct http1_client *client = calloc(1, sizeof(*client));

    assert(sink->closed != NULL);
    if (client == NULL)
        return NULL;
    client->loop = loop;
    client->endpoint = *endpoint;
    client->sink = *sink;
    set_options(client, options);
    list_init(&client->waiting);
    list_init(&client->sent);
    http_parser_init(&client->parser, HTTP_RESPONSE);
    client->parser.data = client;
    client->lookup.data = client;
    if (uv_getaddrinfo(loop, &client->lookup, on_looked_up, endpoint->host, endpoint->port,
                       &hints) != 0) {
        free(client);
        return NULL;
    }
    client->looking_up = true;
    return client;
}
