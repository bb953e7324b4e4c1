/* SPDX-License-Identifier: MIT */
/* cmd_synod.c -- decree synod: a node that takes part in choosing one value, and stays to tell it.
 *
 *     open -> lines as it goes -> chosen -> stays until SIGTERM, or with --exit until all know it
 */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit_status.h"
#include "output.h"
#include "synod_get.h"
#include "synod_lines.h"

#define LINGER_MS 3000u /* with --exit, for nodes that do not say that they know */

struct run {
    struct synod_arguments arguments;
    struct synod_lines lines;
    struct synod_host *host;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t linger;
    bool stopping;
    bool signalled;
};

static void on_host_closed(void *context)
{
    struct run *run = context;

    run->host = NULL;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&run->signals[i], NULL);
    uv_close((uv_handle_t *)&run->linger, NULL);
}

static void stop(struct run *run)
{
    assert(!run->stopping);
    run->stopping = true;
    uv_timer_stop(&run->linger);
    synod_host_close(run->host, on_host_closed, run);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *run = handle->data;

    if (run->stopping)
        _exit(128 + number);
    run->signalled = synod_host_value(run->host) == NULL;
    stop(run);
}

static void on_linger(uv_timer_t *timer)
{
    struct run *run = timer->data;

    stop(run);
}

/* Prints; and with --exit sees when it is time to leave. */
static void on_happening(void *context, const struct synod_happening *happening)
{
    struct run *run = context;
    bool known = happening->type == SYNOD_CHOSEN ||
                 (happening->type == SYNOD_RESTORED && happening->decided);

    synod_lines_print(&run->lines, happening);
    if (run->stopping || !run->arguments.leave)
        return;
    if (known)
        uv_timer_start(&run->linger, on_linger, LINGER_MS, 0);
    else if (happening->type == SYNOD_TOLD)
        uv_timer_start(&run->linger, on_linger, 0, 0);
}

static void init_handles(struct run *run)
{
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
    }
    uv_timer_init(&run->loop, &run->linger);
    run->linger.data = run;
}

static int open_host(struct run *run, char *sentence)
{
    const struct synod_arguments *arguments = &run->arguments;
    struct synod_host_options options = {
        .spec = arguments->spec,
        .kind = arguments->kind,
        .data_dir = arguments->path,
        .propose_after_ns = arguments->timeout_ns,
        .logger = &run->lines.logger,
        .observe = on_happening,
        .observe_context = run,
    };
    int error;

    if (arguments->first != NULL) {
        options.first = decree_value_copy(arguments->first, (uint32_t)strlen(arguments->first));
        if (options.first == NULL)
            return sentence_explain(sentence, DECREE_NOMEM);
    }
    error = synod_host_open(&run->host, &run->loop, &options, sentence);
    decree_value_unref(options.first);
    return error;
}

static int complain(int error, const char *sentence)
{
    if (sentence[0] != '\0')
        fprintf(stderr, "decree synod: %s\n", sentence);
    return exit_status(error);
}

static int run_loop(struct run *run)
{
    char sentence[SENTENCE_BYTES] = "";
    int error;

    synod_lines_init(&run->lines, &run->arguments);
    error = open_host(run, sentence);
    if (error != 0) {
        uv_loop_close(&run->loop);
        return complain(error, sentence);
    }
    synod_lines_start(&run->lines);
    init_handles(run);
    uv_signal_start(&run->signals[0], on_signal, SIGTERM);
    uv_signal_start(&run->signals[1], on_signal, SIGINT);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    uv_loop_close(&run->loop);
    if (run->arguments.leave && run->signalled)
        return EXIT_FAILED;
    return output_finish();
}

int cmd_synod(int argc, char **argv)
{
    static char command[] = "decree synod";
    struct run run = {0};
    char sentence[SENTENCE_BYTES];
    int error;

    if (argc > 1 && strcmp(argv[1], "get") == 0)
        return synod_get(argc - 1, argv + 1);
    argv[0] = command;
    error = synod_arguments_parse(&run.arguments, argc, argv, 0, sentence);
    if (error != 0)
        return complain(error, sentence);
    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&run.loop) != 0)
        return complain(DECREE_IO, "cannot set up an event loop");
    return run_loop(&run);
}
