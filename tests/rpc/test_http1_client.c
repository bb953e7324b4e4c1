/* SPDX-License-Identifier: MIT */
/* test_http1_client.c -- our HTTP/1.1 client against our server, and against a socket that says
 * what it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <decree/error.h>

#include "http1.h"
#include "http1_client.h"

#define REQUESTS 500u

struct bed {
    uv_loop_t loop;
    struct http1_server *server;
    struct http1_client *client;
    struct endpoint endpoint;
    struct http1_call *kept;
    unsigned done, failed, handled;
    unsigned status;
    char body[64], reason[128];
    bool ready, closed;
};

/* ---- the server ---- */

static void echo(struct http1_call *call)
{
    struct bed *bed = http1_context(call);
    const struct http1_request *request = http1_request_of(call);

    bed->handled++;
    assert_string_equal(http1_header(call, "content-type"), "application/json");
    assert_string_equal(http1_header(call, "host"), bed->endpoint.name);
    http1_answer(call, 200, "application/json", request->body, request->body_size);
}

static void keep(struct http1_call *call)
{
    struct bed *bed = http1_context(call);

    bed->kept = call;
    http1_keep(call);
}

static void large(struct http1_call *call)
{
    static const uint8_t body[5000];

    http1_answer(call, 200, "text/plain", body, sizeof(body));
}

static void set_endpoint(struct bed *bed, uint16_t port)
{
    snprintf(bed->endpoint.host, sizeof(bed->endpoint.host), "127.0.0.1");
    snprintf(bed->endpoint.port, sizeof(bed->endpoint.port), "%u", (unsigned)port);
    snprintf(bed->endpoint.name, sizeof(bed->endpoint.name), "127.0.0.1:%u", (unsigned)port);
}

static int set_up(void **state)
{
    static const struct http1_route routes[] = {{"POST", "/echo", echo},
                                                {"GET", "/keep", keep},
                                                {NULL, "/large", large},
                                                {NULL, NULL, NULL}};
    static struct bed bed;
    struct http1_options options = {.context = &bed, .routes = routes};
    uint16_t port;

    bed = (struct bed){0};
    uv_loop_init(&bed.loop);
    assert_int_equal(http1_open(&bed.server, &bed.loop, &options), 0);
    assert_int_equal(http1_listen(bed.server, "127.0.0.1", 0, &port), 0);
    set_endpoint(&bed, port);
    *state = &bed;
    return 0;
}

static void on_server_closed(void *context)
{
    (void)context;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    http1_close(bed->server, 0, on_server_closed, NULL);
    uv_run(&bed->loop, UV_RUN_DEFAULT);
    http1_free(bed->server);
    assert_int_equal(uv_loop_close(&bed->loop), 0);
    return 0;
}

/* ---- the client ---- */

static void on_ready(void *context)
{
    ((struct bed *)context)->ready = true;
}

static void on_closed(void *context, const char *reason)
{
    struct bed *bed = context;

    bed->closed = true;
    snprintf(bed->reason, sizeof(bed->reason), "%s", reason);
}

static void on_done(void *context, unsigned status, const uint8_t *body, size_t size)
{
    struct bed *bed = context;

    bed->status = status;
    snprintf(bed->body, sizeof(bed->body), "%.*s", (int)size, size > 0 ? (const char *)body : "");
    if (status == 0)
        bed->failed++;
    else
        bed->done++;
}

/* Answers must come in the order of the requests. */
static void on_number(void *context, unsigned status, const uint8_t *body, size_t size)
{
    struct bed *bed = context;
    char expected[32];

    snprintf(expected, sizeof(expected), "{\"n\":%u}", bed->done);
    assert_int_equal(status, 200);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(body, expected, size);
    bed->done++;
}

static void open_client(struct bed *bed, const struct http1_client_options *options)
{
    struct http1_client_sink sink = {bed, on_ready, on_closed};

    bed->client = http1_client_open(&bed->loop, &bed->endpoint, options, &sink);
    assert_non_null(bed->client);
}

