/* SPDX-License-Identifier: MIT */
/* test_line_server.c -- lines and raw pieces, however they are cut; bounds; who does not read; who
 * goes away.
 *
 * The server runs on a thread of its own with a handler that answers each line with its size and
 * bytes; the test is the client, with blocking sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "line_server.h"

#define LINE_MAX_BYTES 1000u
#define UNREAD_MAX_BYTES 20000u

struct bed {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t stop;
    struct line_server *server;
    struct line_connection *paused;
    bool holding; /* a client that sends no more is kept */
    uv_sem_t one_closed;
    uint16_t port;
    atomic_uint opened, closed, lines, drained;
    atomic_size_t most_unread;
};

/* ---- the handler ----
 *
 * get N: N bytes. last N: N bytes, and the end. raw N: reads N bytes. pause: until another
 * connection says resume. hold: who sends no more is kept. finish, drop. All else is echoed. */

static void on_opened(void *context, struct line_connection *connection)
{
    struct bed *bed = context;

    line_set_data(connection, bed);
    atomic_fetch_add(&bed->opened, 1);
}

static void answer_bytes(struct line_connection *connection, size_t size)
{
    char *bytes = malloc(size);

    memset(bytes, 'x', size);
    line_write(connection, bytes, size);
    free(bytes);
    if (line_unread(connection) > atomic_load(&((struct bed *)line_data(connection))->most_unread))
        atomic_store(&((struct bed *)line_data(connection))->most_unread, line_unread(connection));
}

static void on_line(void *context, struct line_connection *connection, const uint8_t *bytes,
                    size_t size)
{
    struct bed *bed = context;
    char word[32] = "";

    atomic_fetch_add(&bed->lines, 1);
    memcpy(word, bytes, size < sizeof(word) ? size : sizeof(word) - 1);
    if (strncmp(word, "raw ", 4) == 0) {
        line_read_counted(connection, strtoul(word + 4, NULL, 10));
    } else if (strncmp(word, "get ", 4) == 0) {
        answer_bytes(connection, strtoul(word + 4, NULL, 10));
    } else if (strcmp(word, "pause") == 0) {
        bed->paused = connection;
        line_pause(connection);
    } else if (strcmp(word, "hold") == 0) {
        bed->holding = true;
        line_printf(connection, "held\n");
    } else if (strcmp(word, "resume") == 0) {
        line_resume(bed->paused);
    } else if (strcmp(word, "finish") == 0) {
        line_printf(connection, "bye\n");
        line_finish(connection);
    } else if (strncmp(word, "last ", 5) == 0) {
        answer_bytes(connection, strtoul(word + 5, NULL, 10));
        line_finish(connection);
    } else if (strcmp(word, "drop") == 0) {
        line_drop(connection);
    } else {
        line_printf(connection, "%zu:", size);
        line_write(connection, bytes, size);
        line_write(connection, "\n", 1);
    }
}

static void on_counted(void *context, struct line_connection *connection, const uint8_t *bytes,
                       size_t size)
{
    (void)context;
    line_printf(connection, "raw %zu:", size);
    line_write(connection, bytes, size);
    line_write(connection, "\n", 1);
}

static void on_too_long(void *context, struct line_connection *connection)
{
    (void)context;
    line_printf(connection, "too long\n");
}

static void on_ended(void *context, struct line_connection *connection)
{
    if (((struct bed *)context)->holding)
        return;
    line_printf(connection, "end\n");
    line_finish(connection);
}

static void on_drained(void *context, struct line_connection *connection)
{
    (void)connection;
    atomic_fetch_add(&((struct bed *)context)->drained, 1);
}

static void on_closed(void *context, struct line_connection *connection)
{
    assert_ptr_equal(line_data(connection), context);
    atomic_fetch_add(&((struct bed *)context)->closed, 1);
    uv_sem_post(&((struct bed *)context)->one_closed);
}

/* ---- the bed ---- */

static void server_closed(void *context)
{
    struct bed *bed = context;

    uv_close((uv_handle_t *)&bed->stop, NULL);
}

static void on_stop(uv_async_t *stop)
{
    struct bed *bed = stop->data;

    line_server_close(bed->server, server_closed, bed);
}

