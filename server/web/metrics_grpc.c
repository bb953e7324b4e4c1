/* SPDX-License-Identifier: MIT */
/* metrics_grpc.c -- what is counted of gRPC's calls, under the names of go-grpc-prometheus, which etcd
 * has: by grpc_type, grpc_service, grpc_method and grpc_code.
 *
 * Every method has its lines from the start, with zeros, as there: who graphs a rate needs the first
 * call too. Only the times of methods that nobody calls are left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "grpc_counters.h"
#include "metrics_inside.h"
#include "metrics_text.h"
#include "proto_files.h"

static const char *type_name(enum proto_method method)
{
    switch (method) {
    case PROTO_UNARY:
        return "unary";
    case PROTO_CLIENT_STREAM:
        return "client_stream";
    case PROTO_SERVER_STREAM:
        return "server_stream";
    case PROTO_BIDI_STREAM:
        return "bidi_stream";
    }
    return "unary";
}

/* "/package.Service/Method" taken apart. */
static void write_labels(const char *path, enum proto_method method, char *ret_labels)
{
    const char *slash = strchr(path + 1, '/');

    assert(slash != NULL);
    (void)snprintf(ret_labels, METRICS_LABELS_BYTES,
                   "grpc_method=\"%s\",grpc_service=\"%.*s\",grpc_type=\"%s\"", slash + 1,
                   (int)(slash - path - 1), path + 1, type_name(method));
}

bool metrics_grpc_init(struct metrics_grpc *metrics, const struct grpc_server *grpc)
{
    size_t count = 0;

    while (grpc_method_counters(grpc, count) != NULL)
        count++;
    metrics->labels = calloc(count > 0 ? count : 1, sizeof(*metrics->labels));
    if (metrics->labels == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *path = grpc_method_counters(grpc, i)->path;

        write_labels(path, proto_method_of(path), metrics->labels[i]);
    }
    return true;
}

void metrics_grpc_release(struct metrics_grpc *metrics)
{
    free(metrics->labels);
    metrics->labels = NULL;
}

/* The lines of one method in a family. */
typedef void put_method(struct byte_buffer *out, const char *name, const char *labels,
                        const struct grpc_method_counters *counters);

static void put_started(struct byte_buffer *out, const char *name, const char *labels,
                        const struct grpc_method_counters *counters)
{
    metrics_number(out, name, labels, counters->started);
}

static void put_handled(struct byte_buffer *out, const char *name, const char *labels,
                        const struct grpc_method_counters *counters)
{
    char with_code[METRICS_LABELS_BYTES + 40];

    for (unsigned code = 0; code < GRPC_STATUSES; code++) {
        (void)snprintf(with_code, sizeof(with_code), "grpc_code=\"%s\",%s",
                       grpc_status_name((enum grpc_status)code), labels);
        metrics_number(out, name, with_code, counters->handled[code]);
    }
}

static void put_received(struct byte_buffer *out, const char *name, const char *labels,
                         const struct grpc_method_counters *counters)
{
    metrics_number(out, name, labels, counters->received);
}

static void put_sent(struct byte_buffer *out, const char *name, const char *labels,
                     const struct grpc_method_counters *counters)
{
    metrics_number(out, name, labels, counters->sent);
}

static void put_times(struct byte_buffer *out, const char *name, const char *labels,
                      const struct grpc_method_counters *counters)
{
    if (histogram_count(&counters->handling_ms) > 0)
        metrics_histogram(out, name, labels, &counters->handling_ms, 1e3);
}

static const struct {
    const char *name, *type, *help;
    put_method *put;
} FAMILIES[] = {
    {"grpc_server_started_total", "counter", "Calls that began.", put_started},
    {"grpc_server_handled_total", "counter", "Calls that ended, by outcome.", put_handled},
    {"grpc_server_msg_received_total", "counter", "Messages from clients.", put_received},
    {"grpc_server_msg_sent_total", "counter", "Messages to clients.", put_sent},
    {"grpc_server_handling_seconds", "histogram", "How long calls took.", put_times},
};

static void put_versions(struct byte_buffer *out, const struct grpc_server *grpc)
{
    static const char NAME[] = "etcd_server_client_requests_total";
    const struct grpc_version_counters *row;
    char escaped[2 * GRPC_VERSION_BYTES + 1], labels[METRICS_LABELS_BYTES];

    metrics_family(out, NAME, "counter",
                   "Calls of clients, by the version of the API that they say they speak.");
    for (size_t i = 0; (row = grpc_version_counters(grpc, i)) != NULL; i++) {
        metrics_escape(row->version, escaped, sizeof(escaped));
        (void)snprintf(labels, sizeof(labels), "client_api_version=\"%s\",type=\"unary\"", escaped);
        if (row->unary > 0)
            metrics_number(out, NAME, labels, row->unary);
        (void)snprintf(labels, sizeof(labels), "client_api_version=\"%s\",type=\"stream\"",
                       escaped);
        if (row->stream > 0)
            metrics_number(out, NAME, labels, row->stream);
    }
}

void metrics_grpc_put(const struct metrics_grpc *metrics, const struct grpc_server *grpc,
                      struct byte_buffer *out)
{
    const struct grpc_method_counters *counters;

    for (size_t i = 0; i < sizeof(FAMILIES) / sizeof(FAMILIES[0]); i++) {
        metrics_family(out, FAMILIES[i].name, FAMILIES[i].type, FAMILIES[i].help);
        for (size_t j = 0; (counters = grpc_method_counters(grpc, j)) != NULL; j++)
            FAMILIES[i].put(out, FAMILIES[i].name, metrics->labels[j], counters);
    }
    put_versions(out, grpc);
}

/* ---- what follows from how the calls of some methods went ---- */

static bool is_one_of(const char *path, const char *const *paths)
{
    for (; *paths != NULL; paths++)
        if (strcmp(path, *paths) == 0)
            return true;
    return false;
}

void metrics_grpc_sum(const struct grpc_server *grpc, const char *const *paths,
                      struct grpc_method_counters *ret_sum)
{
    const struct grpc_method_counters *counters;

    *ret_sum = (struct grpc_method_counters){.path = paths[0]};
    for (size_t i = 0; (counters = grpc_method_counters(grpc, i)) != NULL; i++) {
        if (!is_one_of(counters->path, paths))
            continue;
        ret_sum->started += counters->started;
        ret_sum->received += counters->received;
        ret_sum->sent += counters->sent;
        for (unsigned code = 0; code < GRPC_STATUSES; code++)
            ret_sum->handled[code] += counters->handled[code];
        ret_sum->handling_ms = counters->handling_ms;
    }
}
