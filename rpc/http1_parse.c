/* SPDX-License-Identifier: MIT */
/* http1_parse.c -- http-parser's callbacks: bytes to requests. What comes in may be anything.
 *
 *     head:  url NUL  name NUL value NUL  name NUL value NUL ... NUL      names in lower case
 *
 * As soon as the headers are whole it is known whether the request can be served. If it cannot and
 * has a body, the body is not waited for. What is wrong is noted in the connection, and answered
 * outside of the parser.
 */
#include "http1_connection.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEPT_BYTES_MAX 4096u /* of a buffer, between two requests */
#define STOP (-1)            /* makes the parser return */

static struct http1_connection *connection_of(http_parser *parser)
{
    return parser->data;
}

__attribute__((format(printf, 3, 4))) static int wrong(struct http1_connection *connection,
                                                       unsigned status, const char *format, ...)
{
    va_list arguments;

    if (connection->wrong_status != 0)
        return STOP;
    va_start(arguments, format);
    vsnprintf(connection->wrong, sizeof(connection->wrong), format, arguments);
    va_end(arguments);
    connection->wrong_status = status;
    return STOP;
}

/* Of request line and headers; 0 or STOP. */
static int add_to_head(struct http1_connection *connection, const void *bytes, size_t size)
{
    uint32_t limit = connection->server->limits.header_bytes_max;

    connection->header_bytes += size;
    if (connection->header_bytes > limit)
        return wrong(connection, 431, "the request line and the headers have more than %u bytes",
                     limit);
    byte_buffer_append(&connection->head, bytes, size);
    return connection->head.failed ? wrong(connection, 503, "out of memory") : 0;
}

/* http-parser lets pass what no client has a reason to send. */
static int add_text(struct http1_connection *connection, const char *bytes, size_t size)
{
    if (memchr(bytes, '\0', size) != NULL)
        return wrong(connection, 400, "a zero byte in the header");
    return add_to_head(connection, bytes, size);
}

static int on_begin(http_parser *parser)
{
    struct http1_connection *connection = connection_of(parser);

    byte_buffer_reset(&connection->head, KEPT_BYTES_MAX);
    assert(connection->body.size == 0);
    byte_buffer_reset(&connection->body, KEPT_BYTES_MAX);
    connection->call.request = (struct http1_request){0};
    connection->header_bytes = 0;
    connection->wrong_status = 0;
    connection->part = HTTP1_URL;
    connection->route = NULL;
    return 0;
}

static int on_url(http_parser *parser, const char *bytes, size_t size)
{
    return add_text(connection_of(parser), bytes, size);
}

static int on_header_name(http_parser *parser, const char *bytes, size_t size)
{
    struct http1_connection *connection = connection_of(parser);
    size_t start;

    if (connection->part == HTTP1_DONE) /* a trailer, which nobody reads */
        return 0;
    if (connection->part != HTTP1_NAME && add_to_head(connection, "", 1) != 0)
        return STOP;
    connection->part = HTTP1_NAME;
    start = connection->head.size;
    if (memchr(bytes, ' ', size) != NULL)
        return wrong(connection, 400, "a space in the name of a header");
    if (add_text(connection, bytes, size) != 0)
        return STOP;
    for (size_t i = start; i < connection->head.size; i++)
        if (connection->head.data[i] >= 'A' && connection->head.data[i] <= 'Z')
            connection->head.data[i] = (uint8_t)(connection->head.data[i] + ('a' - 'A'));
    return 0;
}

static int on_header_value(http_parser *parser, const char *bytes, size_t size)
{
    struct http1_connection *connection = connection_of(parser);

    if (connection->part == HTTP1_DONE)
        return 0;
    if (connection->part != HTTP1_VALUE && add_to_head(connection, "", 1) != 0)
        return STOP;
    connection->part = HTTP1_VALUE;
    return add_text(connection, bytes, size);
}

/* ---- the headers are whole ---- */

/* "/a/b?x=1#y" to path and query, in place. A whole URL loses its first part. */
static void split_url(struct http1_connection *connection)
{
    char *url = (char *)connection->head.data;
    struct http1_request *request = &connection->call.request;
    char *host = strstr(url, "://");
    char *mark;

    if (url[0] != '/' && host != NULL) {
        char *slash = strchr(host + 3, '/');

        url = slash != NULL ? slash : url + strlen(url);
    }
    url[strcspn(url, "#")] = '\0';
    mark = strchr(url, '?');
    request->path = url[0] != '\0' ? url : "/";
    request->query = "";
    if (mark != NULL) {
        *mark = '\0';
        request->query = mark + 1;
    }
}

static bool has_body(const http_parser *parser)
{
    return (parser->flags & F_CHUNKED) != 0 ||
           (parser->content_length > 0 && parser->content_length != UINT64_MAX);
}

/* 0 or STOP: what the owner says of it. */
static int admit(struct http1_connection *connection)
{
    const struct http1_options *options = &connection->server->options;
    const char *text = "";
    unsigned status = options->admit != NULL ? options->admit(&connection->call, &text) : 0;

    return status == 0 ? 0 : wrong(connection, status, "%s", text);
}

