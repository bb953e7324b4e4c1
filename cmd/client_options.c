/* SPDX-License-Identifier: MIT */
/* client_options.c -- common options of the commands that ask a server. */
#include "client_options.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "go_values.h"
#include "output.h"

#define ENDPOINTS_DEFAULT "127.0.0.1:2379"
#define DURATION_MS_MAX INT64_C(86400000)
#define SECOND_MS 1000
#define MS_NS 1000000

enum { OPTION_ENDPOINTS = 0x100, OPTION_TIMEOUT, OPTION_DIAL_TIMEOUT, OPTION_JSON };

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Where, how long, and how to print:", 90},
    {"endpoints", OPTION_ENDPOINTS, "HOST:PORT,...", 0,
     "Servers to ask; the next is tried when one does not answer. Default: $DECREE_ENDPOINTS, "
     "else $ETCDCTL_ENDPOINTS, else " ENDPOINTS_DEFAULT,
     90},
    {"timeout", OPTION_TIMEOUT, "TIME", 0, "Give up after this: 5s, 500ms, 1m (default 5s)", 90},
    {"command-timeout", OPTION_TIMEOUT, "TIME", 0, "The same as --timeout, by etcdctl's name", 90},
    {"dial-timeout", OPTION_DIAL_TIMEOUT, "TIME", 0,
     "Try the next server when one was not connected to after this (default 2s)", 90},
    {"write-out", 'w', "simple|json|fields|table", 0, "How to print, as etcdctl has it", 90},
    {"json", OPTION_JSON, 0, 0, "The same as -w json; keys and values are in base64, as in etcdctl",
     90},
    {0},
};

uint64_t number_argument(const char *text, const char *what, uint64_t least, uint64_t most,
                         struct argp_state *state)
{
    uint64_t number = 0;

    if (number_parse(text, least, most, &number))
        return number;
    if (most == INT64_MAX)
        argp_error(state, "%s must be a number from %" PRIu64 " on, not '%s'", what, least, text);
    else
        argp_error(state, "%s must be a number from %" PRIu64 " to %" PRIu64 ", not '%s'", what,
                   least, most, text);
    return 0;
}

/* A bare number of seconds is decree's own; the rest is as etcdctl has it. */
bool duration_parse(const char *text, uint64_t *ret_ms)
{
    int64_t number;

    assert(text != NULL);
    if (text[0] < '0' || text[0] > '9')
        return false;
    if (text[strspn(text, "0123456789")] == '\0') {
        if (!go_number_parse(text + strspn(text, "0"), &number) || number > DURATION_MS_MAX / 1000)
            return false;
        number *= SECOND_MS;
    } else {
        if (!go_duration_parse(text, &number))
            return false;
        number = number / MS_NS + (number % MS_NS != 0);
    }
    if (number <= 0 || number > DURATION_MS_MAX)
        return false;
    *ret_ms = (uint64_t)number;
    return true;
}

