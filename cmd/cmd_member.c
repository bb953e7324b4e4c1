/* SPDX-License-Identifier: MIT */
/* cmd_member.c -- decree member list. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "message_fields.h"
#include "output.h"
#include "table.h"

#define URLS_BYTES 512u

struct member_arguments {
    struct client_settings settings;
};

static const char doc[] = "Lists the members of the cluster.\v"
                          "Examples:\n"
                          "  decree member list\n"
                          "  decree member list --json";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct member_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0 || strcmp(argument, "list") != 0)
            argp_error(state, "the one thing to do with members is to list them, not '%s'",
                       argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say what: decree member list");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void fill(struct table *table, const Etcdserverpb__MemberListResponse *response)
{
    static const char *const heads[] = {"ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS"};
    char urls[URLS_BYTES];

    table_init(table, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < response->n_members; i++) {
        const Etcdserverpb__Member *member = response->members[i];

        table_add(table, "%" PRIx64, member->id);
        table_add(table, "%s", member->name[0] != '\0' ? "started" : "unstarted");
        table_add(table, "%s", member->name);
        text_join(urls, sizeof(urls), member->peerurls, member->n_peerurls);
        table_add(table, "%s", urls);
        text_join(urls, sizeof(urls), member->clienturls, member->n_clienturls);
        table_add(table, "%s", urls);
    }
}

/* As etcdctl has it: an empty line behind each member. */
static void print_fields(const Etcdserverpb__MemberListResponse *response)
{
    if (response->header != NULL)
        message_fields_print(stdout, &response->header->base);
    for (size_t i = 0; i < response->n_members; i++) {
        message_fields_print(stdout, &response->members[i]->base);
        putchar('\n');
    }
}

static int member_list(const struct client_settings *settings, struct client *client)
{
    Etcdserverpb__MemberListRequest request = ETCDSERVERPB__MEMBER_LIST_REQUEST__INIT;
    Etcdserverpb__MemberListResponse *response;
    enum grpc_status code = client_member_list(client, &request, &response);
    struct table table;
    int status = EXIT_OK;

    if (code != GRPC_OK)
        return client_failure(client, code);
    if (settings->format == OUTPUT_JSON) {
        output_json(&response->base);
    } else if (settings->format == OUTPUT_FIELDS) {
        print_fields(response);
    } else {
        fill(&table, response);
        status = settings->format == OUTPUT_SIMPLE ? table_print_simple(&table)
                                                   : table_print(&table);
    }
    etcdserverpb__member_list_response__free_unpacked(response, NULL);
    return status != EXIT_OK ? status : output_finish();
}

int cmd_member(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse_option, "list", doc, client_options_alone,
                                     NULL, NULL};
    struct member_arguments arguments = {0};
    struct client *client;
    int status;

    client_parse(&argp, "decree member", argc, argv, &arguments);
    status = client_connect(&arguments.settings, &client);
    if (status != EXIT_OK)
        return status;
    status = member_list(&arguments.settings, client);
    client_free(client);
    return status;
}
