/* SPDX-License-Identifier: MIT */
/* cmd_completion.c -- decree completion bash|zsh|fish. */
#include <argp.h>
#include <assert.h>
#include <stdbool.h>
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

static void print_commands(void)
{
    for (const struct subcommand *command = subcommands; command->word != NULL; command++)
        printf("%s ", command->word);
    printf("help");
}

/* "json|text" with spaces. */
static void print_choices(const char *choices)
{
    for (; *choices != '\0'; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

/* ---- bash and zsh: a case for each command, and within it one for each option with a value ---- */

static void print_value_case(const struct completion_word *word)
{
    if (completion_word_is_choice(word)) {
        printf("        %s) value=1 list='", word->text);
        print_choices(word->argument);
        printf("' ;;\n");
    } else if (completion_word_is_path(word)) {
        printf("        %s) value=1 list='' files=1 ;;\n", word->text);
    }
}

static void print_words(const struct completion_words *words, bool options)
{
    for (size_t i = 0; i < words->count; i++)
        if ((words->items[i].text[0] == '-') == options)
            printf("%s ", words->items[i].text);
}

static void print_case(const struct subcommand *command, const struct completion_words *words)
{
    printf("    %s)\n        list='", command->word);
    print_words(words, false);
    printf("' files=%s\n        options='", words->files ? "1" : "");
    print_words(words, true);
    printf("'\n        case $before in\n");
    for (size_t i = 0; i < words->count; i++)
        print_value_case(&words->items[i]);
    printf("        esac ;;\n");
}

static void print_last_cases(void)
{
    printf("    help|'') list='");
    print_commands();
    printf("' ;;\n");
}

/* What follows is the same in both: a command's parts come right behind it, and options are offered to
 * who asks for them, or when there is nothing else. */
#define COMMON_TAIL                                                           \
    "    esac\n"                                                              \
    "    if [[ -z $value ]]; then\n"                                          \
    "        [[ $at == 2 || $first == '' ]] || list=''\n"                     \
    "        [[ -n $list$files && $word != -* ]] || list=$options files=''\n" \
    "    fi\n"

/* bash has --order=ASC as three words. */
static const char bash_head[] = "# bash completion of decree\n"
                                "_decree()\n"
                                "{\n"
                                "    local list='' files='' options='' value='' at=$COMP_CWORD\n"
                                "    local word=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]}\n"
                                "    local before=${COMP_WORDS[COMP_CWORD-1]}\n"
                                "    (( at > 1 )) || first=''\n"
                                "    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD-2]}\n"
                                "    [[ $word != = ]] || word=''\n"
                                "    case $first in\n";

static const char bash_tail[] = COMMON_TAIL "    COMPREPLY=($(compgen -W \"$list\" -- \"$word\"))\n"
                                            "}\n"
                                            "complete -o default -F _decree decree\n";

static const char zsh_head[] =
    "#compdef decree\n"
    "_decree() {\n"
    "    local list='' files='' options='' value='' word=$PREFIX\n"
    "    local first=$words[2] before=$words[CURRENT-1] at=$((CURRENT-1))\n"
    "    (( at > 1 )) || first=''\n"
    "    if [[ $word == --*=* ]]; then\n"
    "        before=${word%%=*}\n"
    "        compset -P '*='\n"
    "    fi\n"
    "    case $first in\n";

/* From a folder of $fpath, the file is the function's first run. */
static const char zsh_tail[] = COMMON_TAIL "    compadd -- ${=list}\n"
                                           "    [[ -z $files ]] || _files\n"
                                           "}\n"
                                           "if [[ $funcstack[1] == _decree ]]; then\n"
                                           "    _decree \"$@\"\n"
                                           "else\n"
                                           "    compdef _decree decree\n"
                                           "fi\n";

/* ---- fish: a line for each word ---- */

/* __decree_in COMMAND [N]: true within that command, as its word N. */
static const char fish_head[] = "# fish completion of decree\n"
                                "function __decree_in\n"
                                "    set -l words (commandline -opc)\n"
                                "    test \"$words[2]\" = $argv[1]\n"
                                "    and begin\n"
                                "        test (count $argv) -eq 1\n"
                                "        or test (count $words) -eq $argv[2]\n"
                                "    end\n"
                                "end\n"
                                "complete -c decree -f\n"
                                "complete -c decree -n '__decree_in \"\"' -a help\n";

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

/* -x: it has a value, which is no file. */
static void print_fish_value(const struct completion_word *word)
{
    if (completion_word_is_path(word)) {
        printf(" -r -F");
    } else if (completion_word_is_choice(word)) {
        printf(" -x -a '");
        print_choices(word->argument);
        putchar('\'');
    } else if (word->argument[0] != '\0') {
        printf(" -x");
    }
}

static void print_fish_word(const char *command, const struct completion_word *word)
{
    const char *text = word->text;
    bool is_option = text[0] == '-';

    printf("complete -c decree -n '__decree_in %s%s' ", command, is_option ? "" : " 2");
    if (strncmp(text, "--", 2) == 0)
        printf("-l %s", text + 2);
    else if (is_option)
        printf("-s %s", text + 1);
    else
        printf("-a %s", text);
    print_fish_value(word);
    if (word->help[0] != '\0') {
        printf(" -d ");
        print_quoted(word->help);
    }
    putchar('\n');
}

static void print_fish(const struct subcommand *command, const struct completion_words *words)
{
    printf("complete -c decree -n '__decree_in \"\"' -a %s -d ", command->word);
    print_quoted(command->help);
    printf("\ncomplete -c decree -n '__decree_in help 2' -a %s\n", command->word);
    if (words->files)
        printf("complete -c decree -n '__decree_in %s' -F\n", command->word);
    for (size_t i = 0; i < words->count; i++)
        print_fish_word(command->word, &words->items[i]);
}

static const struct shell shells[] = {
    {"bash", bash_head, bash_tail, print_case},
    {"zsh", zsh_head, zsh_tail, print_case},
    {"fish", fish_head, "", print_fish},
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
    if (shell->print == print_case)
        print_last_cases();
    fputs(shell->tail, stdout);
    return output_finish();
}
