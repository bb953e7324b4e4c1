/* SPDX-License-Identifier: MIT */
/* test_http_abuse.c -- what anybody may post to a member that talks over http: by hand, wrong, or
 * noise. He gets a status and a reason, and the member goes on. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_transport.h"
#include "message_tools.h"

#define PATIENCE_NS (30 * UINT64_C(1000000000))
#define ANSWER_BYTES 4096u

struct target { /* member 1 of two; nothing listens where member 2 should be */
    uv_loop_t loop;
    struct transport *transport;
    struct value_source source;
    struct decree_value *value;
    uint32_t messages;
    uint64_t last_round;
    bool closed, close_when_heard;
    char answer[ANSWER_BYTES];
};

static void on_closed(void *context)
{
    ((struct target *)context)->closed = true;
}

static void close_target(struct target *target)
{
    struct transport *transport = target->transport;

    target->transport = NULL;
    transport->ops->close(transport, on_closed, target);
}

static void on_message(void *context, const struct peer_message *message)
{
    struct target *target = context;

    assert_non_null(target->transport);
    assert_int_equal(peer_message_from(message), 2);
    assert_int_equal(peer_message_to(message), 1);
    target->messages++;
    if (message->protocol == PEER_PAXOS)
        target->last_round = message->u.paxos->round;
    if (target->close_when_heard)
        close_target(target);
}

static void on_unreachable(void *context, decree_node_id peer)
{
    assert_non_null(context);
    assert_int_equal(peer, 2);
}

static struct decree_value *value_of(void *context)
{
    return ((struct target *)context)->value;
}

static int set_up(void **state)
{
    struct target *target = calloc(1, sizeof(*target));
    struct transport_sink sink = {target, on_message, on_unreachable};
    struct call_config config = {.self = 1, .cluster_id = 77, .listen_host = "127.0.0.1"};
    char sentence[CALL_SENTENCE_BYTES];

    assert_non_null(target);
    target->source = (struct value_source){target, value_of};
    config.value = &target->source;
    assert_int_equal(uv_loop_init(&target->loop), 0);
    if (http_transport_open(&target->transport, &target->loop, &config, &sink, sentence) != 0)
        fail_msg("%s", sentence);
    assert_int_equal(call_transport_connect(target->transport, 2, "127.0.0.1", 1), 0);
    *state = target;
    return 0;
}

static int tear_down(void **state)
{
    struct target *target = *state;

    if (target->transport != NULL)
        close_target(target);
    assert_int_equal(uv_run(&target->loop, UV_RUN_DEFAULT), 0);
    assert_true(target->closed);
    assert_int_equal(uv_loop_close(&target->loop), 0);
    decree_value_unref(target->value);
    free(target);
    return 0;
}

static void turn(struct target *target)
{
    struct pollfd pollfd = {.fd = uv_backend_fd(&target->loop), .events = POLLIN};
    int timeout_ms;

    (void)uv_run(&target->loop, UV_RUN_NOWAIT);
    timeout_ms = uv_backend_timeout(&target->loop);
    (void)poll(&pollfd, 1, timeout_ms < 0 || timeout_ms > 10 ? 10 : timeout_ms);
}

