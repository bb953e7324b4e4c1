/* SPDX-License-Identifier: MIT */
/* watch_lines.h -- decree watch -i: many watches, one a line.
 *
 *     watch KEY [RANGE_END] [OPTION...] [-- COMMAND [ARG...]]
 *
 * A word with spaces stands in 'single' or "double" quotes, in which a backslash takes what is special
 * from the next character. Empty lines are passed over.
 */
#ifndef DECREE_CMD_WATCH_LINES_H
#define DECREE_CMD_WATCH_LINES_H

#include <stdio.h>

#include "client_options.h"

/* Begins a watch for each line, and waits until all have ended: the worst of their exit statuses.
 * The settings stand for each line that does not say otherwise. */
int watch_lines_run(const struct client_settings *settings, FILE *lines);

#endif
