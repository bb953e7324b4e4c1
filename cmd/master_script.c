/* SPDX-License-Identifier: MIT */
/* master_script.c -- takes the lines of a script apart; see master_script.h. */
#include "master_script.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <decree/paxos.h>

#include "client_options.h"

#define BLANKS " \t\r\n"

__attribute__((format(printf, 2, 3))) static bool refuse(char *sentence, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, SENTENCE_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* Splits off the next word; "" when there is none. */
static char *next_word(char **rest)
{
    char *word;

    *rest += strspn(*rest, BLANKS);
    word = *rest;
    *rest += strcspn(*rest, BLANKS);
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

static void trim(char *text)
{
    size_t size = strlen(text);

    while (size > 0 && strchr(BLANKS, text[size - 1]) != NULL)
        text[--size] = '\0';
}

static void drop_comment(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        if (*at == '#' && (at == text || strchr(BLANKS, at[-1]) != NULL)) {
            *at = '\0';
            return;
        }
}

static bool at_end(char *rest, const char *form, char *sentence)
{
    const char *more = next_word(&rest);

    return more[0] == '\0' ||
           refuse(sentence, "what is '%.80s' for? the line ends here: %s", more, form);
}

static bool parse_start(char *rest, struct script_line *line, char *sentence)
{
    static const char form[] = "ID start N PORT";
    uint64_t count = 0, port = 0;

    if (!number_parse(next_word(&rest), 1, DECREE_MEMBERS_MAX, &count))
        return refuse(sentence, "N, how many processes there are, is a number from 1 to %u: %s",
                      DECREE_MEMBERS_MAX, form);
    if (!number_parse(next_word(&rest), 0, UINT16_MAX, &port))
        return refuse(sentence, "PORT is a number from 0, any, to 65535: %s", form);
    if ((unsigned)line->id >= count)
        return refuse(sentence,
                      "the ID of one of %" PRIu64 " processes is at most %" PRIu64 ", not %d",
                      count, count - 1, line->id);
    line->verb = SCRIPT_START;
    line->count = (uint32_t)count;
    line->port = (uint16_t)port;
    return at_end(rest, form, sentence);
}

static bool parse_msg(char *rest, struct script_line *line, char *sentence)
{
    line->verb = SCRIPT_MSG;
    line->name = next_word(&rest);
    rest += strspn(rest, BLANKS);
    trim(rest);
    line->text = rest;
    if (line->name[0] == '\0' || rest[0] == '\0')
        return refuse(sentence, "a message has a name and a text: ID msg NAME TEXT");
    return true;
}

static bool parse_wait(char *rest, struct script_line *line, char *sentence)
{
    line->verb = SCRIPT_WAIT;
    line->name = next_word(&rest);
    if (line->name[0] == '\0')
        return refuse(sentence, "for which message? -1 waitForAck NAME");
    return at_end(rest, "-1 waitForAck NAME", sentence);
}

static bool parse_get(char *rest, struct script_line *line, char *sentence)
{
    line->verb = SCRIPT_GET;
    if (strcasecmp(next_word(&rest), "chatLog") != 0)
        return refuse(sentence, "what there is to get is chatLog: ID get chatLog");
    return at_end(rest, "ID get chatLog", sentence);
}

/* The words go to the process as they are, if they are known here. */
static bool parse_crash(const char *word, char *rest, struct script_line *line, char *sentence)
{
    static const char *const alone[] = {"crashAfterP1b", "crashAfterP2b"};
    static const char *const with_ids[] = {"crashP1a", "crashP2a", "crashDecision"};
    static _Thread_local char words[256];
    size_t used = (size_t)snprintf(words, sizeof(words), "%.32s", word);
    bool known = false, has_ids = false;

    line->verb = strcasecmp(word, "crash") == 0 ? SCRIPT_CRASH : SCRIPT_ARM;
    for (size_t i = 0; i < 2; i++)
        known = known || strcasecmp(word, alone[i]) == 0;
    for (size_t i = 0; i < 3; i++)
        has_ids = has_ids || strcasecmp(word, with_ids[i]) == 0;
    if (!known && !has_ids && line->verb == SCRIPT_ARM)
        return refuse(sentence,
                      "a process knows start, msg, waitForAck, get chatLog, crash, "
                      "crashAfterP1b, crashAfterP2b, crashP1a, crashP2a and crashDecision, "
                      "not '%.40s'",
                      word);
    line->text = words;
    if (!has_ids)
        return at_end(rest, "this crash stands alone", sentence);
    for (const char *id = next_word(&rest); id[0] != '\0'; id = next_word(&rest)) {
        uint64_t receiver;

        if (!number_parse(id, 0, DECREE_MEMBERS_MAX - 1, &receiver))
            return refuse(sentence, "'%.40s' is not the ID of a process", id);
        if (used + 4 < sizeof(words))
            used += (size_t)snprintf(words + used, sizeof(words) - used, " %" PRIu64, receiver);
    }
    return true;
}

static bool parse_verb(const char *word, char *rest, struct script_line *line, char *sentence)
{
    bool is_wait = strcasecmp(word, "waitForAck") == 0;

    if (line->id < 0 && !is_wait)
        return refuse(sentence, "-1, which is nobody, can only wait: -1 waitForAck NAME");
    if (strcasecmp(word, "msg") == 0)
        return parse_msg(rest, line, sentence);
    drop_comment(rest);
    if (is_wait)
        return parse_wait(rest, line, sentence);
    if (strcasecmp(word, "start") == 0)
        return parse_start(rest, line, sentence);
    if (strcasecmp(word, "get") == 0)
        return parse_get(rest, line, sentence);
    if (word[0] == '\0')
        return refuse(sentence, "what is process %d to do?", line->id);
    return parse_crash(word, rest, line, sentence);
}

bool script_parse(char *line, struct script_line *ret_line, char *sentence)
{
    char *rest = line;
    const char *first = next_word(&rest);
    uint64_t id = 0;

    assert(sentence != NULL);
    *ret_line = (struct script_line){.verb = SCRIPT_NOTHING};
    if (first[0] == '\0' || first[0] == '#')
        return true;
    if (strcasecmp(first, "exit") == 0) {
        ret_line->verb = SCRIPT_EXIT;
        drop_comment(rest);
        return at_end(rest, "exit", sentence);
    }
    if (strcmp(first, "-1") == 0)
        ret_line->id = -1;
    else if (number_parse(first, 0, DECREE_MEMBERS_MAX - 1, &id))
        ret_line->id = (int)id;
    else
        return refuse(sentence, "a line begins with the ID of a process, or is exit; not '%.40s'",
                      first);
    first = next_word(&rest);
    return parse_verb(first, rest, ret_line, sentence);
}
