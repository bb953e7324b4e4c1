/* SPDX-License-Identifier: MIT */
/* serve_arguments.c -- see serve_arguments.h.
 *
 * argp reads all of it: decree's own options stand here, those of etcd come from its table. What argp
 * does not know of Go's flags is that one dash is as good as two; so such words get the second one
 * before.
 */
#include "serve_arguments.h"

#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "etcd_config_file.h"
#include "exit_status.h"

#define LISTEN_DEFAULT "127.0.0.1:2379"
#define PEERS_DEFAULT "127.0.0.1:2380"
#define DATA_DEFAULT "decree.data"
#define TOKEN_DEFAULT "decree"
#define MS_MAX 3600000u
#define ETCD_GROUP 5

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
    KEY_FAILPOINTS,
    KEY_ETCD = 0x1000 /* and what follows: the flags of etcd */
};

static const struct argp_option own_options[] = {
    {NULL, 0, NULL, 0, "Who and where:", 1},
    {"name", KEY_NAME, "NAME", 0, "This member's name in --cluster (n1)", 1},
    {"cluster", KEY_CLUSTER, "NAME=HOST:PORT,...", 0,
     "All members, this one too, with the addresses where they talk to each other; the same list, in the same order, "
     "on every member (this one alone, on " PEERS_DEFAULT ")",
     1},
    {"cluster-token", KEY_TOKEN, "WORD", 0,
     "Members with another token are refused (" TOKEN_DEFAULT ")", 1},
    {"listen", KEY_LISTEN, "HOST:PORT,...", 0,
     "Where clients connect; port 0 takes a free one, which the line 'ready' names (" LISTEN_DEFAULT
     ")",
     1},
    {"log-listen", KEY_LOG_LISTEN, "HOST:PORT", 0,
     "Where the ordered log is served, line by line, as by `decree log`; every member keeps it, and those that are "
     "told so serve it (nowhere)",
     1},
    {"data", KEY_DATA, "DIR", 0, "The journal; made if missing (./" DATA_DEFAULT ")", 1},
    {"transport", KEY_TRANSPORT, "tcp|http|grpc", 0,
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
    {"log-level", KEY_LOG_LEVEL, "debug|info|warn|error", 0, "How much it tells (info)", 3},
    {"log-format", KEY_LOG_FORMAT, "FORMAT", 0,
     "text or json, one line per event on standard error (text)", 3},
    {NULL, 0, NULL, 0, "To see it fail:", 4},
    {"failpoints", KEY_FAILPOINTS, "HOST:PORT", 0,
     "Open a port, on a loopback address, where this member can be told to stop as by a crash: before or after it sends "
     "p1a, p1b, p2a, p2b or a decision, or writes or syncs its journal. telnet there and say help (off)",
     4},
    {NULL, 0, NULL, 0,
     "The flags of etcd, so that what starts an etcd starts decree. All others of etcd are known too: without effect, "
     "and the log says why, or refused. Each is also a variable, ETCD_NAME and so on; the flag wins:",
     5},
};

#define OWN_COUNT (sizeof(own_options) / sizeof(own_options[0]))
#define ALL_COUNT (OWN_COUNT + ETCD_FLAG_COUNT + 1)

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
    "As etcd, also under that name, through a link to this program:\n"
    "  ln -s decree etcd\n"
    "  ./etcd --name n1 --auto-compaction-retention 1h\n"
    "\n"
    "Exit status: 0 stopped when told to; 64 the command line makes no sense; 74 a port or the disk failed; 75 another "
    "process uses the data directory; 78 the quorums are unsafe, or the data belong to another cluster or member, or "
    "are damaged.";

static void take_flag(struct argp_state *state, enum etcd_flag flag, const char *value)
{
    struct serve_arguments *arguments = state->input;
    char sentence[SENTENCE_BYTES];

    if (etcd_flags_set(&arguments->etcd, flag, value, sentence) != 0)
        argp_error(state, "%s", sentence);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct serve_arguments *arguments = state->input;

    switch (key) {
    case KEY_NAME:
        take_flag(state, ETCD_FLAG_NAME, argument);
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
        arguments->prepare_quorum = (uint32_t)number_argument(argument, "--prepare-quorum", 1,
                                                              DECREE_MEMBERS_MAX, state);
        return 0;
    case KEY_VOTE_QUORUM:
        arguments->vote_quorum = (uint32_t)number_argument(argument, "--vote-quorum", 1,
                                                           DECREE_MEMBERS_MAX, state);
        return 0;
    case KEY_HEARTBEAT_MS:
        arguments->heartbeat_ms = (uint32_t)number_argument(argument, "--heartbeat-ms", 1, MS_MAX,
                                                            state);
        return 0;
    case KEY_ELECTION_MS:
        arguments->election_ms = (uint32_t)number_argument(argument, "--election-ms", 1, MS_MAX,
                                                           state);
        return 0;
    case KEY_REGISTER_VERSIONS:
        arguments->register_versions = (uint32_t)number_argument(argument, "--register-versions", 1,
                                                                 UINT32_MAX, state);
        return 0;
    case KEY_QUOTA:
        take_flag(state, ETCD_FLAG_QUOTA_BACKEND_BYTES, argument);
        return 0;
    case KEY_LOG_LEVEL:
        take_flag(state, ETCD_FLAG_LOG_LEVEL, argument);
        return 0;
    case KEY_LOG_LISTEN:
        arguments->log = argument;
        return 0;
    case KEY_FAILPOINTS:
        arguments->failpoints = argument;
        return 0;
    case KEY_LOG_FORMAT:
        take_flag(state, ETCD_FLAG_LOG_FORMAT, argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "serve takes options only: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        if (key < KEY_ETCD || key >= KEY_ETCD + ETCD_FLAG_COUNT)
            return ARGP_ERR_UNKNOWN;
        take_flag(state, (enum etcd_flag)(key - KEY_ETCD), argument);
        return 0;
    }
}

/* ---- both tables in one ---- */

static bool is_own(const char *name)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (own_options[i].name != NULL && strcmp(own_options[i].name, name) == 0)
            return true;
    return false;
}

static struct argp_option option_of(enum etcd_flag flag)
{
    const struct etcd_flag_row *row = &etcd_flag_rows[flag];
    bool is_switch = row->kind == ETCD_FLAG_SWITCH;

    return (struct argp_option){.name = row->name,
                                .key = KEY_ETCD + (int)flag,
                                .arg = row->word != NULL ? row->word : "VALUE",
                                .flags = (is_switch ? OPTION_ARG_OPTIONAL : 0) |
                                         (row->word == NULL ? OPTION_HIDDEN : 0),
                                .doc = row->help,
                                .group = ETCD_GROUP};
}

static void list_options(struct argp_option *all)
{
    size_t count = OWN_COUNT;

    memcpy(all, own_options, sizeof(own_options));
    for (enum etcd_flag flag = 0; flag < ETCD_FLAG_COUNT; flag++)
        if (!is_own(etcd_flag_rows[flag].name))
            all[count++] = option_of(flag);
    all[count] = (struct argp_option){0};
    assert(count < ALL_COUNT);
}

/* "-name=n1" becomes "--name=n1" if there is a flag of that name. NULL: there is no memory. */
static char *with_two_dashes(char *word)
{
    char *longer;

    if (word[0] != '-' || word[1] == '-' ||
        etcd_flags_find(word + 1, strcspn(word + 1, "=")) == ETCD_FLAG_COUNT)
        return word;
    longer = malloc(strlen(word) + 2);
    if (longer == NULL)
        return NULL;
    longer[0] = '-';
    memcpy(longer + 1, word, strlen(word) + 1);
    return longer; /* lives as long as the process, as argv does */
}

void serve_arguments_parse(struct serve_arguments *arguments, const char *command, int argc,
                           char **argv)
{
    struct argp_option all[ALL_COUNT];
    struct argp argp = {all, parse_option, NULL, doc, NULL, NULL, NULL};
    char sentence[SENTENCE_BYTES];
    int error;

    list_options(all);
    for (int i = 1; i < argc; i++) {
        argv[i] = with_two_dashes(argv[i]);
        if (argv[i] == NULL) {
            fprintf(stderr, "%s: there is no memory\n", command);
            exit(EXIT_FAILED);
        }
    }
    client_parse(&argp, command, argc, argv, arguments);
    error = etcd_flags_set_from_environment(&arguments->etcd, sentence);
    if (error == 0 && etcd_flags_given(&arguments->etcd, ETCD_FLAG_CONFIG_FILE)) {
        arguments->config_file = arguments->etcd.values[ETCD_FLAG_CONFIG_FILE];
        error = etcd_config_file_read(&arguments->etcd, arguments->config_file, sentence);
    }
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", command, sentence);
        exit(exit_status(error));
    }
}
