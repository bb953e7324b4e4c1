/* SPDX-License-Identifier: MIT */
/* cmd_serve.c -- decree serve: the command line of a member. */
#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "exit_status.h"
#include "failpoint_port.h"
#include "logger_stderr.h"
#include "serve.h"

#define LISTEN_DEFAULT "127.0.0.1:2379"
#define PEERS_DEFAULT "127.0.0.1:2380"
#define NAME_DEFAULT "n1"
#define DATA_DEFAULT "decree.data"
#define TOKEN_DEFAULT "decree"
#define MS_MAX 3600000u

struct serve_arguments {
    const char *name, *cluster, *listen, *data, *token, *failpoints, *log;
    uint32_t prepare_quorum, vote_quorum, heartbeat_ms, election_ms, register_versions;
    int64_t quota_bytes;
    enum peer_network network;
    enum decree_log_level level;
    enum log_format format;
};

enum option_key {
    KEY_NAME = 'n',
    KEY_CLUSTER = 'c',
    KEY_LISTEN = 'l',
    KEY_LOG_LISTEN = 0x180,
    KEY_DATA = 'd',
    KEY_TOKEN = 0x100,
    KEY_TRANSPORT,
    KEY_PREPARE_QUORUM,
    KEY_VOTE_QUORUM,
    KEY_HEARTBEAT_MS,
    KEY_ELECTION_MS,
    KEY_REGISTER_VERSIONS,
    KEY_QUOTA,
    KEY_LOG_LEVEL,
    KEY_LOG_FORMAT,
    KEY_FAILPOINTS
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Who and where:", 1},
    {"name", KEY_NAME, "NAME", 0, "This member's name in --cluster (n1)", 1},
    {"cluster", KEY_CLUSTER, "NAME=HOST:PORT,...", 0,
     "All members, this one too, with the addresses where they talk to each other; the same list, in the same order, "
     "on every member (this one alone, on " PEERS_DEFAULT ")",
     1},
    {"cluster-token", KEY_TOKEN, "WORD", 0,
     "Members with another token are refused (" TOKEN_DEFAULT ")", 1},
    {"listen", KEY_LISTEN, "HOST:PORT", 0,
     "Where clients connect; port 0 takes a free one, which the line 'ready' names (" LISTEN_DEFAULT
     ")",
     1},
    {"log-listen", KEY_LOG_LISTEN, "HOST:PORT", 0,
     "Where the ordered log is served, line by line, as by `decree log`; every member keeps it, and those that are "
     "told so serve it (nowhere)",
     1},
    {"data", KEY_DATA, "DIR", 0, "The journal; made if missing (./" DATA_DEFAULT ")", 1},
    {"transport", KEY_TRANSPORT, "KIND", 0,
     "How members talk to each other, the same on all: tcp, the fast one; http, JSON to look at; grpc, protobuf over "
     "HTTP/2 (tcp)",
     1},
    {NULL, 0, NULL, 0, "How they agree, the same on every member:", 2},
    {"prepare-quorum", KEY_PREPARE_QUORUM, "N", 0,
     "Members that must promise before one leads (a majority)", 2},
    {"vote-quorum", KEY_VOTE_QUORUM, "N", 0,
     "Members that must store a write before it is acknowledged (a majority); the two quorums together must be more "
     "than the members",
     2},
    {"heartbeat-ms", KEY_HEARTBEAT_MS, "MS", 0, "Time between signs of life (100)", 2},
    {"election-ms", KEY_ELECTION_MS, "MS", 0,
     "Silence after which another member takes the lead (1000)", 2},
    {"register-versions", KEY_REGISTER_VERSIONS, "N", 0,
     "Versions of each register to keep, see `decree register` (all)", 2},
    {"quota-backend-bytes", KEY_QUOTA, "N", 0,
     "What the store may hold; past it writes fail until room is made by a compaction and the alarm is disarmed, see "
     "`decree alarm`; 0 is the default, a negative number no bound (2147483648)",
     2},
    {NULL, 0, NULL, 0, "What it tells:", 3},
    {"log-level", KEY_LOG_LEVEL, "LEVEL", 0, "debug, info, warn or error (info)", 3},
    {"log-format", KEY_LOG_FORMAT, "FORMAT", 0,
     "text or json, one line per event on standard error (text)", 3},
    {NULL, 0, NULL, 0, "To see it fail:", 4},
    {"failpoints", KEY_FAILPOINTS, "HOST:PORT", 0,
     "Open a port, on a loopback address, where this member can be told to stop as by a crash: before or after it sends "
     "p1a, p1b, p2a, p2b or a decision, or writes or syncs its journal. telnet there and say help (off)",
     4},
    {0},
};

