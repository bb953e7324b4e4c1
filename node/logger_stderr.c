/* SPDX-License-Identifier: MIT */
/* logger_stderr.c -- one event, one line, one write().
 *
 * In JSON each key=value of the details becomes a member of the object: a value of digits alone a
 * number, any other a string without the quotes that it had. A word without '=' becomes a member
 * that is true. Bytes that are not UTF-8 become U+FFFD, so that the line always parses.
 */
#include "logger_stderr.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"

#define NUMBER_DIGITS_MAX 15u /* what every reader of JSON keeps exactly */

static void put(struct writer *writer, const char *text)
{
    write_bytes(writer, text, strlen(text));
}

static void put_time(struct writer *writer, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    char text[64];

    gmtime_r(&seconds, &parts);
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
             (int)(unix_ms % 1000));
    put(writer, text);
}

/* Length of the UTF-8 sequence at text; 0: not one. */
static size_t utf8_size(const uint8_t *text, size_t left)
{
    uint8_t first = text[0];
    size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

    if (first >= 0x80 && (first < 0xc2 || first > 0xf4))
        return 0;
    if (size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f))
        return 0;
    if ((first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return size;
}

static void put_json_string(struct writer *writer, const char *text, size_t size)
{
    put(writer, "\"");
    for (size_t i = 0; i < size;) {
        const uint8_t *at = (const uint8_t *)text + i;
        size_t length = utf8_size(at, size - i);
        char escape[8];

        if (length == 0 || *at < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", length == 0 ? 0xfffdu : (unsigned)*at);
            put(writer, escape);
        } else {
            if (*at == '"' || *at == '\\')
                put(writer, "\\");
            write_bytes(writer, at, length);
        }
        i += length == 0 ? 1 : length;
    }
    put(writer, "\"");
}

static bool is_number(const char *text, size_t size)
{
    if (size == 0 || size > NUMBER_DIGITS_MAX || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* Whether text, behind a quote, is the end of the details or another key=value. */
static bool goes_on(const char *text)
{
    size_t key_size;

    if (*text == '\0')
        return true;
    if (*text != ' ')
        return false;
    key_size = strcspn(text + 1, "= \"");
    return key_size > 0 && text[1 + key_size] == '=';
}

/* A quoted value ends at the first quote that such a thing follows: texts of others may hold quotes
 * too. */
static size_t quoted_size(const char *text)
{
    size_t size = 1;

    while (text[size] != '\0' && !(text[size] == '"' && goes_on(text + size + 1)))
        size++;
    return size;
}

/* Writes the member that begins at details; returns what comes after it. */
static const char *put_json_member(struct writer *writer, const char *details)
{
    size_t key_size = strcspn(details, "= ");
    const char *value = details + key_size + 1;
    size_t size;

    put(writer, ",");
    put_json_string(writer, details, key_size);
    put(writer, ":");
    if (details[key_size] != '=') {
        put(writer, "true");
        return details + key_size;
    }
    if (*value == '"') {
        size = quoted_size(value);
        put_json_string(writer, value + 1, size - 1);
        return value + size + (value[size] == '"' ? 1 : 0);
    }
    size = strcspn(value, " ");
    if (is_number(value, size))
        write_bytes(writer, value, size);
    else
        put_json_string(writer, value, size);
    return value + size;
}

static void put_json(struct writer *writer, int64_t unix_ms, enum decree_log_level level,
                     const char *event, const char *details)
{
    put(writer, "{\"time\":\"");
    put_time(writer, unix_ms);
    put(writer, "\",\"level\":\"");
    put(writer, log_level_name(level));
    put(writer, "\",\"event\":");
    put_json_string(writer, event, strlen(event));
    for (details += strspn(details, " "); *details != '\0'; details += strspn(details, " "))
        details = put_json_member(writer, details);
    put(writer, "}\n");
}

static void put_text(struct writer *writer, int64_t unix_ms, enum decree_log_level level,
                     const char *event, const char *details)
{
    put_time(writer, unix_ms);
    put(writer, " ");
    put(writer, log_level_name(level));
    put(writer, " ");
    put(writer, event);
    put(writer, *details == '\0' ? "" : " ");
    for (; *details != '\0'; details++)
        write_u8(writer, iscntrl((unsigned char)*details) ? (uint8_t)'?' : (uint8_t)*details);
    put(writer, "\n");
}

size_t log_line_format(char *line, enum log_format format, int64_t unix_ms,
                       enum decree_log_level level, const char *event, const char *details)
{
    struct writer writer;

    assert(format == LOG_FORMAT_TEXT || format == LOG_FORMAT_JSON);
    assert(event != NULL);
    writer_init(&writer, (uint8_t *)line, LOG_LINE_BYTES);
    (format == LOG_FORMAT_JSON ? put_json : put_text)(&writer, unix_ms, level, event, details);
    if (!writer.failed)
        return (size_t)(writer.at - (uint8_t *)line);
    assert(*details != '\0');
    return log_line_format(line, format, unix_ms, level, event, "");
}

static void write_line(void *context, enum decree_log_level level, const char *event,
                       const char *details)
{
    const struct logger_stderr *self = context;
    char line[LOG_LINE_BYTES];
    struct timespec now;
    size_t size;

    clock_gettime(CLOCK_REALTIME, &now);
    size = log_line_format(line, self->format, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                           level, event, details);
    /* Nobody is left to tell when standard error is gone. */
    if (write(STDERR_FILENO, line, size) < 0)
        return;
}

void logger_stderr_init(struct logger_stderr *stderr_logger, enum decree_log_level level,
                        enum log_format format)
{
    assert(level >= DECREE_LOG_DEBUG);
    assert(level <= DECREE_LOG_ERROR);
    stderr_logger->logger = (struct logger){
        .context = stderr_logger, .level = level, .write = write_line};
    stderr_logger->format = format;
}

static const char *const level_names[] = {
    [DECREE_LOG_DEBUG] = "debug",
    [DECREE_LOG_INFO] = "info",
    [DECREE_LOG_WARN] = "warn",
    [DECREE_LOG_ERROR] = "error",
};

const char *log_level_name(enum decree_log_level level)
{
    assert(level >= DECREE_LOG_DEBUG);
    assert(level <= DECREE_LOG_ERROR);
    return level_names[level];
}

enum decree_log_level log_level_find(const char *name)
{
    for (int level = DECREE_LOG_DEBUG; level <= DECREE_LOG_ERROR; level++)
        if (strcmp(level_names[level], name) == 0)
            return (enum decree_log_level)level;
    return 0;
}
