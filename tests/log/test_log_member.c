/* SPDX-License-Identifier: MIT */
/* test_log_member.c -- a member of the log whose disk fails it, and that goes on in the same process.
 *
 * The member runs on a thread, over the fake disk of the journal's tests; the test is a client with
 * a blocking socket. A power loss at the end shows that what was answered CHOSEN is on the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "free_port.h"
#include "gated_fs.h"
#include "log_member.h"

#define LINE_BYTES 512u

struct bed {
    struct fake_disk *disk;
    struct gated_fs gated;
    struct logger logger;
    atomic_uint reopened, not_reopened;
    uv_sem_t reopening;
    struct log_member_options options;
    uv_thread_t thread;
    int result;
    int client;
};

/* ---- the member ---- */

static void on_log(void *context, enum decree_log_level level, const char *event,
                   const char *details)
{
    struct bed *bed = context;

    (void)level, (void)details;
    if (strcmp(event, "reopened") == 0)
        atomic_fetch_add(&bed->reopened, 1);
    if (strcmp(event, "not_reopened") == 0)
        atomic_fetch_add(&bed->not_reopened, 1);
    if (strcmp(event, "reopened") == 0 || strcmp(event, "not_reopened") == 0)
        uv_sem_post(&bed->reopening);
}

static void run(void *argument)
{
    struct bed *bed = argument;
    char sentence[SENTENCE_BYTES] = "";

    bed->result = log_member_run(&bed->options, sentence);
    if (bed->result != 0)
        fprintf(stderr, "the member: %s\n", sentence);
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    for (;;) { /* until the member listens */
        int client = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(client, (struct sockaddr *)&address, sizeof(address)) == 0)
            return client;
        close(client);
        poll(NULL, 0, 10);
    }
}

static void start(struct bed *bed)
{
    char sentence[SENTENCE_BYTES];

    assert_int_equal(cluster_spec_parse(&bed->options.cluster, "n1", true, sentence), 0);
    bed->options.listen_port = free_port();
    assert_int_equal(uv_thread_create(&bed->thread, run, bed), 0);
    bed->client = dial(bed->options.listen_port);
}

static void stop(struct bed *bed)
{
    close(bed->client);
    kill(getpid(), SIGTERM);
    uv_thread_join(&bed->thread);
    assert_int_equal(bed->result, 0);
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    bed->disk = fake_disk_new(1);
    gated_fs_init(&bed->gated, bed->disk);
    bed->logger = (struct logger){.context = bed, .level = DECREE_LOG_DEBUG, .write = on_log};
    bed->options = (struct log_member_options){.self = 1,
                                               .cluster_token = "test",
                                               .data_dir = "data",
                                               .listen_host = "127.0.0.1",
                                               .heartbeat_ms = 20,
                                               .election_ms = 200,
                                               .fs = &bed->gated.fs,
                                               .logger = &bed->logger};
    assert_int_equal(uv_sem_init(&bed->reopening, 0), 0);
    start(bed);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    stop(bed);
    uv_sem_destroy(&bed->reopening);
    gated_fs_release(&bed->gated);
    fake_disk_free(bed->disk);
    free(bed);
    return 0;
}

/* The machine loses power after the member has stopped, and the member starts again. */
static void lose_power(struct bed *bed)
{
    stop(bed);
    fake_disk_kill(bed->disk);
    fake_disk_crash(bed->disk);
    start(bed);
}

/* ---- the disk ---- */

/* The next such operation fails, and perhaps all after it. */
static void fail_next(struct bed *bed, enum fake_op op, int number, bool all_after)
{
    pthread_mutex_lock(&bed->gated.mutex);
    fake_disk_heal(bed->disk);
    bed->disk->fail_op = op;
    bed->disk->fail_errno = number;
    bed->disk->fail_all_after = all_after;
    bed->disk->fail_at = bed->disk->counts[op] + 1;
    pthread_mutex_unlock(&bed->gated.mutex);
}

static void heal(struct bed *bed)
{
    pthread_mutex_lock(&bed->gated.mutex);
    fake_disk_heal(bed->disk);
    pthread_mutex_unlock(&bed->gated.mutex);
}

/* ---- the client ---- */

