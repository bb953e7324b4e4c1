/* SPDX-License-Identifier: MIT */
/* commands.c -- the table of commands, and what to say of a word that is none. */
#include "commands.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define WORD_BYTES_MAX 32u
#define MISTAKES_MAX 2u

const struct subcommand subcommands[] = {
#define COMMAND_ROW(word, name, help) {word, cmd_##name, help},
    COMMAND_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
        {NULL, NULL, NULL},
};

const struct subcommand *subcommand_find(const char *word)
{
    assert(word != NULL);
    for (const struct subcommand *command = subcommands; command->word != NULL; command++)
        if (strcmp(command->word, word) == 0)
            return command;
    return strcmp(word, "compaction") == 0 ? subcommand_find("compact") : NULL; /* etcdctl's word */
}

bool subcommand_has_parts(const char *word)
{
    assert(word != NULL);
    return strcmp(word, "endpoint") == 0 || strcmp(word, "snapshot") == 0 ||
           strcmp(word, "register") == 0;
}

static int complain_of_part(const char *command, const struct command_part *parts, const char *word)
{
    fprintf(stderr, "decree %s: say %s", command, parts[0].word);
    for (size_t i = 1; parts[i].word != NULL; i++)
        fprintf(stderr, "%s%s", parts[i + 1].word != NULL ? ", " : " or ", parts[i].word);
    if (word[0] != '\0')
        fprintf(stderr, ", not '%s'", word);
    fprintf(stderr, "; see decree %s --help\n", command);
    return EXIT_USAGE;
}

int command_run_part(const char *command, const struct command_part *parts, const char *help,
                     int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    for (size_t i = 0; parts[i].word != NULL; i++)
        if (strcmp(word, parts[i].word) == 0)
            return parts[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--help") != 0 && strcmp(word, "-?") != 0 && strcmp(word, "help") != 0)
        return complain_of_part(command, parts, word);
    fputs(help, stdout);
    return EXIT_OK;
}

const char *subcommand_why_not(const char *word)
{
    static const char no_users[] = "there is no authentication yet";
    static const char use_etcdctl[] = "etcdctl's own does it with decree's servers, too";
    static const struct {
        const char *word, *reason;
    } words[] = {
        {"auth", no_users},
        {"user", no_users},
        {"role", no_users},
        {"make-mirror", use_etcdctl},
        {"check", use_etcdctl},
        {"defrag", "to defragment is never needed"},
        {"migrate", "the v2 API is not served"},
    };

    assert(word != NULL);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].reason;
    return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's distance: letters to insert, drop or change, to make one word of the other. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_BYTES_MAX + 1];
    size_t b_size = strlen(b);

    assert(b_size <= WORD_BYTES_MAX);
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);

            diagonal = row[j];
            row[j] = smallest(change, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b_size];
}

const char *subcommand_suggest(const char *word)
{
    const char *best = NULL;
    size_t best_distance = MISTAKES_MAX + 1;

    assert(word != NULL);
    for (const struct subcommand *command = subcommands; command->word != NULL; command++) {
        size_t mistakes = distance(word, command->word);

        if (mistakes < best_distance && mistakes < strlen(command->word)) {
            best = command->word;
            best_distance = mistakes;
        }
    }
    return best;
}
