/* SPDX-License-Identifier: MIT */
/* main.c -- the decree program: finds the command and hands over. */
#include <stdio.h>
#include <string.h>

#include "cmd_serve.h"
#include "commands.h"
#include "version.h"

static void print_help(FILE *stream)
{
    fprintf(stream,
            "decree is a replicated key-value store that speaks the etcd v3 API, on Paxos.\n\n"
            "usage: decree COMMAND [ARGUMENT...]\n\n");
    for (const struct subcommand *command = subcommands; command->word != NULL; command++)
        fprintf(stream, "  %-11s %s\n", command->word, command->help);
    fprintf(stream, "  %-11s %s\n", "help",
            "this text; `decree help COMMAND` for one command's options");
    fprintf(stream, "\nTo begin:\n"
                    "  decree demo                   see what it does, in half a minute\n"
                    "  decree serve                  a store of one node on 127.0.0.1:2379\n"
                    "  decree put city Paris         write to it\n"
                    "  decree get city               read from it\n");
}

static int unknown(const char *word)
{
    const char *suggestion = subcommand_suggest(word);

    fprintf(stderr, "decree: there is no command '%s'", word);
    if (suggestion != NULL)
        fprintf(stderr, "; did you mean '%s'?\n", suggestion);
    else
        fprintf(stderr, "; `decree help` lists them\n");
    return EXIT_USAGE;
}

static int help(int argc, char **argv)
{
    const struct subcommand *command;
    char *words[] = {argc > 2 ? argv[2] : NULL, "--help", NULL};

    if (argc <= 2 || strcmp(argv[2], "help") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    command = subcommand_find(argv[2]);
    return command == NULL ? unknown(argv[2]) : command->run(2, words);
}

int main(int argc, char **argv)
{
    const struct subcommand *command;

    if (serve_is_etcd(argc, argv))
        return serve_as_etcd(argc, argv);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("decree %s\n", DECREE_VERSION);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(argc, argv);
    command = subcommand_find(argv[1]);
    return command == NULL ? unknown(argv[1]) : command->run(argc - 1, argv + 1);
}
