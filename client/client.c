/* SPDX-License-Identifier: MIT */
/* client.c -- the loop that waits for one call, and the rule by which the next server is tried. */
#include "client_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <decree/error.h>

#include "grpc_client.h"

#define TIMEOUT_MS_DEFAULT 5000u
#define DIAL_TIMEOUT_MS_DEFAULT 2000u
#define TIMEOUT_MS_MAX 86400000u /* a day; also what grpc-timeout holds in 8 digits */
#define NO_LEADER "etcdserver: no leader"

struct client {
    uv_loop_t loop;
    uv_timer_t timer;
    struct endpoints endpoints;
    size_t at;    /* which of the endpoints */
    size_t about; /* ... text says something of */
    bool reached; /* the last attempt found a server there */
    uint64_t timeout_ms, dial_timeout_ms;
    bool time_is_up;
    bool call_is_done;
    struct grpc_client *connection; /* NULL: none */
    bool connection_is_ready;
    char text[REPLY_TEXT_BYTES];
};

/* ---- lifetime ---- */

int client_new(struct client **ret_client, const struct client_options *options,
               const char **ret_reason)
{
    struct client *client = calloc(1, sizeof(*client));
    int error;

    assert(options != NULL);
    *ret_reason = "out of memory";
    if (client == NULL)
        return DECREE_NOMEM;
    error = endpoints_parse(options->endpoints != NULL ? options->endpoints : "127.0.0.1:2379",
                            &client->endpoints, ret_reason);
    if (error == 0 && uv_loop_init(&client->loop) != 0)
        error = DECREE_NOMEM;
    if (error != 0) {
        free(client);
        return error;
    }
    uv_timer_init(&client->loop, &client->timer);
    client->timer.data = client;
    client->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS_DEFAULT;
    if (client->timeout_ms > TIMEOUT_MS_MAX)
        client->timeout_ms = TIMEOUT_MS_MAX;
    client->dial_timeout_ms = options->dial_timeout_ms != 0 ? options->dial_timeout_ms
                                                            : DIAL_TIMEOUT_MS_DEFAULT;
    *ret_client = client;
    return 0;
}

/* Gives the connection up and waits until it is gone. */
static void disconnect(struct client *client, const char *reason)
{
    if (client->connection != NULL)
        grpc_client_close(client->connection, reason);
    while (client->connection != NULL)
        uv_run(&client->loop, UV_RUN_ONCE);
    assert(!client->connection_is_ready);
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    disconnect(client, "the client is closing");
    uv_close((uv_handle_t *)&client->timer, NULL);
    uv_run(&client->loop, UV_RUN_DEFAULT);
    uv_loop_close(&client->loop);
    free(client);
}

const char *client_error_text(const struct client *client)
{
    return client->text;
}

const char *client_endpoint(const struct client *client)
{
    return client->endpoints.items[client->about].name;
}

/* ---- waiting ---- */

static void on_time(uv_timer_t *timer)
{
    struct client *client = timer->data;

    client->time_is_up = true;
}

/* Runs the loop until *flag, or the connection is gone, or the time is up. */
static void wait_for(struct client *client, const bool *flag, uint64_t timeout_ms)
{
    client->time_is_up = false;
    uv_update_time(&client->loop);
    uv_timer_start(&client->timer, on_time, timeout_ms, 0);
    while (!*flag && !client->time_is_up && client->connection != NULL)
        uv_run(&client->loop, UV_RUN_ONCE);
    uv_timer_stop(&client->timer);
}

static void on_ready(void *context)
{
    struct client *client = context;

    client->connection_is_ready = true;
}

static void on_closed(void *context, const char *reason)
{
    struct client *client = context;

    if (!client->connection_is_ready)
        snprintf(client->text, sizeof(client->text), "cannot connect: %s", reason);
    client->connection = NULL;
    client->connection_is_ready = false;
}

static void on_done(struct grpc_client_call *call)
{
    struct client *client = call->context;

    client->call_is_done = true;
}

/* True when there is a connection to the present endpoint that takes calls; else text says why
 * not. */
static bool connect_within(struct client *client, uint64_t timeout_ms)
{
    struct grpc_client_sink sink = {.context = client, .ready = on_ready, .closed = on_closed};

    uv_run(&client->loop, UV_RUN_NOWAIT); /* hear of a connection that has closed meanwhile */
    if (client->connection != NULL)
        return true;
    client->connection = grpc_client_open(&client->loop, &client->endpoints.items[client->at],
                                          &sink);
    if (client->connection == NULL) {
        snprintf(client->text, sizeof(client->text), "cannot connect: out of memory");
        return false;
    }
    if (timeout_ms > client->dial_timeout_ms)
        timeout_ms = client->dial_timeout_ms;
    wait_for(client, &client->connection_is_ready, timeout_ms);
    if (client->connection_is_ready)
        return true;
    disconnect(client, "no answer in time");
    return false;
}

