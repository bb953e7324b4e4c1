/* SPDX-License-Identifier: MIT */
/* test_tcp_abuse.c -- what does not speak the protocol is closed, costs little, and stops nobody
 * else.
 *
 * Node 1 is the one abused. Its peer 2 exists only as sockets of this test; after each abuse a real
 * hello and a real message must still get through.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "codec.h"
#include "message_tools.h"
#include "prng.h"
#include "tcp.h"

#define CLUSTER 77u
#define FRAME_MAX (1u << 20)
#define STRANGERS_MAX 16u
#define PATIENCE_NS (30 * UINT64_C(1000000000))

struct target {
    uv_loop_t loop;
    struct transport *transport;
    uint16_t port;
    uint32_t messages;
    uint64_t last_round;
    uint32_t log_lines;
    bool closed;
    struct logger logger;
};

static void on_message(void *context, const struct peer_message *message)
{
    struct target *target = context;

    target->messages++;
    target->last_round = message->u.paxos->round;
    assert_int_equal(peer_message_from(message), 2);
    assert_int_equal(peer_message_to(message), 1);
}

static void on_unreachable(void *context, decree_node_id peer)
{
    assert_non_null(context);
    assert_int_equal(peer, 2); /* nothing listens there */
}

static void on_log(void *context, enum decree_log_level level, const char *event,
                   const char *details)
{
    struct target *target = context;

    assert_true(level >= DECREE_LOG_WARN);
    assert_non_null(event);
    assert_non_null(details);
    target->log_lines++;
}

static void on_closed(void *context)
{
    ((struct target *)context)->closed = true;
}

static struct tcp_counters counters_of(const struct target *target)
{
    struct tcp_counters counters;

    tcp_counters(target->transport, &counters);
    return counters;
}

static int set_up_target(void **state, uint32_t handshake_within_ms)
{
    struct target *target = calloc(1, sizeof(*target));
    struct transport_sink sink = {target, on_message, on_unreachable};
    struct tcp_config config = {.self = 1,
                                .cluster_id = CLUSTER,
                                .listen_host = "127.0.0.1",
                                .frame_bytes_max = FRAME_MAX,
                                .strangers_max = STRANGERS_MAX,
                                .handshake_within_ms = handshake_within_ms};
    char sentence[TCP_SENTENCE_BYTES];

    assert_non_null(target);
    target->logger = (struct logger){target, DECREE_LOG_WARN, on_log};
    config.logger = &target->logger;
    assert_int_equal(uv_loop_init(&target->loop), 0);
    if (tcp_open(&target->transport, &target->loop, &config, &sink, sentence) != 0)
        fail_msg("%s", sentence);
    target->port = tcp_port(target->transport);
    assert_int_equal(tcp_connect(target->transport, 2, "127.0.0.1", 1), 0);
    *state = target;
    return 0;
}

static int set_up(void **state)
{
    return set_up_target(state, 600000);
}

/* For those who wait for its patience to end. Members need to say hello meanwhile. */
static int set_up_impatient(void **state)
{
    return set_up_target(state, 1000);
}

static int tear_down(void **state)
{
    struct target *target = *state;

    target->transport->ops->close(target->transport, on_closed, target);
    assert_int_equal(uv_run(&target->loop, UV_RUN_DEFAULT), 0);
    assert_true(target->closed);
    assert_int_equal(uv_loop_close(&target->loop), 0);
    free(target);
    return 0;
}

