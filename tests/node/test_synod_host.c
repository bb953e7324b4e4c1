/* SPDX-License-Identifier: MIT */
/* test_synod_host.c -- three hosts on one loop, over tcp, each with a disk that the test can stop,
 * fill and cut off.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "free_port.h"
#include "gated_fs.h"
#include "synod_host.h"

#define NODES 3u
#define PATIENCE_NS (UINT64_C(30) * 1000000000)

struct node {
    struct gated_fs gated;
    struct fake_disk *disk;
    struct synod_host *host;
    uint32_t happened[SYNOD_TOLD + 1];
    bool open, closed;
};

struct bed {
    uv_loop_t loop;
    uv_timer_t tick; /* so that a wait in vain ends */
    int ports[NODES];
    struct node nodes[NODES];
    struct logger logger;
    uint32_t complaints;
};

static void on_happening(void *context, const struct synod_happening *happening)
{
    ((struct node *)context)->happened[happening->type]++;
}

static void on_log(void *context, enum decree_log_level level, const char *event,
                   const char *details)
{
    (void)details;
    if (level >= DECREE_LOG_WARN && strcmp(event, "journal_stuck") == 0)
        __atomic_add_fetch(&((struct bed *)context)->complaints, 1, __ATOMIC_SEQ_CST);
}

static void node_open(struct bed *bed, uint32_t i, const char *first)
{
    struct node *node = &bed->nodes[i];
    struct synod_host_options options = {.kind = PEER_NETWORK_TCP,
                                         .data_dir = "data",
                                         .fs = &node->gated.fs,
                                         .logger = &bed->logger,
                                         .observe = on_happening,
                                         .observe_context = node};
    char self[16], others[32], sentence[SENTENCE_BYTES];

    snprintf(self, sizeof(self), ":%d", bed->ports[i]);
    snprintf(others, sizeof(others), ":%d,:%d", bed->ports[(i + 1) % NODES],
             bed->ports[(i + 2) % NODES]);
    assert_int_equal(synod_spec_parse(&options.spec, self, others, 2, 2, sentence), 0);
    if (first != NULL)
        options.first = decree_value_copy(first, (uint32_t)strlen(first));
    if (synod_host_open(&node->host, &bed->loop, &options, sentence) != 0)
        fail_msg("%s", sentence);
    decree_value_unref(options.first);
    node->open = true;
    node->closed = false;
}

static void note_closed(void *context)
{
    ((struct node *)context)->closed = true;
}

static void node_close(struct bed *bed, uint32_t i)
{
    struct node *node = &bed->nodes[i];

    synod_host_close(node->host, note_closed, node);
    while (!node->closed)
        uv_run(&bed->loop, UV_RUN_ONCE);
    node->open = false;
}

static void on_tick(uv_timer_t *timer)
{
    assert_non_null(timer);
}

static int set_up(void **state)
{
    struct bed *bed = test_calloc(1, sizeof(*bed));

    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&bed->loop);
    uv_timer_init(&bed->loop, &bed->tick);
    uv_timer_start(&bed->tick, on_tick, 100, 100);
    bed->logger = (struct logger){bed, DECREE_LOG_WARN, on_log};
    for (uint32_t i = 0; i < NODES; i++) {
        bed->ports[i] = free_port();
        bed->nodes[i].disk = fake_disk_new(i + 1);
        gated_fs_init(&bed->nodes[i].gated, bed->nodes[i].disk);
    }
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 0; i < NODES; i++) {
        gated_fs_open(&bed->nodes[i].gated);
        if (bed->nodes[i].open)
            node_close(bed, i);
        gated_fs_release(&bed->nodes[i].gated);
        fake_disk_free(bed->nodes[i].disk);
    }
    uv_close((uv_handle_t *)&bed->tick, NULL);
    uv_run(&bed->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bed->loop), 0);
    test_free(bed);
    return 0;
}

/* Runs the loop until node i has seen it so often. */
static void until(struct bed *bed, uint32_t i, enum synod_happening_type type, uint32_t count)
{
    uint64_t end_ns = uv_hrtime() + PATIENCE_NS;

    while (bed->nodes[i].happened[type] < count) {
        uv_run(&bed->loop, UV_RUN_ONCE);
        if (uv_hrtime() > end_ns)
            fail_msg("node %u: no %s in time", i + 1, synod_happening_name(type));
    }
}

