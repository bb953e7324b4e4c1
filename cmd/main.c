/* SPDX-License-Identifier: MIT */
/* main.c -- the decree program: finds the command and hands over. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_options.h"
#include "cmd_serve.h"
#include "commands.h"
#include "output.h"
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
    const char *suggestion = subcommand_suggest(word), *reason = subcommand_why_not(word);

    fprintf(stderr, "decree: there is no %s '%s'", word[0] == '-' ? "option" : "command", word);
    if (reason != NULL)
        fprintf(stderr, ": %s\n", reason);
    else if (word[0] == '-')
        fprintf(stderr, " that goes before a command; `decree help` lists the commands\n");
    else if (suggestion != NULL)
        fprintf(stderr, "; did you mean '%s'?\n", suggestion);
    else
        fprintf(stderr, "; `decree help` lists them\n");
    return EXIT_USAGE;
}

static int help(int argc, char **argv)
{
    const struct subcommand *command;
    char *words[] = {argc > 2 ? argv[2] : NULL, "--help", NULL};

    if (argc <= 2 || strcmp(argv[2], "help") == 0 || argv[2][0] == '-') {
        print_help(stdout);
        return output_finish();
    }
    command = subcommand_find(argv[2]);
    return command == NULL ? unknown(argv[2]) : command->run(2, words);
}

/* A descriptor that was closed would be given to a socket, and libuv takes none for it. What is put
 * there instead fails as a closed one does. */
static void fill_standard_descriptors(void)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0)
            (void)!open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* A help that did not get out is a failure, too; argp ends the process by itself behind one. */
static void finish_output(void)
{
    if (output_finish() != EXIT_OK)
        _exit(EXIT_FAILED);
}

/* etcdctl's users have the common options before the command: they are moved behind it, and behind
 * the word that says which of its parts is meant. */
static void move_options(int count, int argc, char **argv)
{
    int words = argc - count > 1 && subcommand_has_parts(argv[count]) ? 2 : 1;

    for (int i = 0; i < words; i++) {
        char *word = argv[count + i];

        memmove(&argv[i + 1], &argv[i], (size_t)count * sizeof(*argv));
        argv[i] = word;
    }
}

static int run_command(int argc, char **argv)
{
    const struct subcommand *command = subcommand_find(argv[0]);

    if (command == NULL)
        return unknown(argv[0]);
    if (command->run != cmd_serve) /* which ends well though nobody reads that it is ready */
        atexit(finish_output);
    return command->run(argc, argv);
}

int main(int argc, char **argv)
{
    int options;

    fill_standard_descriptors();
    if (serve_is_etcd(argc, argv))
        return serve_as_etcd(argc, argv);
    options = client_options_count(argc - 1, argv + 1);
    if (argc < 2 || options == argc - 1) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    move_options(options, argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("decree %s\n", DECREE_VERSION);
        return output_finish();
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(argc, argv);
    return run_command(argc - 1, argv + 1);
}