static int dial(const struct target *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(call_transport_port(target->transport)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void write_all(struct target *target, int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = write(fd, (const uint8_t *)data + at, size - at);

        if (count < 0 && errno != EAGAIN)
            return; /* it has heard enough */
        at += count < 0 ? 0 : (size_t)count;
        turn(target);
    }
}

/* Reads until the connection ends. */
static void read_answer(struct target *target, int fd)
{
    uint64_t begin_ns = uv_hrtime();
    size_t size = 0;

    for (;;) {
        ssize_t count = read(fd, target->answer + size, ANSWER_BYTES - 1 - size);

        if (count == 0 || (count < 0 && errno != EAGAIN))
            break;
        size += count > 0 ? (size_t)count : 0;
        if (uv_hrtime() - begin_ns > PATIENCE_NS)
            fail_msg("the connection is not closed");
        turn(target);
    }
    target->answer[size] = '\0';
    assert_int_equal(close(fd), 0);
}

/* One request on a connection of its own. Returns the status. */
static int ask(struct target *target, const char *method, const char *path, const char *body,
               size_t size)
{
    char head[256];
    int fd = dial(target);
    int head_size = snprintf(head, sizeof(head),
                             "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                             "Content-Length: %zu\r\n\r\n",
                             method, path, size);

    write_all(target, fd, head, (size_t)head_size);
    write_all(target, fd, body, size);
    read_answer(target, fd);
    assert_true(strncmp(target->answer, "HTTP/1.1 ", 9) == 0);
    return (int)strtol(target->answer + 9, NULL, 10);
}

static int post(struct target *target, const char *body)
{
    return ask(target, "POST", "/handle", body, strlen(body));
}

static void assert_answer_has(const struct target *target, const char *text)
{
    if (strstr(target->answer, text) == NULL)
        fail_msg("'%s' is not in the answer:\n%s", text, target->answer);
}

static void expect_service(struct target *target)
{
    uint32_t before = target->messages;

    assert_int_equal(post(target, "{\"cluster_id\":\"77\",\"sender\":2,\"receiver\":1,"
                                  "\"paxos\":{\"type\":\"HEARTBEAT\",\"round\":\"4711\"}}"),
                     200);
    assert_answer_has(target, "\r\n\r\n{}");
    assert_int_equal(target->messages, before + 1);
    assert_int_equal(target->last_round, 4711);
}

static void a_message_by_hand_is_taken_in(void **state)
{
    expect_service(*state);
}

static void a_list_is_taken_in_whole_or_not_at_all(void **state)
{
    struct target *target = *state;

#define BEAT "{\"clusterId\":77,\"sender\":2,\"receiver\":1,\"paxos\":{\"type\":8}}"
    assert_int_equal(post(target, "[" BEAT "," BEAT "," BEAT "]"), 200);
    assert_int_equal(target->messages, 3);
    assert_int_equal(post(target, "[" BEAT "," BEAT ",{\"cluster_id\":5}]"), 409);
    assert_int_equal(post(target, "[" BEAT ",{\"sender\":\"x\"}]"), 400);
    assert_answer_has(target, "[1].sender: not a number");
    assert_int_equal(post(target, "[]"), 200);
    assert_int_equal(target->messages, 3);
#undef BEAT
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        int status;
        const char *body, *reason;
    } wrong[] = {
        {400, "", "not JSON"},
        {400, "nonsense", "not JSON: line 1"},
        {400, "{\"paxos\":{\"type\":\"P9\"}}", "paxos.type: none of the names that it may have"},
        {400, "{\"paxos\":7}", "paxos: not an object"},
        {400, "{\"cluster_id\":77,\"sender\":2,\"receiver\":1}", "neither paxos nor synod"},
        {400, "{\"cluster_id\":77,\"sender\":2,\"receiver\":1,\"paxos\":{}}",
         "paxos.type: none that there is"},
        {403, "{\"cluster_id\":77,\"sender\":3,\"receiver\":1,\"paxos\":{\"type\":8}}",
         "sender: not another member"},
        {403, "{\"cluster_id\":77,\"sender\":1,\"receiver\":1,\"paxos\":{\"type\":8}}",
         "sender: not another member"},
        {409, "{\"cluster_id\":78,\"sender\":2,\"receiver\":1,\"paxos\":{\"type\":8}}",
         "cluster_id: another cluster"},
        {409, "{\"cluster_id\":77,\"sender\":2,\"receiver\":3,\"paxos\":{\"type\":8}}",
         "receiver: meant for another member"},
        {413,
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         "nested deeper than"},
    };
    struct target *target = *state;
    struct call_counters counters;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(post(target, wrong[i].body), wrong[i].status);
        assert_answer_has(target, wrong[i].reason);
    }
    call_transport_counters(target->transport, &counters);
    assert_int_equal(counters.calls_refused, sizeof(wrong) / sizeof(wrong[0]));
    assert_int_equal(counters.messages_received, 0);
    expect_service(target);
}

