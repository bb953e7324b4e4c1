/* SPDX-License-Identifier: MIT */
/* test_tcp.c -- what is peculiar to tcp: names and families of addresses, ports that are taken,
 * wrong peers, back-off, and peers that take nothing. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec.h"
#include "message_tools.h"
#include "tcp.h"

#define CLUSTER 5
#define SILENCE_MS 100

struct end {
    uv_loop_t *loop;
    struct transport *transport;
    uint16_t port;
    uint32_t messages, unreachable, warnings;
    struct logger logger;
    bool close_when_heard, closed;
};

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

static void send_paxos(struct end *end, const struct decree_message *message)
{
    struct peer_message peer_message = message_of(message);

    end->transport->ops->send(end->transport, &peer_message);
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

static void on_log(void *context, enum decree_log_level level, const char *event,
                   const char *details)
{
    struct end *end = context;

    assert_non_null(event);
    assert_non_null(details);
    if (level == DECREE_LOG_WARN)
        end->warnings++;
}

static int open_end(struct end *end, uv_loop_t *loop, decree_node_id id, const char *host,
                    uint16_t port, uint32_t deliver_within_ms, char *sentence)
{
    struct transport_sink sink = {end, on_message, on_unreachable};
    struct tcp_config config = {.self = id,
                                .cluster_id = CLUSTER,
                                .listen_host = host,
                                .listen_port = port,
                                .deliver_within_ms = deliver_within_ms,
                                .seed = id,
                                .logger = &end->logger};
    int error;

    *end = (struct end){.loop = loop, .logger = {end, DECREE_LOG_DEBUG, on_log}};
    error = tcp_open(&end->transport, loop, &config, &sink, sentence);
    if (error == 0)
        end->port = tcp_port(end->transport);
    return error;
}

static void open_or_fail(struct end *end, uv_loop_t *loop, decree_node_id id, const char *host)
{
    char sentence[TCP_SENTENCE_BYTES];

    if (open_end(end, loop, id, host, 0, 0, sentence) != 0)
        fail_msg("%s", sentence);
}

static void close_both(uv_loop_t *loop, struct end *a, struct end *b)
{
    if (a->transport != NULL)
        close_end(a);
    if (b != NULL && b->transport != NULL)
        close_end(b);
    assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
    assert_true(a->closed);
    assert_int_equal(uv_loop_close(loop), 0);
}

/* Two ends, one listening on one name and dialled by another, exchange a message each way. */
static void assert_talks(const char *listen_host, const char *dial_host)
{
    struct decree_message there = message_beat(1, 2, 1), back = message_beat(2, 1, 1);
    struct end a, b;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&a, &loop, 1, listen_host);
    open_or_fail(&b, &loop, 2, listen_host);
    assert_int_equal(tcp_connect(a.transport, 2, dial_host, b.port), 0);
    assert_int_equal(tcp_connect(b.transport, 1, dial_host, a.port), 0);
    send_paxos(&a, &there);
    send_paxos(&b, &back);
    while (a.messages == 0 || b.messages == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    close_both(&loop, &a, &b);
}

static void addresses_and_names_are_understood(void **state)
{
    (void)state;
    assert_talks("127.0.0.1", "127.0.0.1");
    assert_talks("127.0.0.1",
                 "localhost"); /* which may stand for ::1 first, where nobody listens */
    assert_talks("localhost", "localhost");
    assert_talks(NULL, "127.0.0.1");
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0)
        assert_int_equal(close(fd), 0);
    return has;
}

static void ipv6_is_understood(void **state)
{
    (void)state;
    if (!has_ipv6()) {
        print_message("this machine has no ::1: IPv6 is not tested\n");
        skip();
    }
    assert_talks("::1", "::1");
    assert_talks(NULL, "::1");
}

static void a_taken_port_is_an_error_with_a_sentence(void **state)
{
    char sentence[TCP_SENTENCE_BYTES] = "";
    struct end first, second;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&first, &loop, 1, "127.0.0.1");
    assert_int_equal(open_end(&second, &loop, 2, "127.0.0.1", first.port, 0, sentence), DECREE_IO);
    assert_non_null(strstr(sentence, "cannot listen on 127.0.0.1"));
    assert_non_null(strstr(sentence, "address already in use"));
    assert_int_equal(open_end(&second, &loop, 2, "no.such.name.invalid", 0, 0, sentence),
                     DECREE_IO);
    assert_non_null(strstr(sentence, "no.such.name.invalid"));
    close_both(&loop, &first, NULL);
}

