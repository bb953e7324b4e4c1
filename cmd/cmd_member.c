/* SPDX-License-Identifier: MIT */
/* cmd_member.c -- decree member list. */
#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "message_fields.h"
#include "output.h"

#define COLUMNS 5u
#define CELL_BYTES 512u

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

static void fill_row(const Etcdserverpb__Member *member, char cells[COLUMNS][CELL_BYTES])
{
    snprintf(cells[0], CELL_BYTES, "%" PRIx64, member->id);
    snprintf(cells[1], CELL_BYTES, "%s", member->name[0] != '\0' ? "started" : "unstarted");
    snprintf(cells[2], CELL_BYTES, "%s", member->name);
    text_join(cells[3], CELL_BYTES, member->peerurls, member->n_peerurls);
    text_join(cells[4], CELL_BYTES, member->clienturls, member->n_clienturls);
}

static void print_simple(const Etcdserverpb__MemberListResponse *response)
{
    char cells[COLUMNS][CELL_BYTES];

    for (size_t i = 0; i < response->n_members; i++) {
        fill_row(response->members[i], cells);
        for (unsigned column = 0; column < COLUMNS; column++)
            printf("%s%s", column > 0 ? ", " : "", cells[column]);
        putchar('\n');
    }
}

static int print_table(const Etcdserverpb__MemberListResponse *response)
{
    static const char *const heads[COLUMNS] = {"ID", "STATUS", "NAME", "PEER ADDRS",
                                               "CLIENT ADDRS"};
    char(*texts)[COLUMNS][CELL_BYTES] = calloc(response->n_members + 1, sizeof(*texts));
    const char **cells = calloc((response->n_members + 1) * COLUMNS, sizeof(*cells));
    int status = EXIT_FAILED;

    if (texts == NULL || cells == NULL) {
        fprintf(stderr, "decree member: out of memory\n");
        goto out;
    }
    memcpy(cells, heads, sizeof(heads));
    for (size_t i = 0; i < response->n_members; i++) {
        fill_row(response->members[i], texts[i]);
        for (unsigned column = 0; column < COLUMNS; column++)
            cells[(i + 1) * COLUMNS + column] = texts[i][column];
    }
    output_table(cells, response->n_members + 1, COLUMNS);
    status = EXIT_OK;
out:
    free(texts);
    free(cells);
    return status;
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
    int status = EXIT_OK;

    if (code != GRPC_OK)
        return client_failure(client, code);
    if (settings->format == OUTPUT_JSON)
        output_json(&response->base);
    else if (settings->format == OUTPUT_SIMPLE)
        print_simple(response);
    else if (settings->format == OUTPUT_FIELDS)
        print_fields(response);
    else
        status = print_table(response);
    etcdserverpb__member_list_response__free_unpacked(response, NULL);
    return status != EXIT_OK ? status : output_finish();
}

int cmd_member(int argc, char **argv)
{
    static const struct argp_child children[] = {{&client_options_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {NULL, parse_option, "list", doc, children, NULL, NULL};
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
