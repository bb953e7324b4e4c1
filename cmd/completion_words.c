/* SPDX-License-Identifier: MIT */
/* completion_words.c -- reads helps as argp prints them:
 *
 *     Usage: decree alarm [OPTION...] list|disarm       the words list and disarm
 *       or:  decree lease [OPTION...] revoke ID         the word revoke
 *       -l, --log-format=text|json   One line ...       the options -l and --log-format, what their
 *                              per event                value may be, and what they mean
 *
 * The command itself prints its help, in a process of its own, because it then exits.
 */
#include "completion_words.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define OPTION_LETTERS LETTERS "0123456789-_"
#define OPTION_INDENT_MAX 8u
#define HELP_INDENT_MIN 20u /* argp has it at 29 */

bool completion_word_is_path(const struct completion_word *word)
{
    return strcmp(word->argument, "FILE") == 0 || strcmp(word->argument, "DIR") == 0;
}

bool completion_word_is_choice(const struct completion_word *word)
{
    return strchr(word->argument, '|') != NULL;
}

static void add(struct completion_words *words, const char *text, size_t size)
{
    struct completion_word *word = &words->items[words->count];

    if (size == 0 || size >= COMPLETION_WORD_BYTES || words->count == COMPLETION_WORDS_MAX)
        return;
    for (size_t i = 0; i < words->count; i++)
        if (strncmp(words->items[i].text, text, size) == 0 && words->items[i].text[size] == '\0')
            return;
    *word = (struct completion_word){0};
    memcpy(word->text, text, size);
    words->count++;
}

/* Behind "decree WORD" and "[OPTION...]": words in small letters, with | between. */
static void read_usage(const char *line, struct completion_words *words)
{
    const char *at = strstr(line, "decree ");

    if (at == NULL)
        return;
    at += strlen("decree ");
    at += strcspn(at, " ");
    at += strspn(at, " ");
    if (strncmp(at, "[OPTION...] ", strlen("[OPTION...] ")) == 0)
        at += strlen("[OPTION...] ");
    for (;;) {
        size_t size = strspn(at, LOWER "-");

        if (at[0] == '-' || (at[size] != '\0' && at[size] != ' ' && at[size] != '|'))
            return;
        add(words, at, size);
        if (at[size] != '|')
            return;
        at += size + 1;
    }
}

/* At the '=' behind an option: what its value may be, which holds for its short form before it, too. */
static void read_argument(const char *at, size_t size, struct completion_words *words, size_t first)
{
    bool more = size > 0 && at[size - 1] == ',';

    if (size < 2 || size > COMPLETION_WORD_BYTES)
        return;
    for (size_t i = first; i < words->count; i++)
        if (words->items[i].argument[0] == '\0')
            memcpy(words->items[i].argument, at + 1, size - 1 - more);
}

/* "-w, --write-out=FORMAT     text" */
static void read_option(const char *at, struct completion_words *words)
{
    size_t first = words->count;
    bool more = true;

    while (more && at[0] == '-') {
        size_t size = strspn(at, OPTION_LETTERS);

        if (at[1] == '-' || (size == 2 && strchr(LETTERS, at[1]) != NULL))
            add(words, at, size);
        at += size;
        size = strcspn(at, " ");
        if (at[0] == '=')
            read_argument(at, size, words, first);
        more = size > 0 && at[size - 1] == ',';
        at += size;
        at += strspn(at, " ");
    }
    for (size_t i = first; i < words->count; i++)
        snprintf(words->items[i].help, COMPLETION_HELP_BYTES, "%s", at);
}

/* The help of the last option goes on. */
static void read_more_help(const char *text, struct completion_words *words, size_t first)
{
    for (size_t i = first; i < words->count; i++) {
        size_t used = strlen(words->items[i].help);

        snprintf(words->items[i].help + used, COMPLETION_HELP_BYTES - used, "%s%s",
                 used > 0 ? " " : "", text);
    }
}

