/* SPDX-License-Identifier: MIT */
/* cmd_compact.c -- decree compact REV. */
#include <argp.h>
#include <stdio.h>

#include "client_options.h"
#include "commands.h"
#include "output.h"

enum { OPTION_PHYSICAL = 0x300 };

struct compact_arguments {
    struct client_settings settings;
    int64_t revision; /* 0: not given */
    bool physical;
};

static const struct argp_option options[] = {
    {"physical", OPTION_PHYSICAL, 0, 0, "Wait until that server has given the memory back, too", 1},
    {0},
};

static const char doc[] =
    "Gives up the past before revision REV: nothing can be read there any more, and its memory is given back. Keys as "
    "they are at REV, and all that came later, stay. `decree status` tells the newest revision.\v"
    "Examples:\n"
    "  decree compact 1000\n"
    "  decree compact 1000 --physical --endpoints 10.0.0.1:2379,10.0.0.2:2379\n\n"
    "Exit status: 0 done; 1 refused, as for a revision that is compacted already or still to come; 64 the command line "
    "makes no sense; 69 no server answered.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct compact_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_PHYSICAL:
        arguments->physical = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "too many arguments: '%s'", argument);
        arguments->revision = (int64_t)number_argument(argument, "REV", 1, INT64_MAX, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "the revision is missing");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_compact(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, "REV", doc, client_options_alone,
                                     NULL,    NULL};
    struct compact_arguments arguments = {0};
    Etcdserverpb__CompactionRequest request = ETCDSERVERPB__COMPACTION_REQUEST__INIT;
    Etcdserverpb__CompactionResponse *response;
    struct client *client;
    enum grpc_status code;
    int status;

    client_parse(&argp, "decree compact", argc, argv, &arguments);
    status = client_connect(&arguments.settings, &client);
    if (status != EXIT_OK)
        return status;
    request.revision = arguments.revision;
    request.physical = arguments.physical;
    code = client_compact(client, &request, &response);
    if (code != GRPC_OK) {
        status = client_failure(client, code);
    } else {
        if (!output_answer(arguments.settings.format, &response->base))
            printf("compacted revision %lld\n", (long long)arguments.revision);
        etcdserverpb__compaction_response__free_unpacked(response, NULL);
        status = output_finish();
    }
    client_free(client);
    return status;
}
