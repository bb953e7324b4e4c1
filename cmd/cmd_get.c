/* SPDX-License-Identifier: MIT */
/* cmd_get.c -- decree get KEY [RANGE_END]. */
#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client_options.h"
#include "commands.h"
#include "output.h"
#include "range_arguments.h"

enum {
    OPTION_LIMIT = 0x300,
    OPTION_ORDER,
    OPTION_SORT_BY,
    OPTION_REV,
    OPTION_KEYS_ONLY,
    OPTION_COUNT_ONLY,
    OPTION_CONSISTENCY,
    OPTION_PRINT_VALUE_ONLY
};

struct get_arguments {
    struct range_arguments range;
    struct client_settings settings;
    int64_t limit, revision;
    Etcdserverpb__RangeRequest__SortOrder order;
    Etcdserverpb__RangeRequest__SortTarget target;
    bool keys_only, count_only, serializable, print_value_only;
};

static const struct argp_option options[] = {
    {"limit", OPTION_LIMIT, "N", 0, "At most N keys", 2},
    {"order", OPTION_ORDER, "ASCEND|DESCEND", 0, "The order (ASCEND)", 2},
    {"sort-by", OPTION_SORT_BY, "KEY|VERSION|CREATE|MODIFY|VALUE", 0, "What it goes by (KEY)", 2},
    {"rev", OPTION_REV, "N", 0, "As it was at revision N", 2},
    {"consistency", OPTION_CONSISTENCY, "l|s", 0,
     "l: linearizable, the default, sees every write that was acknowledged before; s: "
     "serializable, whatever the "
     "asked server has, which is faster and may be old",
     2},
    {0, 0, 0, 0, "What of them:", 3},
    {"keys-only", OPTION_KEYS_ONLY, 0, 0, "Keys without values", 3},
    {"count-only", OPTION_COUNT_ONLY, 0, 0, "Only how many", 3},
    {"print-value-only", OPTION_PRINT_VALUE_ONLY, 0, 0, "Values without keys", 3},
    {0},
};

static const char doc[] =
    "Reads KEY, or the keys from KEY up to but without RANGE_END. Prints a line with the key and a "
    "line with the value for each; bytes are printed as they are. A key that is not there is no "
    "failure: nothing is printed.\v"
    "Examples:\n"
    "  decree get city\n"
    "  decree get user/ --prefix --limit 10\n"
    "  decree get user/ --prefix --sort-by MODIFY --order DESCEND --limit 1\n"
    "  decree get '' --prefix --count-only          how many keys there are\n"
    "  decree get photo --print-value-only | head -c -1 > photo.png\n"
    "  decree get city --consistency s              ask one server alone";

static void parse_order(struct get_arguments *arguments, const char *text, struct argp_state *state)
{
    if (strcasecmp(text, "ascend") == 0)
        arguments->order = ETCDSERVERPB__RANGE_REQUEST__SORT_ORDER__ASCEND;
    else if (strcasecmp(text, "descend") == 0)
        arguments->order = ETCDSERVERPB__RANGE_REQUEST__SORT_ORDER__DESCEND;
    else
        argp_error(state, "--order is ASCEND or DESCEND, not '%s'", text);
}

/* Sorted, but not said how: upwards, as etcdctl has it. */
static void parse_target(struct get_arguments *arguments, const char *text,
                         struct argp_state *state)
{
    static const char *const words[] = {"KEY", "VERSION", "CREATE", "MODIFY", "VALUE"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i]) == 0) {
            arguments->target = (Etcdserverpb__RangeRequest__SortTarget)i;
            return;
        }
    argp_error(state, "--sort-by is KEY, VERSION, CREATE, MODIFY or VALUE, not '%s'", text);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct get_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->range;
        state->child_inputs[1] = &arguments->settings;
        return 0;
    case OPTION_LIMIT:
        arguments->limit = (int64_t)number_argument(argument, "--limit", 0, INT64_MAX, state);
        return 0;
    case OPTION_ORDER:
        parse_order(arguments, argument, state);
        return 0;
    case OPTION_SORT_BY:
        parse_target(arguments, argument, state);
        return 0;
    case OPTION_REV:
        arguments->revision = (int64_t)number_argument(argument, "--rev", 0, INT64_MAX, state);
        return 0;
    case OPTION_KEYS_ONLY:
        arguments->keys_only = true;
        return 0;
    case OPTION_COUNT_ONLY:
        arguments->count_only = true;
        return 0;
    case OPTION_PRINT_VALUE_ONLY:
        arguments->print_value_only = true;
        return 0;
    case OPTION_CONSISTENCY:
        if (strcmp(argument, "l") != 0 && strcmp(argument, "s") != 0)
            argp_error(state, "--consistency is l or s, not '%s'", argument);
        arguments->serializable = argument[0] == 's';
        return 0;
    case ARGP_KEY_END:
        if (arguments->print_value_only && arguments->settings.format > OUTPUT_SIMPLE)
            argp_error(state, "--print-value-only is for -w simple alone");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void print(const struct get_arguments *arguments,
                  const Etcdserverpb__RangeResponse *response)
{
    if (output_answer(arguments->settings.format, &response->base))
        return;
    if (arguments->count_only) {
        printf("%" PRId64 "\n", response->count);
        return;
    }
    for (size_t i = 0; i < response->n_kvs; i++) {
        const Mvccpb__KeyValue *pair = response->kvs[i];

        if (!arguments->print_value_only)
            output_line(pair->key.data, pair->key.len);
        if (!arguments->keys_only)
            output_line(pair->value.data, pair->value.len);
    }
}

static int get(const struct get_arguments *arguments, struct client *client)
{
    Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    Etcdserverpb__RangeResponse *response;
    enum grpc_status code;
    void *memory;

    if (!range_of(&arguments->range, &request.key, &request.range_end, &memory)) {
        fprintf(stderr, "decree get: out of memory\n");
        return EXIT_FAILED;
    }
    request.limit = arguments->limit;
    request.revision = arguments->revision;
    request.sort_order = arguments->order;
    request.sort_target = arguments->target;
    if (request.sort_target != ETCDSERVERPB__RANGE_REQUEST__SORT_TARGET__KEY &&
        request.sort_order == ETCDSERVERPB__RANGE_REQUEST__SORT_ORDER__NONE)
        request.sort_order = ETCDSERVERPB__RANGE_REQUEST__SORT_ORDER__ASCEND;
    request.serializable = arguments->serializable;
    request.keys_only = arguments->keys_only;
    request.count_only = arguments->count_only;
    code = client_range(client, &request, &response);
    free(memory);
    if (code != GRPC_OK)
        return client_failure(client, code);
    print(arguments, response);
    etcdserverpb__range_response__free_unpacked(response, NULL);
    return output_finish();
}

int cmd_get(int argc, char **argv)
{
    static const struct argp_child children[] = {
        {&range_argp, 0, NULL, 0}, {&client_options_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {options, parse_option, "KEY [RANGE_END]", doc, children,
                                     NULL,    NULL};
    struct get_arguments arguments = {0};
    struct client *client;
    int status;

    client_parse(&argp, "decree get", argc, argv, &arguments);
    status = client_connect(&arguments.settings, &client);
    if (status != EXIT_OK)
        return status;
    status = get(&arguments, client);
    client_free(client);
    return status;
}
