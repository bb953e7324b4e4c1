/* SPDX-License-Identifier: MIT */
/* cmd_log.c -- decree log: the command line of a member that serves the ordered log. */
#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "exit_status.h"
#include "log_config.h"
#include "log_member.h"
#include "logger_stderr.h"

#define TOKEN "decree-log" /* members of another kind of cluster are refused */

struct log_arguments {
    const char *config, *listen;
    enum decree_log_level level;
    enum log_format format;
};

enum option_key { KEY_LOG_LEVEL = 0x100, KEY_LOG_FORMAT };

static const struct argp_option options[] = {
    {"log-level", KEY_LOG_LEVEL, "debug|info|warn|error", 0, "How much it tells (warn)", 0},
    {"log-format", KEY_LOG_FORMAT, "FORMAT", 0,
     "text or json, one line per event on standard error (text)", 0},
    {0},
};

static const char doc[] =
    "Runs a member of a replicated, ordered log, which programs and people use over TCP, line by line: enter items, "
    "read what was entered by all, in the same order everywhere. It runs in the foreground, prints a line that begins "
    "with 'ready' on standard output when clients may come, and stops cleanly on SIGTERM or Ctrl-C.\v"
    "Three members on one machine, each with a file of its own, which differ in selfid and path:\n"
    "  {\"selfid\": 1,\n"
    "   \"groups\": [{\"id\": 1, \"ip\": \"127.0.0.1\", \"port\": 10001},\n"
    "              {\"id\": 2, \"ip\": \"127.0.0.1\", \"port\": 10002},\n"
    "              {\"id\": 3, \"ip\": \"127.0.0.1\", \"port\": 10003}],\n"
    "   \"path\": \"./data1\",\n"
    "   \"stimeout\": {\"heartbeat\": 100, \"instimeoutbase\": 200, \"instimeoutrange\": 30}}\n"
    "\n"
    "  decree log config1.json 127.0.0.1:4001\n"
    "  telnet 127.0.0.1 4001\n"
    "  PROP 1 hello\n"
    "  CHOSEN 1 1 hello\n"
    "  GET 1 10\n"
    "  ITEMS 1 1\n"
    "  ITEM 1 1 n1 hello\n"
    "\n"
    "HELP lists the commands; docs/log-protocol.md defines them, with values of any bytes. The times are milliseconds; "
    "a leader that was silent for instimeoutbase + instimeoutrange, and for five heartbeats at least, is replaced.\n"
    "\n"
    "Exit status: 0 stopped when told to; 64 the command line or the configuration makes no sense; 74 a port or the "
    "disk failed; 75 another process uses the data directory; 78 the data belong to another cluster or member, or are "
    "damaged.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct log_arguments *arguments = state->input;

    switch (key) {
    case KEY_LOG_LEVEL:
        arguments->level = log_level_find(argument);
        if (arguments->level == 0)
            argp_error(state, "--log-level must be debug, info, warn or error, not '%s'", argument);
        return 0;
    case KEY_LOG_FORMAT:
        if (strcmp(argument, "json") != 0 && strcmp(argument, "text") != 0)
            argp_error(state, "--log-format must be text or json, not '%s'", argument);
        arguments->format = argument[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->config = argument;
        else if (state->arg_num == 1)
            arguments->listen = argument;
        else
            argp_error(state, "'%s' is too much: there is a configuration, and an address",
                       argument);
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "%s is missing: decree log config.json 127.0.0.1:4001",
                       state->arg_num == 0 ? "the configuration" : "the address for clients");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, "CONFIG.json IP:PORT", doc, NULL,
                                 NULL,    NULL};

static int complain(int error, const char *sentence)
{
    assert(sentence[0] != '\0');
    fprintf(stderr, "decree log: %s\n", sentence);
    return error == DECREE_INVALID ? EXIT_USAGE : exit_status(error);
}

int cmd_log(int argc, char **argv)
{
    struct log_arguments arguments = {.level = DECREE_LOG_WARN, .format = LOG_FORMAT_TEXT};
    struct log_member_options member = {.cluster_token = TOKEN};
    struct log_config config;
    struct logger_stderr logger;
    char sentence[SENTENCE_BYTES], host[CLUSTER_HOST_BYTES];
    int error;

    client_parse(&argp, "decree log", argc, argv, &arguments);
    error = cluster_address_parse(host, &member.listen_port, arguments.listen, true, sentence);
    if (error == 0)
        error = log_config_read(&config, arguments.config, sentence);
    if (error != 0)
        return complain(error, sentence);
    logger_stderr_init(&logger, arguments.level, arguments.format);
    member.cluster = config.cluster;
    member.self = config.self;
    member.data_dir = config.path;
    member.listen_host = host;
    member.heartbeat_ms = config.heartbeat_ms;
    member.election_ms = config.election_ms;
    member.logger = &logger.logger;
    error = log_member_run(&member, sentence);
    return error == 0 ? EXIT_OK : complain(error, sentence);
}