static const char doc[] =
    "Runs a member of a replicated key-value store that speaks the etcd v3 API. Alone, without any option, it is a "
    "store of one node. It runs in the foreground, prints a line that begins with 'ready' on standard output when "
    "clients may come, and logs to standard error. SIGTERM or Ctrl-C: it finishes what is open and exits with 0.\v"
    "A cluster of three on one machine, each in a terminal of its own:\n"
    "  C=n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003\n"
    "  decree serve --name n1 --cluster $C --listen 127.0.0.1:2379 --data ./n1\n"
    "  decree serve --name n2 --cluster $C --listen 127.0.0.1:2381 --data ./n2\n"
    "  decree serve --name n3 --cluster $C --listen 127.0.0.1:2383 --data ./n3\n"
    "\n"
    "Exit status: 0 stopped when told to; 64 the command line makes no sense; 74 a port or the disk failed; 75 another "
    "process uses the data directory; 78 the quorums are unsafe, or the data belong to another cluster or member, or "
    "are damaged.";

static uint32_t parse_number(struct argp_state *state, const char *what, const char *text,
                             uint32_t most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 || number > most)
        argp_error(state, "%s must be a number from 1 to %u, not '%s'", what, most, text);
    return (uint32_t)number;
}

static int64_t parse_quota(struct argp_state *state, const char *text)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        argp_error(state, "--quota-backend-bytes must be a number of bytes, not '%s'", text);
    return number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct serve_arguments *arguments = state->input;

    switch (key) {
    case KEY_NAME:
        arguments->name = argument;
        return 0;
    case KEY_CLUSTER:
        arguments->cluster = argument;
        return 0;
    case KEY_LISTEN:
        arguments->listen = argument;
        return 0;
    case KEY_DATA:
        arguments->data = argument;
        return 0;
    case KEY_TOKEN:
        arguments->token = argument;
        return 0;
    case KEY_TRANSPORT:
        arguments->network = peer_network_find(argument);
        if (arguments->network == 0)
            argp_error(state, "--transport must be " PEER_NETWORK_NAMES ", not '%s'", argument);
        return 0;
    case KEY_PREPARE_QUORUM:
        arguments->prepare_quorum = parse_number(state, "--prepare-quorum", argument,
                                                 DECREE_MEMBERS_MAX);
        return 0;
    case KEY_VOTE_QUORUM:
        arguments->vote_quorum = parse_number(state, "--vote-quorum", argument, DECREE_MEMBERS_MAX);
        return 0;
    case KEY_HEARTBEAT_MS:
        arguments->heartbeat_ms = parse_number(state, "--heartbeat-ms", argument, MS_MAX);
        return 0;
    case KEY_ELECTION_MS:
        arguments->election_ms = parse_number(state, "--election-ms", argument, MS_MAX);
        return 0;
    case KEY_REGISTER_VERSIONS:
        arguments->register_versions = parse_number(state, "--register-versions", argument,
                                                    UINT32_MAX);
        return 0;
    case KEY_QUOTA:
        arguments->quota_bytes = parse_quota(state, argument);
        return 0;
    case KEY_LOG_LEVEL:
        arguments->level = log_level_find(argument);
        if (arguments->level == 0)
            argp_error(state, "--log-level must be debug, info, warn or error, not '%s'", argument);
        return 0;
    case KEY_LOG_LISTEN:
        arguments->log = argument;
        return 0;
    case KEY_FAILPOINTS:
        arguments->failpoints = argument;
        return 0;
    case KEY_LOG_FORMAT:
        if (strcmp(argument, "json") != 0 && strcmp(argument, "text") != 0)
            argp_error(state, "--log-format must be text or json, not '%s'", argument);
        arguments->format = argument[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "serve takes options only: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};

static int complain(int error, const char *sentence)
{
    assert(sentence[0] != '\0');
    fprintf(stderr, "decree serve: %s\n", sentence);
    return exit_status(error);
}

/* Who is in the cluster, and which of them this is. */
static int find_self(const struct serve_arguments *arguments, struct serve_options *serve,
                     char *sentence)
{
    const char *name = arguments->name == NULL ? NAME_DEFAULT : arguments->name;
    char alone[128];
    int error;

    snprintf(alone, sizeof(alone), "%.64s=" PEERS_DEFAULT, name);
    error = cluster_spec_parse(
        &serve->cluster, arguments->cluster == NULL ? alone : arguments->cluster, false, sentence);
    if (error != 0)
        return error;
    if (arguments->name == NULL && serve->cluster.count == 1)
        name = serve->cluster.members[0].name;
    serve->self = cluster_spec_find(&serve->cluster, name);
    if (serve->self != 0)
        return 0;
    if (arguments->name == NULL)
        snprintf(sentence, SERVE_SENTENCE_BYTES,
                 "say with --name which member of the cluster this is");
    else
        snprintf(sentence, SERVE_SENTENCE_BYTES,
                 "'%.64s', the --name of this member, is not in --cluster", name);
    return DECREE_INVALID;
}

/* Where failpoints are armed, if that is wanted and safe. */
static int find_failpoints(const struct serve_arguments *arguments, struct serve_options *serve,
                           char *host, char *sentence)
{
    int error;

    if (arguments->failpoints == NULL)
        return 0;
    error = cluster_address_parse(host, &serve->failpoints_port, arguments->failpoints, true,
                                  sentence);
    if (error == 0 && !failpoint_host_is_safe(host, sentence))
        error = DECREE_INVALID;
    serve->failpoints_host = host;
    return error;
}

/* Where the ordered log is served, if it is. */
static int find_log(const struct serve_arguments *arguments, struct serve_options *serve,
                    char *host, char *sentence)
{
    if (arguments->log == NULL)
        return 0;
    serve->log_host = host;
    return cluster_address_parse(host, &serve->log_port, arguments->log, true, sentence);
}

int cmd_serve(int argc, char **argv)
{
    struct serve_arguments arguments = {.listen = LISTEN_DEFAULT,
                                        .data = DATA_DEFAULT,
                                        .token = TOKEN_DEFAULT,
                                        .level = DECREE_LOG_INFO,
                                        .format = LOG_FORMAT_TEXT};
    struct serve_options serve = {0};
    struct logger_stderr logger;
    char sentence[SERVE_SENTENCE_BYTES], host[CLUSTER_HOST_BYTES];
    char failpoints_host[CLUSTER_HOST_BYTES], log_host[CLUSTER_HOST_BYTES];
    int error;

    client_parse(&argp, "decree serve", argc, argv, &arguments);
    error = find_self(&arguments, &serve, sentence);
    if (error == 0)
        error = cluster_address_parse(host, &serve.listen_port, arguments.listen, true, sentence);
    if (error == 0)
        error = find_failpoints(&arguments, &serve, failpoints_host, sentence);
    if (error == 0)
        error = find_log(&arguments, &serve, log_host, sentence);
    if (error != 0)
        return complain(error, sentence);
    logger_stderr_init(&logger, arguments.level, arguments.format);
    serve.network = arguments.network;
    serve.cluster_token = arguments.token;
    serve.data_dir = arguments.data;
    serve.listen_host = host;
    serve.prepare_quorum = arguments.prepare_quorum;
    serve.vote_quorum = arguments.vote_quorum;
    serve.heartbeat_ms = arguments.heartbeat_ms;
    serve.election_ms = arguments.election_ms;
    serve.quota_bytes = arguments.quota_bytes;
    serve.register_versions = arguments.register_versions;
    serve.logger = &logger.logger;
    error = serve_run(&serve, sentence);
    return error == 0 ? EXIT_OK : complain(error, sentence);
}