static void only_members_can_be_dialled(void **state)
{
    struct end end;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&end, &loop, 1, "127.0.0.1");
    assert_int_equal(tcp_connect(end.transport, 1, "127.0.0.1", 1), DECREE_INVALID);
    assert_int_equal(tcp_connect(end.transport, 0, "127.0.0.1", 1), DECREE_INVALID);
    for (decree_node_id id = 2; id <= DECREE_MEMBERS_MAX + 1; id++)
        assert_int_equal(tcp_connect(end.transport, id, "127.0.0.1", 1), 0);
    assert_int_equal(tcp_connect(end.transport, DECREE_MEMBERS_MAX + 2, "127.0.0.1", 1),
                     DECREE_INVALID);
    close_both(&loop, &end, NULL);
}

/* A message to who is no member, and one that is too large, are dropped and counted. */
static void what_cannot_be_sent_is_counted(void **state)
{
    struct decree_message beat = message_beat(1, 9, 1), huge = message_run(1, 33, 2u << 20);
    struct tcp_counters counters;
    struct end end;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&end, &loop, 1, "127.0.0.1");
    assert_int_equal(tcp_connect(end.transport, 2, "127.0.0.1", 1), 0);
    send_paxos(&end, &beat);
    send_paxos(&end, &huge);
    end.transport->ops->flush(end.transport);
    tcp_counters(end.transport, &counters);
    assert_int_equal(counters.frames_dropped, 2);
    assert_int_equal(end.warnings, 2);
    message_release(&huge);
    close_both(&loop, &end, NULL);
}

static void who_answers_with_another_name_gets_no_messages(void **state)
{
    struct decree_message beat = message_beat(1, 2, 1);
    struct tcp_counters counters;
    struct end a, b;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&a, &loop, 1, "127.0.0.1");
    open_or_fail(&b, &loop, 3, "127.0.0.1"); /* 1 takes it for 2 */
    assert_int_equal(tcp_connect(a.transport, 2, "127.0.0.1", b.port), 0);
    assert_int_equal(tcp_connect(b.transport, 1, "127.0.0.1", a.port), 0);
    do {
        send_paxos(&a, &beat);
        a.transport->ops->flush(a.transport);
        (void)uv_run(&loop, UV_RUN_ONCE);
        tcp_counters(a.transport, &counters);
    } while (counters.dials < 4);
    assert_int_equal(counters.frames_sent, 0);
    assert_int_equal(counters.refused, 0);
    assert_int_equal(b.messages, 0);
    assert_true(b.warnings > 0);
    assert_int_equal(a.unreachable, 0); /* somebody is there */
    close_both(&loop, &a, &b);
}

/* Nobody is there, so that all of it waits, and is dropped and counted when that is known. */
static void what_is_sent_again_does_not_wait_behind_much(void **state)
{
    struct decree_message run = message_run(1, 30, 10000);
    struct tcp_counters counters;
    struct end end;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&end, &loop, 1, "127.0.0.1");
    assert_int_equal(tcp_connect(end.transport, 2, "127.0.0.1", 1), 0);
    for (int times = 0; times < 3; times++) {
        run.again = times != 1;
        send_paxos(&end, &run); /* nothing waits yet; for the first time; no */
    }
    while (end.unreachable == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    tcp_counters(end.transport, &counters);
    assert_int_equal(counters.frames_dropped, 2);
    message_release(&run);
    close_both(&loop, &end, NULL);
}

/* It waits longer each time, up to half a second: so many dials take at least so long. */
static void dials_become_rarer(void **state)
{
    struct tcp_counters counters;
    uint64_t begin_ns;
    struct end end;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&end, &loop, 1, "127.0.0.1");
    begin_ns = uv_hrtime();
    assert_int_equal(tcp_connect(end.transport, 2, "127.0.0.1", 1), 0);
    do {
        (void)uv_run(&loop, UV_RUN_ONCE);
        tcp_counters(end.transport, &counters);
    } while (end.unreachable < 7);
    /* 5 + 10 + 20 + 40 + 80 + 160 ms at least, less what the coarse clock of the loop swallows. */
    assert_true(uv_hrtime() - begin_ns > UINT64_C(280000000));
    assert_in_range(counters.dials, 7 + 6,
                    7 + 9); /* the urgent one is dialled as well, and says nothing */
    close_both(&loop, &end, NULL);
}

