/* SPDX-License-Identifier: MIT */
/* synod_get.c -- decree synod get ADDRESS: the flags, the tries, and the value on stdout.
 *
 * A node's kind need not be said: all answer GET /value, which is tried first; then the call of gRPC
 * is, for what stands between and speaks HTTP/2 only.
 */
#include "synod_get.h"

#include <argp.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "client_options.h"
#include "commands.h"
#include "output.h"
#include "synod_arguments.h"
#include "synod_ask.h"
#include "synod_lines.h"

#define TIMEOUT_MS_DEFAULT 5000u
#define TRY_MS 2000u  /* one try, when there is time for more */
#define AGAIN_MS 100u /* between two */
#define FOREVER_MS UINT64_MAX

struct get {
    const char *address;
    enum peer_network kind; /* 0: to be found out */
    uint64_t timeout_ms;    /* 0: not said */
    bool wait, json;
};

enum option_key { KEY_KIND = 0x100, KEY_WAIT, KEY_TIMEOUT, KEY_JSON };

static const struct argp_option options[] = {
    {"kind", KEY_KIND, "http|grpc|tcp", 0, "How the node talks (it finds out)", 1},
    {"wait", KEY_WAIT, NULL, 0, "Until the node is up and knows of a chosen value", 1},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     "Give up after this: 5s, 500ms, 1m (5s; with --wait, never)", 1},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 1},
    {0},
};

static const char doc[] =
    "Asks a node of `decree synod` for the value that was chosen, and prints it.\v"
    "  decree synod get :5001\n"
    "  decree synod get 10.0.0.7:5001 --wait --timeout 1m\n"
    "\n"
    "Nodes answer curl too: curl http://127.0.0.1:5001/value\n"
    "\n"
    "Exit status: 0 the value was printed; 1 the node does not know of a chosen value yet; 64 the "
    "command line makes no sense; 69 no node could be reached there, or none answered in time.";

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct get *get = state->input;

    switch (key) {
    case KEY_KIND:
        get->kind = peer_network_find(text);
        if (get->kind == 0)
            argp_error(state, "--kind is http, grpc or tcp, not '%s'", text);
        return 0;
    case KEY_WAIT:
        get->wait = true;
        return 0;
    case KEY_TIMEOUT:
        if (!duration_parse(text, &get->timeout_ms))
            argp_error(state, "'%s' is not a time such as 5s or 500ms, up to a day", text);
        return 0;
    case KEY_JSON:
        get->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (get->address != NULL)
            argp_error(state, "one address is enough: '%s'", text);
        get->address = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "whom to ask? Give a node's address, such as :5001");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, "ADDRESS", doc, NULL, NULL, NULL};

static void ask_once(const struct get *get, const struct endpoint *endpoint, uint64_t timeout_ms,
                     struct synod_answer *ret_answer)
{
    if (get->kind != PEER_NETWORK_GRPC)
        synod_ask_http(ret_answer, endpoint, timeout_ms);
    if (get->kind == PEER_NETWORK_GRPC ||
        (get->kind == 0 && ret_answer->outcome == SYNOD_OUTCOME_STRANGE))
        synod_ask_grpc(ret_answer, endpoint, timeout_ms);
}

/* Asks until there is nothing to be hoped for, or no time. */
static void ask(const struct get *get, const struct endpoint *endpoint,
                struct synod_answer *ret_answer)
{
    uint64_t limit_ms = get->timeout_ms != 0 ? get->timeout_ms
                        : get->wait          ? FOREVER_MS
                                             : TIMEOUT_MS_DEFAULT;
    uint64_t began_ms = uv_hrtime() / 1000000;

    for (;;) {
        uint64_t passed_ms = uv_hrtime() / 1000000 - began_ms;
        uint64_t left_ms = limit_ms > passed_ms ? limit_ms - passed_ms : 1;
        bool more = get->wait && left_ms > AGAIN_MS;

        ask_once(get, endpoint, more && left_ms > TRY_MS ? TRY_MS : left_ms, ret_answer);
        if (!more || ret_answer->outcome == SYNOD_OUTCOME_VALUE)
            return;
        synod_answer_release(ret_answer);
        uv_sleep(AGAIN_MS);
    }
}

static int report(const struct get *get, const struct synod_answer *answer)
{
    switch (answer->outcome) {
    case SYNOD_OUTCOME_VALUE:
        if (get->json)
            synod_print_value_json(answer->value, answer->size);
        else
            output_line(answer->value, answer->size);
        return output_finish();
    case SYNOD_OUTCOME_NOT_YET:
        fprintf(stderr, "decree synod get: %s: not chosen yet%s\n", get->address,
                get->wait ? "" : "; --wait waits for it");
        return EXIT_FAILED;
    case SYNOD_OUTCOME_STRANGE:
        fprintf(stderr, "decree synod get: %s: no node of `decree synod`, or of another kind: %s\n",
                get->address, answer->reason);
        return EXIT_UNAVAILABLE;
    case SYNOD_OUTCOME_UNREACHABLE:
        fprintf(stderr, "decree synod get: %s: %s\n", get->address, answer->reason);
        return EXIT_UNAVAILABLE;
    }
    return EXIT_FAILED;
}

int synod_get(int argc, char **argv)
{
    static char command[] = "decree synod get";
    struct get get = {.address = NULL};
    struct synod_member node;
    struct endpoints endpoints;
    struct synod_answer answer = {.outcome = 0};
    const char *reason;
    char sentence[SENTENCE_BYTES], text[SYNOD_NAME_BYTES + 16];
    int status;

    argp_err_exit_status = EXIT_USAGE;
    argv[0] = command;
    argp_parse(&argp, argc, argv, ARGP_LONG_ONLY, NULL, &get);
    assert(get.address != NULL);
    if (synod_address_parse(&node, get.address, sentence) != 0) {
        fprintf(stderr, "decree synod get: %s\n", sentence);
        return EXIT_USAGE;
    }
    snprintf(text, sizeof(text), strchr(node.host, ':') != NULL ? "[%s]:%u" : "%s:%u", node.host,
             (unsigned)node.port);
    if (endpoints_parse(text, &endpoints, &reason) != 0) {
        fprintf(stderr, "decree synod get: %s: %s\n", get.address, reason);
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    ask(&get, &endpoints.items[0], &answer);
    status = report(&get, &answer);
    synod_answer_release(&answer);
    return status;
}
