/* SPDX-License-Identifier: MIT */
/* logger_stderr.h -- log lines on standard error, for people or for programs.
 *
 *     2026-11-21T04:00:00.123Z info leader_changed node=n1 leader=n2
 *     {"time":"2026-11-21T04:00:00.123Z","level":"info","event":"leader_changed","node":"n1","leader":"n2"}
 */
#ifndef DECREE_NODE_LOGGER_STDERR_H
#define DECREE_NODE_LOGGER_STDERR_H

#include "logger.h"

#define LOG_LINE_BYTES \
    8192u /* holds the details of logger_write() even when every byte needs an escape */

enum log_format { LOG_FORMAT_TEXT = 1, LOG_FORMAT_JSON };

struct logger_stderr {
    struct logger logger; /* give this to others */
    enum log_format format;
};

/* Any thread may then write; a line is one write(). */
void logger_stderr_init(struct logger_stderr *stderr_logger, enum decree_log_level level,
                        enum log_format format);

/* "debug", "info", "warn", "error". */
const char *log_level_name(enum decree_log_level level);

/* The level of that name; 0: there is none. */
enum decree_log_level log_level_find(const char *name);

/* Formats one line with its newline into line, which holds LOG_LINE_BYTES; returns its length. A
 * line that would be longer loses its details. */
size_t log_line_format(char *line, enum log_format format, int64_t unix_ms,
                       enum decree_log_level level, const char *event, const char *details);

#endif