/* Who is said hello to: listens with little room, answers as node 2, and reads nothing more. */
static int listen_with_little_room(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = 4096;
    socklen_t size = sizeof(address);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* False: he has not said it yet. */
static bool answer_hello(int connection)
{
    uint8_t data[HELLO_FRAME_BYTES];
    struct frame_header header;
    struct hello hello;

    if (recv(connection, data, sizeof(data), MSG_DONTWAIT | MSG_PEEK) < (ssize_t)sizeof(data))
        return false;
    assert_int_equal(recv(connection, data, sizeof(data), 0), sizeof(data));
    assert_int_equal(frame_header_read(&header, data, sizeof(data)), 0);
    assert_int_equal(hello_read(&hello, &header, data + FRAME_HEADER_BYTES), 0);
    hello_write(&(struct hello){CLUSTER, 2, 1, hello.urgent}, data);
    assert_int_equal(send(connection, data, sizeof(data), 0), sizeof(data));
    return true;
}

/* As of a process that is stopped: its kernel takes what it has room for. */
static void who_takes_nothing_more_is_given_up_and_dialled_again(void **state)
{
    struct decree_message run = message_run(1, 6, 10000);
    int connections[16], accepted = 0, greeted = 0, listener;
    char sentence[TCP_SENTENCE_BYTES];
    struct tcp_counters counters;
    struct end end;
    uv_loop_t loop;
    uint16_t port;

    (void)state;
    listener = listen_with_little_room(&port);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(open_end(&end, &loop, 1, "127.0.0.1", 0, SILENCE_MS, sentence), 0);
    assert_int_equal(tcp_connect(end.transport, 2, "127.0.0.1", port), 0);
    do {
        int connection = accepted < 16 ? accept(listener, NULL, NULL) : -1;

        if (connection >= 0)
            connections[accepted++] = connection;
        while (greeted < accepted && answer_hello(connections[greeted]))
            greeted++;
        send_paxos(&end, &run);
        end.transport->ops->flush(end.transport);
        (void)uv_run(&loop, UV_RUN_ONCE);
        tcp_counters(end.transport, &counters);
    } while (counters.dials < 2 + 3);
    assert_int_equal(end.unreachable, 0);
    while (accepted > 0)
        assert_int_equal(close(connections[--accepted]), 0);
    assert_int_equal(close(listener), 0);
    message_release(&run);
    close_both(&loop, &end, NULL);
}

static void the_sink_may_close_the_transport(void **state)
{
    struct decree_message beat = message_beat(1, 2, 1);
    struct end a, b;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    open_or_fail(&a, &loop, 1, "127.0.0.1");
    open_or_fail(&b, &loop, 2, "127.0.0.1");
    assert_int_equal(tcp_connect(a.transport, 2, "127.0.0.1", b.port), 0);
    assert_int_equal(tcp_connect(b.transport, 1, "127.0.0.1", a.port), 0);
    for (int i = 0; i < 10; i++)
        send_paxos(&a, &beat);
    a.close_when_heard = true;
    b.close_when_heard = true;
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT),
                     0); /* b hears the first; a hears that b is gone */
    assert_int_equal(b.messages, 1);
    assert_int_equal(a.unreachable, 1);
    close_both(&loop, &a, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_names_are_understood),
        cmocka_unit_test(ipv6_is_understood),
        cmocka_unit_test(a_taken_port_is_an_error_with_a_sentence),
        cmocka_unit_test(only_members_can_be_dialled),
        cmocka_unit_test(what_cannot_be_sent_is_counted),
        cmocka_unit_test(who_answers_with_another_name_gets_no_messages),
        cmocka_unit_test(what_is_sent_again_does_not_wait_behind_much),
        cmocka_unit_test(dials_become_rarer),
        cmocka_unit_test(who_takes_nothing_more_is_given_up_and_dialled_again),
        cmocka_unit_test(the_sink_may_close_the_transport),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
