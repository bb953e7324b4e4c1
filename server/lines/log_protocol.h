/* SPDX-License-Identifier: MIT */
/* log_protocol.h -- the lines of the log service, read and written; docs/log-protocol.md defines
 * them.
 *
 *     PROP 7 hello             the value is the rest of the line
 *     PROP 8 $5                five bytes follow, whatever they are, and the end of a line
 *     MPROP 9 2                two values follow, each on a line, in one of these forms
 */
#ifndef DECREE_SERVER_LOG_PROTOCOL_H
#define DECREE_SERVER_LOG_PROTOCOL_H

#include "line_server.h"
#include "ordered_log.h"

#define LOG_SENTENCE_BYTES 192u
#define LOG_COUNTED_BYTES_MAX (UINT32_C(1) << 30) /* more is no size, but a mistake */

/* X(name, word, arguments, help) in the order of HELP */
#define LOG_VERB_TABLE(X)                                                                         \
    X(PROP, "PROP", "<reqid> <value>", "enters an item; answer: CHOSEN <index> <reqid> <value>")  \
    X(MPROP, "MPROP", "<reqid> <count>",                                                          \
      "enters an item of several values, which follow, one a line")                               \
    X(GET, "GET", "<index> [count]",                                                              \
      "items from there on; answer: ITEMS <count> <last>, then ITEM lines")                       \
    X(WAIT, "WAIT", "<index>", "waits for the item; answer: REACHED <last>")                      \
    X(SYNC, "SYNC", "", "asks a majority what is there, and waits for it; answer: SYNCED <last>") \
    X(STATUS, "STATUS", "", "how this member is: STATUS <key>=<value> ...")                       \
    X(HELP, "HELP", "", "this")                                                                   \
    X(QUIT, "QUIT", "", "answers what was asked, says BYE, and closes")

enum log_verb {
    LOG_VERB_NONE = 0,
#define LOG_VERB_ENUM(name, word, arguments, help) LOG_##name,
    LOG_VERB_TABLE(LOG_VERB_ENUM)
#undef LOG_VERB_ENUM
};

/* X(name, word) of ERROR lines */
#define LOG_ERROR_TABLE(X)    \
    X(UNKNOWN, "unknown")     \
    X(SYNTAX, "syntax")       \
    X(TOO_LONG, "too_long")   \
    X(TOO_LARGE, "too_large") \
    X(CONFLICT, "conflict")   \
    X(LOST, "lost")           \
    X(MEMORY, "memory")

enum log_error_code {
    LOG_ERROR_NONE = 0,
#define LOG_ERROR_ENUM(name, word) LOG_ERROR_##name,
    LOG_ERROR_TABLE(LOG_ERROR_ENUM)
#undef LOG_ERROR_ENUM
};

struct log_complaint {
    enum log_error_code code; /* NONE: nothing is wrong */
    char sentence[LOG_SENTENCE_BYTES];
};

struct log_form {        /* of a value */
    bool counted;        /* size bytes follow the line; above LOG_COUNTED_BYTES_MAX: who knows */
    const uint8_t *data; /* else: borrowed from the line */
    size_t size;
};

struct log_line {
    enum log_verb verb;
    uint64_t request_id;   /* PROP, MPROP */
    struct log_form value; /* PROP */
    uint64_t count;        /* MPROP: of values; GET: of items */
    uint64_t index;        /* GET, WAIT */
};

/* Reads a request. If it is wrong, complaint says so; ret_line->verb and value are set as far as
 * they were understood, so that bytes that follow can be skipped. */
void log_line_parse(const uint8_t *bytes, size_t size, struct log_line *ret_line,
                    struct log_complaint *ret_complaint);

/* Reads a value on a line of its own. */
void log_form_parse(const uint8_t *bytes, size_t size, struct log_form *ret_form,
                    struct log_complaint *ret_complaint);

__attribute__((format(printf, 3, 4))) void log_complain(struct log_complaint *complaint,
                                                        enum log_error_code code,
                                                        const char *format, ...);

/* True: the value can stand at the end of a line as it is. */
bool log_value_is_plain(const uint8_t *data, size_t size);

/* Writes values, and the end of the line: one in either form, several as *<count> and lines. */
void log_write_values(struct line_connection *connection, struct log_command *item);

void log_write_complaint(struct line_connection *connection, const struct log_complaint *complaint);
void log_write_help(struct line_connection *connection);

#endif
