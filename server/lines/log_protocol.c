/* SPDX-License-Identifier: MIT */
/* log_protocol.c -- reading lines with care and writing them without surprises. */
#include "log_protocol.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLAIN_BYTES_MAX 16384u /* longer values are counted, so that lines stay short */
#define WORD_BYTES_MAX 24u     /* shown of a word that is wrong */

struct words { /* what is left of a line */
    const uint8_t *at, *end;
};

void log_complain(struct log_complaint *complaint, enum log_error_code code, const char *format,
                  ...)
{
    va_list arguments;

    if (complaint->code != LOG_ERROR_NONE)
        return; /* the first one is the one to tell */
    complaint->code = code;
    va_start(arguments, format);
    vsnprintf(complaint->sentence, sizeof(complaint->sentence), format, arguments);
    va_end(arguments);
}

/* ---- reading ---- */

/* The next word; empty at the end of the line. One space after it is taken, too. */
static struct words next_word(struct words *line)
{
    struct words word;

    while (line->at < line->end && *line->at == ' ')
        line->at++;
    word.at = line->at;
    while (line->at < line->end && *line->at != ' ')
        line->at++;
    word.end = line->at;
    if (line->at < line->end)
        line->at++;
    return word;
}

static size_t word_size(struct words word)
{
    return (size_t)(word.end - word.at);
}

/* A word that somebody else wrote, to be shown: printable, and not long. */
static const char *shown(struct words word, char *text)
{
    size_t size = word_size(word) < WORD_BYTES_MAX ? word_size(word) : WORD_BYTES_MAX;

    for (size_t i = 0; i < size; i++)
        text[i] = (char)(word.at[i] > 0x20 && word.at[i] < 0x7f ? word.at[i] : '?');
    text[size] = '\0';
    return text;
}

