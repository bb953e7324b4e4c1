/* SPDX-License-Identifier: MIT */
/* cmd_register.c -- decree register set|get|cas|history|compact KEY ... */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "client_register.h"
#include "commands.h"
#include "input.h"
#include "output.h"
#include "register_arguments.h"

struct ask { /* one run of the command */
    const struct register_arguments *arguments;
    struct client *client;
    uint8_t *value; /* of set and cas */
    size_t value_size;
};

static ProtobufCBinaryData key_of(const struct ask *ask)
{
    const char *key = ask->arguments->key;

    return (ProtobufCBinaryData){.len = strlen(key), .data = (uint8_t *)(uintptr_t)key};
}

static ProtobufCBinaryData value_of(const struct ask *ask)
{
    return (ProtobufCBinaryData){.len = ask->value_size, .data = ask->value};
}

static bool wants_json(const struct ask *ask)
{
    return ask->arguments->settings.format == OUTPUT_JSON;
}

/* What a user did not find is told in his words, anything else as the server said it. */
static int failure(const struct ask *ask, enum grpc_status code)
{
    const struct register_arguments *arguments = ask->arguments;

    if (code != GRPC_NOT_FOUND && code != GRPC_OUT_OF_RANGE && code != GRPC_ALREADY_EXISTS)
        return client_failure(ask->client, code);
    fprintf(stderr, "%s: ", arguments->command);
    if (arguments->has_version)
        fprintf(stderr, "'%s' version %" PRIu64 ": ", arguments->key, arguments->version);
    else
        fprintf(stderr, "'%s': ", arguments->key);
    fprintf(stderr, "%s\n", client_error_text(ask->client));
    return EXIT_FAILED;
}

/* ---- output ---- */

/* {"version":N,"value":"..."}; unlike other messages, version 0 is not left out. */
static int print_version_json(const Decree__V1__RegisterVersion *version)
{
    size_t size = base64_encoded_size(version->value.len);
    char *text = malloc(size + 1);

    if (text == NULL) {
        fprintf(stderr, "decree register: out of memory\n");
        return EXIT_FAILED;
    }
    base64_encode(text, version->value.data, version->value.len);
    printf("{\"version\":%" PRIu64 ",\"value\":\"%.*s\"}", version->version, (int)size, text);
    free(text);
    return EXIT_OK;
}

static void print_set(const struct ask *ask, uint64_t version, uint32_t rounds)
{
    printf(wants_json(ask) ? "{\"succeeded\":true,\"version\":%" PRIu64 ",\"rounds\":%" PRIu32 "}\n"
                           : "version %" PRIu64 "\n",
           version, rounds);
}

/* ---- the verbs ---- */

static int set(const struct ask *ask)
{
    Decree__V1__RegisterSetRequest request = DECREE__V1__REGISTER_SET_REQUEST__INIT;
    Decree__V1__RegisterSetResponse *response;
    enum grpc_status code;

    request.key = key_of(ask);
    request.value = value_of(ask);
    if (ask->arguments->has_version) {
        request.named_case = DECREE__V1__REGISTER_SET_REQUEST__NAMED_VERSION;
        request.version = ask->arguments->version;
    }
    code = client_register_set(ask->client, &request, &response);
    if (code != GRPC_OK)
        return failure(ask, code);
    print_set(ask, response->version, response->rounds);
    decree__v1__register_set_response__free_unpacked(response, NULL);
    return EXIT_OK;
}

static int print_found(const struct ask *ask, const Decree__V1__RegisterGetResponse *response)
{
    const ProtobufCBinaryData *value = &response->found->value;
    int status = EXIT_OK;

    if (wants_json(ask)) {
        printf("{\"found\":");
        status = print_version_json(response->found);
        printf(",\"latest\":%" PRIu64 ",\"rounds\":%" PRIu32 "}\n", response->latest,
               response->rounds);
    } else if (!ask->arguments->no_newline) {
        output_line(value->data, value->len);
    } else if (value->len > 0) {
        fwrite(value->data, 1, value->len, stdout);
    }
    return status;
}

static int get(const struct ask *ask)
{
    Decree__V1__RegisterGetRequest request = DECREE__V1__REGISTER_GET_REQUEST__INIT;
    Decree__V1__RegisterGetResponse *response;
    enum grpc_status code;
    int status = EXIT_FAILED;

    request.key = key_of(ask);
    if (ask->arguments->has_version) {
        request.named_case = DECREE__V1__REGISTER_GET_REQUEST__NAMED_VERSION;
        request.version = ask->arguments->version;
    }
    code = client_register_get(ask->client, &request, &response);
    if (code != GRPC_OK)
        return failure(ask, code);
    if (response->found != NULL)
        status = print_found(ask, response);
    else
        fprintf(stderr, "decree register get: the server's answer has no value\n");
    decree__v1__register_get_response__free_unpacked(response, NULL);
    return status;
}

