/* SPDX-License-Identifier: MIT */
/* cmd_watch.c -- decree watch KEY [RANGE_END] [-- COMMAND...], and decree watch -i. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "watch_lines.h"
#include "watch_task.h"

enum { OPTION_REV = 0x300, OPTION_PREV_KV, OPTION_PROGRESS_NOTIFY, OPTION_FILTER };

static const struct argp_option options[] = {
    {"rev", OPTION_REV, "N", 0, "From revision N on, first what has happened since", 2},
    {"prev-kv", OPTION_PREV_KV, 0, 0, "Also print the pair as it was before", 2},
    {"filter", OPTION_FILTER, "noput|nodelete", 0, "Leave out puts, or deletions", 2},
    {"progress-notify", OPTION_PROGRESS_NOTIFY, 0, 0,
     "Also tell, now and then, up to which revision there was nothing", 2},
    {"interactive", 'i', 0, 0, "Read lines `watch KEY ...` from standard input, and watch all", 2},
    {0},
};

static const char doc[] =
    "Prints what happens to KEY, or to the keys from KEY up to but without RANGE_END, as it happens: PUT or DELETE, the "
    "key, the value. With COMMAND, runs it for each event, which it finds in ETCD_WATCH_REVISION, ETCD_WATCH_EVENT_TYPE, "
    "ETCD_WATCH_KEY and ETCD_WATCH_VALUE. When the server goes, the watch goes on at the next: nothing is missed and "
    "nothing comes twice. Ctrl-C ends it.\v"
    "Examples:\n"
    "  decree watch city\n"
    "  decree watch user/ --prefix --rev 100 --prev-kv\n"
    "  decree watch config/ --prefix -- sh -c 'echo \"$ETCD_WATCH_KEY\"; make reload'\n"
    "  decree watch '' --prefix --filter noput --json\n"
    "  printf 'watch city\\nwatch user/ --prefix\\n' | decree watch -i\n\n"
    "KEY and RANGE_END may also stand in ETCDCTL_WATCH_KEY and ETCDCTL_WATCH_RANGE_END.\n\n"
    "Exit status: 0 ended by Ctrl-C; 1 the revision is compacted, or COMMAND failed; 64 the command line makes no sense; "
    "69 no server answered.";

static void parse_filter(struct watch_task *task, const char *text, struct argp_state *state)
{
    if (strcmp(text, "noput") == 0)
        task->no_put = true;
    else if (strcmp(text, "nodelete") == 0)
        task->no_delete = true;
    else
        argp_error(state, "the filter is noput or nodelete, not '%s'", text);
}

static void use_environment(struct watch_task *task)
{
    if (task->range.key != NULL || task->interactive)
        return;
    task->range.key = getenv("ETCDCTL_WATCH_KEY");
    if (task->range.key != NULL && !task->range.prefix && !task->range.from_key)
        task->range.end = getenv("ETCDCTL_WATCH_RANGE_END");
}

static void check(struct watch_task *task, struct argp_state *state)
{
    use_environment(task);
    if (task->interactive && (task->range.key != NULL || task->program != NULL))
        argp_error(state, "with -i, what to watch stands in the lines");
    if (!task->interactive && task->range.key == NULL)
        argp_error(state, "the key is missing");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct watch_task *task = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        task->range.may_lack_key = true;
        state->child_inputs[0] = &task->range;
        state->child_inputs[1] = &task->settings;
        return 0;
    case OPTION_REV:
        task->revision = (int64_t)number_argument(argument, "--rev", 0, INT64_MAX, state);
        return 0;
    case OPTION_PREV_KV:
        task->prev_kv = true;
        return 0;
    case OPTION_PROGRESS_NOTIFY:
        task->progress_notify = true;
        return 0;
    case OPTION_FILTER:
        parse_filter(task, argument, state);
        return 0;
    case 'i':
        task->interactive = true;
        return 0;
    case ARGP_KEY_SUCCESS:
        check(task, state);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

void watch_task_parse(struct watch_task *task, int argc, char **argv)
{
    static const struct argp_child children[] = {
        {&range_argp, 0, NULL, 0}, {&client_options_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        options, parse_option, "KEY [RANGE_END] [-- COMMAND [ARG...]]\n-i", doc, children,
        NULL,    NULL};
    int count = 1;

    while (count < argc && strcmp(argv[count], "--") != 0)
        count++;
    if (count + 1 < argc)
        task->program = &argv[count + 1];
    argv[count] = NULL;
    client_parse(&argp, "decree watch", count, argv, task);
}

static void on_signal(int number)
{
    _Exit(number == SIGINT || number == SIGTERM ? EXIT_OK : EXIT_FAILED);
}

int cmd_watch(int argc, char **argv)
{
    static struct watch_task task;

    watch_task_parse(&task, argc, argv);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    return task.interactive ? watch_lines_run(&task.settings, stdin) : watch_task_run(&task);
}
