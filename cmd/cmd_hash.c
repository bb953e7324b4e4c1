/* SPDX-License-Identifier: MIT */
/* cmd_hash.c -- decree hash: do the members hold the same? */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client_options.h"
#include "commands.h"
#include "message_json.h"
#include "output.h"

enum { OPTION_REV = 0x300 };

struct hash_arguments {
    struct client_settings settings;
    int64_t revision;
};

static const struct argp_option options[] = {
    {"rev", OPTION_REV, "REV", 0, "The hash of all up to this revision (0: the newest)", 1},
    {0},
};

static const char doc[] =
    "Asks each of the endpoints for the hash of its store, at a revision. Members that hold the same answer the same, if "
    "they are asked for the same revision and have compacted up to the same one. An endpoint that does not answer is "
    "named on standard error.\v"
    "Examples:\n"
    "  decree hash --endpoints 127.0.0.1:2379,127.0.0.1:2381,127.0.0.1:2383 --rev 1000\n"
    "  decree hash --json\n\n"
    "A line has the endpoint, the hash, the revision, and the revision of the last compaction (-1: there was none).\n\n"
    "Exit status: 0 all answered; 1 one refused; 64 the command line makes no sense; 69 one did not answer.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct hash_arguments *arguments = state->input;
    char *end;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_REV:
        errno = 0;
        arguments->revision = strtoll(argument, &end, 10);
        if (argument[0] < '0' || argument[0] > '9' || *end != '\0' || errno != 0)
            argp_error(state, "a revision is a number, not '%s'", argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "hash takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

/* As etcdctl has it: [{"Endpoint": ..., "HashKV": {...}}, ...] */
static void print_json(const char *before, const char *endpoint,
                       const Etcdserverpb__HashKVResponse *response)
{
    printf("%s{\"Endpoint\":", before);
    string_json_print(stdout, endpoint);
    printf(",\"HashKV\":");
    message_json_print(stdout, &response->base);
    putchar('}');
}

static void print_simple(const char *endpoint, const Etcdserverpb__HashKVResponse *response)
{
    printf("%s, %" PRIu32 ", %" PRId64 ", %" PRId64 "\n", endpoint, response->hash,
           response->hash_revision, response->compact_revision);
}

/* Asks one endpoint; the exit status that it alone would give, and if that is 0, its answer. */
static int ask(const struct hash_arguments *arguments, const struct endpoint *endpoint,
               Etcdserverpb__HashKVResponse **ret_response)
{
    struct client_settings settings = arguments->settings;
    Etcdserverpb__HashKVRequest request = ETCDSERVERPB__HASH_KVREQUEST__INIT;
    struct client *client;
    enum grpc_status code;
    int status;

    settings.endpoints = endpoint->name;
    status = client_connect(&settings, &client);
    if (status != EXIT_OK)
        return status;
    request.revision = arguments->revision;
    code = client_hash_kv(client, &request, ret_response);
    if (code != GRPC_OK)
        status = client_failure(client, code);
    client_free(client);
    return status;
}

int cmd_hash(int argc, char **argv)
{
    static const struct argp_child children[] = {{&client_options_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {options, parse_option, NULL, doc, children, NULL, NULL};
    static struct endpoints endpoints;
    struct hash_arguments arguments = {0};
    Etcdserverpb__HashKVResponse *response;
    const char *before = "[";
    int status, worst;
    bool json;

    client_parse(&argp, "decree hash", argc, argv, &arguments);
    if (arguments.settings.format == OUTPUT_TABLE) {
        fprintf(stderr, "decree hash: there is no table of this; use simple or json\n");
        return EXIT_USAGE;
    }
    json = arguments.settings.format == OUTPUT_JSON;
    worst = client_endpoints(&arguments.settings, &endpoints);
    if (worst != EXIT_OK)
        return worst;
    for (size_t i = 0; i < endpoints.count; i++) {
        status = ask(&arguments, &endpoints.items[i], &response);
        worst = status > worst ? status : worst;
        if (status != EXIT_OK)
            continue;
        if (json)
            print_json(before, endpoints.items[i].name, response);
        else
            print_simple(endpoints.items[i].name, response);
        before = ",";
        etcdserverpb__hash_kvresponse__free_unpacked(response, NULL);
    }
    if (json)
        puts(before[0] == '[' ? "[]" : "]");
    status = output_finish();
    return status > worst ? status : worst;
}
