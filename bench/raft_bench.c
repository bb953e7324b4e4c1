/* SPDX-License-Identifier: MIT */
/* raft_bench.c -- the same load on libraft (canonical's and cowsql's raft in C), for comparison;
 * see three.h. */
#include <raft.h>
#include <raft/uv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "three.h"

struct command {
    struct raft_apply request;
    double started_at;
};

static struct raft raft;
static struct three_load *load;

static void check(int status, const char *what)
{
    if (status == 0)
        return;
    fprintf(stderr, "raft_bench: %s: %s %s\n", what, raft_strerror(status), raft_errmsg(&raft));
    exit(1);
}

static int on_apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result)
{
    (void)fsm, (void)buffer;
    *result = NULL;
    return 0;
}

static int on_snapshot(struct raft_fsm *fsm, struct raft_buffer *buffers[], unsigned *count)
{
    (void)fsm;
    *buffers = raft_calloc(1, sizeof(**buffers));
    (*buffers)[0].len = 8;
    (*buffers)[0].base = raft_calloc(1, 8);
    *count = 1;
    return 0;
}

static int on_restore(struct raft_fsm *fsm, struct raft_buffer *buffer)
{
    (void)fsm;
    raft_free(buffer->base);
    return 0;
}

static void propose(struct command *command);

static void on_applied(struct raft_apply *request, int status, void *result)
{
    struct command *command = (struct command *)request;

    (void)result;
    if (status == 0 && three_finished(load, command->started_at))
        propose(command);
}

static void propose(struct command *command)
{
    struct raft_buffer buffer = {.base = raft_calloc(1, THREE_SIZE), .len = THREE_SIZE};

    command->started_at = three_now();
    check(raft_apply(&raft, &command->request, &buffer, 1, on_applied), "apply");
}

static void on_tick(uv_timer_t *timer)
{
    if (raft_state(&raft) != RAFT_LEADER)
        return;
    uv_timer_stop(timer);
    load->begin = three_now();
    for (uint32_t i = 0; i < load->outstanding; i++)
        propose(calloc(1, sizeof(struct command)));
}

static void child(int index, const char *folder, const int ports[3], struct three_load *child_load)
{
    static struct raft_uv_transport transport;
    static struct raft_io io;
    static struct raft_fsm fsm = {
        .version = 1, .apply = on_apply, .snapshot = on_snapshot, .restore = on_restore};
    static uv_timer_t timer;
    struct raft_configuration configuration;
    uv_loop_t *loop = uv_default_loop();
    char addresses[3][32];

    load = child_load;
    raft_configuration_init(&configuration);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%d", ports[i]);
        check(raft_configuration_add(&configuration, (raft_id)i + 1, addresses[i], RAFT_VOTER),
              "configuration");
    }
    check(raft_uv_tcp_init(&transport, loop), "tcp");
    check(raft_uv_init(&io, loop, folder, &transport), "uv");
    check(raft_init(&raft, &io, &fsm, (raft_id)index + 1, addresses[index]), "init");
    check(raft_bootstrap(&raft, &configuration), "bootstrap");
    raft_set_pre_vote(&raft, true);
    check(raft_start(&raft), "start");
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, on_tick, 1000, 100);
    uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    return three_run(argc, argv, child);
}
