/* SPDX-License-Identifier: MIT */
/* cmd_put.c -- decree put KEY VALUE. */
#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "input.h"
#include "output.h"

enum { OPTION_PREV_KV = 0x300, OPTION_LEASE, OPTION_IGNORE_VALUE, OPTION_IGNORE_LEASE };

struct put_arguments {
    struct client_settings settings;
    const char *key, *value;
    int64_t lease;
    bool prev_kv, ignore_value, ignore_lease;
};

static const struct argp_option options[] = {
    {"prev-kv", OPTION_PREV_KV, 0, 0, "Also print the pair that was there before", 1},
    {"lease", OPTION_LEASE, "ID", 0, "Hang it on this lease (hexadecimal), with which it goes", 1},
    {"ignore-value", OPTION_IGNORE_VALUE, 0, 0, "Leave the value as it is; the key must be there",
     1},
    {"ignore-lease", OPTION_IGNORE_LEASE, 0, 0, "Leave the lease as it is; the key must be there",
     1},
    {0},
};

static const char doc[] =
    "Writes VALUE under KEY. Prints OK once a quorum of the nodes has it on disk.\v"
    "With VALUE - or without VALUE, the value is read from standard input, to its end, byte for "
    "byte.\n\n"
    "Examples:\n"
    "  decree put city Paris\n"
    "  decree put photo - < photo.png\n"
    "  decree put -- -key-with-dash value\n"
    "  decree put worker/7 here --lease 0123456789abcdef\n"
    "  decree put worker/7 --ignore-value --lease 0\n"
    "  decree put city Rome --endpoints 10.0.0.1:2379,10.0.0.2:2379";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct put_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_PREV_KV:
        arguments->prev_kv = true;
        return 0;
    case OPTION_LEASE:
        if (!lease_id_parse(argument, &arguments->lease))
            argp_error(state, "a lease's ID is hexadecimal, up to 16 digits, not '%s'", argument);
        return 0;
    case OPTION_IGNORE_VALUE:
        arguments->ignore_value = true;
        return 0;
    case OPTION_IGNORE_LEASE:
        arguments->ignore_lease = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->key = argument;
        else if (state->arg_num == 1)
            arguments->value = argument;
        else
            argp_error(state, "too many arguments: '%s'; a value with spaces needs quotes",
                       argument);
        return 0;
    case ARGP_KEY_END:
        if (arguments->key == NULL)
            argp_error(state, "the key is missing");
        else if (arguments->key[0] == '\0')
            argp_error(state, "the key is empty");
        else if (arguments->ignore_value && arguments->value != NULL)
            argp_error(state, "with --ignore-value there is no value: '%s'", arguments->value);
        else if (arguments->ignore_lease && arguments->lease != 0)
            argp_error(state, "--lease and --ignore-lease exclude each other");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void print(const struct put_arguments *arguments, const Etcdserverpb__PutResponse *response)
{
    if (output_answer(arguments->settings.format, &response->base))
        return;
    puts("OK");
    output_pair(response->prev_kv);
}

static int put(const struct put_arguments *arguments, uint8_t *value, size_t value_size)
{
    Etcdserverpb__PutRequest request = ETCDSERVERPB__PUT_REQUEST__INIT;
    Etcdserverpb__PutResponse *response;
    struct client *client;
    enum grpc_status code;
    int status = client_connect(&arguments->settings, &client);

    if (status != EXIT_OK)
        return status;
    request.key.data = (uint8_t *)(uintptr_t)arguments->key;
    request.key.len = strlen(arguments->key);
    request.value.data = value;
    request.value.len = value_size;
    request.lease = arguments->lease;
    request.prev_kv = arguments->prev_kv;
    request.ignore_value = arguments->ignore_value;
    request.ignore_lease = arguments->ignore_lease;
    code = client_put(client, &request, &response);
    if (code == GRPC_OK) {
        print(arguments, response);
        etcdserverpb__put_response__free_unpacked(response, NULL);
        status = output_finish();
    } else {
        status = client_failure(client, code);
    }
    client_free(client);
    return status;
}

int cmd_put(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse_option, "KEY [VALUE|-]", doc, client_options_alone, NULL, NULL};
    struct put_arguments arguments = {0};
    uint8_t *value;
    size_t size;
    int status;

    client_parse(&argp, "decree put", argc, argv, &arguments);
    status = input_value(arguments.ignore_value ? "" : arguments.value, "decree put", &value,
                         &size);
    if (status != EXIT_OK)
        return status;
    status = put(&arguments, value, size);
    free(value);
    return status;
}