static bool parse_digits(struct words word, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (const uint8_t *at = word.at; at < word.end; at++) {
        uint64_t digit = (uint64_t)*at - '0';

        if (*at < '0' || *at > '9' || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return word.at < word.end;
}

static uint64_t parse_number(struct words word, const char *what, uint64_t least, uint64_t most,
                             struct log_complaint *complaint)
{
    char text[WORD_BYTES_MAX + 1];
    uint64_t number = 0;

    if (word_size(word) == 0)
        log_complain(complaint, LOG_ERROR_SYNTAX, "%s is missing", what);
    else if (!parse_digits(word, &number) || number < least || number > most)
        log_complain(complaint, LOG_ERROR_SYNTAX,
                     "%s must be a number from %" PRIu64 " to %" PRIu64 ", not '%s'", what, least,
                     most, shown(word, text));
    return number;
}

/* True for a mark and digits: what a plain value must not look like. */
static bool is_marked(const uint8_t *bytes, size_t size)
{
    if (size < 2 || (bytes[0] != '$' && bytes[0] != '*'))
        return false;
    for (size_t i = 1; i < size; i++)
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
    return true;
}

void log_form_parse(const uint8_t *bytes, size_t size, struct log_form *ret_form,
                    struct log_complaint *ret_complaint)
{
    uint64_t counted = 0;

    *ret_form = (struct log_form){.data = bytes, .size = size};
    if (size == 0) {
        log_complain(ret_complaint, LOG_ERROR_SYNTAX,
                     "a value is missing; an empty one is written $0 and an empty line");
    } else if (is_marked(bytes, size) && bytes[0] == '*') {
        log_complain(ret_complaint, LOG_ERROR_SYNTAX,
                     "a value that looks like *<count> must be sent as $<size> and its bytes");
    } else if (is_marked(bytes, size)) {
        if (!parse_digits((struct words){bytes + 1, bytes + size}, &counted) ||
            counted > LOG_COUNTED_BYTES_MAX) {
            counted = LOG_COUNTED_BYTES_MAX + UINT64_C(1);
            log_complain(ret_complaint, LOG_ERROR_TOO_LARGE, "no value has more than %u bytes",
                         LOG_COUNTED_BYTES_MAX);
        }
        *ret_form = (struct log_form){.counted = true, .size = counted};
    }
}

static const struct {
    const char *word, *arguments, *help;
} VERBS[] = {
#define LOG_VERB_ROW(name, word, arguments, help) {word, arguments, help},
    LOG_VERB_TABLE(LOG_VERB_ROW)
#undef LOG_VERB_ROW
};
#define VERB_COUNT (sizeof(VERBS) / sizeof(VERBS[0]))

static enum log_verb find_verb(struct words word, struct log_complaint *complaint)
{
    char text[WORD_BYTES_MAX + 1];

    for (size_t i = 0; i < VERB_COUNT; i++) {
        size_t size = strlen(VERBS[i].word), same = 0;

        while (same < size && same < word_size(word) &&
               (word.at[same] & ~0x20) == VERBS[i].word[same])
            same++;
        if (same == size && same == word_size(word))
            return (enum log_verb)(i + 1);
    }
    log_complain(complaint, LOG_ERROR_UNKNOWN, "there is no '%s'; HELP lists what there is",
                 shown(word, text));
    return LOG_VERB_NONE;
}

static void expect_end(struct words *line, struct log_complaint *complaint)
{
    char text[WORD_BYTES_MAX + 1];
    struct words word = next_word(line);

    if (word_size(word) > 0)
        log_complain(complaint, LOG_ERROR_SYNTAX, "'%s' is too much on this line",
                     shown(word, text));
}

static void parse_count(struct words *line, struct log_line *ret_line,
                        struct log_complaint *complaint)
{
    struct words word = next_word(line);

    ret_line->count = 1;
    if (word_size(word) > 0)
        ret_line->count = parse_number(word, "the count", 1, UINT64_MAX, complaint);
    expect_end(line, complaint);
}

void log_line_parse(const uint8_t *bytes, size_t size, struct log_line *ret_line,
                    struct log_complaint *ret_complaint)
{
    struct words line = {bytes, bytes + size};

    *ret_line = (struct log_line){.verb = find_verb(next_word(&line), ret_complaint)};
    switch (ret_line->verb) {
    case LOG_PROP:
        ret_line->request_id = parse_number(next_word(&line), "the request id", 0, UINT64_MAX,
                                            ret_complaint);
        log_form_parse(line.at, (size_t)(line.end - line.at), &ret_line->value, ret_complaint);
        break;
    case LOG_MPROP:
        ret_line->request_id = parse_number(next_word(&line), "the request id", 0, UINT64_MAX,
                                            ret_complaint);
        ret_line->count = parse_number(next_word(&line), "the number of values", 1,
                                       DECREE_LOG_VALUES_MAX, ret_complaint);
        expect_end(&line, ret_complaint);
        break;
    case LOG_GET:
        ret_line->index = parse_number(next_word(&line), "the index", 1, UINT64_MAX, ret_complaint);
        parse_count(&line, ret_line, ret_complaint);
        break;
    case LOG_WAIT:
        ret_line->index = parse_number(next_word(&line), "the index", 1, UINT64_MAX, ret_complaint);
        expect_end(&line, ret_complaint);
        break;
    case LOG_SYNC:
    case LOG_STATUS:
    case LOG_HELP:
    case LOG_QUIT:
        expect_end(&line, ret_complaint);
        break;
    case LOG_VERB_NONE:
        break;
    }
}

/* ---- writing ---- */

bool log_value_is_plain(const uint8_t *data, size_t size)
{
    if (size == 0 || size > PLAIN_BYTES_MAX || is_marked(data, size))
        return false;
    for (size_t i = 0; i < size; i++)
        if (data[i] < 0x20 || data[i] == 0x7f || data[i] == 0xff)
            return false;
    return true;
}

static void write_value(struct line_connection *connection, struct decree_log_value value)
{
    if (!log_value_is_plain(value.data, value.size))
        line_printf(connection, "$%zu\n", value.size);
    line_write(connection, value.data, value.size);
    line_write(connection, "\n", 1);
}

void log_write_values(struct line_connection *connection, struct log_command *item)
{
    if (item->value_count > 1)
        line_printf(connection, "*%" PRIu32 "\n", item->value_count);
    for (uint32_t i = 0; i < item->value_count; i++)
        write_value(connection, log_command_next(item));
}

void log_write_complaint(struct line_connection *connection, const struct log_complaint *complaint)
{
    static const char *const words[] = {
#define LOG_ERROR_WORD(name, word) word,
        LOG_ERROR_TABLE(LOG_ERROR_WORD)
#undef LOG_ERROR_WORD
    };

    assert(complaint->code != LOG_ERROR_NONE);
    line_printf(connection, "ERROR %s %s\n", words[complaint->code - 1], complaint->sentence);
}

void log_write_help(struct line_connection *connection)
{
    line_printf(connection, "HELP %zu\n", VERB_COUNT);
    for (size_t i = 0; i < VERB_COUNT; i++)
        line_printf(connection, "%-6s %-16s %s\n", VERBS[i].word, VERBS[i].arguments,
                    VERBS[i].help);
}