/* A help is one sentence, or what of it has room, in whole words. */
static void cut_help(char *help)
{
    int depth = 0;

    if (strlen(help) + 1 == COMPLETION_HELP_BYTES && strrchr(help, ' ') != NULL)
        *strrchr(help, ' ') = '\0';
    for (char *at = help; *at != '\0'; at++) {
        depth += (*at == '(') - (*at == ')');
        if (depth == 0 && strchr(".;:", *at) != NULL && at[1] == ' ')
            *at = '\0';
        if (*at == '\0')
            break;
    }
}

static bool names_files(const char *usage)
{
    static const char *const names[] = {"FILE", "CONFIG", "SCRIPT", "COMMAND"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strstr(usage, names[i]) != NULL)
            return true;
    return false;
}

void completion_words_read(char *help, struct completion_words *words)
{
    char *rest = help;
    bool usage = false;
    size_t start = words->count, option = words->count;

    assert(help != NULL);
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        size_t indent = strspn(line, " ");

        if (strncmp(line, "Usage:", strlen("Usage:")) == 0)
            usage = true;
        else if (strncmp(line + indent, "or: ", strlen("or: ")) != 0)
            usage = false;
        if (usage) {
            read_usage(line, words);
            words->files = words->files || names_files(line);
            option = words->count;
        } else if (indent <= OPTION_INDENT_MAX && indent > 0 && line[indent] == '-') {
            option = words->count;
            read_option(line + indent, words);
        } else if (indent >= HELP_INDENT_MIN) {
            read_more_help(line + indent, words, option);
        } else {
            option = words->count;
        }
    }
    for (size_t i = start; i < words->count; i++)
        cut_help(words->items[i].help);
}

static _Noreturn void print_help(const struct subcommand *command, const char *verb, int target)
{
    char *words[] = {(char *)(uintptr_t)command->word, NULL, NULL, NULL};
    int count = 1;

    if (verb != NULL)
        words[count++] = (char *)(uintptr_t)verb;
    words[count++] = (char *)(uintptr_t) "--help";

    if (dup2(target, STDOUT_FILENO) < 0)
        _exit(EXIT_FAILED);
    close(target);
    exit(command->run(count, words));
}

/* All that the other side writes, with a zero byte behind it; NULL: it failed. */
static char *read_all(int source)
{
    FILE *stream = fdopen(source, "r");
    char *text = NULL;
    size_t room = 0;

    if (stream == NULL) {
        close(source);
        return NULL;
    }
    if (getdelim(&text, &room, '\0', stream) < 0) {
        free(text);
        text = NULL;
    }
    fclose(stream);
    return text;
}

/* Adds what the help of the command, or of a verb of it, tells. */
static int add_help(const struct subcommand *command, const char *verb,
                    struct completion_words *words)
{
    int ends[2], outcome = 0;
    char *text;
    pid_t pid;

    fflush(stdout);
    if (pipe(ends) != 0 || (pid = fork()) < 0) {
        fprintf(stderr, "decree completion: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    if (pid == 0) {
        close(ends[0]);
        print_help(command, verb, ends[1]);
    }
    close(ends[1]);
    text = read_all(ends[0]);
    while (waitpid(pid, &outcome, 0) < 0 && errno == EINTR)
        ;
    if (text != NULL && outcome == 0)
        completion_words_read(text, words);
    else
        fprintf(stderr, "decree completion: no help of %s\n", command->word);
    free(text);
    return text != NULL && outcome == 0 ? EXIT_OK : EXIT_FAILED;
}

static bool has_options(const struct completion_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        if (words->items[i].text[0] == '-')
            return true;
    return false;
}

/* A command whose help names its verbs alone has options that the verbs' helps tell. */
int completion_words_of(const struct subcommand *command, struct completion_words *ret_words)
{
    int status;
    size_t verbs;

    ret_words->count = 0;
    ret_words->files = false;
    status = add_help(command, NULL, ret_words);
    verbs = ret_words->count;
    if (status != EXIT_OK || has_options(ret_words))
        return status;
    for (size_t i = 0; i < verbs && status == EXIT_OK; i++)
        status = add_help(command, ret_words->items[i].text, ret_words);
    return status;
}
