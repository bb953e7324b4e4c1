/* SPDX-License-Identifier: MIT */
/* cmd_hash.c -- decree hash: do the members hold the same? */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "each_endpoint.h"
#include "message_fields.h"
#include "message_json.h"
#include "output.h"

#define COLUMNS 4u
#define CELL_BYTES (ENDPOINT_NAME_BYTES + 1u)

enum { OPTION_REV = 0x300 };

struct hash_arguments {
    struct each_endpoint_settings settings;
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
    "  decree hash --cluster --rev 1000\n"
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

static void print_fields(const char *endpoint, const Etcdserverpb__HashKVResponse *response)
{
    if (response->header != NULL)
        message_fields_print(stdout, &response->header->base);
    printf("\"Endpoint\" : \"%s\"\n\"Hash\" : %" PRIu32 "\n\"HashRevision\" : %" PRId64
           "\n\"CompactRevision\" : %" PRId64 "\n\n",
           endpoint, response->hash, response->hash_revision, response->compact_revision);
}

/* Asks one endpoint; the exit status that it alone would give, and if that is 0, its answer. */
static int ask(const struct hash_arguments *arguments, const struct endpoint *endpoint,
               Etcdserverpb__HashKVResponse **ret_response)
{
    struct client_settings settings = arguments->settings.client;
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

/* Each answer as it comes, but the table when all are there. */
struct hashes {
    enum output_format format;
    const char *before;
    char cells[(ENDPOINTS_MAX + 1) * COLUMNS][CELL_BYTES];
    size_t rows;
};

static void add_row(struct hashes *hashes, const char *endpoint,
                    const Etcdserverpb__HashKVResponse *response)
{
    char(*row)[CELL_BYTES] = &hashes->cells[hashes->rows * COLUMNS];

    assert(hashes->rows <= ENDPOINTS_MAX);
    snprintf(row[0], CELL_BYTES, "%s", endpoint);
    snprintf(row[1], CELL_BYTES, "%" PRIu32, response->hash);
    snprintf(row[2], CELL_BYTES, "%" PRId64, response->hash_revision);
    snprintf(row[3], CELL_BYTES, "%" PRId64, response->compact_revision);
    hashes->rows++;
}

static void print_answer(struct hashes *hashes, const char *endpoint,
                         const Etcdserverpb__HashKVResponse *response)
{
    switch (hashes->format) {
    case OUTPUT_DEFAULT:
    case OUTPUT_SIMPLE:
        print_simple(endpoint, response);
        break;
    case OUTPUT_JSON:
        print_json(hashes->before, endpoint, response);
        hashes->before = ",";
        break;
    case OUTPUT_FIELDS:
        print_fields(endpoint, response);
        break;
    case OUTPUT_TABLE:
        add_row(hashes, endpoint, response);
        break;
    }
}

static void print_end(const struct hashes *hashes)
{
    static const char *const heads[COLUMNS] = {"ENDPOINT", "HASH", "REVISION", "COMPACT REVISION"};
    const char *cells[(ENDPOINTS_MAX + 1) * COLUMNS];

    if (hashes->format == OUTPUT_JSON)
        puts(hashes->before[0] == '[' ? "[]" : "]");
    if (hashes->format != OUTPUT_TABLE || hashes->rows == 1)
        return;
    for (size_t i = 0; i < hashes->rows * COLUMNS; i++)
        cells[i] = i < COLUMNS ? heads[i] : hashes->cells[i];
    output_table(cells, hashes->rows, COLUMNS);
}

int cmd_hash(int argc, char **argv)
{
    static const struct argp_child children[] = {{&each_endpoint_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {options, parse_option, NULL, doc, children, NULL, NULL};
    static struct endpoints endpoints;
    struct hash_arguments arguments = {0};
    Etcdserverpb__HashKVResponse *response;
    static struct hashes hashes = {.before = "[", .rows = 1};
    int status, worst;

    client_parse(&argp, "decree hash", argc, argv, &arguments);
    hashes.format = arguments.settings.client.format;
    worst = each_endpoint_list(&arguments.settings, &endpoints);
    if (worst != EXIT_OK)
        return worst;
    for (size_t i = 0; i < endpoints.count; i++) {
        status = ask(&arguments, &endpoints.items[i], &response);
        worst = status > worst ? status : worst;
        if (status != EXIT_OK)
            continue;
        print_answer(&hashes, endpoints.items[i].name, response);
        etcdserverpb__hash_kvresponse__free_unpacked(response, NULL);
    }
    print_end(&hashes);
    status = output_finish();
    return status > worst ? status : worst;
}
