/* SPDX-License-Identifier: MIT */
/* synod_arguments.c -- reading the flags. They are long ones that may begin with one dash, as Go's
 * flag package has them, so there are no short ones. */
#include "synod_arguments.h"

#include <argp.h>
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"

#define SELF_DEFAULT ":5001"
#define KIND_DEFAULT PEER_NETWORK_HTTP
#define TIMEOUT_S_DEFAULT 3.0
#define TIMEOUT_S_MAX 86400.0

struct given {
    struct synod_arguments *arguments;
    const char *self, *others;
    uint32_t prepare_quorum, vote_quorum;
    int error;
    char *sentence;
};

enum option_key {
    KEY_KIND = 0x100,
    KEY_SELF,
    KEY_OTHERS,
    KEY_PATH,
    KEY_PREPARE,
    KEY_VOTE,
    KEY_FIRST,
    KEY_TIMEOUT,
    KEY_QUIET,
    KEY_JSON,
    KEY_EXIT
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Who and where:", 1},
    {"self", KEY_SELF, "[HOST]:PORT", 0,
     "This node's address; the others must know it by the same one. Without a host it is "
     "127.0.0.1 (" SELF_DEFAULT ")",
     1},
    {"others", KEY_OTHERS, "[HOST]:PORT,...", 0,
     "The other nodes' addresses, in any order (none: it decides alone)", 1},
    {"kind", KEY_KIND, "http|grpc|tcp", 0, "How they talk (http)", 1},
    {"path", KEY_PATH, "DIR", 0,
     "Where promise, vote and value are kept; made if missing (storage/PORT)", 1},
    {NULL, 0, NULL, 0, "What it takes to choose, the same on every node:", 2},
    {"prepareNum", KEY_PREPARE, "N", 0,
     "Promises that a node needs before it may ask for votes (a majority)", 2},
    {"voteNum", KEY_VOTE, "N", 0,
     "Votes that choose a value (a majority); prepareNum + voteNum must be more than the number "
     "of nodes",
     2},
    {NULL, 0, NULL, 0, "What is chosen:", 3},
    {"first", KEY_FIRST, "TEXT", 0,
     "The value that this node proposes; another may win (none: it only helps)", 3},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0,
     "Time to wait for others before it proposes; 0.5 is fine (3)", 3},
    {NULL, 0, NULL, 0, "What it tells:", 4},
    {"quiet", KEY_QUIET, NULL, 0, "Print the chosen value, and nothing else", 4},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object per line", 4},
    {"exit", KEY_EXIT, NULL, 0,
     "Leave when the value is known to every node; of nodes that do not answer, after 3 seconds. "
     "Without it the node stays and tells the value to who asks",
     4},
    {0},
};

static const char doc[] =
    "Takes part in choosing one value, once: single-decree Paxos. All nodes that are told the "
    "value print the same one, whatever they proposed, whenever they started, and however often "
    "they were killed and started again with the same -path. Flags may begin with one dash or "
    "two, and have their value behind '=' or as the next word.\v"
    "Three nodes, each in a terminal of its own:\n"
    "  decree synod -self=:5001 -others=:5002,:5003 -path=storage/1 -first=1\n"
    "  decree synod -self=:5002 -others=:5001,:5003 -path=storage/2 -first=2\n"
    "  decree synod -self=:5003 -others=:5001,:5002 -path=storage/3\n"
    "The first of them with all flags:\n"
    "  decree synod -kind=http -self=:5001 -others=:5002,:5003 -path=storage/1 \\\n"
    "      -prepareNum=2 -voteNum=2 -first=1 -timeout=3\n"
    "Ask any of them for the value:\n"
    "  decree synod get :5002            (`decree synod get --help` tells more)\n"
    "  curl http://127.0.0.1:5002/value\n"
    "\n"
    "Safe quorum sizes (prepareNum,voteNum): of 3 nodes (2,2); of 5 nodes (3,3), (2,4) and (4,2).\n"
    "\n"
    "Exit status: 0 stopped when told to, or the value is known; 1 stopped by a signal before --exit "
    "had the value; 64 the command line makes no sense; 74 the port or the disk failed; 75 another "
    "process uses the path; 78 the quorum sizes are unsafe, or the path belongs to another synod "
    "or is damaged.";

