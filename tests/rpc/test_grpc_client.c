/* SPDX-License-Identifier: MIT */
/* test_grpc_client.c -- our gRPC client against our server, in one loop: many calls on one
 * connection, and streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <decree/error.h>

#include "grpc_client.h"
#include "grpc_parse.h"
#include "rpc_server.h"

#define CALLS 2000u
#define PIECE_BYTES 10000u

struct bed {
    struct rpc_server server;
    struct grpc_client *client;
    struct endpoint endpoint;
    bool ready, closed;
};

struct one { /* a call and what became of it */
    struct grpc_client_call call;
    struct bed *bed;
    uint8_t body[16];
    unsigned messages, done, writable;
    size_t bytes, last_size;
    uint8_t last[32];
    bool cancels, half_closes;
    unsigned left;
};

static bool admit(struct grpc_call *call)
{
    (void)call;
    return true;
}

static void on_ready(void *context)
{
    ((struct bed *)context)->ready = true;
}

static void on_closed(void *context, const char *reason)
{
    (void)reason;
    ((struct bed *)context)->closed = true;
}

static void on_server_closed(void *context)
{
    (void)context;
}

static void run_until(struct bed *bed, const bool *flag)
{
    while (!*flag)
        uv_run(&bed->server.loop, UV_RUN_ONCE);
}

static int set_up(void **state)
{
    static struct bed bed;
    struct grpc_client_sink sink = {&bed, on_ready, on_closed};
    struct grpc_options options = {.context = &bed.server,
                                   .services = rpc_server_services,
                                   .routes = rpc_server_routes,
                                   .stream_routes = rpc_server_stream_routes,
                                   .admit = admit};
    uint16_t port;

    bed = (struct bed){0};
    uv_loop_init(&bed.server.loop);
    assert_int_equal(grpc_open(&bed.server.grpc, &bed.server.loop, &options), 0);
    assert_int_equal(grpc_listen(bed.server.grpc, "127.0.0.1", 0, &port), 0);
    snprintf(bed.endpoint.host, sizeof(bed.endpoint.host), "127.0.0.1");
    snprintf(bed.endpoint.port, sizeof(bed.endpoint.port), "%u", (unsigned)port);
    bed.client = grpc_client_open(&bed.server.loop, &bed.endpoint, &sink);
    assert_non_null(bed.client);
    run_until(&bed, &bed.ready);
    *state = &bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    if (!bed->closed)
        grpc_client_close(bed->client, "the test is over");
    run_until(bed, &bed->closed);
    grpc_close(bed->server.grpc, 0, on_server_closed, NULL);
    uv_run(&bed->server.loop, UV_RUN_DEFAULT);
    assert_int_equal(bed->server.open, 0);
    grpc_free(bed->server.grpc);
    assert_int_equal(uv_loop_close(&bed->server.loop), 0);
    return 0;
}

static struct one *one_of(struct grpc_client_call *call)
{
    return call->context;
}

static void on_done(struct grpc_client_call *call)
{
    one_of(call)->done++;
}

static void on_message(struct grpc_client_call *call, const uint8_t *message, size_t size)
{
    struct one *one = one_of(call);

    assert_int_equal(one->done, 0);
    one->messages++;
    one->bytes += size;
    one->last_size = size;
    memcpy(one->last, message, size < sizeof(one->last) ? size : sizeof(one->last));
    if (one->cancels)
        grpc_client_cancel(one->bed->client, call, GRPC_CANCELLED, "enough");
    else if (one->half_closes)
        grpc_client_half_close(one->bed->client, call);
}

/* Sends as much as there is room for, and the rest when there is more. */
static void send_more(struct grpc_client_call *call)
{
    static const uint8_t piece[PIECE_BYTES];
    struct one *one = one_of(call);
    int error = 0;

    for (; one->left > 0 && error == 0; one->left -= error == 0)
        error = grpc_client_send(one->bed->client, call, piece, sizeof(piece));
    if (one->left == 0)
        grpc_client_half_close(one->bed->client, call);
    else
        assert_int_equal(error, DECREE_FULL);
}

static void on_writable(struct grpc_client_call *call)
{
    one_of(call)->writable++;
    send_more(call);
}

static void start_stream(struct bed *bed, struct one *one, const char *path)
{
    one->bed = bed;
    one->call = (struct grpc_client_call){.path = path,
                                          .done = on_done,
                                          .message = on_message,
                                          .writable = on_writable,
                                          .context = one};
    grpc_client_start(bed->client, &one->call);
}

static void send_text(struct bed *bed, struct one *one, const char *text)
{
    assert_int_equal(grpc_client_send(bed->client, &one->call, (const uint8_t *)text, strlen(text)),
                     0);
}

static void finish(struct bed *bed, struct one *one, enum grpc_status status)
{
    while (one->done == 0)
        uv_run(&bed->server.loop, UV_RUN_ONCE);
    assert_int_equal(one->done, 1);
    assert_int_equal(one->call.reply.code, status);
    reply_release(&one->call.reply);
}

/* ---- unary ---- */

