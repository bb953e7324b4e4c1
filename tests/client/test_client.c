/* SPDX-License-Identifier: MIT */
/* test_client.c -- which server a call goes to, what is sent twice and what never is, and what
 * users are told. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <decree/error.h>

#include "client.h"
#include "fake_server.h"

/* A PutResponse with header {revision: 7}, framed. */
static const uint8_t put_body[] = {0, 0, 0, 0, 4, 0x0a, 0x02, 0x18, 0x07};
static const struct fake_answer good = {FAKE_ANSWER, "0", "", put_body, sizeof(put_body)};
static const struct fake_answer no_leader = {FAKE_ANSWER, "14", "etcdserver: no leader", NULL, 0};
static const struct fake_answer timed_out = {FAKE_ANSWER, "14", "etcdserver: request timed out",
                                             NULL, 0};

#define NOBODY "127.0.0.1:1"

/* How long is waited for what comes, however busy the machine is, and for what never does. */
#define PATIENCE_MS 20000
#define SILENCE_MS 2000

static struct client *open_client_with(const struct client_options *options)
{
    struct client *client;
    const char *reason;

    assert_int_equal(client_new(&client, options, &reason), 0);
    return client;
}

static struct client *open_client(const char *endpoints)
{
    return open_client_with(&(struct client_options){
        .endpoints = endpoints, .timeout_ms = PATIENCE_MS, .dial_timeout_ms = PATIENCE_MS});
}

static enum grpc_status put(struct client *client, int64_t *ret_revision)
{
    static uint8_t bytes[] = "k";
    Etcdserverpb__PutRequest request = ETCDSERVERPB__PUT_REQUEST__INIT;
    Etcdserverpb__PutResponse *response;
    enum grpc_status code;

    request.key = request.value = (ProtobufCBinaryData){.len = 1, .data = bytes};
    code = client_put(client, &request, &response);
    if (code == GRPC_OK) {
        *ret_revision = response->header->revision;
        etcdserverpb__put_response__free_unpacked(response, NULL);
    }
    return code;
}

/* What may be done twice. The answer is that to a put: its head is the same. */
static enum grpc_status get(struct client *client, int64_t *ret_revision)
{
    static uint8_t bytes[] = "k";
    Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    Etcdserverpb__RangeResponse *response;
    enum grpc_status code;

    request.key = (ProtobufCBinaryData){.len = 1, .data = bytes};
    code = client_range(client, &request, &response);
    if (code == GRPC_OK) {
        *ret_revision = response->header->revision;
        etcdserverpb__range_response__free_unpacked(response, NULL);
    }
    return code;
}

/* A put or a get through `first`, with a good server behind it; how often each was asked. */
static enum grpc_status ask_two(const struct fake_answer *first, bool reads, unsigned *ret_first,
                                unsigned *ret_second, char *ret_text, size_t text_bytes)
{
    struct fake_server *one = fake_server_start(first), *two = fake_server_start(&good);
    char endpoints[80];
    struct client_options options = {
        .endpoints = endpoints,
        .timeout_ms = first->behaviour == FAKE_NO_ANSWER ? 2 * SILENCE_MS : PATIENCE_MS,
        .dial_timeout_ms = first->behaviour == FAKE_NO_HTTP2 ? SILENCE_MS : PATIENCE_MS};
    struct client *client;
    enum grpc_status code;
    int64_t revision = 0;

    snprintf(endpoints, sizeof(endpoints), "%s,%s", fake_server_endpoint(one),
             fake_server_endpoint(two));
    client = open_client_with(&options);
    code = (reads ? get : put)(client, &revision);
    if (code == GRPC_OK)
        assert_int_equal(revision, 7);
    snprintf(ret_text, text_bytes, "%s", client_error_text(client));
    client_free(client);
    *ret_first = fake_server_stop(one);
    *ret_second = fake_server_stop(two);
    return code;
}

static void test_answer_is_unpacked(void **state)
{
    struct fake_server *server = fake_server_start(&good);
    struct client *client = open_client(fake_server_endpoint(server));
    int64_t revision = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(client, &revision), GRPC_OK);
    assert_int_equal(revision, 7);
    assert_string_equal(client_endpoint(client), fake_server_endpoint(server));
    client_free(client);
    assert_int_equal(fake_server_stop(server), 3);
}

static void test_nobody_listens(void **state)
{
    struct client *client = open_client(NOBODY);
    int64_t revision;

    (void)state;
    assert_int_equal(put(client, &revision), GRPC_UNAVAILABLE);
    assert_string_equal(client_error_text(client), "cannot connect: connection refused");
    client_free(client);
}

static void test_next_server_is_tried_when_one_refuses_connections(void **state)
{
    struct fake_server *server = fake_server_start(&good);
    char endpoints[80];
    struct client *client;
    int64_t revision;

    (void)state;
    snprintf(endpoints, sizeof(endpoints), "%s,%s", NOBODY, fake_server_endpoint(server));
    client = open_client(endpoints);
    assert_int_equal(put(client, &revision), GRPC_OK);
    assert_string_equal(client_endpoint(client), fake_server_endpoint(server));
    client_free(client);
    assert_int_equal(fake_server_stop(server), 1);
}

