/* SPDX-License-Identifier: MIT */
/* test_broadcast.c -- the public face: three members in one process, with threads, restarts and
 * misuse. */
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <decree/broadcast.h>
#include <uv.h>

#define MEMBERS 3
#define THREADS 6
#define EACH 200
#define TEXT_MAX 16

struct member {
    struct decree_broadcast *broadcast;
    char data_dir[128];
    char (*delivered)[TEXT_MAX]; /* "origin:message" */
    uint32_t count, room;
    int answers; /* of its own messages: what deliver was to broadcast in return */
};

struct cluster {
    struct decree_hub *hub;
    struct member members[MEMBERS];
    char directory[64];
    bool keep;
};

static void deliver(void *context, decree_node_id origin, const uint8_t *message, uint32_t size)
{
    struct member *member = context;

    if (member->count == member->room) {
        member->room = member->room == 0 ? 256 : 2 * member->room;
        member->delivered = realloc(member->delivered, member->room * sizeof(*member->delivered));
        assert_non_null(member->delivered);
    }
    memset(member->delivered[member->count], 0, TEXT_MAX); /* they are compared as a whole */
    snprintf(member->delivered[member->count++], TEXT_MAX, "%u:%.*s", origin, (int)size,
             (const char *)message);
    if (size == 3 && memcmp(message, "ask", 3) == 0 && member->answers > 0) {
        member->answers--;
        assert_int_equal(decree_broadcast_send(member->broadcast, "answer", 6, NULL, NULL), 0);
    }
}

static void silent(void *context, enum decree_log_level level, const char *line)
{
    assert_null(context);
    (void)level;
    (void)line;
}

static void start(struct cluster *cluster, int index)
{
    static const char *const names[MEMBERS] = {"ann", "bob", "cid"};
    struct member *member = &cluster->members[index];
    char *why = NULL;
    struct decree_broadcast_options options = {
        .node = {.name = names[index],
                 .cluster = "ann,bob,cid",
                 .hub = cluster->hub,
                 .data_dir = cluster->keep ? member->data_dir : NULL,
                 .heartbeat_ms = 20,
                 .election_ms = 200,
                 .log = silent},
        .deliver = deliver,
        .context = member,
    };

    member->count = 0;
    snprintf(member->data_dir, sizeof(member->data_dir), "%s/%d", cluster->directory, index);
    if (decree_broadcast_open(&member->broadcast, &options, &why) != 0)
        fail_msg("%s", why);
    assert_int_equal(decree_broadcast_self(member->broadcast), index + 1);
}

static void stop(struct cluster *cluster, int index)
{
    decree_broadcast_close(cluster->members[index].broadcast);
    cluster->members[index].broadcast = NULL;
}

static void set_up(struct cluster *cluster, bool keep)
{
    *cluster = (struct cluster){.keep = keep};
    snprintf(cluster->directory, sizeof(cluster->directory), "/tmp/decree-test-broadcast-XXXXXX");
    assert_non_null(mkdtemp(cluster->directory));
    assert_int_equal(decree_hub_new(&cluster->hub), 0);
    for (int i = 0; i < MEMBERS; i++)
        start(cluster, i);
}

static void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char inside[1024];

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        if (unlink(inside) != 0)
            remove_tree(inside);
    }
    if (folder != NULL)
        closedir(folder);
    (void)rmdir(path);
}

static void tear_down(struct cluster *cluster)
{
    for (int i = 0; i < MEMBERS; i++) {
        stop(cluster, i);
        free(cluster->members[i].delivered);
    }
    decree_hub_free(cluster->hub);
    remove_tree(cluster->directory);
}

struct answer {
    uv_sem_t ready;
    int error;
    uint32_t seen; /* messages that the member had delivered when it came */
    const struct member *member;
};

static void delivered(void *argument, int error)
{
    struct answer *answer = argument;

    answer->error = error;
    answer->seen = answer->member->count;
    uv_sem_post(&answer->ready);
}

static void read_done(void *argument, int error, decree_slot slot, void *result)
{
    assert_null(result);
    (void)slot;
    delivered(argument, error);
}