static void many_calls_on_one_connection(void **state)
{
    static struct one ones[CALLS];
    struct bed *bed = *state;
    struct http2_counters counters;

    for (unsigned i = 0; i < CALLS; i++) {
        struct one *one = &ones[i];
        size_t size = (size_t)snprintf((char *)one->body + GRPC_PREFIX_BYTES, 8, "%u", i);

        grpc_prefix_write(one->body, (uint32_t)size);
        one->bed = bed;
        one->call = (struct grpc_client_call){.path = "/test.Test/Say",
                                              .body = one->body,
                                              .body_size = GRPC_PREFIX_BYTES + size,
                                              .done = on_done,
                                              .context = one};
        grpc_client_start(bed->client, &one->call);
    }
    for (unsigned i = 0; i < CALLS; i++) {
        const uint8_t *message;
        size_t size;

        while (ones[i].done == 0)
            uv_run(&bed->server.loop, UV_RUN_ONCE);
        assert_int_equal(ones[i].call.reply.code, GRPC_OK);
        message = reply_message(&ones[i].call.reply, &size);
        assert_int_equal(size + GRPC_PREFIX_BYTES, ones[i].call.body_size);
        assert_memory_equal(message, ones[i].body + GRPC_PREFIX_BYTES, size);
        reply_release(&ones[i].call.reply);
    }
    grpc_counters(bed->server.grpc, &counters);
    assert_int_equal(counters.accepted, 1);
}

/* ---- streams ---- */

static void messages_come_back(void **state)
{
    struct bed *bed = *state;
    struct one one = {0};

    start_stream(bed, &one, "/test.Test/Echo");
    for (unsigned i = 1; i <= 100; i++) {
        send_text(bed, &one, i == 50 ? "" : "hello");
        while (one.messages < i)
            uv_run(&bed->server.loop, UV_RUN_ONCE);
        assert_int_equal(one.last_size, i == 50 ? 0 : 5);
    }
    assert_memory_equal(one.last, "hello", 5);
    grpc_client_half_close(bed->client, &one.call);
    finish(bed, &one, GRPC_OK);
    assert_int_equal(one.messages, 100);
}

static void a_first_message_may_be_given_at_once(void **state)
{
    struct bed *bed = *state;
    struct one one = {.bed = bed, .half_closes = true, .body = {0, 0, 0, 0, 2, 'h', 'i'}};

    one.call = (struct grpc_client_call){.path = "/test.Test/Echo",
                                         .body = one.body,
                                         .body_size = 7,
                                         .done = on_done,
                                         .message = on_message,
                                         .context = &one};
    grpc_client_start(bed->client, &one.call);
    finish(bed, &one, GRPC_OK);
    assert_int_equal(one.messages, 1);
    assert_memory_equal(one.last, "hi", 2);
}

static void what_is_unsent_is_bounded(void **state)
{
    struct bed *bed = *state;
    struct one one = {.left = 2000};

    start_stream(bed, &one, "/test.Test/Echo");
    send_more(&one.call);
    assert_in_range(one.left, 1800, 1999);
    finish(bed, &one, GRPC_OK);
    assert_int_equal(one.messages, 2000);
    assert_int_equal(one.bytes, 2000 * PIECE_BYTES);
    assert_in_range(one.writable, 5, 2000);
}

static void a_flood_comes_whole(void **state)
{
    struct bed *bed = *state;
    struct one one = {0}, other = {0};

    start_stream(bed, &one, "/test.Test/Flood");
    start_stream(bed, &other, "/test.Test/Flood");
    send_text(bed, &one, "3000");
    send_text(bed, &other, "10");
    finish(bed, &other, GRPC_OK);
    finish(bed, &one, GRPC_OK);
    assert_int_equal(one.bytes, 3000 * PIECE_BYTES);
    assert_int_equal(other.bytes, 10 * PIECE_BYTES);
}

static void the_server_ends_it(void **state)
{
    struct bed *bed = *state;
    struct one failed = {0}, ended = {0}, refused = {0}, unknown = {0};

    start_stream(bed, &failed, "/test.Test/Echo");
    send_text(bed, &failed, "x");
    send_text(bed, &failed, "fail");
    while (failed.done == 0)
        uv_run(&bed->server.loop, UV_RUN_ONCE);
    assert_string_equal(failed.call.reply.text, "as you \xc3\xa4sk, 100%");
    finish(bed, &failed, GRPC_DATA_LOSS);
    assert_int_equal(failed.messages, 1);
    start_stream(bed, &ended, "/test.Test/Echo");
    send_text(bed, &ended, "end");
    finish(bed, &ended, GRPC_OK);
    start_stream(bed, &refused, "/test.Test/Refuse");
    finish(bed, &refused, GRPC_PERMISSION_DENIED);
    start_stream(bed, &unknown, "/test.Test/Unknown");
    finish(bed, &unknown, GRPC_UNIMPLEMENTED);
}

static void given_up_in_the_middle(void **state)
{
    struct bed *bed = *state;
    struct one one = {.cancels = true}, next = {0};

    start_stream(bed, &one, "/test.Test/Flood");
    send_text(bed, &one, "100000");
    finish(bed, &one, GRPC_CANCELLED);
    assert_int_equal(one.messages, 1);
    while (bed->server.open > 0)
        uv_run(&bed->server.loop, UV_RUN_ONCE);
    start_stream(bed, &next, "/test.Test/Echo");
    send_text(bed, &next, "end");
    finish(bed, &next, GRPC_OK);
}

static void closed_in_the_middle(void **state)
{
    struct bed *bed = *state;
    struct one ones[5] = {0};

    for (unsigned i = 0; i < 5; i++) {
        start_stream(bed, &ones[i], "/test.Test/Flood");
        send_text(bed, &ones[i], "100000");
    }
    while (ones[0].messages == 0)
        uv_run(&bed->server.loop, UV_RUN_ONCE);
    grpc_client_close(bed->client, "no more");
    for (unsigned i = 0; i < 5; i++)
        finish(bed, &ones[i], GRPC_UNAVAILABLE);
    run_until(bed, &bed->closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_calls_on_one_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_message_may_be_given_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_unsent_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_comes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_server_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(given_up_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closed_in_the_middle, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
