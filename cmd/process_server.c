/* SPDX-License-Identifier: MIT */
/* process_server.c -- puts a process together, and takes it apart when told to stop.
 *
 *     folder and addresses -> pid file, locked -> the port for the master -> node -> 'ready'
 *
 * Node and port share one loop. A log that is asked for is looked at in a check handle, after the
 * turn that took in what came before the question.
 */
#include "process_server.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process_inside.h"

/* Short, since those who use this wait for what happens when somebody is gone. */
#define HEARTBEAT_MS 50u
#define ELECTION_MS 500u
#define LISTEN_HOST "127.0.0.1"

/* ---- stopping ---- */

static void close_handles(struct process *process)
{
    uv_handle_t *handles[] = {(uv_handle_t *)&process->signals[0],
                              (uv_handle_t *)&process->signals[1], (uv_handle_t *)&process->check,
                              (uv_handle_t *)&process->tick};

    process_forget(process);
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        uv_close(handles[i], NULL);
}

static void on_host_closed(void *context)
{
    struct process *process = context;

    process->host = NULL;
    close_handles(process);
}

static void on_lines_closed(void *context)
{
    struct process *process = context;

    process->lines = NULL;
    if (process->host != NULL)
        host_close(process->host, on_host_closed, process);
    else
        close_handles(process);
}

static void stop(struct process *process)
{
    assert(!process->stopping);
    process->stopping = true;
    if (process->lines != NULL)
        line_server_close(process->lines, on_lines_closed, process);
    else
        on_lines_closed(process);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct process *process = handle->data;

    if (process->stopping)
        _exit(128 + number);
    log_info(process->options->logger, "stopping", "id=%u signal=%d", process->options->id, number);
    stop(process);
}

/* ---- starting ---- */

static void on_check(uv_check_t *check)
{
    struct process *process = check->data;

    process_look(process);
    process->iteration++;
}

static int init_loop(struct process *process, char *sentence)
{
    if (uv_loop_init(&process->loop) != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot set up an event loop");
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&process->loop, &process->signals[i]);
        process->signals[i].data = process;
    }
    uv_check_init(&process->loop, &process->check);
    uv_timer_init(&process->loop, &process->tick);
    process->check.data = process->tick.data = process;
    process->iteration = 1;
    process->held_end = &process->held;
    return 0;
}

static int take_pid_file(struct process *process, char *sentence)
{
    uint32_t id = process->options->id;
    struct pid_claim claim = {0};
    char own[RUN_PATH_BYTES];
    int error;

    run_folder_path(process->folder.path, id, NULL, own);
    run_folder_path(process->folder.path, id, "pid", process->pid_path);
    run_folder_path(process->folder.path, id, "data", process->data_path);
    if (mkdir(own, 0700) != 0 && errno != EEXIST)
        return sentence_fail(sentence, DECREE_IO, "cannot make the folder %s: %s", own,
                             strerror(errno));
    error = pid_file_take(&process->pid_file, process->pid_path);
    if (error == -EWOULDBLOCK) {
        (void)pid_file_read(process->pid_path, &claim);
        return sentence_fail(sentence, DECREE_LOCKED, "process %u of %s runs already, with pid %d",
                             id, process->folder.path, (int)claim.pid);
    }
    if (error != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot write %s: %s", process->pid_path,
                             strerror(-error));
    return 0;
}

static void ignore_closed(void *context)
{
    assert(context != NULL);
}

static int listen_on(struct process *process, uint16_t port, char *sentence)
{
    struct line_handler handler = process_lines(process);
    int error = line_server_open(&process->lines, &process->loop, &handler, NULL,
                                 process->options->logger);

    if (error != 0)
        return sentence_explain(sentence, error);
    error = line_server_listen(process->lines, LISTEN_HOST, port, &process->port);
    if (error == UV_EADDRINUSE && process->options->any_port && port != 0) {
        line_server_close(process->lines, ignore_closed, process);
        return listen_on(process, 0, sentence);
    }
    if (error != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot listen on " LISTEN_HOST ":%u: %s",
                             (unsigned)port, uv_strerror(error));
    return 0;
}

static int open_node(struct process *process, char *sentence)
{
    struct failpoints_options failpoints = {
        .self = process->options->id + 1,
        .member_count = process->options->count,
        .name = process->cluster.members[process->options->id].name,
        .logger = process->options->logger};
    struct host_options host = {
        .cluster = process->cluster,
        .self = process->options->id + 1,
        .cluster_token = process->folder.token,
        .data_dir = process->data_path,
        .heartbeat_ms = HEARTBEAT_MS,
        .election_ms = ELECTION_MS,
        .scout_on_demand = true,
        .logger = process->options->logger,
    };
    int error = failpoints_new(&process->failpoints, &failpoints);

    if (error == 0)
        error = chat_log_new(&process->log);
    if (error != 0)
        return sentence_explain(sentence, error);
    host.failpoints = process->failpoints;
    host.machine = chat_log_machine(process->log);
    return host_open(&process->host, &process->loop, &host, sentence);
}

static int open_all(struct process *process, char *sentence)
{
    int error = listen_on(process, process->options->port, sentence);

    if (error == 0 && pid_file_write(&process->pid_file, process->port) != 0)
        error = sentence_fail(sentence, DECREE_IO, "cannot write %s: %s", process->pid_path,
                              strerror(errno));
    if (error == 0)
        error = open_node(process, sentence);
    return error;
}

static void say_ready(const struct process *process)
{
    const struct process_options *options = process->options;

    printf("ready id=%u port=%u peers=%s:%u folder=%s pid=%d\n", options->id,
           (unsigned)process->port, process->folder.host,
           (unsigned)process->folder.port + options->id, process->folder.path, (int)getpid());
    fflush(stdout);
}

static int run(struct process *process, char *sentence)
{
    int error = init_loop(process, sentence);

    if (error != 0)
        return error;
    error = open_all(process, sentence);
    if (error != 0) {
        stop(process);
    } else {
        uv_signal_start(&process->signals[0], on_signal, SIGTERM);
        uv_signal_start(&process->signals[1], on_signal, SIGINT);
        uv_check_start(&process->check, on_check);
        say_ready(process);
    }
    uv_run(&process->loop, UV_RUN_DEFAULT);
    failpoints_free(process->failpoints);
    chat_log_free(process->log);
    uv_loop_close(&process->loop);
    return error;
}

int process_run(const struct process_options *options, char *sentence)
{
    struct process *process = calloc(1, sizeof(*process));
    int error;

    assert(options->count > 0);
    assert(options->id < options->count);
    if (process == NULL)
        return sentence_explain(sentence, DECREE_NOMEM);
    signal(SIGPIPE, SIG_IGN);
    process->options = options;
    error = run_folder_open(&process->folder, options->folder, options->count, sentence);
    if (error == 0) {
        run_folder_cluster(&process->folder, &process->cluster);
        error = take_pid_file(process, sentence);
    }
    if (error == 0) {
        error = run(process, sentence);
        pid_file_drop(&process->pid_file);
    }
    free(process);
    return error;
}
