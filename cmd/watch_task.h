/* SPDX-License-Identifier: MIT */
/* watch_task.h -- one watch of `decree watch`, and what is done with its events: they are printed, and
 * a command is run for each.
 *
 * Several may be at work, each in a thread of its own with a client of its own; what they print does
 * not mix.
 */
#ifndef DECREE_CMD_WATCH_TASK_H
#define DECREE_CMD_WATCH_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "client_options.h"
#include "range_arguments.h"

struct watch_task {
    struct client_settings settings;
    struct range_arguments range;
    int64_t revision;
    bool prev_kv, progress_notify, no_put, no_delete, interactive;
    char **program; /* what to run for each event, ending with NULL; or NULL */
};

/* Reads the words; a command's words begin behind the first "--", which is overwritten. After bad
 * ones the process ends, as argp does. */
void watch_task_parse(struct watch_task *task, int argc, char **argv);

/* Watches until the watch ends; the exit status. */
int watch_task_run(const struct watch_task *task);

#endif
