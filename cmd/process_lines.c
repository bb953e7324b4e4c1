/* SPDX-License-Identifier: MIT */
/* process_lines.c -- the lines of a master, taken apart; process_server.h has them, and
 * process_work.c does what takes time. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client_options.h"
#include "process_inside.h"

#define WORDS_MAX (DECREE_MEMBERS_MAX + 2u)
#define REPLY_BYTES 1024u

static const char help_text[] =
    "msg ID TEXT | get chatLog [SLOT] | crash | crashAfterP1b | crashAfterP2b | crashP1a [IDS] | "
    "crashP2a [IDS] | crashDecision [IDS] | ping | help";

/* ---- sessions and answers ---- */

struct session *session_ref(struct session *session)
{
    session->references++;
    return session;
}

void session_unref(struct session *session)
{
    assert(session->references > 0);
    session->references--;
    if (session->references == 0)
        free(session);
    else if (session->references == 1 && session->ended && session->connection != NULL)
        line_finish(session->connection); /* it has all its answers */
}

void session_reply_bytes(struct session *session, const char *word, const char *bytes, size_t size)
{
    if (session->connection == NULL)
        return;
    line_printf(session->connection, "%zu-%s ", strlen(word) + 1 + size, word);
    line_write(session->connection, bytes, size);
}

void session_reply(struct session *session, const char *word, const char *format, ...)
{
    char text[REPLY_BYTES];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert(size >= 0);
    if ((size_t)size >= sizeof(text))
        size = (int)sizeof(text) - 1;
    session_reply_bytes(session, word, text, (size_t)size);
}

/* ---- crashes ---- */

static void arm_sending(struct process *process, struct session *session, enum failpoint point,
                        char **ids, size_t count)
{
    uint32_t receivers = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t id;

        if (!number_parse(ids[i], 0, process->options->count - 1, &id)) {
            session_reply(session, "error", "a process has a number from 0 to %u, not '%.40s'",
                          process->options->count - 1, ids[i]);
            return;
        }
        receivers |= 1u << id;
    }
    process_order(process, point, count == 0 ? FAILPOINT_BEFORE : FAILPOINT_AFTER, receivers);
}

/* False: it is no such word. */
static bool on_crash(struct process *process, struct session *session, char **words, size_t count)
{
    static const struct {
        const char *word;
        enum failpoint point;
        bool names;
    } crashes[] = {
        {"crash", FAILPOINT_NONE, false},        {"crashAfterP1b", FAILPOINT_P1B, false},
        {"crashAfterP2b", FAILPOINT_P2B, false}, {"crashP1a", FAILPOINT_P1A, true},
        {"crashP2a", FAILPOINT_P2A, true},       {"crashDecision", FAILPOINT_DECISION, true},
    };

    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        if (strcasecmp(words[0], crashes[i].word) != 0)
            continue;
        if (!crashes[i].names && count > 1)
            session_reply(session, "error", "%s stands alone", crashes[i].word);
        else if (crashes[i].point == FAILPOINT_NONE)
            failpoints_crash(process->failpoints);
        else if (crashes[i].names)
            arm_sending(process, session, crashes[i].point, words + 1, count - 1);
        else
            process_order(process, crashes[i].point, FAILPOINT_AFTER, FAILPOINT_TO_ALL);
        return true;
    }
    return false;
}

/* ---- lines ---- */

/* Splits off the next word; NULL: there is none. */
static char *next_word(char **rest)
{
    char *word;

    *rest += strspn(*rest, " \t");
    word = *rest;
    *rest += strcspn(*rest, " \t");
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word[0] == '\0' ? NULL : word;
}

static bool dispatch_msg(struct process *process, struct session *session, char *rest)
{
    const char *id = next_word(&rest);

    rest += strspn(rest, " \t");
    if (id == NULL || rest[0] == '\0')
        session_reply(session, "error", "write: msg ID TEXT");
    else
        process_on_msg(process, session, id, rest);
    return true;
}

static bool dispatch_words(struct process *process, struct session *session, char *rest)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    uint64_t slot = 0;

    while (count < WORDS_MAX && (words[count] = next_word(&rest)) != NULL)
        count++;
    if (count == 0)
        return true;
    if (count >= 2 && strcasecmp(words[0], "get") == 0 && strcasecmp(words[1], "chatLog") == 0) {
        if (count > 3 || (count == 3 && !number_parse(words[2], 0, UINT64_MAX, &slot)))
            session_reply(session, "error", "write: get chatLog [SLOT]");
        else
            process_on_get(process, session, slot);
        return true;
    }
    if (count == 1 && strcasecmp(words[0], "ping") == 0)
        session_reply_bytes(session, "pong", "", 0);
    else if (count == 1 && strcasecmp(words[0], "help") == 0)
        session_reply_bytes(session, "help", help_text, strlen(help_text));
    else
        return on_crash(process, session, words, count);
    return true;
}

static void on_line(void *context, struct line_connection *connection, const uint8_t *bytes,
                    size_t size)
{
    struct process *process = context;
    struct session *session = line_data(connection);
    char *line = malloc(size + 1);
    char *rest = line;
    bool known = true;

    if (line == NULL || process->host == NULL) {
        free(line);
        line_drop(connection);
        return;
    }
    memcpy(line, bytes, size);
    line[size] = '\0';
    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
        line[--size] = '\0';
    if (memchr(line, '\0', size) != NULL)
        session_reply(session, "error", "there is a zero byte in the line; texts have none");
    else if (strncasecmp(line, "msg ", 4) == 0)
        known = dispatch_msg(process, session, (rest += 4));
    else
        known = dispatch_words(process, session, rest);
    if (!known)
        session_reply(session, "error", "'%.60s' is none of: %s", line, help_text);
    free(line);
}

static void on_opened(void *context, struct line_connection *connection)
{
    struct session *session = malloc(sizeof(*session));

    if (session == NULL) {
        line_drop(connection);
        return;
    }
    *session = (struct session){.process = context, .connection = connection, .references = 1};
    line_set_data(connection, session);
}

static void on_closed(void *context, struct line_connection *connection)
{
    struct session *session = line_data(connection);

    (void)context;
    if (session == NULL)
        return;
    session->connection = NULL;
    session_unref(session);
}

static void on_too_long(void *context, struct line_connection *connection)
{
    (void)context;
    session_reply(line_data(connection), "error", "the line is too long");
}

/* A client that sends no more may still wait for answers. */
static void on_ended(void *context, struct line_connection *connection)
{
    struct session *session = line_data(connection);

    (void)context;
    session->ended = true;
    if (session->references == 1)
        line_finish(connection);
}

struct line_handler process_lines(struct process *process)
{
    return (struct line_handler){.context = process,
                                 .opened = on_opened,
                                 .line = on_line,
                                 .too_long = on_too_long,
                                 .ended = on_ended,
                                 .closed = on_closed};
}
