/* SPDX-License-Identifier: MIT */
/* test_node.c -- the public node: three of them over tcp in one process, with threads, restarts and
 * misuse. */
#include <dirent.h>
#include <fcntl.h>
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
#include <uv.h>

#include <decree/node.h>

#include "free_port.h"

#define NODES 3
#define THREADS 8
#define EACH 50

#ifdef __SANITIZE_THREAD__
/* libuv closes descriptors by a bare system call, so that ThreadSanitizer takes a number that is
 * used again by another thread for a race. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:closedir\n";
}
#endif

/* ---- a folder that goes away ---- */

static char directory[] = "/tmp/decree-test-node-XXXXXX";

static void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char inside[1024];

    if (folder == NULL) {
        (void)unlink(path);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        if (unlink(inside) != 0)
            remove_tree(inside);
    }
    closedir(folder);
    (void)rmdir(path);
}

static int make_directory(void **state)
{
    (void)state;
    memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    remove_tree(directory);
    return 0;
}

/* ---- a machine: a sum and the order in which it came to be ---- */

struct machine {
    uint64_t count, hash;
};

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct machine *machine = context;

    (void)slot;
    machine->count++;
    for (uint32_t i = 0; i < size; i++)
        machine->hash = (machine->hash ^ data[i]) * 1099511628211u;
    return machine;
}

struct answer {
    uv_sem_t ready;
    int error;
    void *result;
};

static void done(void *argument, int error, decree_slot slot, void *result)
{
    struct answer *answer = argument;

    (void)slot;
    answer->error = error;
    answer->result = result;
    uv_sem_post(&answer->ready);
}

/* ---- a cluster ---- */

struct cluster {
    char text[256];
    struct decree_node *nodes[NODES];
    struct machine machines[NODES];
    char data_dirs[NODES][128];
    bool keep; /* on disk */
    struct decree_hub *hub;
    const char *network;
    uint32_t value_bytes_max; /* of those that are started now */
    uint32_t heartbeat_ms;    /* 0: 20 */
};