static int ask(struct bed *bed, const char *path, const char *body, http1_client_done *done)
{
    struct http1_client_request request = {.method = body != NULL ? "POST" : "GET",
                                           .path = path,
                                           .content_type = body != NULL ? "application/json" : NULL,
                                           .body = body,
                                           .body_size = body != NULL ? strlen(body) : 0,
                                           .done = done,
                                           .context = bed};

    return http1_client_send(bed->client, &request);
}

static void close_client(struct bed *bed)
{
    http1_client_close(bed->client, "the test is over");
    while (!bed->closed)
        uv_run(&bed->loop, UV_RUN_ONCE);
}

static void many_requests_on_one_connection(void **state)
{
    struct bed *bed = *state;
    char body[32];

    open_client(bed, NULL);
    for (unsigned i = 0; i < REQUESTS; i++) {
        snprintf(body, sizeof(body), "{\"n\":%u}", i);
        assert_int_equal(ask(bed, "/echo", body, on_number), 0);
    }
    while (bed->done < REQUESTS)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_true(bed->ready);
    assert_int_equal(http1_connections(bed->server), 1);
    assert_int_equal(ask(bed, "/none", NULL, on_done), 0);
    while (bed->done == REQUESTS)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(bed->status, 404);
    assert_string_equal(bed->body, "there is no /none here\n");
    close_client(bed);
    assert_string_equal(bed->reason, "the test is over");
}

static void no_more_are_in_flight_than_allowed(void **state)
{
    struct bed *bed = *state;
    struct http1_client_options options = {.in_flight_max = 1};

    open_client(bed, &options);
    assert_int_equal(ask(bed, "/keep", NULL, on_done), 0);
    assert_int_equal(ask(bed, "/echo", "{}", on_done), 0);
    while (bed->kept == NULL)
        uv_run(&bed->loop, UV_RUN_ONCE);
    uv_run(&bed->loop, UV_RUN_NOWAIT);
    assert_int_equal(bed->handled, 0);
    assert_true(http1_resume(bed->kept));
    http1_answer(bed->kept, 204, NULL, NULL, 0);
    while (bed->done < 2)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(bed->handled, 1);
    close_client(bed);
}

static void what_waits_is_bounded(void **state)
{
    struct bed *bed = *state;
    struct http1_client_options options = {.unsent_bytes_max = 1000};
    unsigned sent = 0;

    open_client(bed, &options);
    while (ask(bed, "/echo", "{}", on_done) == 0)
        sent++;
    assert_in_range(sent, 2, 20);
    assert_int_equal(ask(bed, "/echo", "{}", on_done), DECREE_FULL);
    while (bed->done < sent)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(ask(bed, "/echo", "{}", on_done), 0);
    while (bed->done < sent + 1)
        uv_run(&bed->loop, UV_RUN_ONCE);
    close_client(bed);
}

static void an_answer_that_is_too_large_ends_it(void **state)
{
    struct bed *bed = *state;
    struct http1_client_options options = {.answer_bytes_max = 4999};

    open_client(bed, &options);
    assert_int_equal(ask(bed, "/large", NULL, on_done), 0);
    while (!bed->closed)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_string_equal(bed->reason, "the answer is too large");
    assert_int_equal(bed->failed, 1);
    assert_string_equal(bed->body, bed->reason);
}

static void nobody_is_there(void **state)
{
    struct bed *bed = *state;

    set_endpoint(bed, 1);
    open_client(bed, NULL);
    assert_int_equal(ask(bed, "/echo", "{}", on_done), 0);
    assert_int_equal(ask(bed, "/echo", "{}", NULL), 0);
    while (!bed->closed)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(bed->failed, 1);
    assert_int_equal(bed->status, 0);
}

static void closed_while_looking_up_and_while_asking(void **state)
{
    struct bed *bed = *state;

    open_client(bed, NULL);
    assert_int_equal(ask(bed, "/echo", "{}", on_done), 0);
    close_client(bed);
    assert_int_equal(bed->failed, 1);
    bed->closed = false;
    open_client(bed, NULL);
    assert_int_equal(ask(bed, "/keep", NULL, on_done), 0);
    while (bed->kept == NULL)
        uv_run(&bed->loop, UV_RUN_ONCE);
    http1_client_close(bed->client, "enough");
    assert_int_equal(ask(bed, "/echo", "{}", on_done), DECREE_CLOSED);
    while (!bed->closed)
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(bed->failed, 2);
    /* For all the server knows, the client has only said all that he has to say. */
    assert_true(http1_resume(bed->kept));
    http1_answer(bed->kept, 204, NULL, NULL, 0);
    while (http1_connections(bed->server) > 0)
        uv_run(&bed->loop, UV_RUN_ONCE);
}