static const char *allow_header(const char *method)
{
    return strcmp(method, "GET") == 0 ? "Allow: GET\r\n" : "Allow: POST\r\n";
}

/* 0 or STOP: what can be said of a request before its body. */
static int judge(struct http1_connection *connection)
{
    const http_parser *parser = &connection->parser;
    const struct http1_request *request = &connection->call.request;
    const char *expect = http1_header(&connection->call, "expect");
    uint32_t body_max = connection->server->limits.body_bytes_max;
    const char *allowed = NULL;

    if (parser->http_major != 1)
        return wrong(connection, 505, "this port speaks HTTP/1.1 and HTTP/2, not HTTP/%u.%u",
                     (unsigned)parser->http_major, (unsigned)parser->http_minor);
    if (parser->http_minor >= 1 && http1_header(&connection->call, "host") == NULL)
        return wrong(connection, 400, "a request of HTTP/1.1 must have a Host header");
    if (admit(connection) != 0)
        return STOP;
    connection->route = http1_server_find_route(connection->server, request->method, request->path,
                                                &allowed);
    if (connection->route == NULL && allowed != NULL)
        http1_add_header(&connection->call, allow_header(allowed));
    if (connection->route == NULL && allowed != NULL)
        return wrong(connection, 405, "%s does not go with %s", request->method, request->path);
    if (connection->route == NULL)
        return wrong(connection, 404, "there is no %s here", request->path);
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
        return wrong(connection, 417, "cannot do what is expected: %s", expect);
    if (parser->content_length != UINT64_MAX && parser->content_length > body_max)
        return wrong(connection, 413, "the body has %" PRIu64 " bytes; no more than %u are taken",
                     parser->content_length, body_max);
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http1_connection *connection = connection_of(parser);
    struct http1_call *call = &connection->call;

    connection->part = HTTP1_DONE;
    byte_buffer_append(&connection->head, "\0", 2); /* ends the last value, and the list */
    if (connection->head.failed)
        return wrong(connection, 503, "out of memory");
    parser->upgrade = 0; /* whatever it is, we stay with this */
    connection->headers_at = strlen((const char *)connection->head.data) + 1;
    call->request.method = http_method_str((enum http_method)parser->method);
    split_url(connection);
    call->is_head = parser->method == HTTP_HEAD;
    call->is_http10 = parser->http_minor == 0;
    if (judge(connection) != 0)
        return has_body(parser) ? STOP : 0;
    if (has_body(parser) && http1_header(call, "expect") != NULL)
        byte_buffer_append(&connection->out, CONTINUE, sizeof(CONTINUE) - 1);
    return 0;
}

const char *http1_header(const struct http1_call *call, const char *name)
{
    const struct http1_connection *connection = (const struct http1_connection *)call;
    const char *at = (const char *)connection->head.data + connection->headers_at;

    while (*at != '\0') {
        const char *value = at + strlen(at) + 1;

        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* ---- the body, and the end ---- */

static int on_body(http_parser *parser, const char *bytes, size_t size)
{
    struct http1_connection *connection = connection_of(parser);
    struct http1_server *server = connection->server;

    if (size > server->limits.body_bytes_max - connection->body.size)
        return wrong(connection, 413, "the body has more than %u bytes",
                     server->limits.body_bytes_max);
    if (size > server->limits.request_bytes_max - server->request_bytes)
        return wrong(connection, 503, "too much is being sent to this server; try again");
    byte_buffer_append(&connection->body, bytes, size);
    if (connection->body.failed)
        return wrong(connection, 503, "out of memory");
    server->request_bytes += size;
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct http1_connection *connection = connection_of(parser);

    connection->whole = true;
    connection->keep_alive = parser->http_major == 1 && http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings SETTINGS = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_header_name,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void http1_parse_init(struct http1_connection *connection)
{
    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;
}

/* Up to the end of the request; returns how many of the bytes were of it. */
size_t http1_parse(struct http1_connection *connection, const uint8_t *bytes, size_t size)
{
    http_parser *parser = &connection->parser;
    size_t taken = http_parser_execute(parser, &SETTINGS, (const char *)bytes, size);
    enum http_errno error = HTTP_PARSER_ERRNO(parser);

    assert(taken <= size);
    connection->begun = true;
    if (error == HPE_PAUSED) {
        http_parser_pause(parser, 0);
    } else if (error == HPE_HEADER_OVERFLOW) {
        wrong(connection, 431, "the request line and the headers have too many bytes");
    } else if (error != HPE_OK) {
        wrong(connection, 400, "this is not HTTP/1.1 as it should be: %s",
              http_errno_description(error));
    }
    return taken;
}

/* Gives a whole request to its handler. */
void http1_dispatch(struct http1_connection *connection)
{
    struct http1_request *request = &connection->call.request;

    assert(connection->phase == HTTP1_READING);
    assert(connection->route != NULL);
    connection->phase = HTTP1_ASKED;
    request->body = connection->body.data;
    request->body_size = connection->body.size;
    connection->route->handle(&connection->call);
    assert(connection->phase != HTTP1_ASKED || connection->call.kept > 0 ||
           connection->call.events != NULL);
}
