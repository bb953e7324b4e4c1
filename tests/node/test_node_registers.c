/* SPDX-License-Identifier: MIT */
/* test_node_registers.c -- registers by the public node: three nodes on a hub, asked by several
 * threads; closed, opened again from disk, and asked for what they cannot do. */
#include <dirent.h>
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

#define NODES 3
#define THREADS 6
#define EACH 20

struct cluster {
    struct decree_hub *hub;
    struct decree_node *nodes[NODES];
    char directory[64];
};

struct answer { /* of one request, copied */
    uv_sem_t ready;
    int error;
    uint64_t version, latest;
    uint32_t count;
    char text[32];
};

/* ---- nodes ---- */

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    assert_true(slot > 0);
    assert_true(data != NULL || size == 0);
    return context;
}

static struct decree_node *open_node(const struct cluster *cluster, unsigned index, bool registers)
{
    static const char *const names[NODES] = {"n1", "n2", "n3"};
    struct decree_node_options options = {
        .name = names[index],
        .cluster = "n1,n2,n3",
        .hub = cluster->hub,
        .machine = {.apply = apply},
        .without_registers = !registers,
        .log_level = DECREE_LOG_ERROR,
    };
    struct decree_node *node;
    char data_dir[80];
    char *text;

    snprintf(data_dir, sizeof(data_dir), "%s/%s", cluster->directory, names[index]);
    options.data_dir = data_dir;
    if (decree_node_open(&node, &options, &text) != 0)
        fail_msg("%s", text);
    return node;
}

static void cluster_open(struct cluster *cluster)
{
    if (cluster->directory[0] == '\0') {
        snprintf(cluster->directory, sizeof(cluster->directory), "%s",
                 "/tmp/decree-test-registers-XXXXXX");
        assert_non_null(mkdtemp(cluster->directory));
    }
    assert_int_equal(decree_hub_new(&cluster->hub), 0);
    for (unsigned i = 0; i < NODES; i++)
        cluster->nodes[i] = open_node(cluster, i, true);
}

static void cluster_close(struct cluster *cluster)
{
    for (unsigned i = 0; i < NODES; i++)
        decree_node_close(cluster->nodes[i]);
    decree_hub_free(cluster->hub);
}

static void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char inside[1024];

    assert_non_null(folder);
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

/* ---- requests ---- */

static void done(void *argument, const struct decree_register_answer *given)
{
    struct answer *answer = argument;

    answer->error = given->error;
    answer->latest = given->latest;
    answer->count = given->version_count;
    if (given->version_count > 0) {
        const struct decree_value *value = given->versions[0].value;

        answer->version = given->versions[0].version;
        if (value != NULL && value->size < sizeof(answer->text))
            memcpy(answer->text, value->data, value->size);
    }
    uv_sem_post(&answer->ready);
}

static struct answer ask(struct decree_node *node, struct decree_register_request request,
                         const char *key, const char *text)
{
    struct answer answer = {0};

    uv_sem_init(&answer.ready, 0);
    request.key = (struct decree_register_key){(const uint8_t *)key, (uint32_t)strlen(key)};
    request.value = text == NULL ? NULL : decree_value_copy(text, (uint32_t)strlen(text));
    assert_int_equal(decree_node_register(node, &request, done, &answer), 0);
    decree_value_unref(request.value);
    uv_sem_wait(&answer.ready);
    uv_sem_destroy(&answer.ready);
    return answer;
}

static struct answer set(struct decree_node *node, const char *key, const char *text)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_SET};

    return ask(node, request, key, text);
}

static struct answer get(struct decree_node *node, const char *key, uint64_t version)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_GET, .version = version};

    return ask(node, request, key, NULL);
}

/* ---- tests ---- */

struct setter {
    uv_thread_t thread;
    struct decree_node *node;
    unsigned number, errors;
    uint64_t versions[EACH];
};

static void run_setter(void *argument)
{
    struct setter *setter = argument;

    for (unsigned i = 0; i < EACH; i++) {
        char text[32];
        struct answer answer;

        snprintf(text, sizeof(text), "%u %u", setter->number, i);
        answer = set(setter->node, "shared", text);
        setter->errors += answer.error != 0;
        setter->versions[i] = answer.version;
    }
}