static void run(void *argument)
{
    uv_run(&((struct bed *)argument)->loop, UV_RUN_DEFAULT);
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    struct line_handler handler = {bed,         on_opened, on_line,    on_counted,
                                   on_too_long, on_ended,  on_drained, on_closed};
    struct line_limits limits = {.connections_max = 8,
                                 .line_bytes_max = LINE_MAX_BYTES,
                                 .unread_bytes_max = UNREAD_MAX_BYTES,
                                 .finish_ms = 200};

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&bed->loop), 0);
    assert_int_equal(uv_sem_init(&bed->one_closed, 0), 0);
    uv_async_init(&bed->loop, &bed->stop, on_stop);
    bed->stop.data = bed;
    assert_int_equal(line_server_open(&bed->server, &bed->loop, &handler, &limits, NULL), 0);
    assert_int_equal(line_server_listen(bed->server, "127.0.0.1", 0, &bed->port), 0);
    assert_int_equal(uv_thread_create(&bed->thread, run, bed), 0);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    uv_async_send(&bed->stop);
    uv_thread_join(&bed->thread);
    assert_int_equal(uv_loop_close(&bed->loop), 0);
    assert_int_equal(bed->opened, bed->closed);
    uv_sem_destroy(&bed->one_closed);
    free(bed);
    return 0;
}

