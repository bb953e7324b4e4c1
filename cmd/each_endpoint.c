/* SPDX-License-Identifier: MIT */
/* each_endpoint.c -- see each_endpoint.h. */
#include "each_endpoint.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "message_json.h"

#define LIST_BYTES (ENDPOINTS_MAX * (ENDPOINT_NAME_BYTES + 8u))

enum { OPTION_CLUSTER = 0x200 };

static const struct argp_option options[] = {
    {"cluster", OPTION_CLUSTER, 0, 0, "Ask all members, as one of the endpoints lists them", 80},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct each_endpoint_settings *settings = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &settings->client;
        return 0;
    case OPTION_CLUSTER:
        settings->cluster = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "this takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp each_endpoint_argp = {options, parse_option, NULL, NULL, client_options_alone,
                                        NULL,    NULL};

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

/* 0, or an exit status after a sentence. */
static int list_endpoints(const struct each_endpoint_settings *settings,
                          struct endpoints *ret_endpoints)
{
    static char list[LIST_BYTES];
    struct client_settings of_members = settings->client;
    int status;

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

static int ask_all(const struct each_endpoint_settings *settings, const struct endpoints *endpoints,
                   each_endpoint_ask *ask, void *context)
{
    struct client_settings of_one = settings->client;
    int worst = EXIT_OK;

    for (size_t i = 0; i < endpoints->count; i++) {
        const char *name = endpoints->items[i].name;
        struct client *client = NULL;
        int status;

        of_one.endpoints = name;
        status = client_connect(&of_one, &client);
        if (status == EXIT_OK)
            status = ask(context, client, name);
        client_free(client);
        worst = status > worst ? status : worst;
    }
    return worst;
}

int each_endpoint_run(const struct each_endpoint_settings *settings, each_endpoint_ask *ask,
                      void *context)
{
    static struct endpoints endpoints;
    int status = list_endpoints(settings, &endpoints);

    return status == EXIT_OK ? ask_all(settings, &endpoints, ask, context) : status;
}

struct showing {
    const struct each_endpoint_view *view;
    void *context;
    enum output_format format;
    struct table table;
    const char *before; /* the next object of JSON */
};

/* As etcdctl has it: [{"Endpoint": ..., NAME: {...}}, ...] */
static void print_json(struct showing *showing, const char *endpoint,
                       const ProtobufCMessage *message)
{
    printf("%s{\"Endpoint\":", showing->before);
    string_json_print(stdout, endpoint);
    printf(",\"%s\":", showing->view->name);
    message_json_print(stdout, message);
    putchar('}');
    showing->before = ",";
}

static int show(void *context, struct client *client, const char *endpoint)
{
    struct showing *showing = context;
    ProtobufCMessage *message;
    enum grpc_status code = showing->view->ask(showing->context, client, &message);

    if (code != GRPC_OK)
        return client_failure(client, code);
    if (showing->format == OUTPUT_JSON)
        print_json(showing, endpoint, message);
    else if (showing->format == OUTPUT_FIELDS)
        showing->view->print_fields(endpoint, message);
    else
        showing->view->add_row(&showing->table, endpoint, message);
    protobuf_c_message_free_unpacked(message, NULL);
    return EXIT_OK;
}

static int finish(struct showing *showing)
{
    int status = EXIT_OK;

    if (showing->format == OUTPUT_JSON)
        puts(showing->before[0] == '[' ? "[]" : "]");
    else if (showing->format == OUTPUT_TABLE)
        status = table_print(&showing->table);
    else if (showing->format == OUTPUT_SIMPLE)
        status = table_print_simple(&showing->table);
    return status == EXIT_OK ? output_finish() : status;
}

int each_endpoint_show(const struct each_endpoint_settings *settings,
                       const struct each_endpoint_view *view, void *context)
{
    enum output_format format = settings->client.format;
    struct showing showing = {.view = view,
                              .context = context,
                              .format = format == OUTPUT_DEFAULT ? view->without_format : format,
                              .before = "["};
    static struct endpoints endpoints;
    int status = list_endpoints(settings, &endpoints), worst;

    if (status != EXIT_OK)
        return status;
    if (showing.format == OUTPUT_TABLE || showing.format == OUTPUT_SIMPLE)
        table_init(&showing.table, view->heads, view->columns);
    worst = ask_all(settings, &endpoints, show, &showing);
    status = finish(&showing);
    return status > worst ? status : worst;
}
