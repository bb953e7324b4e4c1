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

#define ERROR_BYTES 256u
#define TOOK_BYTES 24u
#define KEY "health" /* what etcdctl reads; it need not be there */

struct health {
    const char *endpoint;
    char took[TOOK_BYTES];
    char error[ERROR_BYTES]; /* empty: it is healthy */
};

struct healths {
    struct health items[ENDPOINTS_MAX];
    size_t count;
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

static int ask(void *context, struct client *client, const char *endpoint)
{
    struct healths *healths = context;
    struct health *health = &healths->items[healths->count++];
    enum grpc_status code;

    assert(healths->count <= ENDPOINTS_MAX);
    *health = (struct health){.endpoint = endpoint};
    code = probe(client, health);
    if (code != GRPC_OK)
        snprintf(health->error, ERROR_BYTES, "%s: %s", grpc_status_name(code),
                 client_error_text(client));
    if (code == GRPC_UNAVAILABLE || code == GRPC_DEADLINE_EXCEEDED)
        return EXIT_UNAVAILABLE;
    return health->error[0] == '\0' ? EXIT_OK : EXIT_FAILED;
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
    static const char *const heads[] = {"ENDPOINT", "HEALTH", "TOOK", "ERROR"};
    struct table table;

    table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < count; i++) {
        table_add(&table, "%s", all[i].endpoint);
        table_add(&table, "%s", all[i].error[0] == '\0' ? "true" : "false");
        table_add(&table, "%s", all[i].took);
        table_add(&table, "%s", all[i].error);
    }
    (void)table_print(&table);
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
    static const struct argp argp = {.doc = doc, .children = children};
    static struct healths all;
    struct each_endpoint_settings settings = {0};
    int status, worst;

    client_parse(&argp, "decree endpoint health", argc, argv, &settings);
    worst = each_endpoint_run(&settings, ask, &all);
    if (all.count == 0)
        return worst;
    print_all(settings.client.format, all.items, all.count);
    status = output_finish();
    return status > worst ? status : worst;
}
