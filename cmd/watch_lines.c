/* SPDX-License-Identifier: MIT */
/* watch_lines.c -- a thread a line; a line and what was made of it live as long as the process. */
#include "watch_lines.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "watch_task.h"

#define WATCHES_MAX 1024u
#define WORDS_MAX 64u

struct line {
    char *text;
    char *words[WORDS_MAX + 1];
    int word_count;
    struct watch_task task;
    pthread_t thread;
    int status;
};

struct lines {
    struct line *items[WATCHES_MAX];
    size_t count;
};

/* A word's end becomes zero; what is quoted is moved together. False: a quote is not closed. */
static bool take_word(char **at)
{
    char *from = *at, *to = *at;
    char quote = '\0';

    while (*from != '\0' && (quote != '\0' || strchr(" \t\r\n", *from) == NULL)) {
        if (*from == quote) {
            quote = '\0';
            from++;
        } else if (quote == '\0' && (*from == '"' || *from == '\'')) {
            quote = *from++;
        } else {
            if (quote == '"' && *from == '\\' && from[1] != '\0')
                from++;
            *to++ = *from++;
        }
    }
    *at = *from != '\0' ? from + 1 : from;
    *to = '\0';
    return quote == '\0';
}

/* NULL, or what is wrong. */
static const char *split(struct line *line)
{
    char *at = line->text;

    for (;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '\0')
            break;
        if (line->word_count == (int)WORDS_MAX)
            return "too many words";
        line->words[line->word_count++] = at;
        if (!take_word(&at))
            return "a quote is not closed";
    }
    if (line->word_count > 0 && strcmp(line->words[0], "watch") != 0)
        return "it begins with watch";
    return NULL;
}

static void *run(void *argument)
{
    struct line *line = argument;

    line->status = watch_task_run(&line->task);
    return NULL;
}

/* The line's watch is under way, or EXIT_USAGE or EXIT_FAILED after a sentence. */
static int begin(struct lines *lines, struct line *line, const struct client_settings *settings)
{
    line->task.settings = *settings;
    watch_task_parse(&line->task, line->word_count, line->words);
    if (line->task.interactive) {
        fprintf(stderr, "decree watch: in a line there is no -i\n");
        return EXIT_USAGE;
    }
    if (lines->count == WATCHES_MAX || pthread_create(&line->thread, NULL, run, line) != 0) {
        fprintf(stderr, "decree watch: there can be no more watches\n");
        return EXIT_FAILED;
    }
    lines->items[lines->count++] = line;
    return EXIT_OK;
}

static int on_line(struct lines *lines, const char *text, const struct client_settings *settings)
{
    struct line *line = calloc(1, sizeof(*line));
    const char *reason = NULL;
    int status = EXIT_OK;

    if (line != NULL)
        line->text = strdup(text);
    if (line == NULL || line->text == NULL) {
        fprintf(stderr, "decree watch: out of memory\n");
        status = EXIT_FAILED;
    } else if ((reason = split(line)) != NULL) {
        fprintf(stderr, "decree watch: '%s': %s\n", text, reason);
        status = EXIT_USAGE;
    } else if (line->word_count > 0) {
        return begin(lines, line, settings);
    }
    if (line != NULL)
        free(line->text);
    free(line);
    return status;
}

static int wait_for_all(struct lines *lines)
{
    int worst = EXIT_OK;

    for (size_t i = 0; i < lines->count; i++) {
        pthread_join(lines->items[i]->thread, NULL);
        if (lines->items[i]->status > worst)
            worst = lines->items[i]->status;
        free(lines->items[i]->text);
        free(lines->items[i]);
    }
    return worst;
}

int watch_lines_run(const struct client_settings *settings, FILE *stream)
{
    static struct lines lines;
    char *text = NULL;
    size_t room = 0;
    int status = EXIT_OK;

    assert(stream != NULL);
    while (status == EXIT_OK && getline(&text, &room, stream) >= 0) {
        text[strcspn(text, "\r\n")] = '\0';
        status = on_line(&lines, text, settings);
    }
    free(text);
    return status != EXIT_OK ? status : wait_for_all(&lines);
}