static void say(struct bed *bed, const char *text)
{
    assert_int_equal(send(bed->client, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* An answer; the pointer is good until the next one. */
static const char *hear(struct bed *bed)
{
    static char line[LINE_BYTES];
    size_t size = 0;

    while (size + 1 < sizeof(line)) {
        assert_int_equal(recv(bed->client, line + size, 1, 0), 1);
        if (line[size] == '\n')
            break;
        size++;
    }
    line[size] = '\0';
    return line;
}

static void expect(struct bed *bed, const char *request, const char *answer)
{
    say(bed, request);
    assert_string_equal(hear(bed), answer);
}

static bool status_has(struct bed *bed, const char *text)
{
    say(bed, "STATUS\n");
    return strstr(hear(bed), text) != NULL;
}

/* A request that is under way when a sync fails. Until then the gate holds back those of earlier
 * records, for which nobody waits. */
static void say_and_fail(struct bed *bed, const char *text, bool all_after)
{
    int client = bed->client;

    gated_fs_shut(&bed->gated);
    fail_next(bed, FAKE_SYNC, EIO, all_after);
    say(bed, text);
    bed->client = dial(bed->options.listen_port);
    while (!status_has(bed, " under_way=1 "))
        poll(NULL, 0, 10);
    close(bed->client);
    bed->client = client;
    gated_fs_open(&bed->gated);
}

/* ---- tests ---- */

static void test_after_a_failed_sync_the_node_is_opened_again(void **state)
{
    struct bed *bed = *state;
    int idle = dial(bed->options.listen_port), client = bed->client;

    expect(bed, "PROP 1 a\n", "CHOSEN 1 1 a");
    say_and_fail(bed, "PROP 2 b\n", false);
    assert_string_equal(
        hear(bed), "ERROR lost the outcome is not known here; ask again with the same request id");
    uv_sem_wait(&bed->reopening);
    assert_int_equal(bed->reopened, 1);
    expect(bed, "PROP 2 b\n", "CHOSEN 2 2 b"); /* the same connection */
    expect(bed, "PROP 1 a\n", "CHOSEN 1 1 a");
    expect(bed, "GET 1 10\n", "ITEMS 2 2");
    assert_string_equal(hear(bed), "ITEM 1 1 n1 a");
    assert_string_equal(hear(bed), "ITEM 2 2 n1 b");
    assert_true(status_has(bed, "trouble=\"\""));
    bed->client = idle; /* others have not noticed anything */
    expect(bed, "WAIT 2\n", "REACHED 2");
    close(client);
    lose_power(bed);
    expect(bed, "WAIT 2\n", "REACHED 2");
    expect(bed, "GET 1 10\n", "ITEMS 2 2");
    assert_string_equal(hear(bed), "ITEM 1 1 n1 a");
    assert_string_equal(hear(bed), "ITEM 2 2 n1 b");
}

/* Many times, with requests under way: what is answered CHOSEN stays, each request has one item. */
static void test_failed_syncs_again_and_again(void **state)
{
    struct bed *bed = *state;
    char text[64], last[64];

    for (int i = 1; i <= 40; i++) {
        if (i % 4 == 0)
            fail_next(bed, FAKE_SYNC, EIO, false);
        snprintf(text, sizeof(text), "PROP %d value\n", i);
        do
            say(bed, text);
        while (strncmp(hear(bed), "ERROR lost", 10) == 0);
        if (i % 4 == 0)
            uv_sem_wait(&bed->reopening);
    }
    assert_int_equal(bed->reopened, 10);
    snprintf(last, sizeof(last), " last=%d ", 40);
    assert_true(status_has(bed, last));
    lose_power(bed);
    expect(bed, "WAIT 40\n", "REACHED 40");
}

/* While the disk goes on failing it is tried again each second; requests wait meanwhile. */
static void test_it_is_tried_until_it_works(void **state)
{
    struct bed *bed = *state;

    expect(bed, "PROP 1 a\n", "CHOSEN 1 1 a");
    say_and_fail(bed, "PROP 2 b\n", true);
    assert_true(strncmp(hear(bed), "ERROR lost", 10) == 0);
    uv_sem_wait(&bed->reopening);
    assert_true(bed->not_reopened >= 1);
    assert_true(status_has(bed, "leader=none"));
    assert_true(status_has(bed, "trouble=\"the journal is being read again\""));
    say(bed, "PROP 2 b\n");
    heal(bed);
    assert_string_equal(hear(bed), "CHOSEN 2 2 b");
    assert_int_equal(bed->reopened, 1);
}

/* A write that fails is tried again, nothing is lost, nothing is opened again. */
static void test_a_full_disk_is_waited_for(void **state)
{
    struct bed *bed = *state;

    expect(bed, "PROP 1 a\n", "CHOSEN 1 1 a");
    fail_next(bed, FAKE_WRITE, ENOSPC, true);
    say(bed, "PROP 2 b\n");
    {
        int client = bed->client;

        bed->client = dial(bed->options.listen_port);
        while (!status_has(bed, "No space left on device"))
            poll(NULL, 0, 10);
        close(bed->client);
        bed->client = client;
    }
    heal(bed);
    assert_string_equal(hear(bed), "CHOSEN 2 2 b");
    assert_int_equal(bed->reopened, 0);
}

/* Told to stop while its disk is out of order, it stops. */
static void test_it_can_be_stopped_while_it_waits_for_the_disk(void **state)
{
    struct bed *bed = *state;

    expect(bed, "PROP 1 a\n", "CHOSEN 1 1 a");
    say_and_fail(bed, "PROP 2 b\n", true);
    uv_sem_wait(&bed->reopening);
    stop(bed);
    heal(bed);
    start(bed);
    expect(bed, "PROP 2 b\n", "CHOSEN 2 2 b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_after_a_failed_sync_the_node_is_opened_again),
        TEST(test_failed_syncs_again_and_again),
        TEST(test_it_is_tried_until_it_works),
        TEST(test_a_full_disk_is_waited_for),
        TEST(test_it_can_be_stopped_while_it_waits_for_the_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
