/* SPDX-License-Identifier: MIT */
/* cmd_status.c -- decree status: each endpoint asked for itself. */
#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "each_endpoint.h"
#include "message_fields.h"
#include "message_json.h"
#include "output.h"

#define COLUMNS 9u
#define CELL_BYTES (ENDPOINT_NAME_BYTES + 1u)

/* What one endpoint said. */
struct answer {
    const char *endpoint;
    Etcdserverpb__StatusResponse *response; /* NULL: none, and the reason was printed */
};

static const char doc[] =
    "Asks each of the endpoints for its own state: version, size of its store, whether it leads, "
    "in which ballot round, how far its log goes, and what it complains of. An endpoint that does "
    "not answer is named on standard error.\v"
    "Examples:\n"
    "  decree status\n"
    "  decree status --cluster\n"
    "  decree status --endpoints 127.0.0.1:2379,127.0.0.1:2381 --timeout 1s\n"
    "  decree status -w simple\n\n"
    "Exit status: 0 all answered; 1 one refused; 64 the command line makes no sense; 69 one did not answer.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->input;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "status takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void fill_row(const struct answer *answer, char cells[COLUMNS][CELL_BYTES])
{
    const Etcdserverpb__StatusResponse *response = answer->response;
    uint64_t id = response->header != NULL ? response->header->member_id : 0;
    unsigned column = 0;

    snprintf(cells[column++], CELL_BYTES, "%s", answer->endpoint);
    snprintf(cells[column++], CELL_BYTES, "%" PRIx64, id);
    snprintf(cells[column++], CELL_BYTES, "%s", response->version);
    output_bytes(cells[column++], CELL_BYTES, (double)response->dbsize);
    snprintf(cells[column++], CELL_BYTES, "%s",
             id != 0 && response->leader == id ? "true" : "false");
    snprintf(cells[column++], CELL_BYTES, "%" PRIu64, response->raftterm);
    snprintf(cells[column++], CELL_BYTES, "%" PRIu64, response->raftindex);
    snprintf(cells[column++], CELL_BYTES, "%" PRId64,
             response->header != NULL ? response->header->revision : 0);
    text_join(cells[column++], CELL_BYTES, response->errors, response->n_errors);
    assert(column == COLUMNS);
}

static void print_simple(const struct answer *answers, size_t count)
{
    char cells[COLUMNS][CELL_BYTES];

    for (size_t i = 0; i < count; i++) {
        if (answers[i].response == NULL)
            continue;
        fill_row(&answers[i], cells);
        for (unsigned column = 0; column < COLUMNS; column++)
            printf("%s%s", column > 0 ? ", " : "", cells[column]);
        putchar('\n');
    }
}

static void print_table(const struct answer *answers, size_t count)
{
    static const char *const heads[COLUMNS] = {"ENDPOINT", "ID",   "VERSION",  "DB SIZE", "LEADER",
                                               "ROUND",    "SLOT", "REVISION", "ERRORS"};
    static char texts[ENDPOINTS_MAX][COLUMNS][CELL_BYTES];
    const char *cells[(ENDPOINTS_MAX + 1) * COLUMNS];
    size_t rows = 1;

    assert(count <= ENDPOINTS_MAX);
    memcpy(cells, heads, sizeof(heads));
    for (size_t i = 0; i < count; i++) {
        if (answers[i].response == NULL)
            continue;
        fill_row(&answers[i], texts[i]);
        for (unsigned column = 0; column < COLUMNS; column++)
            cells[rows * COLUMNS + column] = texts[i][column];
        rows++;
    }
    if (rows > 1)
        output_table(cells, rows, COLUMNS);
}

/* As etcdctl has it: [{"Endpoint": ..., "Status": {...}}, ...] */
static void print_json(const struct answer *answers, size_t count)
{
    const char *before = "";

    putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (answers[i].response == NULL)
            continue;
        printf("%s{\"Endpoint\":", before);
        string_json_print(stdout, answers[i].endpoint);
        printf(",\"Status\":");
        message_json_print(stdout, &answers[i].response->base);
        putchar('}');
        before = ",";
    }
    puts("]");
}

static void print_fields(const struct answer *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (answers[i].response == NULL)
            continue;
        message_fields_print(stdout, &answers[i].response->base);
        if (answers[i].response->n_errors == 0)
            puts("\"Errors\" : []"); /* as etcdctl */
        printf("\"Endpoint\" : \"%s\"\n\n", answers[i].endpoint);
    }
}

/* Asks one endpoint. The exit status that it alone would give. */
static int ask(struct client_settings settings, const struct endpoint *endpoint,
               struct answer *ret_answer)
{
    struct client *client;
    enum grpc_status code;
    int status;

    *ret_answer = (struct answer){.endpoint = endpoint->name};
    settings.endpoints = endpoint->name;
    status = client_connect(&settings, &client);
    if (status != EXIT_OK)
        return status;
    code = client_status(client, &ret_answer->response);
    if (code != GRPC_OK)
        status = client_failure(client, code);
    client_free(client);
    return status;
}

int cmd_status(int argc, char **argv)
{
    static const struct argp_child children[] = {{&each_endpoint_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {NULL, parse_option, NULL, doc, children, NULL, NULL};
    static struct endpoints endpoints;
    static struct answer answers[ENDPOINTS_MAX];
    struct each_endpoint_settings settings = {0};
    int status, worst = EXIT_OK;

    client_parse(&argp, "decree status", argc, argv, &settings);
    status = each_endpoint_list(&settings, &endpoints);
    if (status != EXIT_OK)
        return status;
    for (size_t i = 0; i < endpoints.count; i++) {
        status = ask(settings.client, &endpoints.items[i], &answers[i]);
        worst = status > worst ? status : worst;
    }
    if (settings.client.format == OUTPUT_JSON)
        print_json(answers, endpoints.count);
    else if (settings.client.format == OUTPUT_SIMPLE)
        print_simple(answers, endpoints.count);
    else if (settings.client.format == OUTPUT_FIELDS)
        print_fields(answers, endpoints.count);
    else
        print_table(answers, endpoints.count);
    for (size_t i = 0; i < endpoints.count; i++)
        if (answers[i].response != NULL)
            etcdserverpb__status_response__free_unpacked(answers[i].response, NULL);
    status = output_finish();
    return status > worst ? status : worst;
}