static void send_and_wait(struct member *member, const char *text)
{
    struct answer answer = {.member = member};
    int error;

    uv_sem_init(&answer.ready, 0);
    while ((error = decree_broadcast_send(member->broadcast, text, strlen(text), delivered,
                                          &answer)) == DECREE_FULL)
        sched_yield();
    assert_int_equal(error, 0);
    uv_sem_wait(&answer.ready);
    assert_int_equal(answer.error, 0);
    assert_true(answer.seen > 0);
    uv_sem_destroy(&answer.ready);
}

/* How many messages the member has delivered once it has caught up. */
static uint32_t read_and_wait(struct member *member)
{
    struct answer answer = {.member = member};

    uv_sem_init(&answer.ready, 0);
    assert_int_equal(decree_broadcast_read(member->broadcast, read_done, &answer), 0);
    uv_sem_wait(&answer.ready);
    assert_int_equal(answer.error, 0);
    uv_sem_destroy(&answer.ready);
    return answer.seen;
}

static void expect_all_equal(struct cluster *cluster, uint32_t count)
{
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(read_and_wait(&cluster->members[i]), count);
    for (int i = 1; i < MEMBERS; i++)
        assert_memory_equal(cluster->members[i].delivered, cluster->members[0].delivered,
                            count * sizeof(*cluster->members[0].delivered));
}

static void a_message_is_delivered_everywhere_with_its_origin(void **state)
{
    struct cluster cluster;

    (void)state;
    set_up(&cluster, false);
    send_and_wait(&cluster.members[1], "hello, paxos!");
    send_and_wait(&cluster.members[0], "");
    expect_all_equal(&cluster, 2);
    assert_string_equal(cluster.members[2].delivered[0], "2:hello, paxos!");
    assert_string_equal(cluster.members[2].delivered[1], "1:");
    tear_down(&cluster);
}

struct worker {
    uv_thread_t thread;
    struct member *member;
    int number;
    uv_sem_t *all;
};

static void count_down(void *argument, int error)
{
    assert_int_equal(error, 0);
    uv_sem_post(argument);
}

/* Many at once, without waiting for each. */
static void work(void *argument)
{
    struct worker *worker = argument;
    char text[TEXT_MAX];

    for (int i = 0; i < EACH; i++) {
        int size = snprintf(text, sizeof(text), "%d.%d", worker->number, i), error;

        while ((error = decree_broadcast_send(worker->member->broadcast, text, (size_t)size,
                                              count_down, worker->all)) == DECREE_FULL)
            sched_yield();
        assert_int_equal(error, 0);
    }
}