static int dial(const struct target *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(target->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Runs the loop until something happens, or a little while. */
static void turn(struct target *target)
{
    struct pollfd pollfd = {.fd = uv_backend_fd(&target->loop), .events = POLLIN};
    int timeout_ms;

    (void)uv_run(&target->loop, UV_RUN_NOWAIT);
    timeout_ms = uv_backend_timeout(&target->loop);
    (void)poll(&pollfd, 1, timeout_ms < 0 || timeout_ms > 10 ? 10 : timeout_ms);
}

/* Writes all bytes while the target runs. False: it closed the connection before. */
static bool write_all(struct target *target, int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = write(fd, (const uint8_t *)data + at, size - at);

        if (count < 0 && errno != EAGAIN)
            return false;
        at += count < 0 ? 0 : (size_t)count;
        turn(target);
    }
    return true;
}

/* Reads what the target has to say until it closes the connection; fails the test if it does
 * not. */
static void expect_close(struct target *target, int fd)
{
    uint64_t begin_ns = uv_hrtime();
    uint8_t data[256];

    for (;;) {
        ssize_t count = read(fd, data, sizeof(data));

        if (count == 0 || (count < 0 && errno != EAGAIN))
            break;
        if (uv_hrtime() - begin_ns > PATIENCE_NS)
            fail_msg("the connection is not closed");
        turn(target);
    }
    assert_int_equal(close(fd), 0);
}

/* Connects as a member and waits for the answer. */
static int join(struct target *target)
{
    uint8_t data[HELLO_FRAME_BYTES];
    uint64_t begin_ns = uv_hrtime();
    struct frame_header header;
    struct hello hello;
    int fd = dial(target);
    size_t size = 0;

    hello_write(&(struct hello){CLUSTER, 2, 1, false}, data);
    assert_true(write_all(target, fd, data, sizeof(data)));
    while (size < sizeof(data)) {
        ssize_t count = read(fd, data + size, sizeof(data) - size);

        assert_int_not_equal(count, 0);
        assert_true(count > 0 || errno == EAGAIN);
        size += count > 0 ? (size_t)count : 0;
        if (uv_hrtime() - begin_ns > PATIENCE_NS)
            fail_msg("no answer to a hello");
        turn(target);
    }
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), 0);
    assert_true(frame_is_sound(&header, data + FRAME_HEADER_BYTES));
    assert_int_equal(hello_read(&hello, &header, data + FRAME_HEADER_BYTES), 0);
    assert_int_equal(hello.from, 1);
    assert_int_equal(hello.to, 2);
    assert_int_equal(hello.cluster_id, CLUSTER);
    return fd;
}

/* A frame as bytes; returns its size. */
static size_t frame_of(const struct decree_message *message, uint8_t *data, size_t size_max)
{
    struct peer_message peer_message = message_of(message);
    struct encoder encoder;
    struct frame *frame;
    size_t size;

    encoder_init(&encoder, FRAME_BYTES_MAX_DEFAULT);
    assert_int_equal(encoder_encode(&encoder, &peer_message, &frame), 0);
    size = frame->size;
    assert_true(size <= size_max);
    frame_copy(frame, data);
    frame_free(frame);
    encoder_release(&encoder);
    return size;
}

static void expect_message(struct target *target, int fd, uint64_t round)
{
    struct decree_message beat = message_beat(2, 1, round);
    uint64_t begin_ns = uv_hrtime();
    uint32_t before = target->messages;
    uint8_t data[100];
    size_t size = frame_of(&beat, data, sizeof(data));

    assert_true(write_all(target, fd, data, size));
    while (target->messages == before) {
        if (uv_hrtime() - begin_ns > PATIENCE_NS)
            fail_msg("the message does not arrive");
        turn(target);
    }
    assert_int_equal(target->last_round, round);
}

static void expect_service(struct target *target)
{
    int fd = join(target);

    expect_message(target, fd, 4711);
    assert_int_equal(close(fd), 0);
}

static void garbage_is_closed(void **state)
{
    struct target *target = *state;
    uint8_t data[1000];
    struct prng prng;

    prng_init(&prng, 1);
    for (int i = 0; i < 50; i++) {
        int fd = dial(target);

        for (size_t j = 0; j < sizeof(data); j++)
            data[j] = (uint8_t)prng_next(&prng);
        (void)write_all(target, fd, data, sizeof(data));
        expect_close(target, fd);
    }
    assert_int_equal(counters_of(target).closed_abusive, 50);
    assert_int_equal(target->messages, 0);
    expect_service(target);
}