static void assert_value(const struct bed *bed, uint32_t i, const char *text)
{
    const struct decree_value *value = synod_host_value(bed->nodes[i].host);

    assert_non_null(value);
    assert_int_equal(value->size, strlen(text));
    assert_memory_equal(value->data, text, value->size);
}

static void nothing_is_promised_before_the_disk_has_it(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 1; i < NODES; i++) {
        node_open(bed, i, NULL);
        gated_fs_shut(&bed->nodes[i].gated);
    }
    node_open(bed, 0, "x");
    until(bed, 0, SYNOD_PREPARING, 4);
    gated_fs_wait(&bed->nodes[1].gated);
    gated_fs_wait(&bed->nodes[2].gated);
    assert_int_equal(bed->nodes[0].happened[SYNOD_PROMISE_HEARD], 0);
    assert_int_equal(bed->nodes[1].happened[SYNOD_PROMISE_GIVEN], 0);
    gated_fs_open(&bed->nodes[1].gated);
    until(bed, 0, SYNOD_CHOSEN, 1);
    until(bed, 1, SYNOD_CHOSEN, 1);
    assert_value(bed, 1, "x");
    assert_int_equal(bed->nodes[0].happened[SYNOD_TOLD], 0); /* not on the third's disk */
    gated_fs_open(&bed->nodes[2].gated);
    for (uint32_t i = 0; i < NODES; i++)
        until(bed, i, SYNOD_TOLD, 1);
    assert_value(bed, 2, "x");
}

/* While the proposer's own disk stands still, nobody hears of its ballot. */
static void nothing_is_asked_before_the_own_disk_has_it(void **state)
{
    struct bed *bed = *state;

    node_open(bed, 1, "y");
    node_open(bed, 0, "x");
    gated_fs_shut(&bed->nodes[0].gated);
    node_open(bed, 2, NULL);
    until(bed, 1, SYNOD_CHOSEN, 1);
    until(bed, 0, SYNOD_CHOSEN, 1);
    assert_int_equal(bed->nodes[0].happened[SYNOD_PREPARING], 0);
    assert_value(bed, 0, "y");
}

static void set_writes_fail(struct node *node, bool fail)
{
    pthread_mutex_lock(&node->gated.mutex);
    fake_disk_heal(node->disk);
    if (fail) {
        node->disk->fail_op = FAKE_WRITE;
        node->disk->fail_at = 1;
        node->disk->fail_errno = ENOSPC;
        node->disk->fail_all_after = true;
    }
    pthread_mutex_unlock(&node->gated.mutex);
}

static void a_full_disk_is_waited_for(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 1; i < NODES; i++) {
        node_open(bed, i, NULL);
        set_writes_fail(&bed->nodes[i], true);
    }
    node_open(bed, 0, "x");
    until(bed, 0, SYNOD_PREPARING, 3);
    while (__atomic_load_n(&bed->complaints, __ATOMIC_SEQ_CST) < 2) /* the threads may be slow */
        uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(bed->nodes[0].happened[SYNOD_PROMISE_HEARD], 0);
    assert_int_equal(__atomic_load_n(&bed->complaints, __ATOMIC_SEQ_CST), 2);
    for (uint32_t i = 1; i < NODES; i++)
        set_writes_fail(&bed->nodes[i], false);
    for (uint32_t i = 0; i < NODES; i++)
        until(bed, i, SYNOD_TOLD, 1);
    assert_value(bed, 2, "x");
}

static void a_restart_brings_back_the_value_and_the_vote(void **state)
{
    struct bed *bed = *state;

    node_open(bed, 0, "x");
    node_open(bed, 1, NULL);
    until(bed, 0, SYNOD_CHOSEN, 1);
    until(bed, 1, SYNOD_CHOSEN, 1);
    node_close(bed, 0);
    node_close(bed, 1);
    node_open(bed, 1, "y");
    assert_value(bed, 1, "x");
    until(bed, 1, SYNOD_RESTORED, 1);
    node_open(bed, 2, "z");
    until(bed, 2, SYNOD_CHOSEN, 1);
    assert_value(bed, 2, "x");
    assert_int_equal(bed->nodes[1].happened[SYNOD_PROPOSING], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_promised_before_the_disk_has_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_asked_before_the_own_disk_has_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restart_brings_back_the_value_and_the_vote, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
