/* SPDX-License-Identifier: MIT */
/* cmd_elect.c -- decree elect NAME PROPOSAL, and decree elect --listen NAME. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_session.h"
#include "commands.h"
#include "lock_session.h"
#include "output.h"

#define TTL_SECONDS 60 /* as etcdctl */

struct elect_arguments {
    struct client_settings settings;
    const char *name, *proposal;
    bool listen;
};

static const struct argp_option options[] = {
    {"listen", 'l', 0, 0, "Look on: print what each leader proclaims, until Ctrl-C", 1},
    {0},
};

static const char doc[] =
    "Stands for election NAME with PROPOSAL and waits until it leads; then prints the key that stands for its leadership "
    "and the proposal, and leads until Ctrl-C. With --listen it only looks on: for each leader, and each new value, it "
    "prints the key and the value.\v"
    "Examples:\n"
    "  decree elect scheduler \"$(hostname)\"\n"
    "  decree elect --listen scheduler\n"
    "  decree elect --listen scheduler --json | jq -r '.kv.value | @base64d'\n\n"
    "If the process dies, another leads a minute later at the latest.\n\n"
    "Exit status: 0 ended by Ctrl-C while it led or looked on; 1 before that, or leadership was lost; 64 the command line "
    "makes no sense; 69 no server answered.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct elect_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case 'l':
        arguments->listen = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->name = argument;
        else if (state->arg_num == 1)
            arguments->proposal = argument;
        else
            argp_error(state, "too many arguments: '%s'; a proposal with spaces needs quotes",
                       argument);
        return 0;
    case ARGP_KEY_END:
        if (arguments->name == NULL)
            argp_error(state, "the name of the election is missing");
        if (arguments->listen && arguments->proposal != NULL)
            argp_error(state, "with --listen there is no proposal: '%s'", arguments->proposal);
        if (!arguments->listen && arguments->proposal == NULL)
            argp_error(state, "the proposal is missing; --listen looks on without one");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

/* ---- looking on ---- */

static void on_signal(int number)
{
    _Exit(number == SIGINT || number == SIGTERM ? EXIT_OK : EXIT_FAILED);
}

static bool print_leader(void *context, const V3electionpb__LeaderResponse *response)
{
    const struct elect_arguments *arguments = context;

    if (!output_answer(arguments->settings.format, &response->base))
        output_pair(response->kv);
    return output_finish() == EXIT_OK;
}

static int look_on(struct elect_arguments *arguments)
{
    V3electionpb__LeaderRequest request = V3ELECTIONPB__LEADER_REQUEST__INIT;
    struct client *client;
    enum grpc_status code;
    int status = lock_session_connect(&arguments->settings, &client);

    if (status != EXIT_OK)
        return status;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    request.name = bytes_of(arguments->name);
    do
        code = client_observe(client, &request, LOCK_WAIT_MS, print_leader, arguments);
    while (code == GRPC_DEADLINE_EXCEEDED);
    status = output_finish();
    if (status == EXIT_OK && code != GRPC_OK)
        status = client_failure(client, code);
    else if (status == EXIT_OK) {
        fprintf(stderr, "decree elect: the server ended the observation\n");
        status = EXIT_FAILED;
    }
    client_free(client);
    return status;
}

/* ---- leading ---- */

static int campaign(const struct elect_arguments *arguments, const struct lock_session *session,
                    V3electionpb__CampaignResponse **ret_response)
{
    V3electionpb__CampaignRequest request = V3ELECTIONPB__CAMPAIGN_REQUEST__INIT;
    struct client *client;
    enum grpc_status code;
    int status = lock_session_connect(&arguments->settings, &client);

    if (status != EXIT_OK)
        return status;
    request.name = bytes_of(arguments->name);
    request.value = bytes_of(arguments->proposal);
    request.lease = session->lease;
    do
        code = client_campaign(client, &request, ret_response);
    while (code != GRPC_OK && lock_session_again(code));
    if (code != GRPC_OK)
        status = client_failure(client, code);
    client_free(client);
    return status;
}

static int lead(const struct elect_arguments *arguments)
{
    static struct lock_session session;
    V3electionpb__CampaignResponse *response;
    int status = lock_session_begin(&session, &arguments->settings, "decree elect", TTL_SECONDS);

    if (status != EXIT_OK)
        return status;
    status = campaign(arguments, &session, &response);
    if (status == EXIT_OK)
        status = lock_session_print(&session, response->leader->key.data,
                                    response->leader->key.len);
    if (status != EXIT_OK)
        lock_session_end(&session, status);
    lock_session_rest(&session);
}

int cmd_elect(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse_option, "NAME [PROPOSAL]", doc, client_options_alone, NULL, NULL};
    static struct elect_arguments arguments;

    client_parse(&argp, "decree elect", argc, argv, &arguments);
    return arguments.listen ? look_on(&arguments) : lead(&arguments);
}
