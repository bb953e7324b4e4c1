/* SPDX-License-Identifier: MIT */
/* test_call.c -- what is peculiar to the transports http and grpc: calls that are refused, peers
 * that never answer or that are somebody else, and who dials whom how often. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "grpc_transport.h"
#include "http_transport.h"
#include "message_tools.h"
#include "peer_network.h"
#include "tcp.h"

#define CLUSTER 77u
#define MESSAGE_BYTES_MAX 100000u
/* How long is waited for what comes, however busy the machine is, and for what never does. */
#define PATIENCE_MS 60000u
#define SILENCE_MS 200u

typedef int open_function(struct transport **ret_transport, uv_loop_t *loop,
                          const struct call_config *config, const struct transport_sink *sink,
                          char *sentence);

struct end { /* a node */
    struct transport *transport;
    uint16_t port;
    uint32_t messages, unreachable, refusals, strangers, warnings;
    bool close_when_heard, closed;
    struct logger logger;
};

static open_function *open_of(void **state)
{
    return *(open_function **)*state;
}

static void on_log(void *context, enum decree_log_level level, const char *event,
                   const char *details)
{
    struct end *end = context;

    assert_non_null(details);
    end->warnings += level == DECREE_LOG_WARN;
    end->refusals += strcmp(event, "peer_refuses") == 0;
    end->strangers += strcmp(event, "peer_does_not_answer") == 0;
}

static void on_closed(void *context)
{
    ((struct end *)context)->closed = true;
}

static void close_end(struct end *end)
{
    struct transport *transport = end->transport;

    end->transport = NULL;
    transport->ops->close(transport, on_closed, end);
}

static void on_message(void *context, const struct peer_message *message)
{
    struct end *end = context;

    assert_non_null(end->transport);
    assert_int_equal(message->u.paxos->type, DECREE_HEARTBEAT);
    end->messages++;
    if (end->close_when_heard)
        close_end(end);
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct end *end = context;

    assert_non_null(end->transport);
    assert_true(peer != 0);
    end->unreachable++;
    if (end->close_when_heard)
        close_end(end);
}

static void open_end_within(struct end *end, open_function *open, uv_loop_t *loop,
                            decree_node_id self, uint64_t cluster_id, uint32_t within_ms)
{
    struct transport_sink sink = {end, on_message, on_unreachable};
    struct call_config config = {.self = self,
                                 .cluster_id = cluster_id,
                                 .listen_host = "localhost",
                                 .message_bytes_max = MESSAGE_BYTES_MAX,
                                 .dial_within_ms = within_ms,
                                 .deliver_within_ms = within_ms,
                                 .logger = &end->logger};
    char sentence[CALL_SENTENCE_BYTES];

    *end = (struct end){.logger = {end, DECREE_LOG_INFO, on_log}};
    if (open(&end->transport, loop, &config, &sink, sentence) != 0)
        fail_msg("%s", sentence);
    end->port = call_transport_port(end->transport);
}

static void open_end(struct end *end, open_function *open, uv_loop_t *loop, decree_node_id self,
                     uint64_t cluster_id)
{
    open_end_within(end, open, loop, self, cluster_id, PATIENCE_MS);
}

static void connect_to(struct end *end, decree_node_id peer, uint16_t port)
{
    assert_int_equal(call_transport_connect(end->transport, peer, "localhost", port), 0);
}

static void send_beat(struct end *end, decree_node_id from, decree_node_id to)
{
    struct decree_message beat = message_beat(from, to, 1);
    struct peer_message message = message_of(&beat);

    end->transport->ops->send(end->transport, &message);
    end->transport->ops->flush(end->transport);
}

static struct call_counters counters_of(const struct end *end)
{
    struct call_counters counters;

    call_transport_counters(end->transport, &counters);
    return counters;
}

static void close_all(uv_loop_t *loop, struct end *a, struct end *b)
{
    if (a->transport != NULL)
        close_end(a);
    if (b != NULL && b->transport != NULL)
        close_end(b);
    assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
    assert_true(a->closed);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void what_cannot_be_sent_is_counted(void **state)
{
    struct decree_message beat = message_beat(1, 9, 1), huge = message_run(1, 3, MESSAGE_BYTES_MAX);
    struct peer_message nobody = message_of(&beat), too_large = message_of(&huge);
    struct end end;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&end, open_of(state), &loop, 1, CLUSTER);
    connect_to(&end, 2, 1);
    end.transport->ops->send(end.transport, &nobody);
    end.transport->ops->send(end.transport, &too_large);
    end.transport->ops->flush(end.transport);
    assert_int_equal(counters_of(&end).messages_dropped, 2);
    assert_int_equal(end.warnings, 2);
    message_release(&huge);
    close_all(&loop, &end, NULL);
}

