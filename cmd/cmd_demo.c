/* SPDX-License-Identifier: MIT */
/* cmd_demo.c -- decree demo: a cluster loses its leader, goes on, and has lost nothing.
 *
 * The acts, each with a limit of time: three nodes start; a client writes and reads back; the
 * leader is killed; the others go on; the node comes back and catches up; every acknowledged write
 * is looked for on every node; all nodes stop. Whatever ends it - a failed act, Ctrl-C - no process
 * and, unless a check has failed, no file stays.
 */
#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "client.h"
#include "commands.h"
#include "demo_cluster.h"
#include "demo_load.h"
#include "demo_screen.h"

#define MS UINT64_C(1000000)
#define LOOK_EVERY_MS 100u
#define ASK_TIMEOUT_MS 250u
#define START_MS 30000u
#define WRITE_MS 2500u
#define GO_ON_MS 30000u
#define CATCH_UP_MS 30000u
#define STOP_MS 20000u
#define EXIT_INTERRUPTED 130

struct demo {
    struct demo_cluster cluster;
    struct demo_screen screen;
    struct demo_view views[DEMO_NODES];
    struct demo_progress progress;
    struct demo_load *load;
    struct client *clients[DEMO_NODES];
    size_t leader; /* which node, once one leads */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- looking ---- */

static void ask(struct demo *demo, size_t index)
{
    struct demo_view *view = &demo->views[index];
    Etcdserverpb__StatusResponse *response;

    *view = (struct demo_view){0};
    if (demo->cluster.nodes[index].pid == 0 ||
        client_status(demo->clients[index], &response) != GRPC_OK)
        return;
    view->answers = response->header != NULL;
    if (view->answers) {
        view->member_id = response->header->member_id;
        view->revision = response->header->revision;
        view->leader_id = response->leader;
        view->round = response->raftterm;
        view->slot = response->raftappliedindex;
    }
    etcdserverpb__status_response__free_unpacked(response, NULL);
}

static void look(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_NODES; i++)
        ask(demo, i);
    if (demo->load != NULL)
        demo_load_progress(demo->load, &demo->progress);
    demo_screen_refresh(&demo->screen, &demo->cluster, demo->views, &demo->progress);
}

static int fail(struct demo *demo, const char *reason)
{
    demo_screen_say(&demo->screen, "FAILED: %s", reason);
    return EXIT_FAILED;
}

/* Looks again and again until the question is answered with true, or the time is up, or something
 * has gone wrong. EXIT_OK only in the first case. */
static int look_until(struct demo *demo, bool (*question)(struct demo *demo), uint64_t timeout_ms,
                      const char *what)
{
    uint64_t start_ns = uv_hrtime();

    while (!interrupted) {
        look(demo);
        for (size_t i = 0; i < DEMO_NODES; i++) {
            if (demo_node_has_died(&demo->cluster.nodes[i])) {
                demo_node_print_log(&demo->cluster, i);
                return fail(demo, "a node has ended by itself");
            }
        }
        if (demo->progress.has_failed)
            return fail(demo, demo->progress.reason);
        if (question(demo))
            return EXIT_OK;
        if (uv_hrtime() - start_ns > timeout_ms * MS)
            return fail(demo, what);
        uv_sleep(LOOK_EVERY_MS);
    }
    return EXIT_INTERRUPTED;
}

/* Looks on for a while. */
static int look_for(struct demo *demo, uint64_t time_ms)
{
    uint64_t start_ns = uv_hrtime();
    int status = EXIT_OK;

    while (status == EXIT_OK && uv_hrtime() - start_ns < time_ms * MS) {
        look(demo);
        if (interrupted)
            status = EXIT_INTERRUPTED;
        else if (demo->progress.has_failed)
            status = fail(demo, demo->progress.reason);
        else
            uv_sleep(LOOK_EVERY_MS);
    }
    return status;
}

/* ---- questions ---- */

/* Every running node answers, and all of them name the same running leader. */
static bool is_led(struct demo *demo)
{
    uint64_t leader_id = 0;
    bool leader_runs = false;

    for (size_t i = 0; i < DEMO_NODES; i++) {
        const struct demo_view *view = &demo->views[i];

        if (demo->cluster.nodes[i].pid == 0)
            continue;
        if (!view->answers || view->leader_id == 0 ||
            (leader_id != 0 && view->leader_id != leader_id))
            return false;
        leader_id = view->leader_id;
    }
    for (size_t i = 0; i < DEMO_NODES; i++) {
        if (demo->cluster.nodes[i].pid != 0 && demo->views[i].member_id == leader_id) {
            leader_runs = true;
            demo->leader = i;
        }
    }
    return leader_runs;
}

