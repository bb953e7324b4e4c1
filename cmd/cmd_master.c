/* SPDX-License-Identifier: MIT */
/* cmd_master.c -- decree master: the command line. */
#include <argp.h>
#include <stddef.h>

#include "client_options.h"
#include "commands.h"
#include "master.h"

#define PATIENCE_MS 60000u

enum option_key { KEY_DIR = 'd', KEY_KEEP = 'k', KEY_QUIET = 'q', KEY_TIMEOUT = 't' };

static const struct argp_option options[] = {
    {"dir", KEY_DIR, "DIR", 0,
     "Where the processes keep their data (a fresh folder, removed when the script has played well)",
     0},
    {"keep", KEY_KEEP, NULL, 0, "Leave the fresh folder, and say where it is", 0},
    {"quiet", KEY_QUIET, NULL, 0, "Tell of nothing but logs and mistakes", 0},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     "How long a line may take, such as 90s or 2m; then the script has failed (60s)", 0},
    {0},
};

static const char doc[] =
    "Plays a script, from a file or from standard input: starts processes of a replicated chat log, gives them messages, "
    "crashes them where it hurts, and prints their logs, one on a line. Everything else that there is to tell goes to "
    "standard error. A line is done when what it asks for has happened, so a script needs no pauses; at the end all "
    "processes end.\v"
    "The lines of a script; ID counts from 0, N is how many processes there are:\n"
    "  ID start N PORT        run it on PORT (0: any); also after a crash\n"
    "  ID msg NAME TEXT       give it a text; NAME is what its ack will say\n"
    "  -1 waitForAck NAME     until that text is in the log\n"
    "  ID get chatLog         print its log, as a,b,c, with all that was acked\n"
    "  ID crash               it stops, now; its journal stays\n"
    "  ID crashAfterP1b       ... after its next promise\n"
    "  ID crashAfterP2b       ... after its next vote\n"
    "  ID crashP1a [IDS]      ... when it asks for promises, and only these\n"
    "  ID crashP2a [IDS]      ... when it asks for votes, and only these\n"
    "  ID crashDecision [IDS] ... when it has decided, having told only these\n"
    "  exit                   the end; # begins a comment\n"
    "\n"
    "A process that dies between its votes and the telling:\n"
    "  $ decree master << END\n"
    "  0 start 3 0\n"
    "  1 start 3 0\n"
    "  2 start 3 0\n"
    "  0 msg 1 hello\n"
    "  -1 waitForAck 1\n"
    "  1 crashDecision   # nobody is to be told\n"
    "  1 msg 2 world\n"
    "  0 get chatLog     # the votes are there, and nobody knows of them\n"
    "  2 msg 3 again\n"
    "  -1 waitForAck 3\n"
    "  0 get chatLog     # who spoke next has found them\n"
    "  END\n"
    "  line 7: process 1 has crashed, as line 6 said\n"
    "  hello\n"
    "  hello,world,again\n"
    "\n"
    "A message whose process is gone is given to another by waitForAck; a text is never entered twice. While fewer than "
    "a majority run, waitForAck is put off until a later start.\n"
    "Exit status: 0 all went well; 1 a line failed, and standard error says which and why; 64 the command line makes no "
    "sense.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct master_options *master = state->input;

    switch (key) {
    case KEY_DIR:
        master->folder = argument;
        return 0;
    case KEY_KEEP:
        master->keep = true;
        return 0;
    case KEY_QUIET:
        master->quiet = true;
        return 0;
    case KEY_TIMEOUT:
        if (!duration_parse(argument, &master->patience_ms))
            argp_error(state, "--timeout is a time such as 90s, 500ms or 2m, not '%s'", argument);
        return 0;
    case ARGP_KEY_ARG:
        if (master->script != NULL)
            argp_error(state, "more than one script: '%s'", argument);
        master->script = argument;
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, "[SCRIPT]", doc, NULL, NULL, NULL};

int cmd_master(int argc, char **argv)
{
    struct master_options options_given = {.patience_ms = PATIENCE_MS};

    client_parse(&argp, "decree master", argc, argv, &options_given);
    return master_run(&options_given);
}
