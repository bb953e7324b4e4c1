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
#include "synod_lines.h"

#define LINGER_MS 3000u /* with --exit, for nodes that do not say that they know */

struct run {
    struct synod_arguments arguments;
    struct synod_lines lines;
    struct synod_host *host;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t linger;
    uv_check_t look; /* whether it is time to leave */
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
    uv_close((uv_handle_t *)&run->look, NULL);
}

static void stop(struct run *run)
{
    assert(!run->stopping);
    run->stopping = true;
    uv_timer_stop(&run->linger);
    uv_check_stop(&run->look);
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

    if (!run->stopping)
        stop(run);
}

static void on_look(uv_check_t *check)
{
    struct run *run = check->data;

    if (run->stopping || synod_host_value(run->host) == NULL)
        return;
    if (synod_host_everyone_knows(run->host))
        stop(run);
    else if (!uv_is_active((uv_handle_t *)&run->linger))
        uv_timer_start(&run->linger, on_linger, LINGER_MS, 0);
}

static void init_handles(struct run *run)
{
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
    }
    uv_timer_init(&run->loop, &run->linger);
    uv_check_init(&run->loop, &run->look);
    run->linger.data = run->look.data = run;
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
        .observe = synod_lines_print,
        .observe_context = &run->lines,
    };
    int error;

    if (arguments->first != NULL) {
        options.first = decree_value_copy(arguments->first, (uint32_t)strlen(arguments->first));
        if (options.first == NULL) {
            snprintf(sentence, SYNOD_SENTENCE_BYTES, "%s", decree_error_text(DECREE_NOMEM));
            return DECREE_NOMEM;
        }
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
    char sentence[SYNOD_SENTENCE_BYTES] = "";
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
    if (run->arguments.leave)
        uv_check_start(&run->look, on_look);
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
    char sentence[SYNOD_SENTENCE_BYTES];
    int error;

    argv[0] = command;
    error = synod_arguments_parse(&run.arguments, argc, argv, 0, sentence);
    if (error != 0)
        return complain(error, sentence);
    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&run.loop) != 0)
        return complain(DECREE_IO, "cannot set up an event loop");
    return run_loop(&run);
}