/* The one that said something, and not the last one that could not even be reached. */
static void test_what_a_server_said_is_told(void **state)
{
    struct fake_server *server = fake_server_start(&no_leader);
    char endpoints[80];
    struct client *client;
    int64_t revision;

    (void)state;
    snprintf(endpoints, sizeof(endpoints), "%s,%s,%s", NOBODY, fake_server_endpoint(server),
             NOBODY);
    client = open_client(endpoints);
    assert_int_equal(put(client, &revision), GRPC_UNAVAILABLE);
    assert_string_equal(client_error_text(client), "etcdserver: no leader");
    assert_string_equal(client_endpoint(client), fake_server_endpoint(server));
    client_free(client);
    assert_int_equal(fake_server_stop(server), 1);
}

/* Each row: what the first of two servers does, and what becomes of one write. */
static void test_what_is_sent_to_the_next_server(void **state)
{
    static const struct fake_answer mute = {.behaviour = FAKE_NO_HTTP2};
    static const struct fake_answer garbage = {.behaviour = FAKE_GARBAGE};
    static const struct fake_answer refuse = {.behaviour = FAKE_REFUSE};
    static const struct fake_answer hang_up = {.behaviour = FAKE_HANG_UP};
    static const struct fake_answer no_answer = {.behaviour = FAKE_NO_ANSWER};
    static const struct fake_answer plain = {
        .behaviour = FAKE_PLAIN_HTTP, .status = "0", .text = ""};
    static const struct fake_answer invalid = {FAKE_ANSWER, "3",
                                               "etcdserver: key%20is not provided%", NULL, 0};
    static const struct {
        const struct fake_answer *first;
        bool reads;
        enum grpc_status code;
        unsigned first_calls, second_calls;
        const char *text;
    } rows[] = {
        {&mute, false, GRPC_OK, 0, 1, ""},
        {&garbage, false, GRPC_OK, 0, 1, ""},
        {&refuse, false, GRPC_OK, 1, 1, ""},
        {&no_leader, false, GRPC_OK, 1, 1, ""},
        {&timed_out, false, GRPC_UNAVAILABLE, 1, 0, "etcdserver: request timed out"},
        {&timed_out, true, GRPC_OK, 1, 1, ""},
        {&hang_up, false, GRPC_UNAVAILABLE, 1, 0, "the server has closed the connection"},
        {&hang_up, true, GRPC_OK, 1, 1, ""},
        {&no_answer, false, GRPC_DEADLINE_EXCEEDED, 1, 0, "no answer in time"},
        {&no_answer, true, GRPC_OK, 1, 1, ""},
        {&plain, false, GRPC_UNAVAILABLE, 1, 0, "no gRPC answer, but HTTP status 503"},
        {&invalid, true, GRPC_INVALID_ARGUMENT, 1, 0, "etcdserver: key is not provided%"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned first_calls, second_calls;
        char text[256];
        enum grpc_status code = ask_two(rows[i].first, rows[i].reads, &first_calls, &second_calls,
                                        text, sizeof(text));

        if (code != rows[i].code || first_calls != rows[i].first_calls ||
            second_calls != rows[i].second_calls || strcmp(text, rows[i].text) != 0)
            fail_msg("row %zu: %s, asked %u and %u times, said '%s'", i, grpc_status_name(code),
                     first_calls, second_calls, text);
    }
}

static void test_bad_messages_are_an_error(void **state)
{
    static const uint8_t short_body[] = {0, 0, 0, 0, 9, 0x0a};
    static const uint8_t compressed[] = {1, 0, 0, 0, 0};
    static const uint8_t no_protobuf[] = {0, 0, 0, 0, 2, 0xff, 0xff};
    static const struct fake_answer answers[] = {
        {FAKE_ANSWER, "0", "", short_body, sizeof(short_body)},
        {FAKE_ANSWER, "0", "", compressed, sizeof(compressed)},
        {FAKE_ANSWER, "0", "", no_protobuf, sizeof(no_protobuf)},
        {FAKE_ANSWER, "0", "", NULL, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct fake_server *server = fake_server_start(&answers[i]);
        struct client *client = open_client(fake_server_endpoint(server));
        int64_t revision;

        assert_int_equal(put(client, &revision), GRPC_INTERNAL);
        client_free(client);
        fake_server_stop(server);
    }
}

static void test_endpoints_are_checked(void **state)
{
    static const char *const bad[] = {"",     "x",     "x:",    ":1",          "x:0", "x:65536",
                                      "x:1,", "::1:1", "a/b:1", "https://x:1", "x:1x"};
    struct client_options options = {0};
    struct client *client;
    const char *reason;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options.endpoints = bad[i];
        assert_int_equal(client_new(&client, &options, &reason), DECREE_INVALID);
    }
    options.endpoints = "http://localhost:2379/,[::1]:2379,host.example:1";
    assert_int_equal(client_new(&client, &options, &reason), 0);
    assert_string_equal(client_endpoint(client), "localhost:2379");
    client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_is_unpacked),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_next_server_is_tried_when_one_refuses_connections),
        cmocka_unit_test(test_what_a_server_said_is_told),
        cmocka_unit_test(test_what_is_sent_to_the_next_server),
        cmocka_unit_test(test_bad_messages_are_an_error),
        cmocka_unit_test(test_endpoints_are_checked),
    };

    signal(SIGPIPE, SIG_IGN); /* a fake server may write to a client that is gone */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
