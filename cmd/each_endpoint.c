/* SPDX-License-Identifier: MIT */
/* each_endpoint.c -- see each_endpoint.h. */
#include "each_endpoint.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

#define LIST_BYTES (ENDPOINTS_MAX * (ENDPOINT_NAME_BYTES + 8u))

enum { OPTION_CLUSTER = 0x200 };

static const struct argp_option options[] = {
    {"cluster", OPTION_CLUSTER, 0, 0, "Ask all members, as one of the endpoints lists them", 80},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct each_endpoint_settings *settings = state->input;

    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &settings->client;
        return 0;
    case OPTION_CLUSTER:
        settings->cluster = true;
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&client_options_argp, 0, NULL, 0}, {0}};
const struct argp each_endpoint_argp = {options, parse_option, NULL, NULL, children, NULL, NULL};

/* Where clients reach the members, with commas between. A member that has not told it is named. */
static void collect(const Etcdserverpb__MemberListResponse *response, char *list)
{
    size_t used = 0;

    list[0] = '\0';
    for (size_t i = 0; i < response->n_members; i++) {
        const Etcdserverpb__Member *member = response->members[i];

        if (member->n_clienturls == 0)
            fprintf(stderr, "decree: member %s has not told where clients reach it\n",
                    member->name[0] != '\0' ? member->name : "without a name");
        else if (used < LIST_BYTES)
            used += (size_t)snprintf(list + used, LIST_BYTES - used, "%s%s", used > 0 ? "," : "",
                                     member->clienturls[0]);
    }
}

static int list_members(const struct client_settings *settings, char *list)
{
    Etcdserverpb__MemberListRequest request = ETCDSERVERPB__MEMBER_LIST_REQUEST__INIT;
    Etcdserverpb__MemberListResponse *response;
    struct client *client;
    enum grpc_status code;
    int status = client_connect(settings, &client);

    if (status != EXIT_OK)
        return status;
    code = client_member_list(client, &request, &response);
    if (code == GRPC_OK) {
        collect(response, list);
        etcdserverpb__member_list_response__free_unpacked(response, NULL);
    } else {
        status = client_failure(client, code);
    }
    client_free(client);
    return status;
}

int each_endpoint_list(const struct each_endpoint_settings *settings,
                       struct endpoints *ret_endpoints)
{
    static char list[LIST_BYTES];
    struct client_settings of_members = settings->client;
    int status;

    assert(ret_endpoints != NULL);
    if (!settings->cluster)
        return client_endpoints(&settings->client, ret_endpoints);
    status = list_members(&settings->client, list);
    if (status != EXIT_OK)
        return status;
    if (list[0] == '\0')
        return EXIT_UNAVAILABLE; /* collect() has said of each why */
    of_members.endpoints = list;
    return client_endpoints(&of_members, ret_endpoints);
}