static void only_members_can_be_dialled(void **state)
{
    struct end end;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&end, open_of(state), &loop, 1, CLUSTER);
    assert_int_equal(call_transport_connect(end.transport, 1, "localhost", 1), DECREE_INVALID);
    assert_int_equal(call_transport_connect(end.transport, 0, "localhost", 1), DECREE_INVALID);
    close_all(&loop, &end, NULL);
}

/* Runs both until a has had three calls refused. */
static void expect_refusals(uv_loop_t *loop, struct end *a, struct end *b)
{
    while (counters_of(a).messages_dropped < 3) {
        send_beat(a, 1, 2);
        (void)uv_run(loop, UV_RUN_ONCE);
    }
    assert_int_equal(counters_of(a).messages_sent, 0);
    assert_true(counters_of(b).calls_refused > 0);
    assert_int_equal(b->messages, 0);
    assert_int_equal(a->refusals, 1); /* it is always the same */
    assert_int_equal(a->unreachable, 0);
}

static void who_has_another_name_takes_no_messages(void **state)
{
    struct end a, b;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&a, open_of(state), &loop, 1, CLUSTER);
    open_end(&b, open_of(state), &loop, 3, CLUSTER); /* 1 takes it for 2 */
    connect_to(&a, 2, b.port);
    connect_to(&b, 1, a.port);
    expect_refusals(&loop, &a, &b);
    close_all(&loop, &a, &b);
}

static void another_cluster_takes_no_messages(void **state)
{
    struct end a, b;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&a, open_of(state), &loop, 1, CLUSTER);
    open_end(&b, open_of(state), &loop, 2, CLUSTER + 1);
    connect_to(&a, 2, b.port);
    connect_to(&b, 1, a.port);
    expect_refusals(&loop, &a, &b);
    close_all(&loop, &a, &b);
}

/* Nobody is there, so that all of it waits, and is dropped and counted when that is known. */
static void what_is_sent_again_does_not_wait_behind_much(void **state)
{
    struct decree_message run = message_run(1, 6, 10000); /* some 60 KB, or 80 as JSON */
    struct peer_message message = message_of(&run);
    struct end end;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&end, open_of(state), &loop, 1, CLUSTER);
    connect_to(&end, 2, 1);
    for (int times = 0; times < 20; times++) {
        run.again = times < 19; /* the last one is new */
        end.transport->ops->send(end.transport, &message);
    }
    while (counters_of(&end).messages_dropped == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_in_range(counters_of(&end).messages_dropped, 4 + 1, 5 + 1);
    message_release(&run);
    close_all(&loop, &end, NULL);
}

/* Half of each wait is random: so many dials take at least so long. */
static void dials_become_rarer(void **state)
{
    uint64_t begin_ns;
    struct end end;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&end, open_of(state), &loop, 1, CLUSTER);
    begin_ns = uv_hrtime();
    connect_to(&end, 2, 1);
    while (end.unreachable < 7)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_true(uv_hrtime() - begin_ns > UINT64_C(280000000));
    assert_in_range(counters_of(&end).dials, 7 + 6, 7 + 9); /* the urgent one too */
    assert_int_equal(end.strangers, 0);
    close_all(&loop, &end, NULL);
}

/* Its connections are accepted by the kernel, and nothing ever answers. */
static void who_never_answers_is_given_up_and_dialled_again(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(address);
    struct end end;
    uv_loop_t loop;

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    open_end_within(&end, open_of(state), &loop, 1, CLUSTER, SILENCE_MS);
    assert_int_equal(call_transport_connect(end.transport, 2, "127.0.0.1", ntohs(address.sin_port)),
                     0);
    while (counters_of(&end).dials < 10 || end.strangers == 0) {
        send_beat(&end, 1, 2);
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(counters_of(&end).messages_sent, 0);
    assert_true(counters_of(&end).messages_dropped > 0);
    assert_int_equal(end.strangers, 1);
    assert_int_equal(end.unreachable, 0);
    close_all(&loop, &end, NULL);
    assert_int_equal(close(fd), 0);
}

/* He took a connection and was killed: that is no other program, and nothing is said of one. */
static void who_dies_is_no_stranger(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), taken = -1;
    socklen_t size = sizeof(address);
    struct end end;
    uv_loop_t loop;

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&end, open_of(state), &loop, 1, CLUSTER);
    connect_to(&end, 2, ntohs(address.sin_port));
    while (taken < 0) {
        send_beat(&end, 1, 2);
        (void)uv_run(&loop, UV_RUN_ONCE);
        taken = accept(fd, NULL, NULL);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(taken), 0);
    while (end.unreachable < 3) {
        send_beat(&end, 1, 2);
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(end.strangers, 0);
    close_all(&loop, &end, NULL);
}