const char *synod_kind_name(enum peer_network kind)
{
    switch (kind) {
    case PEER_NETWORK_HTTP:
        return "http";
    case PEER_NETWORK_GRPC:
        return "grpc";
    case PEER_NETWORK_TCP:
        return "tcp";
    }
    return "?";
}

/* Keeps the first complaint. */
__attribute__((format(printf, 2, 3))) static void complain(struct given *given, const char *format,
                                                           ...)
{
    va_list arguments;

    if (given->error != 0)
        return;
    given->error = DECREE_INVALID;
    va_start(arguments, format);
    vsnprintf(given->sentence, SENTENCE_BYTES, format, arguments);
    va_end(arguments);
}

static uint32_t parse_quorum(struct given *given, const char *flag, const char *text)
{
    uint64_t number = 0;

    if (!number_parse(text, 1, UINT16_MAX, &number))
        complain(given, "-%s is a number of nodes, from 1, not '%.64s'", flag, text);
    return (uint32_t)number;
}

static void parse_timeout(struct given *given, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > TIMEOUT_S_MAX)
        complain(given, "-timeout is a number of seconds such as 3 or 0.5, not '%.64s'", text);
    else
        given->arguments->timeout_ns = (uint64_t)(seconds * 1e9);
}

static void parse_first(struct given *given, const char *text)
{
    if (text[0] == '\0')
        complain(given, "-first is empty; leave it out on a node that only helps");
    else if (strlen(text) > SYNOD_VALUE_BYTES_MAX)
        complain(given, "-first has more than %u bytes", SYNOD_VALUE_BYTES_MAX);
    given->arguments->first = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct given *given = state->input;
    struct synod_arguments *arguments = given->arguments;

    switch (key) {
    case KEY_KIND:
        arguments->kind = peer_network_find(text);
        if (arguments->kind == 0)
            complain(given, "-kind is http, grpc or tcp, not '%.64s'", text);
        return 0;
    case KEY_SELF:
        given->self = text;
        return 0;
    case KEY_OTHERS:
        given->others = text;
        return 0;
    case KEY_PATH:
        arguments->path = text;
        if (text[0] == '\0')
            complain(given, "-path is empty; give it a directory to keep the state in");
        return 0;
    case KEY_PREPARE:
        given->prepare_quorum = parse_quorum(given, "prepareNum", text);
        return 0;
    case KEY_VOTE:
        given->vote_quorum = parse_quorum(given, "voteNum", text);
        return 0;
    case KEY_FIRST:
        parse_first(given, text);
        return 0;
    case KEY_TIMEOUT:
        parse_timeout(given, text);
        return 0;
    case KEY_QUIET:
        arguments->quiet = true;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_EXIT:
        arguments->leave = true;
        return 0;
    case ARGP_KEY_ARG:
        complain(given,
                 "'%.64s' is no flag; flags begin with '-', and a value that has spaces needs "
                 "quotes",
                 text);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};

int synod_arguments_parse(struct synod_arguments *ret_arguments, int argc, char **argv,
                          unsigned argp_flags, char *sentence)
{
    struct synod_arguments *arguments = ret_arguments;
    struct given given = {.arguments = arguments, .self = SELF_DEFAULT, .sentence = sentence};

    assert(argc >= 1);
    sentence[0] = '\0';
    *arguments = (struct synod_arguments){.kind = KIND_DEFAULT,
                                          .timeout_ns = (uint64_t)(TIMEOUT_S_DEFAULT * 1e9)};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, argp_flags | ARGP_LONG_ONLY, NULL, &given) != 0)
        return DECREE_INVALID;
    if (given.error == 0)
        given.error = synod_spec_parse(&arguments->spec, given.self, given.others,
                                       given.prepare_quorum, given.vote_quorum, sentence);
    if (given.error == 0 && arguments->quiet && arguments->json)
        complain(&given, "--quiet and --json do not go together");
    if (given.error == 0 && arguments->path == NULL) {
        snprintf(arguments->default_path, sizeof(arguments->default_path), "storage/%u",
                 (unsigned)arguments->spec.members[arguments->spec.self - 1].port);
        arguments->path = arguments->default_path;
    }
    return given.error;
}