static bool has_written(struct demo *demo)
{
    return demo->progress.writes > 0;
}

/* A write was acknowledged after the leader was killed, and there is a new one. */
static bool goes_on(struct demo *demo)
{
    return demo->progress.gap_ns > 0 && is_led(demo);
}

/* All nodes have the writes that were acknowledged when we last looked. */
static bool is_caught_up(struct demo *demo)
{
    int64_t highest = 0;

    for (size_t i = 0; i < DEMO_NODES; i++)
        if (demo->views[i].revision > highest)
            highest = demo->views[i].revision;
    for (size_t i = 0; i < DEMO_NODES;
         i++) /* the others move on while we ask: near enough is with them */
        if (!demo->views[i].answers || demo->views[i].revision + 100 < highest)
            return false;
    return is_led(demo);
}

/* No more writes come: all nodes are at the same revision. */
static bool is_level(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_NODES; i++)
        if (!demo->views[i].answers || demo->views[i].revision != demo->views[0].revision)
            return false;
    return true;
}

/* ---- the acts ---- */

static int start(struct demo *demo)
{
    int error = 0;
    int status;

    demo_screen_say(&demo->screen, "three nodes start in %s", demo->cluster.directory);
    for (size_t i = 0; i < DEMO_NODES && error == 0; i++)
        error = demo_node_start(&demo->cluster, i);
    if (error != 0)
        return fail(demo, strerror(-error));
    status = look_until(demo, is_led, START_MS, "the nodes found no leader");
    if (status != EXIT_OK)
        return status;
    demo_screen_say(&demo->screen, "%s leads", demo->cluster.nodes[demo->leader].name);
    return EXIT_OK;
}

static int write_and_read(struct demo *demo)
{
    int status;

    demo_screen_say(&demo->screen, "a client writes without pause, and reads every write back");
    demo->load = demo_load_start(demo->cluster.endpoints);
    if (demo->load == NULL)
        return fail(demo, "out of memory");
    status = look_until(demo, has_written, START_MS, "no write was acknowledged");
    if (status == EXIT_OK)
        status = look_for(demo, WRITE_MS);
    if (status == EXIT_OK)
        demo_screen_show(&demo->screen, &demo->cluster, demo->views, &demo->progress);
    return status;
}

static int kill_leader(struct demo *demo, size_t *ret_killed)
{
    size_t killed;
    int status;

    look(demo);
    if (!is_led(demo))
        return fail(demo, "the leader is gone before it was killed");
    killed = demo->leader;
    demo_load_begin_gap(demo->load);
    demo_screen_say(&demo->screen, "kill -9 of the leader, %s", demo->cluster.nodes[killed].name);
    demo_node_kill(&demo->cluster.nodes[killed]);
    status = look_until(demo, goes_on, GO_ON_MS, "the two others did not go on");
    if (status == EXIT_OK)
        status = look_for(demo, WRITE_MS);
    if (status != EXIT_OK)
        return status;
    demo_screen_say(&demo->screen,
                    "%s leads now; between two acknowledged writes were at most %.0f ms",
                    demo->cluster.nodes[demo->leader].name, (double)demo->progress.gap_ns / 1e6);
    demo_screen_show(&demo->screen, &demo->cluster, demo->views, &demo->progress);
    *ret_killed = killed;
    return EXIT_OK;
}

static int bring_back(struct demo *demo, size_t killed)
{
    const char *name = demo->cluster.nodes[killed].name;
    uint64_t start_ns = uv_hrtime();
    int error = demo_node_start(&demo->cluster, killed);
    int status;

    if (error != 0)
        return fail(demo, strerror(-error));
    demo_screen_say(&demo->screen, "%s is started again, while the client writes on", name);
    status = look_until(demo, is_caught_up, CATCH_UP_MS, "the node did not catch up");
    if (status != EXIT_OK)
        return status;
    demo_screen_say(&demo->screen, "%s has caught up, %.1f s after its start", name,
                    (double)(uv_hrtime() - start_ns) / 1e9);
    return look_for(demo, LOOK_EVERY_MS * 5);
}