/* One attempt at one endpoint. */
static void attempt(struct client *client, struct grpc_client_call *call, uint64_t timeout_ms)
{
    uint64_t start_ns = uv_hrtime();
    uint64_t spent_ms;

    reply_init(&call->reply);
    client->reached = connect_within(client, timeout_ms);
    if (!client->reached) {
        reply_fail(&call->reply, GRPC_UNAVAILABLE, client->text);
        call->surely_not_done = true;
        return;
    }
    spent_ms = (uv_hrtime() - start_ns) / 1000000u;
    call->timeout_ms = spent_ms < timeout_ms ? timeout_ms - spent_ms : 1;
    client->call_is_done = false;
    grpc_client_start(client->connection, call);
    if (!client->call_is_done)
        wait_for(client, &client->call_is_done, call->timeout_ms);
    if (!client->call_is_done) {
        grpc_client_cancel(client->connection, call, GRPC_DEADLINE_EXCEEDED, "no answer in time");
        /* It may be stopped: the next call begins afresh. */
        disconnect(client, "no answer in time");
    }
}

static bool may_try_next(const struct method *method, const struct grpc_client_call *call)
{
    switch (call->reply.code) {
    case GRPC_UNAVAILABLE:
        return method->repeatable || call->surely_not_done ||
               strcmp(call->reply.text, NO_LEADER) == 0;
    case GRPC_DEADLINE_EXCEEDED:
        return method->repeatable;
    case GRPC_OK:
    case GRPC_CANCELLED:
    case GRPC_UNKNOWN:
    case GRPC_INVALID_ARGUMENT:
    case GRPC_NOT_FOUND:
    case GRPC_ALREADY_EXISTS:
    case GRPC_PERMISSION_DENIED:
    case GRPC_RESOURCE_EXHAUSTED:
    case GRPC_FAILED_PRECONDITION:
    case GRPC_ABORTED:
    case GRPC_OUT_OF_RANGE:
    case GRPC_UNIMPLEMENTED:
    case GRPC_INTERNAL:
    case GRPC_DATA_LOSS:
    case GRPC_UNAUTHENTICATED:
        return false;
    }
    return false;
}

/* What a server has answered says more than that others cannot be reached. */
struct failure {
    enum grpc_status code; /* OK: there was none */
    char text[REPLY_TEXT_BYTES];
    size_t about;
};

static void note_failure(const struct client *client, const struct grpc_client_call *call,
                         struct failure *failure)
{
    if (!client->reached)
        return;
    failure->code = call->reply.code;
    failure->about = client->at;
    snprintf(failure->text, sizeof(failure->text), "%s", call->reply.text);
}

static void tell_failure(struct client *client, struct grpc_client_call *call,
                         const struct failure *failure)
{
    client->about = client->at;
    if (client->reached || failure->code == GRPC_OK)
        return;
    reply_fail(&call->reply, failure->code, failure->text);
    client->about = failure->about;
}

/* Tries one endpoint after the other, each once, as long as there is time. The outcome is in
 * call->reply. */
static void try_all(struct client *client, const struct method *method,
                    struct grpc_client_call *call)
{
    uint64_t start_ns = uv_hrtime();
    size_t count = client->endpoints.count;
    struct failure failure = {.code = GRPC_OK};

    for (size_t tried = 0; tried < count; tried++) {
        uint64_t spent_ms = (uv_hrtime() - start_ns) / 1000000u;
        uint64_t left_ms = spent_ms < client->timeout_ms ? client->timeout_ms - spent_ms : 0;

        if (tried > 0) {
            if (left_ms == 0 || !may_try_next(method, call))
                break;
            note_failure(client, call, &failure);
            client_next(client);
            reply_release(&call->reply);
        }
        attempt(client, call, method->repeatable ? left_ms / (count - tried) + 1 : left_ms);
    }
    tell_failure(client, call, &failure);
}

/* ---- calls ---- */

/* The message behind its 5-byte head; NULL when out of memory. */
static uint8_t *frame(const ProtobufCMessage *request, size_t *ret_size)
{
    size_t size = protobuf_c_message_get_packed_size(request);
    uint8_t *body = malloc(REPLY_HEAD_BYTES + size);

    assert(size <= UINT32_MAX);
    if (body == NULL)
        return NULL;
    body[0] = 0;
    for (unsigned i = 0; i < 4; i++)
        body[1 + i] = (uint8_t)(size >> (24 - 8 * i));
    protobuf_c_message_pack(request, body + REPLY_HEAD_BYTES);
    *ret_size = REPLY_HEAD_BYTES + size;
    return body;
}

