/* SPDX-License-Identifier: MIT */
/* cmd_hash.c -- decree hash: do the members hold the same? */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "each_endpoint.h"
#include "message_fields.h"

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

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_REV:
        arguments->revision = (int64_t)number_argument(argument, "--rev", 0, INT64_MAX, state);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static enum grpc_status ask(void *context, struct client *client, ProtobufCMessage **ret_message)
{
    const struct hash_arguments *arguments = context;
    Etcdserverpb__HashKVRequest request = ETCDSERVERPB__HASH_KVREQUEST__INIT;

    request.revision = arguments->revision;
    return client_hash_kv(client, &request, (Etcdserverpb__HashKVResponse **)ret_message);
}

static void add_row(struct table *table, const char *endpoint, const ProtobufCMessage *message)
{
    const Etcdserverpb__HashKVResponse *response = (const void *)message;

    table_add(table, "%s", endpoint);
    table_add(table, "%" PRIu32, response->hash);
    table_add(table, "%" PRId64, response->hash_revision);
    table_add(table, "%" PRId64, response->compact_revision);
}

static void print_fields(const char *endpoint, const ProtobufCMessage *message)
{
    const Etcdserverpb__HashKVResponse *response = (const void *)message;

    if (response->header != NULL)
        message_fields_print(stdout, &response->header->base);
    printf("\"Endpoint\" : \"%s\"\n\"Hash\" : %" PRIu32 "\n\"HashRevision\" : %" PRId64
           "\n\"CompactRevision\" : %" PRId64 "\n\n",
           endpoint, response->hash, response->hash_revision, response->compact_revision);
}

int cmd_hash(int argc, char **argv)
{
    static const struct argp_child children[] = {{&each_endpoint_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {options, parse_option, NULL, doc, children, NULL, NULL};
    static const char *const heads[] = {"ENDPOINT", "HASH", "REVISION", "COMPACT REVISION"};
    static const struct each_endpoint_view view = {.without_format = OUTPUT_SIMPLE,
                                                   .heads = heads,
                                                   .columns = sizeof(heads) / sizeof(heads[0]),
                                                   .name = "HashKV",
                                                   .ask = ask,
                                                   .add_row = add_row,
                                                   .print_fields = print_fields};
    struct hash_arguments arguments = {0};

    client_parse(&argp, "decree hash", argc, argv, &arguments);
    return each_endpoint_show(&arguments.settings, &view, &arguments);
}
