/* SPDX-License-Identifier: MIT */
/* cmd_del.c -- decree del KEY [RANGE_END]. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client_options.h"
#include "commands.h"
#include "output.h"
#include "range_arguments.h"

enum { OPTION_PREV_KV = 0x300 };

struct del_arguments {
    struct range_arguments range;
    struct client_settings settings;
    bool prev_kv;
};

static const struct argp_option options[] = {
    {"prev-kv", OPTION_PREV_KV, 0, 0, "Also print the pairs that were deleted", 2},
    {0},
};

static const char doc[] =
    "Deletes KEY, or the keys from KEY up to but without RANGE_END. Prints how many were deleted.\v"
    "Examples:\n"
    "  decree del city\n"
    "  decree del user/ --prefix\n"
    "  decree del a c                               a, b and all between, but not c";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct del_arguments *arguments = state->input;

    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->range;
        state->child_inputs[1] = &arguments->settings;
        return 0;
    case OPTION_PREV_KV:
        arguments->prev_kv = true;
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void print(const struct del_arguments *arguments,
                  const Etcdserverpb__DeleteRangeResponse *response)
{
    if (output_answer(arguments->settings.format, &response->base))
        return;
    printf("%" PRId64 "\n", response->deleted);
    for (size_t i = 0; i < response->n_prev_kvs; i++)
        output_pair(response->prev_kvs[i]);
}

static int del(const struct del_arguments *arguments, struct client *client)
{
    Etcdserverpb__DeleteRangeRequest request = ETCDSERVERPB__DELETE_RANGE_REQUEST__INIT;
    Etcdserverpb__DeleteRangeResponse *response;
    enum grpc_status code;
    void *memory;

    if (!range_of(&arguments->range, &request.key, &request.range_end, &memory)) {
        fprintf(stderr, "decree del: out of memory\n");
        return EXIT_FAILED;
    }
    request.prev_kv = arguments->prev_kv;
    code = client_delete_range(client, &request, &response);
    free(memory);
    if (code != GRPC_OK)
        return client_failure(client, code);
    print(arguments, response);
    etcdserverpb__delete_range_response__free_unpacked(response, NULL);
    return output_finish();
}

int cmd_del(int argc, char **argv)
{
    static const struct argp_child children[] = {
        {&range_argp, 0, NULL, 0}, {&client_options_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {options, parse_option, "KEY [RANGE_END]", doc, children,
                                     NULL,    NULL};
    struct del_arguments arguments = {0};
    struct client *client;
    int status;

    client_parse(&argp, "decree del", argc, argv, &arguments);
    status = client_connect(&arguments.settings, &client);
    if (status != EXIT_OK)
        return status;
    status = del(&arguments, client);
    client_free(client);
    return status;
}