static void who_talks_over_tcp_is_told_of_once(void **state)
{
    struct tcp_config config = {.self = 2, .cluster_id = CLUSTER, .listen_host = "localhost"};
    char sentence[TCP_SENTENCE_BYTES];
    struct end a, b = {0};
    struct transport_sink sink = {&b, on_message, on_unreachable};
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&a, open_of(state), &loop, 1, CLUSTER);
    b.logger = (struct logger){&b, DECREE_LOG_WARN, on_log};
    config.logger = &b.logger;
    assert_int_equal(tcp_open(&b.transport, &loop, &config, &sink, sentence), 0);
    connect_to(&a, 2, tcp_port(b.transport));
    assert_int_equal(tcp_connect(b.transport, 1, "localhost", a.port), 0);
    while (counters_of(&a).dials < 8 || a.strangers == 0 || b.warnings == 0) {
        send_beat(&a, 1, 2);
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(a.strangers, 1);
    assert_int_equal(a.messages + b.messages, 0);
    close_all(&loop, &a, &b);
}

static void the_sink_may_close_the_transport(void **state)
{
    struct end a, b;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&a, open_of(state), &loop, 1, CLUSTER);
    open_end(&b, open_of(state), &loop, 2, CLUSTER);
    connect_to(&a, 2, b.port);
    connect_to(&b, 1, a.port);
    for (int i = 0; i < 10; i++)
        send_beat(&a, 1, 2);
    a.close_when_heard = true; /* that b is gone */
    b.close_when_heard = true; /* a message */
    while (a.transport != NULL) {
        send_beat(&a, 1, 2);
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(b.messages, 1);
    assert_int_equal(a.unreachable, 1);
    close_all(&loop, &a, &b);
}

/* A member with http and one with grpc understand each other. */
static void kinds_mix(void **state)
{
    struct end a, b;
    uv_loop_t loop;

    assert_non_null(*state);
    assert_int_equal(uv_loop_init(&loop), 0);
    open_end(&a, http_transport_open, &loop, 1, CLUSTER);
    open_end(&b, grpc_transport_open, &loop, 2, CLUSTER);
    connect_to(&a, 2, b.port);
    connect_to(&b, 1, a.port);
    send_beat(&a, 1, 2);
    send_beat(&b, 2, 1);
    while (a.messages == 0 || b.messages == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    close_all(&loop, &a, &b);
}

static void networks_have_names(void **state)
{
    assert_non_null(*state);
    assert_int_equal(peer_network_find("tcp"), PEER_NETWORK_TCP);
    assert_int_equal(peer_network_find("http"), PEER_NETWORK_HTTP);
    assert_int_equal(peer_network_find("grpc"), PEER_NETWORK_GRPC);
    assert_int_equal(peer_network_find("HTTP"), 0);
    assert_int_equal(peer_network_find(""), 0);
}

static open_function *const opens[] = {http_transport_open, grpc_transport_open};

#define OF_KIND(name, index, test)                                          \
    {                                                                       \
        name ": " #test, test, NULL, NULL, (void *)(uintptr_t)&opens[index] \
    }
#define OF_BOTH(test) OF_KIND("http", 0, test), OF_KIND("grpc", 1, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF_BOTH(what_cannot_be_sent_is_counted),
        OF_BOTH(only_members_can_be_dialled),
        OF_BOTH(who_has_another_name_takes_no_messages),
        OF_BOTH(another_cluster_takes_no_messages),
        OF_BOTH(what_is_sent_again_does_not_wait_behind_much),
        OF_BOTH(dials_become_rarer),
        OF_BOTH(who_never_answers_is_given_up_and_dialled_again),
        OF_BOTH(who_dies_is_no_stranger),
        OF_BOTH(who_talks_over_tcp_is_told_of_once),
        OF_BOTH(the_sink_may_close_the_transport),
        OF_KIND("both", 0, kinds_mix),
        OF_KIND("all", 0, networks_have_names),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
