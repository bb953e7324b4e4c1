/* SPDX-License-Identifier: MIT */
/* test_log.c -- the public log: three members in one process, threads, subscriptions, restarts. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include <decree/log.h>

#define MEMBERS 3
#define THREADS 4
#define EACH 300

static struct decree_hub *hub;
static struct decree_log *logs[MEMBERS];

static int open_three(void **state)
{
    (void)state;
    assert_int_equal(decree_hub_new(&hub), 0);
    for (size_t i = 0; i < MEMBERS; i++) {
        static const char *names[] = {"n1", "n2", "n3"};
        struct decree_log_options options = {.node = {.name = names[i],
                                                      .cluster = "n1,n2,n3",
                                                      .hub = hub,
                                                      .heartbeat_ms = 20,
                                                      .election_ms = 200,
                                                      .value_bytes_max = 1 << 20,
                                                      .log_level = DECREE_LOG_ERROR}};

        assert_int_equal(decree_log_open(&logs[i], &options, NULL), 0);
        assert_int_equal(decree_log_self(logs[i]), i + 1);
    }
    return 0;
}

static int close_three(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMBERS; i++) {
        decree_log_close(logs[i]);
        logs[i] = NULL;
    }
    decree_hub_free(hub);
    return 0;
}

/* ---- waiting for a completion ---- */

struct outcome {
    uv_sem_t ready;
    int error;
    uint64_t index;
};

static void note(void *argument, int error, uint64_t index)
{
    struct outcome *outcome = argument;

    outcome->error = error;
    outcome->index = index;
    uv_sem_post(&outcome->ready);
}

/* Proposes and waits; the index, or the error as a negative number. */
static int64_t propose(struct decree_log *log, uint64_t request_id, const char *text)
{
    struct outcome outcome = {0};
    int error;

    assert_int_equal(uv_sem_init(&outcome.ready, 0), 0);
    error = decree_log_propose(log, request_id, text, strlen(text), note, &outcome);
    assert_int_equal(error, 0);
    uv_sem_wait(&outcome.ready);
    uv_sem_destroy(&outcome.ready);
    return outcome.error != 0 ? outcome.error : (int64_t)outcome.index;
}

static void assert_text(const struct decree_log_item *item, const char *text)
{
    assert_int_equal(item->value_count, 1);
    assert_int_equal(item->values[0].size, strlen(text));
    assert_memory_equal(item->values[0].data, text, strlen(text));
}

/* ---- tests ---- */

static void test_items_are_the_same_on_all(void **state)
{
    struct decree_log_value values[] = {
        {(const uint8_t *)"x", 1}, {NULL, 0}, {(const uint8_t *)"zzz", 3}};
    struct outcome outcome = {0};

    (void)state;
    assert_int_equal(propose(logs[0], 17, "hello"), 1);
    assert_int_equal(propose(logs[1], 17, "world"), 2);
    assert_int_equal(uv_sem_init(&outcome.ready, 0), 0);
    assert_int_equal(decree_log_multi_propose(logs[2], 5, values, 3, note, &outcome), 0);
    uv_sem_wait(&outcome.ready);
    uv_sem_destroy(&outcome.ready);
    assert_int_equal(outcome.index, 3);
    for (size_t i = 0; i < MEMBERS; i++) {
        struct decree_log_batch *batch;

        assert_int_equal(decree_log_wait(logs[i], 3, DECREE_LOG_FOREVER), 0);
        assert_int_equal(decree_log_get(logs[i], 1, 100, &batch), 0);
        assert_int_equal(batch->item_count, 3);
        assert_int_equal(batch->last, 3);
        assert_text(&batch->items[0], "hello");
        assert_text(&batch->items[1], "world");
        assert_int_equal(batch->items[1].index, 2);
        assert_int_equal(batch->items[1].origin, 2);
        assert_int_equal(batch->items[1].request_id, 17);
        assert_int_equal(batch->items[2].value_count, 3);
        assert_int_equal(batch->items[2].values[1].size, 0);
        assert_memory_equal(batch->items[2].values[2].data, "zzz", 3);
        assert_int_equal(batch->local_count, 1);
        assert_int_equal(batch->local[0].index, i + 1);
        assert_int_equal(batch->local[0].request_id, i == 2 ? 5 : 17);
        decree_log_batch_free(batch);
    }
}

static void test_a_request_id_is_entered_once(void **state)
{
    (void)state;
    assert_int_equal(propose(logs[0], 1, "a"), 1);
    assert_int_equal(propose(logs[0], 1, "a"), 1);
    assert_int_equal(propose(logs[1], 1, "a"), 2);
    assert_int_equal(propose(logs[0], 1, "b"), DECREE_CONFLICT);
    assert_int_equal(propose(logs[0], 0, "a"), 3);
    assert_int_equal(decree_log_find(logs[0], 1), 1);
    assert_int_equal(decree_log_find(logs[0], 2), 0);
    assert_int_equal(decree_log_last(logs[0]), 3);
}