static int dial(struct bed *bed)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(bed->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(client >= 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static void tell(int client, const void *bytes, size_t size)
{
    assert_int_equal(send(client, bytes, size, 0), (ssize_t)size);
}

static void say(int client, const char *text)
{
    tell(client, text, strlen(text));
}

/* Reads as many bytes as the text has, and compares. */
static void expect(int client, const char *text)
{
    char *got = calloc(1, strlen(text) + 1);

    assert_int_equal(recv(client, got, strlen(text), MSG_WAITALL), (ssize_t)strlen(text));
    assert_string_equal(got, text);
    free(got);
}

static void expect_end(int client)
{
    char byte;

    assert_true(recv(client, &byte, 1, 0) <= 0);
    close(client);
}

/* ---- tests ---- */

static void test_lines(void **state)
{
    int client = dial(*state);

    say(client, "one\n");
    expect(client, "3:one\n");
    say(client, "two words\r\n\n\r\nthree\nfo");
    expect(client, "9:two words\n0:\n0:\n5:three\n");
    say(client, "ur\r");
    say(client, "\nfive\rsix\n");
    expect(client, "4:four\n8:five\rsix\n");
    tell(client, "a\0b\n", 4);
    expect(client, "3:a");
    close(client);
}

static void test_byte_by_byte(void **state)
{
    static const char text[] = "hello\r\nraw 5\n12\n45x\nlast\n";
    int client = dial(*state);

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        tell(client, text + i, 1);
    expect(client, "5:hello\nraw 5:12\n45\n1:x\n4:last\n");
    close(client);
}

static void test_raw_pieces(void **state)
{
    const size_t size = 300000; /* more than is read at once, and than a line may have */
    int client = dial(*state);
    char *bytes = malloc(size), *back = malloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i % 251);
    say(client, "raw 0\nx\nraw 300000\n");
    tell(client, bytes, size);
    say(client, "after\n");
    expect(client, "raw 0:\n1:x\nraw 300000:");
    assert_int_equal(recv(client, back, size, MSG_WAITALL), (ssize_t)size);
    assert_memory_equal(back, bytes, size);
    expect(client, "\n5:after\n");
    free(bytes);
    free(back);
    close(client);
}

static void test_a_line_that_is_too_long_is_skipped(void **state)
{
    char *line = malloc(200001);
    int client = dial(*state);

    memset(line, 'a', 200000);
    line[200000] = '\n';
    tell(client, line, 200001);
    say(client, "short\n");
    expect(client, "too long\n5:short\n");
    tell(client, line + 200000 - LINE_MAX_BYTES - 1, LINE_MAX_BYTES + 2);
    expect(client, "too long\n");
    tell(client, line + 200000 - LINE_MAX_BYTES, LINE_MAX_BYTES);
    say(client, "\r\n");
    expect(client, "1000:aaaa");
    free(line);
    close(client);
}

struct flood {
    int client;
    uint32_t lines;
};

static void send_flood(void *argument)
{
    const struct flood *flood = argument;
    char text[8 * 1000 + 1];

    for (uint32_t i = 0; i < flood->lines; i += 1000) {
        for (uint32_t k = 0; k < 1000; k++)
            snprintf(text + (size_t)k * 8, 9, "%07u\n", i + k);
        tell(flood->client, text, 8000);
    }
}

static void test_many_lines(void **state)
{
    struct flood flood = {.client = dial(*state), .lines = 100000};
    char expected[32];
    uv_thread_t sender;

    assert_int_equal(uv_thread_create(&sender, send_flood, &flood), 0);
    for (uint32_t i = 0; i < flood.lines; i++) {
        snprintf(expected, sizeof(expected), "7:%07u\n", i);
        expect(flood.client, expected);
    }
    uv_thread_join(&sender);
    close(flood.client);
}

/* True: the socket takes no more for a while. */
static bool stuck(int client)
{
    struct pollfd poller = {.fd = client, .events = POLLOUT};

    return poll(&poller, 1, 300) == 0;
}

static void test_who_does_not_read_is_not_read_from(void **state)
{
    struct bed *bed = *state;
    int client = dial(bed);
    uint64_t sent = 0, got = 0;
    char *back = malloc(1 << 20), text[10 * 1000];

    for (size_t i = 0; i < sizeof(text); i += 10)
        memcpy(text + i, "get 00900\n", 10);
    while (!stuck(client)) {
        size_t from = sent % 10; /* the socket may have taken a part of a line */
        ssize_t size = send(client, text + from, sizeof(text) - from, MSG_DONTWAIT);

        if (size > 0)
            sent += (uint64_t)size;
    }
    assert_true(atomic_load(&bed->lines) < sent / 10);
    assert_true(atomic_load(&bed->most_unread) <= UNREAD_MAX_BYTES + 900);
    while (got < sent / 10 * 900) {
        ssize_t size = recv(client, back, 1 << 20, 0);

        assert_true(size > 0);
        got += (uint64_t)size;
    }
    assert_int_equal(got, sent / 10 * 900);
    assert_true(atomic_load(&bed->drained) > 0);
    free(back);
    close(client);
}

static void test_pause_and_resume(void **state)
{
    int client = dial(*state), other = dial(*state);

    say(client, "a\npause\nraw 2\nxyb\nraw 0\n");
    expect(client, "1:a\n");
    say(client, "c\n");
    say(other, "resume\nd\n");
    expect(other, "1:d\n");
    expect(client, "raw 2:xy\n1:b\nraw 0:\n1:c\n");
    close(client);
    close(other);
}

static void test_the_end_of_the_clients_side_comes_after_his_lines(void **state)
{
    int client = dial(*state), other = dial(*state);

    say(client, "a\npause\nb\nunfinished");
    shutdown(client, SHUT_WR);
    expect(client, "1:a\n");
    say(other, "resume\n");
    expect(client, "1:b\nend\n");
    expect_end(client);
    close(other);
}

static void test_finish_and_drop(void **state)
{
    int client = dial(*state);

    say(client, "finish\nnever\nanswered\n");
    expect(client, "bye\n");
    say(client, "and this\n");
    expect_end(client);
    client = dial(*state);
    say(client, "drop\nnever\n");
    expect_end(client);
}

/* The client neither reads nor closes. */
static void test_finish_does_not_wait_for_ever(void **state)
{
    struct bed *bed = *state;
    int client = dial(bed);

    say(client, "last 20000000\n");
    uv_sem_wait(&bed->one_closed);
    close(client);
}

/* He sends no more, waits for an answer that does not come, and then is gone without a word. */
static void test_who_is_gone_while_he_waits_is_noticed(void **state)
{
    struct bed *bed = *state;
    struct linger hard = {1, 0};
    int client = dial(bed);

    say(client, "hold\n");
    expect(client, "held\n");
    shutdown(client, SHUT_WR);
    setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(client);
    uv_sem_wait(&bed->one_closed);
}

static void test_more_connections_than_allowed_are_turned_away(void **state)
{
    int clients[8], surplus;

    for (size_t i = 0; i < 8; i++) {
        clients[i] = dial(*state);
        say(clients[i], "a\n");
        expect(clients[i], "1:a\n");
    }
    surplus = dial(*state);
    expect_end(surplus);
    for (size_t i = 0; i < 8; i++) {
        say(clients[i], "b\n");
        expect(clients[i], "1:b\n");
        close(clients[i]);
    }
}

static void test_close_with_connections_of_all_kinds(void **state)
{
    int idle = dial(*state), half = dial(*state), unread = dial(*state), reset = dial(*state);
    struct linger hard = {1, 0};

    say(half, "hal");
    say(unread, "get 10000000\n");
    say(idle, "a\n");
    expect(idle, "1:a\n");
    say(reset, "get 10000000\n");
    setsockopt(reset, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(reset);
    tear_down(state);
    expect_end(idle);
    expect_end(half);
    close(unread);
    set_up(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines),
        TEST(test_byte_by_byte),
        TEST(test_raw_pieces),
        TEST(test_a_line_that_is_too_long_is_skipped),
        TEST(test_many_lines),
        TEST(test_who_does_not_read_is_not_read_from),
        TEST(test_pause_and_resume),
        TEST(test_the_end_of_the_clients_side_comes_after_his_lines),
        TEST(test_finish_and_drop),
        TEST(test_finish_does_not_wait_for_ever),
        TEST(test_who_is_gone_while_he_waits_is_noticed),
        TEST(test_more_connections_than_allowed_are_turned_away),
        TEST(test_close_with_connections_of_all_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