static void work_all(struct cluster *cluster)
{
    struct worker workers[THREADS];
    uv_sem_t all;

    uv_sem_init(&all, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .member = &cluster->members[i % MEMBERS], .number = i, .all = &all};
        assert_int_equal(uv_thread_create(&workers[i].thread, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        uv_thread_join(&workers[i].thread);
    for (int i = 0; i < THREADS * EACH; i++)
        uv_sem_wait(&all);
    uv_sem_destroy(&all);
}

static void threads_broadcast_at_all_members_and_keep_their_order(void **state)
{
    struct cluster cluster;
    int next[THREADS] = {0}, number, i;
    unsigned origin;

    (void)state;
    set_up(&cluster, false);
    work_all(&cluster);
    expect_all_equal(&cluster, THREADS * EACH);
    for (uint32_t at = 0; at < THREADS * EACH; at++) {
        const char *text = cluster.members[0].delivered[at];
        char *end;

        origin = (unsigned)strtoul(text, &end, 10);
        number = (int)strtol(end + 1, &end, 10);
        i = (int)strtol(end + 1, &end, 10);
        assert_int_equal(origin, number % MEMBERS + 1);
        assert_int_equal(i, next[number]++);
    }
    tear_down(&cluster);
}

static void deliver_may_broadcast(void **state)
{
    struct cluster cluster;

    (void)state;
    set_up(&cluster, false);
    cluster.members[2].answers = 1; /* not delivering yet: nothing was broadcast */
    send_and_wait(&cluster.members[0], "ask");
    while (read_and_wait(&cluster.members[1]) < 2)
        sched_yield();
    expect_all_equal(&cluster, 2);
    assert_string_equal(cluster.members[0].delivered[1], "3:answer");
    tear_down(&cluster);
}

static void a_member_that_starts_again_delivers_everything_again(void **state)
{
    struct cluster cluster;

    (void)state;
    set_up(&cluster, true);
    send_and_wait(&cluster.members[0], "one");
    send_and_wait(&cluster.members[1], "two");
    stop(&cluster, 1);
    send_and_wait(&cluster.members[0], "three");
    start(&cluster, 1);
    send_and_wait(&cluster.members[1], "four");
    expect_all_equal(&cluster, 4);
    for (int i = 0; i < MEMBERS; i++)
        stop(&cluster, i);
    for (int i = 0; i < MEMBERS; i++)
        start(&cluster, i);
    send_and_wait(&cluster.members[1], "five");
    expect_all_equal(&cluster, 5);
    assert_string_equal(cluster.members[1].delivered[3], "2:four");
    assert_string_equal(cluster.members[1].delivered[4], "2:five");
    tear_down(&cluster);
}

static void count_lost(void *argument, int error)
{
    assert_int_equal(error, DECREE_LOST);
    (*(int *)argument)++;
}

static void what_is_under_way_at_a_close_is_lost(void **state)
{
    struct cluster cluster;
    int lost = 0;

    (void)state;
    set_up(&cluster, false);
    send_and_wait(&cluster.members[0], "one");
    stop(&cluster, 1);
    stop(&cluster, 2);
    for (int i = 0; i < 10; i++)
        assert_int_equal(
            decree_broadcast_send(cluster.members[0].broadcast, "?", 1, count_lost, &lost), 0);
    assert_int_equal(decree_broadcast_send(cluster.members[0].broadcast, "?", 1, NULL, NULL), 0);
    stop(&cluster, 0);
    assert_int_equal(lost, 10);
    tear_down(&cluster);
}

static void too_many_under_way_are_refused(void **state)
{
    struct cluster cluster;
    int lost = 0, sent = 0, error;

    (void)state;
    set_up(&cluster, false);
    stop(&cluster, 1);
    stop(&cluster, 2);
    while ((error = decree_broadcast_send(cluster.members[0].broadcast, "?", 1, count_lost,
                                          &lost)) == 0)
        sent++;
    assert_int_equal(error, DECREE_FULL);
    assert_int_equal(sent, 8192);
    stop(&cluster, 0);
    assert_int_equal(lost, sent);
    tear_down(&cluster);
}

static void what_cannot_be_is_refused(void **state)
{
    static char large[2 << 20];
    struct decree_broadcast_options options = {.node = {.name = "n9", .cluster = "n1"},
                                               .deliver = deliver};
    struct decree_broadcast *broadcast = NULL;
    struct cluster cluster;
    char *why = NULL;

    (void)state;
    assert_int_equal(decree_broadcast_open(&broadcast, &options, &why), DECREE_INVALID);
    assert_non_null(strstr(why, "n9"));
    free(why);
    assert_null(broadcast);
    decree_broadcast_close(NULL);
    set_up(&cluster, false);
    assert_int_equal(
        decree_broadcast_send(cluster.members[0].broadcast, large, sizeof(large), NULL, NULL),
        DECREE_TOO_LARGE);
    send_and_wait(&cluster.members[0], "fits");
    expect_all_equal(&cluster, 1);
    tear_down(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_delivered_everywhere_with_its_origin),
        cmocka_unit_test(threads_broadcast_at_all_members_and_keep_their_order),
        cmocka_unit_test(deliver_may_broadcast),
        cmocka_unit_test(a_member_that_starts_again_delivers_everything_again),
        cmocka_unit_test(what_is_under_way_at_a_close_is_lost),
        cmocka_unit_test(too_many_under_way_are_refused),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
