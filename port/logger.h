/* SPDX-License-Identifier: MIT */
/* logger.h -- the port to the log for people: one line per event.
 *
 *     log_info(logger, "leader_changed", "node=%s round=%" PRIu64, name, round);
 *
 * An event is a word with underscores; details are key=value pairs, values with spaces in double
 * quotes. A NULL logger is silent. write may be called from any thread.
 */
#ifndef DECREE_PORT_LOGGER_H
#define DECREE_PORT_LOGGER_H

#include <decree/node.h>

struct logger {
    void *context;
    enum decree_log_level level; /* lower ones are not written */
    void (*write)(void *context, enum decree_log_level level, const char *event,
                  const char *details);
};

__attribute__((format(printf, 4, 5))) void logger_write(const struct logger *logger,
                                                        enum decree_log_level level,
                                                        const char *event, const char *format, ...);

#define log_debug(logger, ...) logger_write((logger), DECREE_LOG_DEBUG, __VA_ARGS__)
#define log_info(logger, ...) logger_write((logger), DECREE_LOG_INFO, __VA_ARGS__)
#define log_warn(logger, ...) logger_write((logger), DECREE_LOG_WARN, __VA_ARGS__)
#define log_error(logger, ...) logger_write((logger), DECREE_LOG_ERROR, __VA_ARGS__)

#endif
