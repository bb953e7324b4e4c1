/* SPDX-License-Identifier: MIT */
/* rpc_server_grpc.c -- the service of the test server, test.Test, whose messages are plain bytes.
 *
 *     Say      unary: the message comes back
 *     Echo     stream: each message comes back; "end" ends it well, "fail" badly
 *     Flood    stream: the message is a number; so many messages of 10,000 bytes, as fast as they
 *              are read
 *     Hold     stream: counts messages, but takes one only for each POST /tick; answers with the
 *              count when the client has said all
 *     Refuse   stream: fails when it opens
 *     Nothing  has no handler
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#include "rpc_server.h"

#define PIECE_BYTES 10000u

struct state { /* in a call */
    unsigned long left;
    unsigned count, tickets;
};

static struct state *state_of(struct grpc_call *call)
{
    return (struct state *)(void *)call->state;
}

static int say(struct grpc_call *call, const uint8_t *message, size_t size)
{
    byte_buffer_append(grpc_reply_begin(call), message, size);
    grpc_reply_end(call);
    return 0;
}

static void open_stream(struct grpc_call *call)
{
    struct rpc_server *server = grpc_context(call);

    *state_of(call) = (struct state){0};
    server->open++;
}

static void half_close(struct grpc_call *call)
{
    grpc_stream_end(call, GRPC_OK, NULL);
}

static void gone(struct grpc_call *call)
{
    struct rpc_server *server = grpc_context(call);

    server->open--;
    server->gone++;
    if (server->held == call)
        server->held = NULL;
}

/* What a handler makes of the errors of grpc_stream_send(). */
static int send_or_end(struct grpc_call *call, const uint8_t *message, size_t size)
{
    int error = grpc_stream_send(call, message, size);

    if (error == DECREE_NOMEM)
        grpc_stream_end(call, GRPC_RESOURCE_EXHAUSTED, "no memory");
    return error == DECREE_FULL ? error : 0;
}

static int echo(struct grpc_call *call, const uint8_t *message, size_t size)
{
    if (size == 3 && memcmp(message, "end", 3) == 0)
        grpc_stream_end(call, GRPC_OK, NULL);
    else if (size == 4 && memcmp(message, "fail", 4) == 0)
        grpc_stream_end(call, GRPC_DATA_LOSS, "as you \xc3\xa4sk, 100%");
    else
        return send_or_end(call, message, size);
    return 0;
}

static void writable(struct grpc_call *call)
{
    struct rpc_server *server = grpc_context(call);

    server->writable++;
    grpc_stream_resume(call);
}

/* ---- Flood ---- */

static void flood_on(struct grpc_call *call)
{
    static uint8_t piece[PIECE_BYTES];
    struct state *state = state_of(call);

    for (; state->left > 0; state->left--)
        if (send_or_end(call, piece, sizeof(piece)) != 0)
            return;
    grpc_stream_end(call, GRPC_OK, NULL);
}

static int flood(struct grpc_call *call, const uint8_t *message, size_t size)
{
    char number[16] = "";

    memcpy(number, message, size < sizeof(number) ? size : sizeof(number) - 1);
    state_of(call)->left = strtoul(number, NULL, 10);
    flood_on(call);
    return 0;
}

static void flood_writable(struct grpc_call *call)
{
    struct rpc_server *server = grpc_context(call);

    server->writable++;
    flood_on(call);
}

static void nothing(struct grpc_call *call)
{
    (void)call;
}

/* ---- Hold ---- */

static void hold_open(struct grpc_call *call)
{
    struct rpc_server *server = grpc_context(call);

    open_stream(call);
    server->held = call;
}

static int hold(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct state *state = state_of(call);

    (void)message;
    (void)size;
    if (state->tickets == 0)
        return DECREE_FULL;
    state->tickets--;
    state->count++;
    return 0;
}

void rpc_server_let_go(struct grpc_call *call, unsigned count)
{
    state_of(call)->tickets += count;
    grpc_stream_resume(call);
}

static void hold_half_close(struct grpc_call *call)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "%u", state_of(call)->count);

    grpc_stream_send(call, (const uint8_t *)text, (size_t)size);
    grpc_stream_end(call, GRPC_OK, NULL);
}

static void refuse(struct grpc_call *call)
{
    open_stream(call);
    grpc_fail(call, GRPC_PERMISSION_DENIED, "not today");
    grpc_fail(call, GRPC_ABORTED, "the second word counts for nothing");
}

/* ---- the tables ---- */

static const ProtobufCMethodDescriptor METHODS[] = {
    {"Say", NULL, NULL},  {"Echo", NULL, NULL},   {"Flood", NULL, NULL},
    {"Hold", NULL, NULL}, {"Refuse", NULL, NULL}, {"Nothing", NULL, NULL},
};
static const ProtobufCServiceDescriptor SERVICE = {
    .name = "test.Test", .n_methods = sizeof(METHODS) / sizeof(METHODS[0]), .methods = METHODS};
const ProtobufCServiceDescriptor *const rpc_server_services[] = {&SERVICE, NULL};

static const struct grpc_route ROUTES[] = {{"/test.Test/Say", say}, {NULL, NULL}};
const struct grpc_route *const rpc_server_routes[] = {ROUTES, NULL};

static const struct grpc_stream_handler ECHO_STREAM = {false,      open_stream, echo,
                                                       half_close, writable,    gone};
static const struct grpc_stream_handler FLOOD_STREAM = {false,   open_stream,    flood,
                                                        nothing, flood_writable, gone};
static const struct grpc_stream_handler HOLD_STREAM = {false,           hold_open, hold,
                                                       hold_half_close, NULL,      gone};
static const struct grpc_stream_handler REFUSE_STREAM = {false,      refuse, echo,
                                                         half_close, NULL,   gone};
static const struct grpc_stream_route STREAM_ROUTES[] = {{"/test.Test/Echo", &ECHO_STREAM},
                                                         {"/test.Test/Flood", &FLOOD_STREAM},
                                                         {"/test.Test/Hold", &HOLD_STREAM},
                                                         {"/test.Test/Refuse", &REFUSE_STREAM},
                                                         {NULL, NULL}};
const struct grpc_stream_route *const rpc_server_stream_routes[] = {STREAM_ROUTES, NULL};
