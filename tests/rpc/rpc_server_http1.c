/* SPDX-License-Identifier: MIT */
/* rpc_server_http1.c -- the paths of the test server.
 *
 *     GET  /hello        a sentence
 *     any  /echo         what was sent, with its content type
 *     GET  /asked        method, path, query and the header x-test
 *     GET  /later?N      answers after N milliseconds
 *     GET  /flood?N      a stream of N pieces of 10,000 bytes, as fast as they are read
 *     GET  /ticks        a stream: one piece for each POST /tick, which ends it with the body "end"
 *                        without one, lets a stream of gRPC take as many messages as the body has
 *                        bytes
 *     GET  /counters     how many streams are gone; how often there was room; how many of gRPC are
 *                        open
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_server.h"

#define PIECE_BYTES 10000u

static void hello(struct http1_call *call)
{
    http1_answer(call, 200, "text/plain", "hello", 5);
}

static void echo(struct http1_call *call)
{
    const struct http1_request *request = http1_request_of(call);
    const char *type = http1_header(call, "content-type");

    http1_answer(call, 200, type != NULL ? type : "application/octet-stream", request->body,
                 request->body_size);
}

static void asked(struct http1_call *call)
{
    const struct http1_request *request = http1_request_of(call);
    const char *test = http1_header(call, "x-test");
    char text[4096];

    http1_answer(call, 200, "text/plain", text,
                 (size_t)snprintf(text, sizeof(text), "%s %.1000s %.1000s %.1000s", request->method,
                                  request->path, request->query, test != NULL ? test : "-"));
}

/* ---- later ---- */

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

static void on_time(uv_timer_t *timer)
{
    struct http1_call *call = timer->data;

    if (http1_resume(call))
        http1_answer(call, 200, "text/plain", "later", 5);
    uv_close((uv_handle_t *)timer, free_timer);
}

static void later(struct http1_call *call)
{
    struct rpc_server *server = http1_context(call);
    uv_timer_t *timer = calloc(1, sizeof(*timer));

    if (timer == NULL) {
        http1_fail(call, 503, "no memory");
        return;
    }
    uv_timer_init(&server->loop, timer);
    timer->data = call;
    http1_keep(call);
    uv_timer_start(timer, on_time, strtoul(http1_request_of(call)->query, NULL, 10), 0);
}

/* ---- a stream that is as fast as its reader ---- */

struct flood {
    struct rpc_server *server;
    unsigned long left;
};

static void write_flood(struct http1_call *call, void *context)
{
    static uint8_t piece[PIECE_BYTES];
    struct flood *flood = context;

    for (; flood->left > 0; flood->left--)
        if (http1_stream_write(call, piece, sizeof(piece)) != 0)
            return;
    http1_stream_end(call);
    free(flood);
}

static void flood_writable(struct http1_call *call, void *context)
{
    struct flood *flood = context;

    flood->server->writable++;
    write_flood(call, context);
}

static void flood_gone(struct http1_call *call, void *context)
{
    struct flood *flood = context;

    (void)call;
    flood->server->gone++;
    free(flood);
}

static void start_flood(struct http1_call *call)
{
    static const struct http1_stream_events events = {flood_writable, flood_gone};
    struct flood *flood = calloc(1, sizeof(*flood));

    if (flood == NULL) {
        http1_fail(call, 503, "no memory");
        return;
    }
    flood->server = http1_context(call);
    flood->left = strtoul(http1_request_of(call)->query, NULL, 10);
    http1_stream_begin(call, 200, "application/octet-stream", &events, flood);
    write_flood(call, flood);
}

/* ---- a stream that somebody else writes to ---- */

static void ticks_gone(struct http1_call *call, void *context)
{
    struct rpc_server *server = context;

    assert(server->ticker == call);
    server->ticker = NULL;
    server->gone++;
}

static void ticks(struct http1_call *call)
{
    static const struct http1_stream_events events = {NULL, ticks_gone};
    struct rpc_server *server = http1_context(call);

    if (server->ticker != NULL) {
        http1_fail(call, 503, "somebody has the ticks already");
        return;
    }
    server->ticker = call;
    http1_stream_begin(call, 200, "application/json", &events, server);
}

static void tick(struct http1_call *call)
{
    struct rpc_server *server = http1_context(call);
    const struct http1_request *request = http1_request_of(call);

    if (server->ticker == NULL && server->held != NULL) {
        rpc_server_let_go(server->held, (unsigned)request->body_size);
        http1_answer(call, 204, NULL, NULL, 0);
        return;
    }
    if (server->ticker == NULL) {
        http1_fail(call, 409, "nobody listens");
        return;
    }
    if (request->body_size == 3 && memcmp(request->body, "end", 3) == 0) {
        http1_stream_end(server->ticker);
        server->ticker = NULL;
    } else {
        http1_stream_write(server->ticker, request->body, request->body_size);
    }
    http1_answer(call, 204, NULL, NULL, 0);
}

static void counters(struct http1_call *call)
{
    const struct rpc_server *server = http1_context(call);
    char text[64];

    http1_answer(call, 200, "text/plain", text,
                 (size_t)snprintf(text, sizeof(text), "%u %u %u", server->gone, server->writable,
                                  server->open));
}

const struct http1_route rpc_server_http1_routes[] = {
    {"GET", "/hello", hello},   {NULL, "/echo", echo},    {"GET", "/asked", asked},
    {"GET", "/asked/*", asked}, {"GET", "/later", later}, {"GET", "/flood", start_flood},
    {"GET", "/ticks", ticks},   {"POST", "/tick", tick},  {"GET", "/counters", counters},
    {NULL, NULL, NULL},
};