enum grpc_status client_call(struct client *client, const struct method *method,
                             const ProtobufCMessage *request, ProtobufCMessage **ret_response)
{
    struct grpc_client_call call = {.path = method->path, .done = on_done, .context = client};
    uint8_t *body = frame(request, &call.body_size);
    ProtobufCMessage *response = NULL;
    enum grpc_status code;

    if (body == NULL) {
        snprintf(client->text, sizeof(client->text), "out of memory for the request");
        return GRPC_RESOURCE_EXHAUSTED;
    }
    call.body = body;
    try_all(client, method, &call);
    if (call.reply.code == GRPC_OK) {
        size_t size;
        const uint8_t *message = reply_message(&call.reply, &size);

        response = protobuf_c_message_unpack(method->response, NULL, size, message);
        if (response == NULL)
            reply_fail(&call.reply, GRPC_INTERNAL, "the answer is not the message it should be");
    }
    code = call.reply.code;
    snprintf(client->text, sizeof(client->text), "%s", call.reply.text);
    reply_release(&call.reply);
    free(body);
    if (code == GRPC_OK)
        *ret_response = response;
    return code;
}

/* ---- streams ---- */

struct stream {
    struct grpc_client_call call;
    struct client *client;
    bool (*take)(void *context, const uint8_t *message, size_t size);
    const ProtobufCMessage *(*ask)(void *context); /* NULL: silence ends it */
    void *context;
    bool stirred; /* something came, or it is over */
};

static void on_stream_message(struct grpc_client_call *call, const uint8_t *message, size_t size)
{
    struct stream *stream = call->context;

    stream->stirred = true;
    if (!stream->take(stream->context, message, size))
        grpc_client_cancel(stream->client->connection, call, GRPC_CANCELLED, "not wanted any more");
}

static void on_stream_done(struct grpc_client_call *call)
{
    struct stream *stream = call->context;

    stream->stirred = true;
    stream->client->call_is_done = true;
}

/* True when there was something to ask, and it is on its way. */
static bool ask_into_silence(struct client *client, struct stream *stream)
{
    const ProtobufCMessage *question = stream->ask != NULL ? stream->ask(stream->context) : NULL;
    uint8_t *body;
    size_t size;
    int error;

    if (question == NULL)
        return false;
    body = frame(question, &size);
    if (body == NULL)
        return false;
    error = grpc_client_send(client->connection, &stream->call, body + REPLY_HEAD_BYTES,
                             size - REPLY_HEAD_BYTES);
    free(body);
    return error == 0;
}

static void run_stream(struct client *client, struct stream *stream, uint64_t timeout_ms)
{
    client->call_is_done = false;
    grpc_client_start(client->connection, &stream->call);
    if (!client->call_is_done && stream->ask == NULL)
        grpc_client_half_close(client->connection, &stream->call);
    while (!client->call_is_done) {
        stream->stirred = false;
        wait_for(client, &stream->stirred, timeout_ms);
        if (stream->stirred || client->call_is_done || ask_into_silence(client, stream))
            continue;
        grpc_client_cancel(client->connection, &stream->call, GRPC_DEADLINE_EXCEEDED,
                           "no answer in time");
    }
}

static enum grpc_status open_stream(struct client *client, const ProtobufCMessage *request,
                                    uint64_t timeout_ms, struct stream *stream)
{
    uint8_t *body = frame(request, &stream->call.body_size);
    enum grpc_status code;

    if (body == NULL) {
        snprintf(client->text, sizeof(client->text), "out of memory for the request");
        return GRPC_RESOURCE_EXHAUSTED;
    }
    client->about = client->at;
    if (!connect_within(client, timeout_ms)) {
        free(body);
        return GRPC_UNAVAILABLE;
    }
    stream->call.body = body;
    stream->call.done = on_stream_done;
    stream->call.message = on_stream_message;
    stream->call.context = stream;
    run_stream(client, stream, timeout_ms);
    code = stream->call.reply.code;
    if (code != GRPC_OK)
        snprintf(client->text, sizeof(client->text), "%s", stream->call.reply.text);
    reply_release(&stream->call.reply);
    free(body);
    return code;
}

enum grpc_status client_stream(struct client *client, const char *path,
                               const ProtobufCMessage *request, uint64_t timeout_ms,
                               bool (*take)(void *context, const uint8_t *message, size_t size),
                               void *context)
{
    struct stream stream = {.client = client, .take = take, .context = context, .call.path = path};

    return open_stream(client, request, timeout_ms, &stream);
}

enum grpc_status client_talk(struct client *client, const char *path,
                             const ProtobufCMessage *request, const struct client_talk *talk,
                             void *context)
{
    struct stream stream = {.client = client,
                            .take = talk->take,
                            .ask = talk->ask,
                            .context = context,
                            .call = {.path = path, .requires_leader = true}};

    assert(talk->ask != NULL);
    return open_stream(client, request, talk->silence_ms, &stream);
}

void client_next(struct client *client)
{
    disconnect(client, "another server is tried");
    client->at = (client->at + 1) % client->endpoints.count;
}

void client_set_error(struct client *client, const char *text)
{
    snprintf(client->text, sizeof(client->text), "%s", text);
}

size_t client_endpoint_count(const struct client *client)
{
    return client->endpoints.count;
}