static void http_is_closed(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct target *target = *state;
    int fd = dial(target);

    (void)write_all(target, fd, request, sizeof(request) - 1);
    expect_close(target, fd);
    assert_int_equal(counters_of(target).closed_abusive, 1);
    assert_int_equal(target->log_lines, 1);
    expect_service(target);
}

static void wrong_hellos_are_closed(void **state)
{
    static const struct hello wrong[] = {
        {CLUSTER + 1, 2, 1, false},                         /* another cluster */
        {CLUSTER, 3, 1, false},                             /* not a member */
        {CLUSTER, 0, 1, false},     {CLUSTER, 1, 1, false}, /* itself */
        {CLUSTER, 2, 3, false},                             /* meant for another */
    };
    struct target *target = *state;
    uint8_t data[HELLO_FRAME_BYTES];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int fd = dial(target);

        hello_write(&wrong[i], data);
        (void)write_all(target, fd, data, sizeof(data));
        expect_close(target, fd);
        assert_int_equal(counters_of(target).closed_abusive, i + 1);
    }
    expect_service(target);
}

static void another_version_is_closed(void **state)
{
    struct target *target = *state;
    uint8_t data[HELLO_FRAME_BYTES];
    int fd = dial(target);

    hello_write(&(struct hello){CLUSTER, 2, 1, false}, data);
    data[2]++;
    (void)write_all(target, fd, data, sizeof(data));
    expect_close(target, fd);
    assert_int_equal(counters_of(target).closed_abusive, 1);
    expect_service(target);
}

static void a_message_before_the_hello_is_closed(void **state)
{
    struct decree_message beat = message_beat(2, 1, 1);
    struct target *target = *state;
    uint8_t data[100];
    size_t size = frame_of(&beat, data, sizeof(data));
    int fd = dial(target);

    (void)write_all(target, fd, data, size);
    expect_close(target, fd);
    assert_int_equal(target->messages, 0);
    expect_service(target);
}

static void a_flipped_bit_closes_even_a_member(void **state)
{
    struct decree_message run = message_run(1, 3, 50);
    struct target *target = *state;
    uint8_t data[1000];
    size_t size = frame_of(&run, data, sizeof(data));

    for (size_t i = 0; i < size; i += 7) {
        int fd = join(target);
        uint64_t before = counters_of(target).closed_abusive;

        data[i] ^= 4;
        (void)write_all(target, fd, data, size);
        /* A length that grew waits for the rest; one that is too large does not. */
        if (counters_of(target).closed_abusive == before)
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        expect_close(target, fd);
        data[i] ^= 4;
    }
    assert_int_equal(target->messages, 0);
    message_release(&run);
    expect_service(target);
}

static void an_oversized_claim_is_closed_at_once(void **state)
{
    struct target *target = *state;
    uint8_t data[FRAME_HEADER_BYTES];
    struct writer writer;
    int fd = join(target);

    writer_init(&writer, data, sizeof(data));
    write_u16(&writer, FRAME_MAGIC);
    write_u8(&writer, FRAME_VERSION);
    write_u8(&writer, DECREE_P2A);
    write_u32(&writer, FRAME_MAX);
    write_u64(&writer, 0);
    (void)write_all(target, fd, data, sizeof(data));
    expect_close(target, fd);
    assert_int_equal(counters_of(target).closed_abusive, 1);
    expect_service(target);
}

/* Who says nothing, or says hello too slowly, is closed; a member may be silent as long as it
 * likes. */
static void slow_strangers_are_closed(void **state)
{
    struct target *target = *state;
    uint8_t data[HELLO_FRAME_BYTES];
    int member = join(target), silent = dial(target), slow = dial(target);

    hello_write(&(struct hello){CLUSTER, 2, 1, false}, data);
    assert_true(write_all(target, slow, data, 5));
    expect_close(target, silent);
    expect_close(target, slow);
    assert_int_equal(counters_of(target).closed_abusive, 2);
    expect_message(target, member, 5);
    assert_int_equal(close(member), 0);
}