static void silent(void *context, enum decree_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static void start(struct cluster *cluster, int index)
{
    char name[16], *why = NULL;
    struct decree_node_options options = {
        .name = name,
        .cluster = cluster->text,
        .data_dir = cluster->keep ? cluster->data_dirs[index] : NULL,
        .hub = cluster->hub,
        .network = cluster->network,
        .machine = {&cluster->machines[index], apply},
        .value_bytes_max = cluster->value_bytes_max,
        .heartbeat_ms = cluster->heartbeat_ms,
        .election_ms = 10 * cluster->heartbeat_ms,
        .log_level = DECREE_LOG_DEBUG,
        .log = silent,
    };

    snprintf(name, sizeof(name), "n%d", index + 1);
    cluster->machines[index] = (struct machine){0};
    if (decree_node_open(&cluster->nodes[index], &options, &why) != 0)
        fail_msg("%s", why);
    memset(name, 'x', sizeof(name)); /* strings were copied */
}

static void stop(struct cluster *cluster, int index)
{
    decree_node_close(cluster->nodes[index]);
    cluster->nodes[index] = NULL;
}

/* A cluster as it is wished for, and its three nodes. */
static void set_up(struct cluster *cluster, const struct cluster *wish, bool memory)
{
    *cluster = *wish;
    if (cluster->heartbeat_ms == 0)
        cluster->heartbeat_ms = 20;
    if (memory) {
        assert_int_equal(decree_hub_new(&cluster->hub), 0);
        snprintf(cluster->text, sizeof(cluster->text), "n1,n2,n3");
    } else {
        snprintf(cluster->text, sizeof(cluster->text),
                 "n1=127.0.0.1:%u,n2=127.0.0.1:%u,n3=127.0.0.1:%u", free_port(), free_port(),
                 free_port());
    }
    for (int i = 0; i < NODES; i++) {
        snprintf(cluster->data_dirs[i], sizeof(cluster->data_dirs[i]), "%s/n%d", directory, i + 1);
        start(cluster, i);
    }
}

static void tear_down(struct cluster *cluster)
{
    for (int i = 0; i < NODES; i++)
        stop(cluster, i);
    decree_hub_free(cluster->hub);
}

static void propose_and_wait(struct decree_node *node, const void *data, size_t size)
{
    struct answer answer;
    int error;

    uv_sem_init(&answer.ready, 0);
    while ((error = decree_node_propose(node, data, size, done, &answer)) == DECREE_FULL)
        sched_yield();
    assert_int_equal(error, 0);
    uv_sem_wait(&answer.ready);
    assert_int_equal(answer.error, 0);
    assert_non_null(answer.result);
    uv_sem_destroy(&answer.ready);
}

/* After it the node's machine has everything that was decided before. */
static void read_and_wait(struct decree_node *node)
{
    struct answer answer;

    uv_sem_init(&answer.ready, 0);
    assert_int_equal(decree_node_read(node, done, &answer), 0);
    uv_sem_wait(&answer.ready);
    assert_int_equal(answer.error, 0);
    uv_sem_destroy(&answer.ready);
}

struct worker {
    uv_thread_t thread;
    struct decree_node *node;
    int number;
};

static void work(void *argument)
{
    struct worker *worker = argument;
    char data[300];

    memset(data, worker->number, sizeof(data));
    for (int i = 0; i < EACH; i++)
        propose_and_wait(worker->node, data, (size_t)(i * 6));
}

static void propose_from_threads(struct cluster *cluster, const int *where, int count)
{
    struct worker workers[THREADS];

    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.node = cluster->nodes[where[i % count]], .number = i};
        assert_int_equal(uv_thread_create(&workers[i].thread, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        uv_thread_join(&workers[i].thread);
}

static void expect_all_equal(struct cluster *cluster, uint64_t count)
{
    for (int i = 0; i < NODES; i++)
        read_and_wait(cluster->nodes[i]);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(cluster->machines[i].count, count);
        assert_true(cluster->machines[i].hash == cluster->machines[0].hash);
    }
}

static void loses_a_node_and_gets_it_back(void **state)
{
    struct cluster cluster;
    struct decree_status status;
    int leader;

    (void)state;
    set_up(&cluster, &(struct cluster){.keep = true}, false);
    propose_from_threads(&cluster, (int[]){0, 1, 2}, 3);
    expect_all_equal(&cluster, THREADS * EACH);
    decree_node_status(cluster.nodes[0], &status);
    while (status.leader == 0) { /* on a busy machine there may be an election */
        sched_yield();
        decree_node_status(cluster.nodes[0], &status);
    }
    assert_true(status.leader <= NODES);
    leader = (int)status.leader - 1;
    stop(&cluster, leader);
    propose_from_threads(&cluster, (int[]){(leader + 1) % NODES, (leader + 2) % NODES}, 2);
    start(&cluster, leader);
    expect_all_equal(&cluster, 2 * THREADS * EACH);
    tear_down(&cluster);
}

static void remembers_after_all_were_stopped(void **state)
{
    struct cluster cluster;
    uint64_t hash;

    (void)state;
    set_up(&cluster, &(struct cluster){.keep = true}, false);
    propose_from_threads(&cluster, (int[]){1}, 1);
    expect_all_equal(&cluster, THREADS * EACH);
    hash = cluster.machines[0].hash;
    for (int i = 0; i < NODES; i++)
        stop(&cluster, i);
    for (int i = 0; i < NODES; i++)
        start(&cluster, i);
    expect_all_equal(&cluster, THREADS * EACH);
    assert_true(cluster.machines[0].hash == hash);
    propose_from_threads(&cluster, (int[]){0, 2}, 2);
    expect_all_equal(&cluster, 2 * THREADS * EACH);
    tear_down(&cluster);
}

static void members_may_allow_different_sizes(void **state)
{
    enum { LARGE = 17 << 20 }; /* more than a segment of the journal has room for, too */
    /* What is sent again before it can have come is sent for ever. */
    const struct cluster patient = {.keep = true, .heartbeat_ms = 3000};
    struct cluster cluster;
    char *data = calloc(1, LARGE);

    (void)state;
    assert_non_null(data);
    set_up(&cluster, &patient, false);
    stop(&cluster, 0);
    cluster.value_bytes_max = LARGE;
    start(&cluster, 0);
    propose_and_wait(cluster.nodes[0], data, LARGE);
    propose_and_wait(cluster.nodes[1], data, 1);
    stop(&cluster, 0);
    cluster.value_bytes_max = 0; /* what its journal has is above what it allows now */
    start(&cluster, 0);
    expect_all_equal(&cluster, 2);
    assert_int_equal(decree_node_propose(cluster.nodes[0], data, LARGE, done, NULL),
                     DECREE_TOO_LARGE);
    tear_down(&cluster);
    free(data);
}

static void works_in_memory(void **state)
{
    struct cluster cluster;

    (void)state;
    set_up(&cluster, &(struct cluster){0}, true);
    propose_from_threads(&cluster, (int[]){0, 1, 2}, 3);
    expect_all_equal(&cluster, THREADS * EACH);
    tear_down(&cluster);
}

static void works_over(const char *network)
{
    struct cluster cluster;

    set_up(&cluster, &(struct cluster){.network = network}, false);
    propose_from_threads(&cluster, (int[]){0, 1, 2}, 3);
    expect_all_equal(&cluster, THREADS * EACH);
    tear_down(&cluster);
}

static void works_over_every_network(void **state)
{
    (void)state;
    works_over("tcp");
    works_over("http");
    works_over("grpc");
}

/* ---- one node ---- */

static struct machine alone;

static int open_alone(struct decree_node **ret_node, const char *data_dir, const char *cluster,
                      char **ret_why)
{
    struct decree_node_options options = {.cluster = cluster,
                                          .data_dir = data_dir,
                                          .machine = {&alone, apply},
                                          .value_bytes_max = 1000,
                                          .log = silent};

    alone = (struct machine){0};
    return decree_node_open(ret_node, &options, ret_why);
}

struct chain {
    struct decree_node *node;
    uv_sem_t finished;
    unsigned left;
};

static void next_of_chain(void *argument, int error, decree_slot slot, void *result)
{
    struct chain *chain = argument;

    (void)slot;
    (void)result;
    assert_int_equal(error, 0);
    if (chain->left-- == 0) {
        uv_sem_post(&chain->finished);
        return;
    }
    assert_int_equal(chain->left % 2 == 0
                         ? decree_node_propose(chain->node, "x", 1, next_of_chain, chain)
                         : decree_node_read(chain->node, next_of_chain, chain),
                     0);
}

static void a_completion_may_ask_for_more(void **state)
{
    struct chain chain = {.left = 100};

    (void)state;
    assert_int_equal(open_alone(&chain.node, NULL, NULL, NULL), 0);
    uv_sem_init(&chain.finished, 0);
    assert_int_equal(decree_node_propose(chain.node, "x", 1, next_of_chain, &chain), 0);
    uv_sem_wait(&chain.finished);
    decree_node_close(chain.node);
    assert_int_equal(alone.count, 51);
    uv_sem_destroy(&chain.finished);
}

static void commands_have_a_largest_size(void **state)
{
    struct decree_node *node;
    char data[1001] = {0};

    (void)state;
    assert_int_equal(open_alone(&node, NULL, "n1", NULL), 0);
    assert_int_equal(decree_node_propose(node, data, 1001, done, NULL), DECREE_TOO_LARGE);
    propose_and_wait(node, data, 1000);
    propose_and_wait(node, NULL, 0);
    decree_node_close(node);
    assert_int_equal(alone.count, 2);
}

struct losses {
    struct decree_node *node;
    unsigned count;
};

static void count_loss(void *argument, int error, decree_slot slot, void *result)
{
    struct losses *losses = argument;

    assert_int_equal(error, DECREE_LOST);
    assert_int_equal(slot, 0);
    assert_null(result);
    losses->count++;
    assert_int_equal(decree_node_propose(losses->node, "x", 1, count_loss, losses), DECREE_CLOSED);
}

static void closing_completes_what_is_open_with_lost(void **state)
{
    struct losses losses = {0};
    unsigned taken = 0;

    (void)state;
    /* Alone of three: nothing can be decided. More than the core takes waits in the queue. */
    struct decree_node_options options = {.cluster = "n1=127.0.0.1:1,n2=127.0.0.1:2,n3=127.0.0.1:3",
                                          .machine = {&alone, apply},
                                          .log = silent};

    assert_int_equal(decree_hub_new(&options.hub), 0);
    assert_int_equal(decree_node_open(&losses.node, &options, NULL), 0);
    for (; taken < 6000; taken++)
        assert_int_equal(decree_node_propose(losses.node, "x", 1, count_loss, &losses), 0);
    assert_int_equal(decree_node_read(losses.node, count_loss, &losses), 0);
    decree_node_close(losses.node);
    assert_int_equal(losses.count, taken + 1);
    decree_hub_free(options.hub);
}

static void the_queue_is_bounded(void **state)
{
    struct losses losses = {0};
    char *data = calloc(1, 1 << 20);
    unsigned taken = 0;
    int error = 0;

    (void)state;
    struct decree_node_options options = {
        .cluster = "n1,n2,n3", .machine = {&alone, apply}, .log = silent};

    assert_int_equal(decree_hub_new(&options.hub), 0);
    assert_int_equal(decree_node_open(&losses.node, &options, NULL), 0);
    while (error == 0 && taken < 1000) {
        error = decree_node_propose(losses.node, data, 1 << 20, count_loss, &losses);
        taken += error == 0;
    }
    assert_int_equal(error, DECREE_FULL);
    decree_node_close(losses.node);
    assert_int_equal(losses.count, taken);
    decree_hub_free(options.hub);
    free(data);
}

static void expect_refusal(const char *data_dir, const char *cluster, int expected,
                           const char *words)
{
    struct decree_node *node;
    char *why = NULL;
    int error = open_alone(&node, data_dir, cluster, &why);

    assert_int_equal(error, expected);
    assert_non_null(why);
    if (strstr(why, words) == NULL)
        fail_msg("no '%s' in: %s", words, why);
    free(why);
}

static void says_why_it_does_not_open(void **state)
{
    struct decree_node *node;
    char data_dir[128], file[160], busy[64];
    int descriptor;

    (void)state;
    snprintf(data_dir, sizeof(data_dir), "%s/one", directory);
    snprintf(file, sizeof(file), "%s/file", directory);
    assert_int_equal(open_alone(&node, data_dir, "n1", NULL), 0);
    expect_refusal(data_dir, "n1", DECREE_LOCKED, "one");
    decree_node_close(node);
    expect_refusal(data_dir, "other", DECREE_IDENTITY, "one");
    descriptor = creat(file, 0600);
    close(descriptor);
    expect_refusal(file, "n1", DECREE_IO, "file");
    expect_refusal(NULL, "n1=", DECREE_INVALID, "host:port");
    expect_refusal(NULL, "n1,n2", DECREE_INVALID, "n1");
    expect_refusal(NULL, "n1=192.0.2.1:7001", DECREE_IO, "192.0.2.1");
    snprintf(busy, sizeof(busy), "n1=127.0.0.1:%u", free_port());
    assert_int_equal(open_alone(&node, NULL, busy, NULL), 0);
    expect_refusal(NULL, busy, DECREE_IO, strchr(busy, ':') + 1);
    decree_node_close(node);
}

static void checks_its_options(void **state)
{
    struct decree_node *node;
    struct decree_node_options options = {
        .name = "n4", .cluster = "n1=h:1,n2=h:2", .machine = {&alone, apply}};
    char *why = NULL;

    (void)state;
    assert_int_equal(decree_node_open(&node, &options, &why), DECREE_INVALID);
    assert_non_null(strstr(why, "n4"));
    free(why);
    options.name = "n1";
    options.vote_quorum = 1;
    options.prepare_quorum = 1;
    assert_int_equal(decree_node_open(&node, &options, &why), DECREE_QUORUM);
    assert_non_null(strstr(why, "are unsafe with"));
    free(why);
    options.vote_quorum = options.prepare_quorum = 0;
    options.network = "pigeon";
    assert_int_equal(decree_node_open(&node, &options, &why), DECREE_INVALID);
    assert_non_null(strstr(why, "there is no network 'pigeon'; it must be tcp, http or grpc"));
    free(why);
    options.network = NULL;
    options.heartbeat_ms = 100;
    options.election_ms = 100;
    assert_int_equal(decree_node_open(&node, &options, NULL), DECREE_INVALID);
    options.election_ms = 0;
    options.machine.apply = NULL;
    assert_int_equal(decree_node_open(&node, &options, NULL), DECREE_INVALID);
    decree_node_close(NULL);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(loses_a_node_and_gets_it_back),
        IN_DIRECTORY(remembers_after_all_were_stopped),
        IN_DIRECTORY(members_may_allow_different_sizes),
        cmocka_unit_test(works_in_memory),
        cmocka_unit_test(works_over_every_network),
        cmocka_unit_test(a_completion_may_ask_for_more),
        cmocka_unit_test(commands_have_a_largest_size),
        cmocka_unit_test(closing_completes_what_is_open_with_lost),
        cmocka_unit_test(the_queue_is_bounded),
        IN_DIRECTORY(says_why_it_does_not_open),
        cmocka_unit_test(checks_its_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
