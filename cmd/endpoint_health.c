/* SPDX-License-Identifier: MIT */
/* endpoint_health.c -- decree endpoint health: a read through each endpoint that needs a quorum and a
 * leader, and a look at the alarms; the answers in etcdctl's words. */
#include "endpoint_health.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "commands.h"
#include "each_endpoint.h"
#include "message_json.h"
#include "output.h"

#define COLUMNS 4u
#define ERROR_BYTES 256u
#define TOOK_BYTES 24u
#define KEY "health" /* what etcdctl reads; it need not be there */

struct health {
    const char *endpoint;
    char took[TOOK_BYTES];
    char error[ERROR_BYTES]; /* empty: it is healthy */
};

static const char doc[] =
    "Asks each of the endpoints whether it is healthy: whether it serves a read that needs a leader and a quorum, and "
    "no alarm rings. Without --endpoints or --cluster that is one server alone.\v"
    "Examples:\n"
    "  decree endpoint health\n"
    "  decree endpoint health --cluster --timeout 1s\n"
    "  decree endpoint health --cluster --json\n\n"
    "Exit status: 0 all are healthy; 1 an alarm rings, or one refused; 64 the command line makes no sense; 69 one did not "
    "answer.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->input;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "health takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void list_alarms(struct health *health, const Etcdserverpb__AlarmResponse *response)
{
    size_t used = 0;

    for (size_t i = 0; i < response->n_alarms && used < ERROR_BYTES; i++) {
        const ProtobufCEnumValue *alarm = protobuf_c_enum_descriptor_get_value(
            &etcdserverpb__alarm_type__descriptor, (int)response->alarms[i]->alarm);

        used += (size_t)snprintf(health->error + used, ERROR_BYTES - used, "%s%s",
                                 i == 0 ? "Active Alarm(s): " : ", ",
                                 alarm != NULL ? alarm->name : "UNKNOWN");
    }
}

static enum grpc_status probe(struct client *client, struct health *ret_health)
{
    Etcdserverpb__RangeRequest read = ETCDSERVERPB__RANGE_REQUEST__INIT;
    Etcdserverpb__AlarmRequest list = ETCDSERVERPB__ALARM_REQUEST__INIT;
    Etcdserverpb__RangeResponse *answer;
    Etcdserverpb__AlarmResponse *alarms;
    uint64_t start_ns = uv_hrtime();
    enum grpc_status code;

    read.key = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)KEY, .len = strlen(KEY)};
    code = client_range(client, &read, &answer);
    snprintf(ret_health->took, TOOK_BYTES, "%.3fms", (double)(uv_hrtime() - start_ns) / 1e6);
    if (code != GRPC_OK)
        return code;
    etcdserverpb__range_response__free_unpacked(answer, NULL);
    code = client_alarm(client, &list, &alarms);
    if (code != GRPC_OK)
        return code;
    list_alarms(ret_health, alarms);
    etcdserverpb__alarm_response__free_unpacked(alarms, NULL);
    return GRPC_OK;
}

/* The exit status that this endpoint alone would give. */
static int ask(struct client_settings settings, const struct endpoint *endpoint,
               struct health *ret_health)
{
    struct client *client;
    enum grpc_status code;
    int status;

    *ret_health = (struct health){.endpoint = endpoint->name};
    settings.endpoints = endpoint->name;
    status = client_connect(&settings, &client);
    if (status != EXIT_OK)
        return status;
    code = probe(client, ret_health);
    if (code != GRPC_OK)
        snprintf(ret_health->error, ERROR_BYTES, "%s: %s", grpc_status_name(code),
                 client_error_text(client));
    client_free(client);
    if (code == GRPC_UNAVAILABLE || code == GRPC_DEADLINE_EXCEEDED)
        return EXIT_UNAVAILABLE;
    return ret_health->error[0] == '\0' ? EXIT_OK : EXIT_FAILED;
}

static void print_simple(const struct health *health)
{
    if (health->error[0] == '\0')
        printf("%s is healthy: successfully committed proposal: took = %s\n", health->endpoint,
               health->took);
    else
        fprintf(stderr, "%s is unhealthy: failed to commit proposal: %s\n", health->endpoint,
                health->error);
}

static void print_fields(const struct health *health)
{
    printf("\"Endpoint\" : \"%s\"\n\"Health\" : %s\n\"Took\" : %s\n\"Error\" : %s\n\n",
           health->endpoint, health->error[0] == '\0' ? "true" : "false", health->took,
           health->error);
}

/* As etcdctl has it: [{"endpoint": ..., "health": ..., "took": ..., "error": ...}, ...] */
static void print_json(const struct health *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%c{\"endpoint\":", i == 0 ? '[' : ',');
        string_json_print(stdout, all[i].endpoint);
        printf(",\"health\":%s,\"took\":\"%s\"", all[i].error[0] == '\0' ? "true" : "false",
               all[i].took);
        if (all[i].error[0] != '\0') {
            printf(",\"error\":");
            string_json_print(stdout, all[i].error);
        }
        putchar('}');
    }
    puts("]");
}

static void print_table(const struct health *all, size_t count)
{
    const char *cells[(ENDPOINTS_MAX + 1) * COLUMNS] = {"ENDPOINT", "HEALTH", "TOOK", "ERROR"};

    assert(count <= ENDPOINTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char **row = &cells[(i + 1) * COLUMNS];

        row[0] = all[i].endpoint;
        row[1] = all[i].error[0] == '\0' ? "true" : "false";
        row[2] = all[i].took;
        row[3] = all[i].error;
    }
    output_table(cells, count + 1, COLUMNS);
}

static void print_all(enum output_format format, const struct health *all, size_t count)
{
    if (format == OUTPUT_JSON)
        print_json(all, count);
    else if (format == OUTPUT_TABLE)
        print_table(all, count);
    else
        for (size_t i = 0; i < count; i++)
            (format == OUTPUT_FIELDS ? print_fields : print_simple)(&all[i]);
}

int endpoint_health(int argc, char **argv)
{
    static const struct argp_child children[] = {{&each_endpoint_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {NULL, parse_option, NULL, doc, children, NULL, NULL};
    static struct endpoints endpoints;
    static struct health all[ENDPOINTS_MAX];
    struct each_endpoint_settings settings = {0};
    int status, worst;

    client_parse(&argp, "decree endpoint health", argc, argv, &settings);
    worst = each_endpoint_list(&settings, &endpoints);
    if (worst != EXIT_OK)
        return worst;
    for (size_t i = 0; i < endpoints.count; i++) {
        status = ask(settings.client, &endpoints.items[i], &all[i]);
        worst = status > worst ? status : worst;
    }
    print_all(settings.client.format, all, endpoints.count);
    status = output_finish();
    return status > worst ? status : worst;
}