static void a_frame_byte_by_byte_arrives(void **state)
{
    struct decree_message beat = message_beat(2, 1, 99);
    struct target *target = *state;
    uint8_t data[100];
    size_t size = frame_of(&beat, data, sizeof(data));
    int fd = join(target);

    for (size_t i = 0; i < size; i++)
        assert_true(write_all(target, fd, data + i, 1));
    while (target->messages == 0)
        turn(target);
    assert_int_equal(target->last_round, 99);
    assert_int_equal(close(fd), 0);
}

static void a_newer_connection_of_a_member_replaces_the_older(void **state)
{
    struct target *target = *state;
    int older = join(target), newer = join(target);

    expect_close(target, older);
    expect_message(target, newer, 8);
    assert_int_equal(counters_of(target).closed_abusive, 0);
    assert_int_equal(close(newer), 0);
}

/* 2000 connections that say nothing: few are kept, the log stays short, and a member gets in all the
 * same. */
static void a_crowd_cannot_keep_a_member_out(void **state)
{
    enum { CROWD = 2000 };
    static int fds[CROWD];
    struct target *target = *state;
    uint64_t begin_ns = uv_hrtime();
    uint32_t seconds;

    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(target);
        if (i % 10 == 0)
            (void)uv_run(&target->loop, UV_RUN_NOWAIT);
    }
    expect_service(target);
    for (size_t i = 0; i < CROWD; i++)
        expect_close(target, fds[i]);
    assert_int_equal(counters_of(target).closed_abusive, CROWD);
    assert_int_equal(counters_of(target).accepted, CROWD + 1);
    seconds = (uint32_t)((uv_hrtime() - begin_ns) / UINT64_C(1000000000));
    assert_true(target->log_lines <= 5 * (seconds + 2));
    expect_service(target);
}

/* Only so many strangers are waited for, and the latest of them: the others are closed long before
 * their time. */
static void strangers_are_few(void **state)
{
    enum { MORE = 10 };
    int fds[STRANGERS_MAX + MORE];
    struct target *target = *state;
    uint8_t byte;

    for (size_t i = 0; i < STRANGERS_MAX + MORE; i++)
        fds[i] = dial(target);
    for (size_t i = 0; i < MORE; i++)
        expect_close(target, fds[i]);
    assert_int_equal(counters_of(target).closed_abusive, MORE);
    for (size_t i = MORE; i < STRANGERS_MAX + MORE; i++) {
        assert_int_equal(read(fds[i], &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(close(fds[i]), 0);
    }
    expect_service(target);
}

/* Without file descriptors nothing can be accepted; the loop must not spin over it, and go on
 * afterwards. */
static void no_file_descriptors_is_not_the_end(void **state)
{
    enum { CLIENTS = 20 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct target *target = *state;
    struct rlimit before, tight;
    int fds[CLIENTS], highest = 0;

    address.sin_port = htons(target->port);
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        highest = fds[i] > highest ? fds[i] : highest;
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)highest + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        expect_close(target, fds[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(counters_of(target).accepted, 0);
    expect_service(target);
}

#define ABUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WAITING(test) cmocka_unit_test_setup_teardown(test, set_up_impatient, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ABUSE(garbage_is_closed),
        ABUSE(http_is_closed),
        ABUSE(wrong_hellos_are_closed),
        ABUSE(another_version_is_closed),
        ABUSE(a_message_before_the_hello_is_closed),
        ABUSE(a_flipped_bit_closes_even_a_member),
        ABUSE(an_oversized_claim_is_closed_at_once),
        WAITING(slow_strangers_are_closed),
        ABUSE(a_frame_byte_by_byte_arrives),
        ABUSE(a_newer_connection_of_a_member_replaces_the_older),
        WAITING(a_crowd_cannot_keep_a_member_out),
        ABUSE(strangers_are_few),
        ABUSE(no_file_descriptors_is_not_the_end),
    };
    struct rlimit limit;

    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