/* ---- a server that says what it is told to ---- */

struct liar {
    uv_tcp_t listener, tcp;
    uv_write_t write;
    const char *words;
    struct bed *bed;
    bool hangs_up;
};

static void on_liar_written(uv_write_t *write, int status)
{
    struct liar *liar = write->data;

    (void)status;
    if (liar->hangs_up)
        uv_close((uv_handle_t *)&liar->tcp, NULL);
}

static void on_liar_room(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    static char room[65536];

    (void)handle;
    (void)size;
    *ret_buffer = uv_buf_init(room, sizeof(room));
}

static void on_liar_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct liar *liar = stream->data;
    uv_buf_t words = uv_buf_init((char *)(uintptr_t)liar->words, (unsigned)strlen(liar->words));

    (void)buffer;
    if (size <= 0) {
        if (!uv_is_closing((uv_handle_t *)stream))
            uv_close((uv_handle_t *)stream, NULL);
        return;
    }
    uv_read_stop(stream);
    liar->write.data = liar;
    assert_int_equal(uv_write(&liar->write, stream, &words, 1, on_liar_written), 0);
}

static void on_liar_connection(uv_stream_t *listener, int status)
{
    struct liar *liar = listener->data;

    assert_int_equal(status, 0);
    uv_tcp_init(&liar->bed->loop, &liar->tcp);
    liar->tcp.data = liar;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&liar->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&liar->tcp, on_liar_room, on_liar_read), 0);
}

/* What becomes of one request when this is the answer. */
static void hear(struct bed *bed, const char *words, bool hangs_up)
{
    struct liar liar = {.words = words, .bed = bed, .hangs_up = hangs_up};
    struct sockaddr_in address;
    int size = sizeof(address);

    bed->closed = false;
    bed->done = bed->failed = 0;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&bed->loop, &liar.listener);
    liar.listener.data = &liar;
    assert_int_equal(uv_tcp_bind(&liar.listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&liar.listener, 1, on_liar_connection), 0);
    uv_tcp_getsockname(&liar.listener, (struct sockaddr *)&address, &size);
    set_endpoint(bed, ntohs(address.sin_port));
    open_client(bed, NULL);
    assert_int_equal(ask(bed, "/echo", "{}", on_done), 0);
    while (!bed->closed)
        uv_run(&bed->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&liar.listener, NULL);
    if (!uv_is_closing((uv_handle_t *)&liar.tcp))
        uv_close((uv_handle_t *)&liar.tcp, NULL);
    for (int i = 0; i < 3; i++)
        uv_run(&bed->loop, UV_RUN_NOWAIT);
}

static void answers_may_be_anything(void **state)
{
    struct bed *bed = *state;

    hear(bed, "hello\r\n", false);
    assert_int_equal(bed->failed, 1);
    assert_string_equal(bed->reason, "the server does not speak HTTP/1.1 as it should");
    hear(bed, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", true);
    assert_int_equal(bed->failed, 1);
    hear(bed, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end", true);
    assert_int_equal(bed->done, 1);
    assert_string_equal(bed->body, "to the end");
    hear(bed, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
         true);
    assert_string_equal(bed->body, "abc");
    hear(bed, "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", false);
    assert_int_equal(bed->status, 503);
    assert_string_equal(bed->reason, "the server has ended the connection");
    hear(bed, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false);
    assert_int_equal(bed->done, 1);
    assert_string_equal(bed->reason, "the server answers what was not asked");
    hear(bed, "", true);
    assert_int_equal(bed->failed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_requests_on_one_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_are_in_flight_than_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_is_too_large_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closed_while_looking_up_and_while_asking, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(answers_may_be_anything, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