/* The latest is not the one expected. */
static int print_conflict(const struct ask *ask, const Decree__V1__RegisterVersion *present)
{
    const struct register_arguments *arguments = ask->arguments;

    if (wants_json(ask)) {
        printf("{\"succeeded\":false,\"present\":");
        if (present == NULL)
            printf("null");
        else if (print_version_json(present) != EXIT_OK)
            return EXIT_FAILED;
        printf("}\n");
    }
    fprintf(stderr, "%s: '%s' ", arguments->command, arguments->key);
    if (present == NULL)
        fprintf(stderr, "has no version yet");
    else
        fprintf(stderr, "has version %" PRIu64 " as its latest", present->version);
    if (arguments->has_version)
        fprintf(stderr, ", not %" PRIu64 ": nothing was set\n", arguments->version);
    else
        fprintf(stderr, ": nothing was set\n");
    return EXIT_FAILED;
}

static int compare_and_set(const struct ask *ask)
{
    Decree__V1__RegisterCompareAndSetRequest request =
        DECREE__V1__REGISTER_COMPARE_AND_SET_REQUEST__INIT;
    Decree__V1__RegisterCompareAndSetResponse *response;
    enum grpc_status code;
    int status = EXIT_OK;

    request.key = key_of(ask);
    request.value = value_of(ask);
    if (ask->arguments->has_version) {
        request.latest_case = DECREE__V1__REGISTER_COMPARE_AND_SET_REQUEST__LATEST_EXPECTED;
        request.expected = ask->arguments->version;
    }
    code = client_register_compare_and_set(ask->client, &request, &response);
    if (code != GRPC_OK)
        return failure(ask, code);
    if (response->succeeded)
        print_set(ask, response->version, response->rounds);
    else
        status = print_conflict(ask, response->present);
    decree__v1__register_compare_and_set_response__free_unpacked(response, NULL);
    return status;
}

/* Prints the versions of one answer; *from and *left move on. */
static int print_page(const struct ask *ask, const Decree__V1__RegisterHistoryResponse *page,
                      uint64_t *from, uint64_t *left, bool *first)
{
    for (size_t i = 0; i<page->n_versions && * left> 0; i++) {
        const Decree__V1__RegisterVersion *version = page->versions[i];

        *from = version->version + 1;
        *left -= 1;
        if (wants_json(ask)) {
            fputs(*first ? "" : ",", stdout);
            if (print_version_json(version) != EXIT_OK)
                return EXIT_FAILED;
        } else {
            printf("%" PRIu64 " ", version->version);
            output_line(version->value.data, version->value.len);
        }
        *first = false;
    }
    return EXIT_OK;
}

/* Asks for page after page until the latest was there, or so many as are wanted. */
static int history(const struct ask *ask)
{
    Decree__V1__RegisterHistoryRequest request = DECREE__V1__REGISTER_HISTORY_REQUEST__INIT;
    Decree__V1__RegisterHistoryResponse *page;
    uint64_t left = ask->arguments->limit > 0 ? ask->arguments->limit : UINT64_MAX;
    bool first = true, more = true;
    int status = EXIT_OK;

    request.key = key_of(ask);
    request.from = ask->arguments->from;
    while (status == EXIT_OK && more && left > 0) {
        enum grpc_status code = client_register_history(ask->client, &request, &page);

        if (code != GRPC_OK)
            return failure(ask, code);
        if (wants_json(ask) && first && request.from == ask->arguments->from)
            printf("{\"versions\":[");
        status = print_page(ask, page, &request.from, &left, &first);
        more = page->n_versions > 0 && request.from <= page->latest;
        decree__v1__register_history_response__free_unpacked(page, NULL);
    }
    if (wants_json(ask))
        printf("]}\n");
    return status;
}

static int compact(const struct ask *ask)
{
    Decree__V1__RegisterCompactRequest request = DECREE__V1__REGISTER_COMPACT_REQUEST__INIT;
    Decree__V1__RegisterCompactResponse *response;
    enum grpc_status code;

    request.key = key_of(ask);
    request.version = ask->arguments->version;
    code = client_register_compact(ask->client, &request, &response);
    if (code != GRPC_OK)
        return failure(ask, code);
    puts(wants_json(ask) ? "{}" : "OK");
    decree__v1__register_compact_response__free_unpacked(response, NULL);
    return EXIT_OK;
}

static int run(const struct ask *ask)
{
    switch (ask->arguments->verb) {
    case REGISTER_SET:
        return set(ask);
    case REGISTER_GET:
        return get(ask);
    case REGISTER_CAS:
        return compare_and_set(ask);
    case REGISTER_HISTORY:
        return history(ask);
    case REGISTER_COMPACT:
        return compact(ask);
    }
    return EXIT_USAGE;
}

int cmd_register(int argc, char **argv)
{
    struct register_arguments arguments;
    struct ask ask = {.arguments = &arguments};
    int status = EXIT_OK, finished;

    register_parse(argc, argv, &arguments);
    if (arguments.verb == REGISTER_SET || arguments.verb == REGISTER_CAS)
        status = input_value(arguments.value, arguments.command, &ask.value, &ask.value_size);
    if (status == EXIT_OK)
        status = client_connect(&arguments.settings, &ask.client);
    if (status == EXIT_OK) {
        status = run(&ask);
        finished = output_finish();
        status = status != EXIT_OK ? status : finished;
        client_free(ask.client);
    }
    free(ask.value);
    return status;
}