static void test_get_looks_at_its_arguments(void **state)
{
    struct decree_log_batch *batch = NULL;
    struct decree_log_value none = {NULL, 0};

    (void)state;
    assert_int_equal(decree_log_get(logs[0], 0, 1, &batch), DECREE_INVALID);
    assert_int_equal(decree_log_get(logs[0], UINT64_MAX, UINT32_MAX, &batch), 0);
    assert_int_equal(batch->item_count, 0);
    decree_log_batch_free(batch);
    assert_int_equal(decree_log_multi_propose(logs[0], 1, &none, 0, NULL, NULL), DECREE_INVALID);
    assert_int_equal(
        decree_log_multi_propose(logs[0], 1, &none, DECREE_LOG_VALUES_MAX + 1, NULL, NULL),
        DECREE_INVALID);
    assert_int_equal(decree_log_wait(logs[0], 1, 1), DECREE_NOT_FOUND);
}

static void test_a_batch_is_bounded_but_never_empty(void **state)
{
    char *large = malloc((1 << 20) - 100);
    struct decree_log_value value = {(const uint8_t *)large, (1 << 20) - 100};
    struct decree_log_batch *batch;
    struct outcome outcome = {0};

    (void)state;
    memset(large, 'l', value.size);
    assert_int_equal(uv_sem_init(&outcome.ready, 0), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        assert_int_equal(decree_log_multi_propose(logs[0], i, &value, 1, note, &outcome), 0);
        uv_sem_wait(&outcome.ready);
        assert_int_equal(outcome.index, i);
    }
    uv_sem_destroy(&outcome.ready);
    assert_int_equal(decree_log_get(logs[0], 1, 20, &batch), 0);
    assert_true(batch->item_count >= 16);
    assert_true(batch->item_count <= 18);
    assert_int_equal(batch->last, 20);
    assert_memory_equal(batch->items[15].values[0].data, large, value.size);
    decree_log_batch_free(batch);
    value.size = 1 << 20;
    assert_int_equal(decree_log_propose(logs[0], 0, large, value.size - 100, NULL, NULL), 0);
    large = realloc(large, 1 << 20);
    assert_int_equal(decree_log_propose(logs[0], 0, large, value.size, NULL, NULL),
                     DECREE_TOO_LARGE);
    free(large);
}

/* ---- subscriptions ---- */

struct follower {
    uint64_t next;
    uint32_t stop_after;
    uv_sem_t reached;
    uv_sem_t *gate; /* waited for before each item */
    uint64_t sum;
};

static int follow(void *argument, const struct decree_log_item *item)
{
    struct follower *follower = argument;

    if (follower->gate != NULL)
        uv_sem_wait(follower->gate);
    assert_int_equal(item->index, follower->next);
    assert_true(item->value_count == 1);
    follower->next++;
    follower->sum = follower->sum * 31 + item->origin * 7 + item->request_id;
    if (item->index == follower->stop_after) {
        uv_sem_post(&follower->reached);
        return 1;
    }
    return 0;
}

static void propose_some(void *argument)
{
    struct decree_log *log = argument;
    static atomic_uint id;

    for (int i = 0; i < EACH; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        assert_true(propose(log, atomic_fetch_add(&id, 1) + 1, text) > 0);
    }
}

/* Threads propose at every member; a follower at each, one of them slow, one that came late. */
static void test_subscriptions_see_all_in_order(void **state)
{
    const uint32_t total = THREADS * EACH;
    struct follower followers[MEMBERS + 1] = {{0}};
    struct decree_log_subscription *subscriptions[MEMBERS + 1];
    uv_thread_t threads[THREADS];
    uv_sem_t gate;

    (void)state;
    assert_int_equal(uv_sem_init(&gate, 0), 0);
    for (size_t i = 0; i <= MEMBERS; i++) {
        followers[i].next = 1;
        followers[i].stop_after = total;
        assert_int_equal(uv_sem_init(&followers[i].reached, 0), 0);
    }
    followers[0].gate = &gate;
    for (size_t i = 0; i < MEMBERS; i++)
        assert_int_equal(decree_log_subscribe(logs[i], 1, follow, &followers[i], &subscriptions[i]),
                         0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(uv_thread_create(&threads[i], propose_some, logs[i % MEMBERS]), 0);
    for (size_t i = 0; i < THREADS; i++)
        uv_thread_join(&threads[i]);
    assert_int_equal(decree_log_subscribe(logs[1], 1, follow, &followers[3], &subscriptions[3]), 0);
    for (uint32_t i = 0; i < total; i++) /* who is slow has missed nothing */
        uv_sem_post(&gate);
    for (size_t i = 0; i <= MEMBERS; i++) {
        uv_sem_wait(&followers[i].reached);
        decree_log_unsubscribe(subscriptions[i]);
        uv_sem_destroy(&followers[i].reached);
        assert_int_equal(followers[i].next, total + 1);
        assert_int_equal(followers[i].sum, followers[0].sum);
    }
    uv_sem_destroy(&gate);
}

static void test_unsubscribe_while_it_sleeps_and_close_with_subscriptions(void **state)
{
    struct follower asleep = {.next = 1}, later = {.next = 5};
    struct decree_log_subscription *subscription;

    (void)state;
    assert_int_equal(decree_log_subscribe(logs[0], 0, follow, &asleep, &subscription),
                     DECREE_INVALID);
    assert_int_equal(decree_log_subscribe(logs[0], 1, follow, &asleep, &subscription), 0);
    decree_log_unsubscribe(subscription);
    decree_log_unsubscribe(NULL);
    assert_int_equal(decree_log_subscribe(logs[0], 5, follow, &later, &subscription), 0);
    assert_int_equal(propose(logs[0], 1, "a"), 1);
    assert_int_equal(later.next, 5);
}

/* ---- reading and losing ---- */

static void test_read_sees_what_others_have(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct outcome outcome = {0};
        int64_t index = propose(logs[i % 3], 0, "x");

        assert_int_equal(uv_sem_init(&outcome.ready, 0), 0);
        assert_int_equal(decree_log_read(logs[(i + 1) % 3], note, &outcome), 0);
        uv_sem_wait(&outcome.ready);
        uv_sem_destroy(&outcome.ready);
        assert_int_equal(outcome.error, 0);
        assert_true((int64_t)outcome.index >= index);
    }
}

