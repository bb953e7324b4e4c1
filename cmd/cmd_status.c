/* SPDX-License-Identifier: MIT */
/* cmd_status.c -- decree status: each endpoint asked for itself. */
#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "each_endpoint.h"
#include "message_fields.h"

#define ERRORS_BYTES 512u

static const char doc[] =
    "Asks each of the endpoints for its own state: version, size of its store, whether it leads, "
    "in which ballot round, how far its log goes, and what it complains of. An endpoint that does "
    "not answer is named on standard error.\v"
    "Examples:\n"
    "  decree status\n"
    "  decree status --cluster\n"
    "  decree status --endpoints 127.0.0.1:2379,127.0.0.1:2381 --timeout 1s\n"
    "  decree status -w simple\n\n"
    "Exit status: 0 all answered; 1 one refused; 64 the command line makes no sense; 69 one did not answer.";

static enum grpc_status ask(void *context, struct client *client, ProtobufCMessage **ret_message)
{
    (void)context;
    return client_status(client, (Etcdserverpb__StatusResponse **)ret_message);
}

static void add_row(struct table *table, const char *endpoint, const ProtobufCMessage *message)
{
    const Etcdserverpb__StatusResponse *response = (const void *)message;
    uint64_t id = response->header != NULL ? response->header->member_id : 0;
    char size[BYTES_TEXT_BYTES], errors[ERRORS_BYTES];

    output_bytes(size, sizeof(size), (double)response->dbsize);
    text_join(errors, sizeof(errors), response->errors, response->n_errors);
    table_add(table, "%s", endpoint);
    table_add(table, "%" PRIx64, id);
    table_add(table, "%s", response->version);
    table_add(table, "%s", size);
    table_add(table, "%s", id != 0 && response->leader == id ? "true" : "false");
    table_add(table, "%" PRIu64, response->raftterm);
    table_add(table, "%" PRIu64, response->raftindex);
    table_add(table, "%" PRId64, response->header != NULL ? response->header->revision : 0);
    table_add(table, "%s", errors);
}

static void print_fields(const char *endpoint, const ProtobufCMessage *message)
{
    const Etcdserverpb__StatusResponse *response = (const void *)message;

    message_fields_print(stdout, message);
    if (response->n_errors == 0)
        puts("\"Errors\" : []"); /* as etcdctl */
    printf("\"Endpoint\" : \"%s\"\n\n", endpoint);
}

int cmd_status(int argc, char **argv)
{
    static const struct argp_child children[] = {{&each_endpoint_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.doc = doc, .children = children};
    static const char *const heads[] = {"ENDPOINT", "ID",   "VERSION",  "DB SIZE", "LEADER",
                                        "ROUND",    "SLOT", "REVISION", "ERRORS"};
    static const struct each_endpoint_view view = {.without_format = OUTPUT_TABLE,
                                                   .heads = heads,
                                                   .columns = sizeof(heads) / sizeof(heads[0]),
                                                   .name = "Status",
                                                   .ask = ask,
                                                   .add_row = add_row,
                                                   .print_fields = print_fields};
    struct each_endpoint_settings settings = {0};

    client_parse(&argp, "decree status", argc, argv, &settings);
    return each_endpoint_show(&settings, &view, NULL);
}
