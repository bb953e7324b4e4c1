/* SPDX-License-Identifier: MIT */
/* register_arguments.c -- see register_arguments.h. One table has a row per verb: what it is
 * called, its arguments, its options and its help; argp does the rest. */
#include "register_arguments.h"

#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

#define NUMBER_MAX ((UINT64_C(1) << 62) - 1)

enum { OPTION_VER = 0x300, OPTION_FROM, OPTION_LIMIT };

static const struct argp_option set_options[] = {
    {"ver", OPTION_VER, "N", 0, "Set version N, which is then set for ever (default: the next)", 1},
    {0},
};

static const struct argp_option get_options[] = {
    {"ver", OPTION_VER, "N", 0, "Version N (default: the latest)", 1},
    {"no-newline", 'n', 0, 0, "The value byte for byte, with no newline behind it", 1},
    {0},
};

static const struct argp_option history_options[] = {
    {"from", OPTION_FROM, "N", 0, "Versions from N on", 1},
    {"limit", OPTION_LIMIT, "N", 0, "At most N versions", 1},
    {0},
};

static const struct argp_option compact_options[] = {
    {"ver", OPTION_VER, "N", 0, "The oldest version to keep", 1},
    {0},
};

static const struct verb {
    const char *word, *command, *arguments;
    enum register_verb verb;
    unsigned words_min, words_max; /* behind the verb */
    const struct argp_option *options;
    const char *doc;
} verbs[] = {
    {"set", "decree register set", "KEY [VALUE|-]", REGISTER_SET, 1, 2, set_options,
     "Sets a version of the register KEY and prints which. Without --ver that is the next one: two "
     "sets at the same time both land, in different versions.\v"
     "With VALUE - or without VALUE, the value is read from standard input, to its end, byte for "
     "byte. Versions count from 0. A version that has the same value already is no failure; "
     "another value is (exit status 1).\n\n"
     "Examples:\n"
     "  decree register set color red\n"
     "  decree register set color blue --ver 7\n"
     "  decree register set photo - < photo.png"},
    {"get", "decree register get", "KEY", REGISTER_GET, 1, 1, get_options,
     "Prints the latest value of the register KEY, or that of one version.\v"
     "What is not there is a failure (exit status 1), and so is what is compacted.\n\n"
     "Examples:\n"
     "  decree register get color\n"
     "  decree register get color --ver 0\n"
     "  decree register get photo -n > photo.png"},
    {"cas", "decree register cas", "KEY EXPECTED [VALUE|-]", REGISTER_CAS, 2, 3, NULL,
     "Sets the next version of the register KEY, if EXPECTED is the number of its latest; with the "
     "word none, if it has no version yet. Prints which version was set.\v"
     "When the latest is another one, nothing is set, and the exit status is 1.\n\n"
     "Examples:\n"
     "  decree register cas lock none me\n"
     "  decree register cas color 3 green"},
    {"history", "decree register history", "KEY", REGISTER_HISTORY, 1, 1, history_options,
     "Prints the versions of the register KEY that are kept, oldest first: a line each, the number "
     "and the value.\v"
     "Examples:\n"
     "  decree register history color\n"
     "  decree register history color --from 5 --limit 10 --json"},
    {"compact", "decree register compact", "KEY --ver N", REGISTER_COMPACT, 1, 1, compact_options,
     "Lets go of the versions of the register KEY below N; the latest always stays. It may be done "
     "while others read.\v"
     "To keep only so many versions of every register, see --register-versions of `decree serve`."
     "\n\n"
     "Examples:\n"
     "  decree register compact color --ver 5"},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char overview[] =
    "Usage: decree register set|get|cas|history|compact KEY ... [OPTION...]\n"
    "A register is a key with a history of versions, numbered from 0; each version is\n"
    "chosen once, by a round of Paxos of its own. There is no leader and no election:\n"
    "any member serves it, and goes on at once when others die or hang.\n"
    "\n"
    "  set KEY [VALUE|-]           set the next version, or that of --ver N\n"
    "  get KEY                     the latest value, or that of --ver N\n"
    "  cas KEY EXPECTED [VALUE|-]  set the next version if EXPECTED is the latest\n"
    "  history KEY                 all versions that are kept\n"
    "  compact KEY --ver N         let go of the versions below N\n"
    "\n"
    "Registers and the keys of `decree put` are different things. paxoskv's clients\n"
    "see the same registers, if the value is a number. They are printed as simple or\n"
    "json alone.\n"
    "\n"
    "Examples:\n"
    "  decree register set color red\n"
    "  decree register set color blue --ver 7\n"
    "  decree register get color\n"
    "  decree register cas color 7 green\n"
    "  decree register history color --json\n"
    "\n"
    "`decree register set --help` tells all about one of them.\n";

static void parse_expected(const char *text, struct register_arguments *arguments,
                           struct argp_state *state)
{
    arguments->has_version = strcmp(text, "none") != 0;
    if (arguments->has_version)
        arguments->version = number_argument(text, "the version expected", 0, NUMBER_MAX, state);
}

static const struct verb *verb_of(const struct register_arguments *arguments)
{
    assert(arguments->verb >= REGISTER_SET);
    assert(arguments->verb <= REGISTER_COMPACT);
    return &verbs[arguments->verb - REGISTER_SET];
}

static void take_word(struct register_arguments *arguments, char *word, struct argp_state *state)
{
    unsigned number = state->arg_num;

    if (number >= verb_of(arguments)->words_max)
        argp_error(state, "too many arguments: '%s'; a value with spaces needs quotes", word);
    else if (number == 0)
        arguments->key = word;
    else if (arguments->verb == REGISTER_CAS && number == 1)
        parse_expected(word, arguments, state);
    else
        arguments->value = word;
}

static void check(const struct register_arguments *arguments, struct argp_state *state)
{
    if (state->arg_num == 0)
        argp_error(state, "the key is missing");
    else if (arguments->key[0] == '\0')
        argp_error(state, "the key is empty");
    else if (state->arg_num < verb_of(arguments)->words_min)
        argp_error(state, "the version expected is missing: its number, or none");
    else if (arguments->verb == REGISTER_COMPACT && !arguments->has_version)
        argp_error(state, "say with --ver which version is the oldest to keep");
    else if (arguments->settings.format > OUTPUT_JSON)
        argp_error(state, "registers are printed as simple or json");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct register_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_VER:
        arguments->has_version = true;
        arguments->version = number_argument(argument, "--ver", 0, NUMBER_MAX, state);
        return 0;
    case OPTION_FROM:
        arguments->from = number_argument(argument, "--from", 0, NUMBER_MAX, state);
        return 0;
    case OPTION_LIMIT:
        arguments->limit = (uint32_t)number_argument(argument, "--limit", 0, UINT32_MAX - 1, state);
        return 0;
    case 'n':
        arguments->no_newline = true;
        return 0;
    case ARGP_KEY_ARG:
        take_word(arguments, argument, state);
        return 0;
    case ARGP_KEY_END:
        check(arguments, state);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct verb *find_verb(const char *word)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].word, word) == 0)
            return &verbs[i];
    return NULL;
}

void register_parse(int argc, char **argv, struct register_arguments *ret_arguments)
{
    const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
    struct argp argp = {NULL, parse_option, NULL, NULL, client_options_alone, NULL, NULL};

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0)) {
        fputs(overview, stdout);
        exit(EXIT_OK);
    }
    if (verb == NULL) {
        if (argc > 1)
            fprintf(stderr, "decree register: there is no '%s'; ", argv[1]);
        else
            fprintf(stderr, "decree register: say what: ");
        fprintf(stderr, "set, get, cas, history or compact come first, then the key; "
                        "`decree register --help` tells more\n");
        exit(EXIT_USAGE);
    }
    *ret_arguments = (struct register_arguments){.verb = verb->verb, .command = verb->command};
    argp.options = verb->options;
    argp.args_doc = verb->arguments;
    argp.doc = verb->doc;
    client_parse(&argp, verb->command, argc - 1, argv + 1, ret_arguments);
}