/* Alone, one of three decides nothing: who waits is told so at the end. */
static void test_what_is_open_at_the_close_is_lost(void **state)
{
    struct outcome outcome = {0};

    (void)state;
    assert_int_equal(propose(logs[1], 1, "a"), 1);
    for (size_t i = 0; i < 2; i++) {
        decree_log_close(logs[i]);
        logs[i] = NULL;
    }
    assert_int_equal(uv_sem_init(&outcome.ready, 0), 0);
    assert_int_equal(decree_log_propose(logs[2], 2, "b", 1, note, &outcome), 0);
    decree_log_close(logs[2]);
    logs[2] = NULL;
    uv_sem_wait(&outcome.ready);
    uv_sem_destroy(&outcome.ready);
    assert_int_equal(outcome.error, DECREE_LOST);
}

/* ---- a disk ---- */

static char directory[] = "/tmp/decree-test-log-XXXXXX";

static void remove_tree(void)
{
    DIR *folder = opendir(directory);
    struct dirent *entry;
    char inside[1024];

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(inside, sizeof(inside), "%s/%s", directory, entry->d_name);
        (void)unlink(inside);
    }
    closedir(folder);
    (void)rmdir(directory);
}

static void test_the_log_is_there_after_a_restart(void **state)
{
    struct decree_log_options options = {
        .node = {.data_dir = directory, .log_level = DECREE_LOG_ERROR}};
    struct decree_log_batch *batch;
    struct decree_log *log;

    (void)state;
    assert_non_null(mkdtemp(directory));
    for (uint64_t run = 0; run < 3; run++) {
        assert_int_equal(decree_log_open(&log, &options, NULL), 0);
        for (uint64_t i = 1; i <= 5; i++) {
            uint64_t id = run * 5 + i;

            assert_int_equal(propose(log, id, "text"), id);
            assert_int_equal(propose(log, 1, "text"), 1); /* named before the restart */
        }
        decree_log_close(log);
    }
    assert_int_equal(decree_log_open(&log, &options, NULL), 0);
    assert_int_equal(decree_log_wait(log, 15, DECREE_LOG_FOREVER), 0);
    assert_int_equal(decree_log_get(log, 11, 3, &batch), 0);
    assert_int_equal(batch->item_count, 3);
    assert_int_equal(batch->items[2].request_id, 13);
    decree_log_batch_free(batch);
    decree_log_close(log);
    remove_tree();
}

static void test_what_is_wrong_is_said(void **state)
{
    struct decree_log_options options = {.node = {.cluster = "n1=", .log_level = DECREE_LOG_ERROR}};
    struct decree_log *log = NULL;
    char *why = NULL;

    (void)state;
    assert_int_equal(decree_log_open(&log, &options, &why), DECREE_INVALID);
    assert_non_null(why);
    free(why);
    decree_log_close(NULL);
    decree_log_batch_free(NULL);
}

#define WITH_THREE(name) cmocka_unit_test_setup_teardown(name, open_three, close_three)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_THREE(test_items_are_the_same_on_all),
        WITH_THREE(test_a_request_id_is_entered_once),
        WITH_THREE(test_get_looks_at_its_arguments),
        WITH_THREE(test_a_batch_is_bounded_but_never_empty),
        WITH_THREE(test_subscriptions_see_all_in_order),
        WITH_THREE(test_unsubscribe_while_it_sleeps_and_close_with_subscriptions),
        WITH_THREE(test_read_sees_what_others_have),
        WITH_THREE(test_what_is_open_at_the_close_is_lost),
        cmocka_unit_test(test_the_log_is_there_after_a_restart),
        cmocka_unit_test(test_what_is_wrong_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
