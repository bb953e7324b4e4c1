/* SPDX-License-Identifier: MIT */
/* cmd_move_leader.c -- decree move-leader ID: another member is to lead.
 *
 * Only the leader takes the request. It is looked for among the endpoints, and if it is none of
 * them, where it told the others that clients reach it.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "output.h"

#define ENDPOINTS_BYTES 4096u

struct move_arguments {
    struct client_settings settings;
    const char *target; /* as it was given */
};

struct move {
    Etcdserverpb__MemberListResponse *members;
    const Etcdserverpb__Member *target, *leader;
    char endpoints[ENDPOINTS_BYTES]; /* of the leader */
};

static const char doc[] =
    "Has another member lead, as before the leader's machine is stopped for a while. ID is the member's id, in "
    "hexadecimal as `decree member list` prints it, or its name. It waits until that member leads; no write is lost, and "
    "clients notice nothing but some milliseconds.\v"
    "Examples:\n"
    "  decree member list\n"
    "  decree move-leader n2\n"
    "  decree move-leader 8211f1d0f64f3269 --endpoints 10.0.0.1:2379\n\n"
    "Exit status: 0 that member leads; 1 refused, as when there is no such member; 64 the command line makes no sense; "
    "69 no server answered, or the member did not come to lead in time.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct move_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "too many arguments: '%s'", argument);
        arguments->target = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say which member is to lead: its id or its name");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const Etcdserverpb__Member *find_id(const Etcdserverpb__MemberListResponse *members,
                                           uint64_t id)
{
    for (size_t i = 0; i < members->n_members; i++)
        if (members->members[i]->id == id)
            return members->members[i];
    return NULL;
}

/* By its name, or else by its id. */
static const Etcdserverpb__Member *find_member(const Etcdserverpb__MemberListResponse *members,
                                               const char *text)
{
    char *end;
    uint64_t id;

    for (size_t i = 0; i < members->n_members; i++)
        if (strcmp(members->members[i]->name, text) == 0)
            return members->members[i];
    errno = 0;
    id = strtoull(text, &end, 16);
    return text[0] == '\0' || text[0] == '-' || *end != '\0' || errno != 0 ? NULL
                                                                           : find_id(members, id);
}

static int complain_of_target(const struct move *move, const char *target)
{
    fprintf(stderr, "decree move-leader: no member has the name or the id '%s'; the members are",
            target);
    for (size_t i = 0; i < move->members->n_members; i++)
        fprintf(stderr, "%s %s (%" PRIx64 ")", i > 0 ? "," : "", move->members->members[i]->name,
                move->members->members[i]->id);
    fprintf(stderr, "\n");
    return EXIT_FAILED;
}

/* Who the members are, and which of them leads. */
static int look(struct move *move, const struct move_arguments *arguments)
{
    Etcdserverpb__MemberListRequest request = ETCDSERVERPB__MEMBER_LIST_REQUEST__INIT;
    Etcdserverpb__StatusResponse *status;
    struct client *client;
    enum grpc_status code;
    int error = client_connect(&arguments->settings, &client);

    if (error != EXIT_OK)
        return error;
    code = client_member_list(client, &request, &move->members);
    if (code == GRPC_OK)
        code = client_status(client, &status);
    if (code != GRPC_OK) {
        error = client_failure(client, code);
    } else {
        move->leader = find_id(move->members, status->leader);
        etcdserverpb__status_response__free_unpacked(status, NULL);
    }
    client_free(client);
    return error;
}

/* Is this endpoint the leader's? One that does not answer is not. */
static bool is_leaders(const struct move *move, const struct client_settings *settings)
{
    Etcdserverpb__StatusResponse *status;
    struct client *client;
    bool is = false;

    if (client_connect(settings, &client) != EXIT_OK)
        return false;
    if (client_status(client, &status) == GRPC_OK) {
        is = status->header != NULL && status->header->member_id == move->leader->id;
        etcdserverpb__status_response__free_unpacked(status, NULL);
    }
    client_free(client);
    return is;
}

static int find_endpoint(struct move *move, const struct client_settings *given)
{
    static struct endpoints endpoints;
    struct client_settings settings = *given;
    int error = client_endpoints(given, &endpoints);

    if (error != EXIT_OK)
        return error;
    for (size_t i = 0; i < endpoints.count; i++) {
        settings.endpoints = endpoints.items[i].name;
        if (!is_leaders(move, &settings))
            continue;
        snprintf(move->endpoints, sizeof(move->endpoints), "%s", endpoints.items[i].name);
        return EXIT_OK;
    }
    for (size_t i = 0; i < move->leader->n_clienturls; i++) {
        size_t used = strlen(move->endpoints);

        snprintf(move->endpoints + used, sizeof(move->endpoints) - used, "%s%s", i > 0 ? "," : "",
                 move->leader->clienturls[i]);
    }
    if (move->endpoints[0] != '\0')
        return EXIT_OK;
    fprintf(stderr,
            "decree move-leader: %s leads, and has not told where clients reach it: name its "
            "address with --endpoints\n",
            move->leader->name);
    return EXIT_UNAVAILABLE;
}

static int move_leader(const struct move *move, const struct client_settings *given)
{
    Etcdserverpb__MoveLeaderRequest request = ETCDSERVERPB__MOVE_LEADER_REQUEST__INIT;
    Etcdserverpb__MoveLeaderResponse *response;
    struct client_settings settings = *given;
    struct client *client;
    enum grpc_status code;
    int status;

    settings.endpoints = move->endpoints;
    status = client_connect(&settings, &client);
    if (status != EXIT_OK)
        return status;
    request.targetid = move->target->id;
    code = client_move_leader(client, &request, &response);
    if (code != GRPC_OK) {
        status = client_failure(client, code);
    } else {
        if (settings.format == OUTPUT_JSON)
            printf("{\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}\n", move->leader->id,
                   move->target->id);
        else
            printf("Leadership transferred from %" PRIx64 " to %" PRIx64 "\n", move->leader->id,
                   move->target->id);
        etcdserverpb__move_leader_response__free_unpacked(response, NULL);
        status = output_finish();
    }
    client_free(client);
    return status;
}

static int run(struct move *move, const struct move_arguments *arguments)
{
    int status = look(move, arguments);

    if (status != EXIT_OK)
        return status;
    move->target = find_member(move->members, arguments->target);
    if (move->target == NULL)
        return complain_of_target(move, arguments->target);
    if (move->leader == NULL) {
        fprintf(stderr, "decree move-leader: there is no leader just now\n");
        return EXIT_UNAVAILABLE;
    }
    status = find_endpoint(move, &arguments->settings);
    return status != EXIT_OK ? status : move_leader(move, &arguments->settings);
}

int cmd_move_leader(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse_option, "ID", doc, client_options_alone,
                                     NULL, NULL};
    struct move_arguments arguments = {0};
    struct move move = {0};
    int status;

    client_parse(&argp, "decree move-leader", argc, argv, &arguments);
    status = run(&move, &arguments);
    if (move.members != NULL)
        etcdserverpb__member_list_response__free_unpacked(move.members, NULL);
    return status;
}