static void other_methods_and_paths_are_refused(void **state)
{
    struct target *target = *state;

    assert_int_equal(ask(target, "GET", "/handle", "", 0), 405);
    assert_int_equal(ask(target, "DELETE", "/handle", "", 0), 405);
    assert_int_equal(ask(target, "POST", "/", "{}", 2), 404);
    assert_int_equal(ask(target, "GET", "/values", "", 0), 404);
    expect_service(target);
}

static void the_value_is_told_once_it_is_there(void **state)
{
    struct target *target = *state;

    assert_int_equal(ask(target, "GET", "/value", "", 0), 503);
    assert_answer_has(target, "not chosen yet");
    target->value = decree_value_copy("bread", 5);
    assert_int_equal(ask(target, "GET", "/value", "", 0), 200);
    assert_answer_has(target, "\r\n\r\nbread");
    assert_int_equal(ask(target, "POST", "/value", "", 0), 405);
}

static void noise_is_answered_and_forgotten(void **state)
{
    struct target *target = *state;
    uint8_t data[500];
    struct prng prng;

    prng_init(&prng, 5);
    for (int i = 0; i < 50; i++) {
        int fd = dial(target);

        for (size_t j = 0; j < sizeof(data); j++)
            data[j] = (uint8_t)prng_next(&prng);
        data[0] = 'x';
        write_all(target, fd, data, sizeof(data));
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        read_answer(target, fd);
    }
    assert_int_equal(target->messages, 0);
    expect_service(target);
}

static void changed_messages_do_no_harm(void **state)
{
    static const char sample[] =
        "{\"cluster_id\":\"77\",\"sender\":2,\"receiver\":1,\"register\":{\"type\":\"PROMISE\","
        "\"key\":\"a2V5\",\"version\":\"3\",\"ballot\":{\"round\":\"9\",\"node\":2},"
        "\"mark\":{\"node\":2},\"value\":\"YnJlYWQ=\"}}";
    static const char pieces[] = "{}[]\",:0129-+.eEyYlu=_\x80";
    struct target *target = *state;
    char text[sizeof(sample)];
    struct prng prng;

    prng_init(&prng, 6);
    for (int i = 0; i < 500; i++) {
        int status;

        memcpy(text, sample, sizeof(text));
        for (uint64_t changes = prng_below(&prng, 3); changes > 0; changes--)
            text[prng_below(&prng, sizeof(text) - 1)] =
                pieces[prng_below(&prng, sizeof(pieces) - 1)];
        status = post(target, text);
        assert_true(status == 200 || status == 400 || status == 403 || status == 409);
    }
    assert_in_range(target->messages, 1, 499);
    expect_service(target);
}

static void the_sink_may_close_the_transport(void **state)
{
    struct target *target = *state;
    int fd = dial(target);
    static const char request[] =
        "POST /handle HTTP/1.1\r\nHost: x\r\nContent-Length: 74\r\n\r\n"
        "[{\"cluster_id\":77,\"sender\":2,\"receiver\":1,\"paxos\":{\"type\":8}}            ]";

    target->close_when_heard = true;
    write_all(target, fd, request, sizeof(request) - 1);
    while (!target->closed)
        turn(target);
    assert_int_equal(target->messages, 1);
    assert_int_equal(close(fd), 0);
}

#define ABUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ABUSE(a_message_by_hand_is_taken_in),
        ABUSE(a_list_is_taken_in_whole_or_not_at_all),
        ABUSE(what_is_wrong_is_said),
        ABUSE(other_methods_and_paths_are_refused),
        ABUSE(the_value_is_told_once_it_is_there),
        ABUSE(noise_is_answered_and_forgotten),
        ABUSE(changed_messages_do_no_harm),
        ABUSE(the_sink_may_close_the_transport),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
