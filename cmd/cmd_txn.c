/* SPDX-License-Identifier: MIT */
/* cmd_txn.c -- decree txn: compares, and what to do when they hold or not, from standard input. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_options.h"
#include "commands.h"
#include "input.h"
#include "output.h"
#include "txn_lines.h"

struct txn_arguments {
    struct client_settings settings;
    bool interactive;
};

static const struct argp_option options[] = {
    {"interactive", 'i', 0, 0, "Say what to enter, as on a terminal", 1},
    {0},
};

static const char doc[] =
    "Does several things at once, or others if something is not as expected. Reads lines from standard input: "
    "compares, an empty line, requests for when all compares hold, an empty line, requests for when not. Prints SUCCESS "
    "or FAILURE, which tells the requests that were done, and what they answered.\v"
    "A compare is TARGET(\"KEY\") OP \"VALUE\", where TARGET is value, version, create, mod or lease, and OP is = != < or "
    ">. A request is a put, get or del with KEY and VALUE or RANGE_END, --prefix, --from-key, --prev-kv.\n\n"
    "Examples:\n"
    "  printf '%s\\n' 'mod(\"lock\") = \"0\"' '' 'put lock me' '' | decree txn\n"
    "  decree txn --json < change.txt\n"
    "\n"
    "  $ cat change.txt\n"
    "  value(\"city\") = \"Paris\"\n"
    "  version(\"city\") > \"0\"\n"
    "\n"
    "  put city Rome\n"
    "  put \"old city\" \"Paris, France\"\n"
    "\n"
    "  get city\n\n"
    "Exit status: 0 done, one way or the other; 1 refused; 64 a line makes no sense, and is named; 69 no server answered.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct txn_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case 'i':
        arguments->interactive = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "txn reads standard input, and takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_response(const Etcdserverpb__ResponseOp *response)
{
    putchar('\n');
    if (response->response_case == ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_PUT) {
        puts("OK");
        output_pair(response->response_put->prev_kv);
    } else if (response->response_case == ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_RANGE) {
        for (size_t i = 0; i < response->response_range->n_kvs; i++)
            output_pair(response->response_range->kvs[i]);
    } else if (response->response_case ==
               ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_DELETE_RANGE) {
        printf("%" PRId64 "\n", response->response_delete_range->deleted);
        for (size_t i = 0; i < response->response_delete_range->n_prev_kvs; i++)
            output_pair(response->response_delete_range->prev_kvs[i]);
    }
}

static void print(const struct txn_arguments *arguments, const Etcdserverpb__TxnResponse *response)
{
    if (output_answer(arguments->settings.format, &response->base))
        return;
    puts(response->succeeded ? "SUCCESS" : "FAILURE");
    for (size_t i = 0; i < response->n_responses; i++)
        print_response(response->responses[i]);
}

static int ask(const struct txn_arguments *arguments, const Etcdserverpb__TxnRequest *request)
{
    Etcdserverpb__TxnResponse *response;
    struct client *client;
    enum grpc_status code;
    int status = client_connect(&arguments->settings, &client);

    if (status != EXIT_OK)
        return status;
    code = client_txn(client, request, &response);
    if (code == GRPC_OK) {
        print(arguments, response);
        etcdserverpb__txn_response__free_unpacked(response, NULL);
        status = output_finish();
    } else {
        status = client_failure(client, code);
    }
    client_free(client);
    return status;
}

/* All of standard input, with a zero byte behind it; 0 or an exit status after a sentence. */
static int read_text(bool interactive, char **ret_text)
{
    uint8_t *data;
    size_t size;
    int status;

    if (interactive || isatty(STDIN_FILENO))
        fprintf(stderr, "compares, an empty line, requests if all hold, an empty line, requests if "
                        "not\n");
    status = input_value(NULL, "decree txn", &data, &size);
    if (status != EXIT_OK)
        return status;
    *ret_text = size == 0 || memchr(data, 0, size) == NULL ? calloc(1, size + 1) : NULL;
    if (*ret_text == NULL) {
        fprintf(stderr, "decree txn: the lines have a zero byte in them, or no room in memory\n");
        status = EXIT_USAGE;
    } else if (size > 0) {
        memcpy(*ret_text, data, size);
    }
    free(data);
    return status;
}

int cmd_txn(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, NULL, doc, client_options_alone,
                                     NULL,    NULL};
    static struct txn_lines txn;
    struct txn_arguments arguments = {0};
    Etcdserverpb__TxnRequest request;
    char *text;
    int status;

    client_parse(&argp, "decree txn", argc, argv, &arguments);
    status = read_text(arguments.interactive, &text);
    if (status != EXIT_OK)
        return status;
    if (txn_lines_read(&txn, text, &request)) {
        status = ask(&arguments, &request);
    } else {
        fprintf(stderr, "decree txn: line %u: %s\n", txn.line, txn.reason);
        status = EXIT_USAGE;
    }
    txn_lines_release(&txn);
    free(text);
    return status;
}