bool lease_id_parse(const char *text, int64_t *ret_lease)
{
    size_t size = strlen(text);

    if (size == 0 || size > 16 || text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
        return false;
    if (size == 16 && text[0] > '7')
        return false;
    *ret_lease = strtoll(text, NULL, 16);
    return true;
}

static void parse_format(const char *text, struct client_settings *settings,
                         struct argp_state *state)
{
    if (strcmp(text, "simple") == 0)
        settings->format = OUTPUT_SIMPLE;
    else if (strcmp(text, "json") == 0)
        settings->format = OUTPUT_JSON;
    else if (strcmp(text, "fields") == 0)
        settings->format = OUTPUT_FIELDS;
    else if (strcmp(text, "table") == 0)
        settings->format = OUTPUT_TABLE;
    else
        argp_error(state, "the format is simple, json, fields or table, not '%s'", text);
}

static uint64_t parse_time(const char *text, struct argp_state *state)
{
    uint64_t ms = 0;

    if (!duration_parse(text, &ms))
        argp_error(state, "'%s' is not a time such as 5s or 500ms, up to a day", text);
    return ms;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct client_settings *settings = state->input;

    switch (key) {
    case OPTION_ENDPOINTS:
        settings->endpoints = argument;
        return 0;
    case OPTION_TIMEOUT:
        settings->timeout_ms = parse_time(argument, state);
        return 0;
    case OPTION_DIAL_TIMEOUT:
        settings->dial_timeout_ms = parse_time(argument, state);
        return 0;
    case 'w':
        parse_format(argument, settings, state);
        return 0;
    case OPTION_JSON:
        settings->format = OUTPUT_JSON;
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp client_options_argp = {.options = options, .parser = parse_option};
const struct argp_child client_options_alone[] = {{&client_options_argp, 0, NULL, 0}, {0}};

void client_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input)
{
    assert(argc >= 1);
    argp_err_exit_status = EXIT_USAGE;
    argv[0] = (char *)(uintptr_t)command; /* argp takes the program's name from here */
    argp_parse(argp, argc, argv, 0, NULL, input);
}

void client_parse_in_order(const struct argp *argp, const char *command, int argc, char **argv,
                           void *input)
{
    assert(argc >= 1);
    argp_err_exit_status = EXIT_USAGE;
    argv[0] = (char *)(uintptr_t)command;
    argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, input);
}

/* How many words the option at the front takes with its value; 0: it is none of these. */
static int option_words(const char *word)
{
    size_t size = strcspn(word, "=");

    if (strncmp(word, "-w", 2) == 0)
        return word[2] == '\0' ? 2 : 1;
    if (strncmp(word, "--", 2) != 0)
        return 0;
    for (const struct argp_option *option = options; option->group != 0; option++)
        if (option->name != NULL && strlen(option->name) == size - 2 &&
            strncmp(option->name, word + 2, size - 2) == 0)
            return option->arg == NULL || word[size] == '=' ? 1 : 2;
    return 0;
}

int client_options_count(int argc, char **argv)
{
    int count = 0;

    while (count < argc) {
        int words = option_words(argv[count]);

        if (words == 0)
            break;
        count += words;
    }
    return count < argc ? count : argc;
}

static const char *endpoints_text(const struct client_settings *settings)
{
    const char *choices[] = {settings->endpoints, getenv("DECREE_ENDPOINTS"),
                             getenv("ETCDCTL_ENDPOINTS")};

    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (choices[i] != NULL && choices[i][0] != '\0')
            return choices[i];
    return ENDPOINTS_DEFAULT;
}

static int bad_endpoints(const char *text, const char *reason)
{
    fprintf(stderr, "decree: %s: %s\n", text, reason);
    return EXIT_USAGE;
}

int client_endpoints(const struct client_settings *settings, struct endpoints *ret_endpoints)
{
    const char *text = endpoints_text(settings), *reason;

    return endpoints_parse(text, ret_endpoints, &reason) == 0 ? EXIT_OK
                                                              : bad_endpoints(text, reason);
}

int client_connect(const struct client_settings *settings, struct client **ret_client)
{
    struct client_options client_options = {.endpoints = endpoints_text(settings),
                                            .timeout_ms = settings->timeout_ms,
                                            .dial_timeout_ms = settings->dial_timeout_ms};
    const char *reason;

    output_keep_sigpipe();
    return client_new(ret_client, &client_options, &reason) == 0
               ? EXIT_OK
               : bad_endpoints(client_options.endpoints, reason);
}

int client_failure(const struct client *client, enum grpc_status code)
{
    assert(code != GRPC_OK);
    fprintf(stderr, "decree: %s: %s: %s\n", client_endpoint(client), grpc_status_name(code),
            client_error_text(client));
    if (code == GRPC_UNAVAILABLE && strcmp(client_endpoint(client), ENDPOINTS_DEFAULT) == 0 &&
        strstr(client_error_text(client), "cannot connect") != NULL)
        fprintf(stderr, "Is there a server? `decree serve` starts one; --endpoints, or "
                        "DECREE_ENDPOINTS, names those elsewhere.\n");
    return code == GRPC_UNAVAILABLE || code == GRPC_DEADLINE_EXCEEDED ? EXIT_UNAVAILABLE
                                                                      : EXIT_FAILED;
}
