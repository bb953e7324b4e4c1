/* SPDX-License-Identifier: MIT */
/* cmd_completion.c -- decree completion bash|zsh|fish. */
#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "completion_words.h"
#include "output.h"

/* One shell: what stands before all commands, what a command adds, and the end. */
struct shell {
    const char *name, *head, *tail;
    void (*print)(const struct subcommand *command, const struct completion_words *words);
};

static const char doc[] =
    "Prints what a shell needs to complete the commands and options of decree.\v"
    "Examples:\n"
    "  decree completion bash > /usr/share/bash-completion/completions/decree\n"
    "  source <(decree completion bash)                 in this shell alone\n"
    "  decree completion zsh > ~/.zfunc/_decree         a folder of $fpath\n"
    "  decree completion fish > ~/.config/fish/completions/decree.fish\n\n"
    "make install puts them in place. Exit status: 0 done; 64 the command line makes no sense.";

#define FORMATS "simple json fields table"

static void print_words(const struct completion_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        printf("%s%s", i > 0 ? " " : "", words->items[i].text);
}

static void print_commands(void)
{
    for (const struct subcommand *command = subcommands; command->word != NULL; command++)
        printf("%s ", command->word);
    printf("help");
}

/* ---- bash and zsh: a case for each command ---- */

static void print_case(const struct subcommand *command, const struct completion_words *words)
{
    printf("    %s) words='", command->word);
    print_words(words);
    printf("' ;;\n");
}

static const char bash_head[] = "# bash completion of decree\n"
                                "_decree()\n"
                                "{\n"
                                "    local words='' word=${COMP_WORDS[COMP_CWORD]}\n"
                                "    local before=${COMP_WORDS[COMP_CWORD-1]}\n"
                                "    local first=${COMP_WORDS[1]}\n"
                                "    [ \"$COMP_CWORD\" -gt 1 ] || first=''\n"
                                "    case $first in\n";

static const char bash_tail[] = "    esac\n"
                                "    case $before in\n"
                                "    -w|--write-out) words='" FORMATS "' ;;\n"
                                "    esac\n"
                                "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                                "}\n"
                                "complete -o default -F _decree decree\n";

static const char zsh_head[] = "#compdef decree\n"
                               "_decree() {\n"
                               "    local first=$words[2] before=$words[CURRENT-1] at=$CURRENT\n"
                               "    local words=''\n"
                               "    (( at == 2 )) && first=''\n"
                               "    case $first in\n";

static const char zsh_tail[] = "    esac\n"
                               "    case $before in\n"
                               "    -w|--write-out) words='" FORMATS "' ;;\n"
                               "    esac\n"
                               "    compadd -- ${=words}\n"
                               "    [[ $PREFIX == -* ]] || _files\n"
                               "}\n"
                               "compdef _decree decree\n";

/* ---- fish: a line for each word ---- */

/* Between single quotes. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void print_fish_word(const char *command, const struct completion_word *word)
{
    const char *text = word->text;

    printf("complete -c decree -n '__fish_seen_subcommand_from %s' ", command);
    if (strncmp(text, "--", 2) == 0)
        printf("-l %s", text + 2);
    else if (text[0] == '-')
        printf("%s %s", strlen(text) == 2 ? "-s" : "-o", text + 1);
    else
        printf("-a %s", text);
    if (strcmp(text, "-w") == 0 || strcmp(text, "--write-out") == 0)
        printf(" -x -a '" FORMATS "'");
    if (word->help[0] != '\0') {
        printf(" -d ");
        print_quoted(word->help);
    }
    putchar('\n');
}

static void print_fish(const struct subcommand *command, const struct completion_words *words)
{
    printf("complete -c decree -n __fish_use_subcommand -a %s -d ", command->word);
    print_quoted(command->help);
    putchar('\n');
    for (size_t i = 0; i < words->count; i++)
        print_fish_word(command->word, &words->items[i]);
}

static const struct shell shells[] = {
    {"bash", bash_head, bash_tail, print_case},
    {"zsh", zsh_head, zsh_tail, print_case},
    {"fish", "# fish completion of decree\n", "", print_fish},
};

/* ---- the command ---- */

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    const struct shell **shell = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
            if (state->arg_num == 0 && strcmp(argument, shells[i].name) == 0)
                *shell = &shells[i];
        if (state->arg_num > 0 || *shell == NULL)
            argp_error(state, "the shell is bash, zsh or fish, not '%s'", argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say which shell: bash, zsh or fish");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_completion(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse_option, "bash|zsh|fish", doc, NULL, NULL, NULL};
    static struct completion_words words;
    const struct shell *shell = NULL;

    client_parse(&argp, "decree completion", argc, argv, &shell);
    assert(shell != NULL);
    fputs(shell->head, stdout);
    for (const struct subcommand *command = subcommands; command->word != NULL; command++) {
        int status = completion_words_of(command, &words);

        if (status != EXIT_OK)
            return status;
        shell->print(command, &words);
    }
    if (shell->print == print_case) {
        printf("    *) words='");
        print_commands();
        printf("' ;;\n");
    }
    fputs(shell->tail, stdout);
    return output_finish();
}