static void threads_set_one_register_and_every_set_lands(void **state)
{
    struct cluster cluster = {0};
    struct setter setters[THREADS] = {0};

    (void)state;
    cluster_open(&cluster);
    for (unsigned i = 0; i < THREADS; i++) {
        setters[i].node = cluster.nodes[i % NODES];
        setters[i].number = i;
        assert_int_equal(uv_thread_create(&setters[i].thread, run_setter, &setters[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        uv_thread_join(&setters[i].thread);
        assert_int_equal(setters[i].errors, 0);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < THREADS; i++) {
            for (unsigned j = 0; j < EACH; j++) {
                struct answer answer = get(cluster.nodes[j % NODES], "shared",
                                           setters[i].versions[j]);
                char text[32];

                snprintf(text, sizeof(text), "%u %u", i, j);
                assert_int_equal(answer.error, 0);
                assert_string_equal(answer.text, text);
            }
        }
        assert_int_equal(get(cluster.nodes[0], "shared", 0).version, THREADS * EACH);
        cluster_close(&cluster);
        cluster_open(&cluster); /* what they know now is what the disks have */
    }
    cluster_close(&cluster);
    remove_tree(cluster.directory);
}

static void compare_and_set_history_and_compaction(void **state)
{
    struct decree_register_request cas = {.operation = DECREE_REGISTER_CAS};
    struct decree_register_request history = {.operation = DECREE_REGISTER_HISTORY, .version = 1};
    struct decree_register_request forget = {.operation = DECREE_REGISTER_FORGET, .version = 2};
    struct cluster cluster = {0};
    struct answer answer;

    (void)state;
    cluster_open(&cluster);
    assert_int_equal(get(cluster.nodes[0], "k", 0).error, DECREE_NOT_FOUND);
    assert_int_equal(ask(cluster.nodes[0], cas, "k", "one").version, 1);
    answer = ask(cluster.nodes[1], cas, "k", "another");
    assert_int_equal(answer.error, DECREE_CONFLICT);
    assert_int_equal(answer.latest, 1);
    cas.expected = 1;
    assert_int_equal(ask(cluster.nodes[1], cas, "k", "two").version, 2);
    assert_int_equal(ask(cluster.nodes[2], history, "k", NULL).count, 2);
    assert_int_equal(ask(cluster.nodes[0], forget, "k", NULL).error, 0);
    assert_int_equal(ask(cluster.nodes[2], history, "k", NULL).count, 1);
    assert_int_equal(get(cluster.nodes[1], "k", 1).error, DECREE_COMPACTED);
    cluster_close(&cluster);
    remove_tree(cluster.directory);
}

static void what_cannot_be_asked(void **state)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_SET};
    struct decree_register_request late = {.operation = DECREE_REGISTER_GET};
    uint8_t *large = calloc(1, 2u << 20);
    struct decree_value *value = decree_value_copy(large, 2u << 20);
    struct cluster cluster = {0};
    struct answer answer;

    (void)state;
    cluster_open(&cluster);
    request.key = (struct decree_register_key){large, 0};
    assert_int_equal(decree_node_register(cluster.nodes[0], &request, done, &answer),
                     DECREE_INVALID);
    request.key.size = DECREE_REGISTER_KEY_BYTES_MAX + 1;
    assert_int_equal(decree_node_register(cluster.nodes[0], &request, done, &answer),
                     DECREE_INVALID);
    request.key.size = 1;
    request.value = value;
    assert_int_equal(decree_node_register(cluster.nodes[0], &request, done, &answer),
                     DECREE_TOO_LARGE);
    late.version = DECREE_REGISTER_VERSION_MAX + 1;
    assert_int_equal(ask(cluster.nodes[0], late, "k", NULL).error, DECREE_INVALID);
    decree_node_close(cluster.nodes[2]);
    cluster.nodes[2] = open_node(&cluster, 2, false); /* what it has of registers is left alone */
    request.value = NULL;
    assert_int_equal(decree_node_register(cluster.nodes[2], &request, done, &answer),
                     DECREE_MISUSE);
    assert_int_equal(set(cluster.nodes[0], "k", "v").error, 0); /* two of three do it */
    decree_node_close(cluster.nodes[1]);
    late.version = 0;
    late.deadline_ns = uv_hrtime() + UINT64_C(50000000);
    assert_int_equal(ask(cluster.nodes[0], late, "k", NULL).error, DECREE_LOST);
    cluster.nodes[1] = open_node(&cluster, 1, true);
    assert_int_equal(get(cluster.nodes[0], "k", 0).version, 1);
    cluster_close(&cluster);
    decree_value_unref(value);
    free(large);
    remove_tree(cluster.directory);
}

static void a_node_that_closes_loses_what_is_open(void **state)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_GET,
                                              .key = {(const uint8_t *)"k", 1}};
    struct cluster cluster = {0};
    struct answer answers[10] = {0};

    (void)state;
    cluster_open(&cluster);
    decree_node_close(cluster.nodes[1]);
    decree_node_close(cluster.nodes[2]);
    for (unsigned i = 0; i < 10; i++) {
        uv_sem_init(&answers[i].ready, 0);
        assert_int_equal(decree_node_register(cluster.nodes[0], &request, done, &answers[i]), 0);
    }
    decree_node_close(cluster.nodes[0]);
    for (unsigned i = 0; i < 10; i++) {
        uv_sem_wait(&answers[i].ready);
        uv_sem_destroy(&answers[i].ready);
        assert_int_equal(answers[i].error, DECREE_LOST);
    }
    decree_hub_free(cluster.hub);
    remove_tree(cluster.directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_set_one_register_and_every_set_lands),
        cmocka_unit_test(compare_and_set_history_and_compaction),
        cmocka_unit_test(what_cannot_be_asked),
        cmocka_unit_test(a_node_that_closes_loses_what_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