static int verify(struct demo *demo)
{
    char reason[DEMO_REASON_BYTES];
    int status;

    demo_load_stop(demo->load);
    status = look_until(demo, is_level, CATCH_UP_MS, "the nodes did not come to the same revision");
    if (status != EXIT_OK)
        return status;
    demo_screen_show(&demo->screen, &demo->cluster, demo->views, &demo->progress);
    for (size_t i = 0; i < DEMO_NODES; i++) {
        const struct demo_node *node = &demo->cluster.nodes[i];

        if (!demo_load_verify(demo->load, node->endpoint, reason)) {
            demo_screen_say(&demo->screen, "%s: %s", node->name, reason);
            return fail(demo, "an acknowledged write was lost");
        }
        demo_screen_say(&demo->screen,
                        "%s has all %" PRIu64 " acknowledged writes, each at its revision",
                        node->name, demo->progress.writes);
    }
    return EXIT_OK;
}

static int stop(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_NODES; i++) {
        int status = demo_node_stop(&demo->cluster.nodes[i], STOP_MS);

        if (status != 0) {
            demo_node_print_log(&demo->cluster, i);
            return fail(demo, "a node did not exit with 0 after SIGTERM");
        }
    }
    demo_screen_say(&demo->screen, "all nodes have stopped; nothing was lost");
    return EXIT_OK;
}

static void print_kept(const struct demo *demo)
{
    printf("\nThe cluster is left running. To use it:\n"
           "  export DECREE_ENDPOINTS=%s\n"
           "  decree status\n"
           "  etcdctl --endpoints $DECREE_ENDPOINTS get demo/ --prefix --limit 3\n"
           "To stop it:\n  kill",
           demo->cluster.endpoints);
    for (size_t i = 0; i < DEMO_NODES; i++)
        printf(" %d", (int)demo->cluster.nodes[i].pid);
    printf("\n  rm -r %s\n", demo->cluster.directory);
    fflush(stdout);
}

static int play(struct demo *demo)
{
    size_t killed = 0;
    int status = start(demo);

    if (status == EXIT_OK)
        status = write_and_read(demo);
    if (status == EXIT_OK)
        status = kill_leader(demo, &killed);
    if (status == EXIT_OK)
        status = bring_back(demo, killed);
    if (status == EXIT_OK)
        status = verify(demo);
    if (status == EXIT_OK && demo->cluster.keep)
        print_kept(demo);
    else if (status == EXIT_OK)
        status = stop(demo);
    return status;
}

/* ---- the command ---- */

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    bool *keep = state->input;

    switch (key) {
    case 'k':
        *keep = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "demo takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static int open_clients(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_NODES; i++) {
        struct client_options options = {.endpoints = demo->cluster.nodes[i].endpoint,
                                         .timeout_ms = ASK_TIMEOUT_MS};
        const char *reason;

        if (client_new(&demo->clients[i], &options, &reason) != 0)
            return fail(demo, reason);
    }
    return EXIT_OK;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static const char doc[] =
    "Starts three nodes in a temporary folder, writes and reads, kills the leader, shows how the "
    "others go on, brings the node back, and checks that no acknowledged write was lost on any "
    "node. Takes less than 30 s, and leaves nothing behind.";

int cmd_demo(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"keep", 'k', 0, 0,
         "Leave the cluster running in the end, and say how to use and to stop it", 0},
        {0}};
    static const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};
    struct demo demo = {0};
    bool keep = false;
    int status, error;

    argp_err_exit_status = EXIT_USAGE;
    argv[0] = "decree demo";
    argp_parse(&argp, argc, argv, 0, NULL, &keep);
    watch_signals();
    demo_screen_init(&demo.screen);
    error = demo_cluster_init(&demo.cluster, keep);
    if (error != 0)
        demo_screen_say(&demo.screen, "cannot make a temporary folder, or find free ports");
    status = error != 0 ? fail(&demo, strerror(-error)) : open_clients(&demo);
    if (status == EXIT_OK)
        status = play(&demo);
    demo_load_free(demo.load);
    for (size_t i = 0; i < DEMO_NODES; i++)
        client_free(demo.clients[i]);
    if (status == EXIT_OK && keep)
        return EXIT_OK;
    if (status == EXIT_INTERRUPTED)
        demo_screen_say(&demo.screen, "interrupted; everything is cleaned up");
    demo_cluster_release(&demo.cluster, status != EXIT_FAILED);
    if (status == EXIT_FAILED && demo.cluster.directory[0] != '\0')
        fprintf(stderr, "decree demo: data and logs are left in %s\n", demo.cluster.directory);
    return status;
}
