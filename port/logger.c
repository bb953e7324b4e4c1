/* SPDX-License-Identifier: MIT */
/* logger.c -- formats the details of one event into a bounded line; longer ones are cut. */
#include "logger.h"

#include <stdarg.h>
#include <stdio.h>

void logger_write(const struct logger *logger, enum decree_log_level level, const char *event,
                  const char *format, ...)
{
    char details[1024];
    va_list arguments;

    if (logger == NULL || level < logger->level)
        return;
    va_start(arguments, format);
    (void)vsnprintf(details, sizeof(details), format, arguments);
    va_end(arguments);
    logger->write(logger->context, level, event, details);
}
