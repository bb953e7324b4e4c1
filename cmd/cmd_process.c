/* SPDX-License-Identifier: MIT */
/* cmd_process.c -- decree process: the command line of one process of the chat log. */
#include <argp.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "client_options.h"
#include "commands.h"
#include "exit_status.h"
#include "logger_stderr.h"
#include "process_server.h"

enum option_key { KEY_DIR = 'd', KEY_ANY_PORT = 0x100, KEY_PARENT, KEY_LOG_LEVEL };

struct process_arguments {
    struct process_options process;
    const char *folder;
    enum decree_log_level level;
    pid_t parent;
    unsigned given;
};

static const struct argp_option options[] = {
    {"dir", KEY_DIR, "DIR", 0,
     "The folder in which the processes find each other and keep their data; made if missing "
     "(./" RUN_FOLDER_DEFAULT ", or what " RUN_FOLDER_VARIABLE " says)",
     0},
    {"any-port", KEY_ANY_PORT, NULL, 0,
     "If PORT is taken, listen on a free one, which the line 'ready' names", 0},
    {"parent", KEY_PARENT, "PID", 0, "End at once when this process, which started it, ends", 0},
    {"log-level", KEY_LOG_LEVEL, "debug|info|warn|error", 0, "How much it tells (warn)", 0},
    {0},
};

static const char doc[] =
    "Runs process ID of N, 0 to N - 1, of a replicated chat log: replica, leader and acceptor in one, as in \"Paxos "
    "Made Moderately Complex\". A master talks to it on PORT of this machine, in lines; 0 takes a free port. The "
    "processes find each other through a folder, in which each also keeps its journal: one that is started again "
    "comes back from its disk and its peers. It runs in the foreground, prints a line that begins with 'ready' when the "
    "port answers, and ends on SIGTERM or Ctrl-C.\v"
    "Three of them, and a master by hand:\n"
    "  decree process 0 3 10000 &\n"
    "  decree process 1 3 10001 &\n"
    "  decree process 2 3 10002 &\n"
    "  telnet 127.0.0.1 10000\n"
    "    msg 1 hello             put a text into the log, under a name of your own\n"
    "    7-ack 1 1               in slot 1; each answer begins with its length\n"
    "    msg 2 hello             a text is entered once\n"
    "    7-ack 2 1\n"
    "    get chatLog             the texts in order\n"
    "    13-chatLog hello\n"
    "    crashP2a 1              ask only process 1 for the next vote, and stop\n"
    "    msg 3 world\n"
    "  decree stopall\n"
    "\n"
    "The other crashes: crash, crashAfterP1b, crashAfterP2b, crashP1a [IDS], crashDecision [IDS]. `decree master` "
    "drives processes from a script.";

static void take_argument(struct process_arguments *arguments, const char *text,
                          struct argp_state *state)
{
    switch (arguments->given++) {
    case 0:
        arguments->process.id = (uint32_t)number_argument(text, "ID", 0, DECREE_MEMBERS_MAX - 1,
                                                          state);
        return;
    case 1:
        arguments->process.count = (uint32_t)number_argument(text, "N", 1, DECREE_MEMBERS_MAX,
                                                             state);
        return;
    case 2:
        arguments->process.port = (uint16_t)number_argument(text, "PORT", 0, UINT16_MAX, state);
        return;
    default: /* a number, not an enum */
        argp_error(state, "more than ID, N and PORT: '%s'", text);
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct process_arguments *arguments = state->input;

    switch (key) {
    case KEY_DIR:
        arguments->folder = argument;
        return 0;
    case KEY_ANY_PORT:
        arguments->process.any_port = true;
        return 0;
    case KEY_PARENT:
        arguments->parent = (pid_t)number_argument(argument, "--parent", 1, INT32_MAX, state);
        return 0;
    case KEY_LOG_LEVEL:
        arguments->level = log_level_find(argument);
        if (arguments->level == 0)
            argp_error(state, "--log-level must be debug, info, warn or error, not '%s'", argument);
        return 0;
    case ARGP_KEY_ARG:
        take_argument(arguments, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->given < 3)
            argp_error(state,
                       "it takes three numbers, ID, N and PORT, such as: decree process 0 3 10000");
        if (arguments->process.id >= arguments->process.count)
            argp_error(state, "the ID of one of %u is a number from 0 to %u, not %u",
                       arguments->process.count, arguments->process.count - 1,
                       arguments->process.id);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, "ID N PORT", doc, NULL, NULL, NULL};

/* False: it has ended already. */
static bool follow_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == parent;
}

int cmd_process(int argc, char **argv)
{
    struct process_arguments arguments = {.level = DECREE_LOG_WARN};
    struct logger_stderr logger;
    char sentence[SENTENCE_BYTES];
    int error;

    client_parse(&argp, "decree process", argc, argv, &arguments);
    if (arguments.parent != 0 && !follow_parent(arguments.parent))
        return EXIT_FAILED;
    logger_stderr_init(&logger, arguments.level, LOG_FORMAT_TEXT);
    arguments.process.folder = run_folder_name(arguments.folder);
    arguments.process.logger = &logger.logger;
    error = process_run(&arguments.process, sentence);
    if (error == 0)
        return EXIT_OK;
    assert(sentence[0] != '\0');
    fprintf(stderr, "decree process: %s\n", sentence);
    return exit_status(error);
}
