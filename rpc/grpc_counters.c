/* SPDX-License-Identifier: MIT */
/* grpc_counters.c -- see grpc_counters.h. Each method has its counters beside it; all are the loop
 * thread's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#include "grpc_inside.h"

#define VERSION_UNKNOWN 0u
#define VERSION_OTHER 1u

/* As Prometheus' clients have them by default. */
static const uint64_t BOUNDS_MS[] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};

int grpc_counters_init(struct grpc_counters *counters, const struct grpc_methods *methods)
{
    *counters = (struct grpc_counters){
        .version_count = 2,
        .versions =
            {[VERSION_UNKNOWN] = {.version = "unknown"}, [VERSION_OTHER] = {.version = "other"}},
    };
    counters->methods = calloc(methods->count > 0 ? methods->count : 1, sizeof(*counters->methods));
    if (counters->methods == NULL)
        return DECREE_NOMEM;
    counters->first = methods->methods;
    counters->count = methods->count;
    for (size_t i = 0; i < methods->count; i++) {
        const struct grpc_method *method = &methods->methods[i];

        counters->methods[i].path = method->path;
        counters->methods[i].is_stream = method->stream != NULL && !method->stream->answers_once;
        histogram_init_bounds(&counters->methods[i].handling_ms, BOUNDS_MS,
                              sizeof(BOUNDS_MS) / sizeof(BOUNDS_MS[0]));
    }
    return 0;
}

void grpc_counters_release(struct grpc_counters *counters)
{
    free(counters->methods);
    counters->methods = NULL;
}

static struct grpc_method_counters *counters_of(struct grpc_call *call)
{
    struct grpc_counters *counters = &call->server->counters;

    assert(call->method >= counters->first);
    assert(call->method < counters->first + counters->count);
    return &counters->methods[call->method - counters->first];
}

uint8_t grpc_count_version(struct grpc_counters *counters, const uint8_t *version, size_t size)
{
    struct grpc_version_counters *row;
    uint32_t i;

    if (size >= GRPC_VERSION_BYTES)
        return VERSION_OTHER;
    for (i = 0; i < counters->version_count; i++)
        if (strlen(counters->versions[i].version) == size &&
            memcmp(counters->versions[i].version, version, size) == 0)
            return (uint8_t)i;
    if (i == GRPC_VERSIONS_MAX)
        return VERSION_OTHER;
    row = &counters->versions[counters->version_count++];
    memcpy(row->version, version, size);
    return (uint8_t)i;
}

void grpc_count_started(struct grpc_call *call)
{
    struct grpc_method_counters *counters;

    if (call->method == NULL || call->counted)
        return;
    counters = counters_of(call);
    counters->started++;
    call->counted = true;
    call->started_ms = uv_now(call->server->loop);
    if (counters->is_stream)
        call->server->counters.versions[call->version].stream++;
    else
        call->server->counters.versions[call->version].unary++;
}

void grpc_count_handled(struct grpc_call *call, enum grpc_status status)
{
    struct grpc_method_counters *counters;

    if (!call->counted)
        return;
    call->counted = false;
    counters = counters_of(call);
    assert((unsigned)status < GRPC_STATUSES);
    counters->handled[status]++;
    histogram_add(&counters->handling_ms, uv_now(call->server->loop) - call->started_ms);
}

void grpc_count_received(struct grpc_call *call, size_t size)
{
    if (!call->counted)
        return;
    counters_of(call)->received++;
    call->server->counters.bytes_received += size;
}

void grpc_count_sent(struct grpc_call *call, size_t size)
{
    if (!call->counted)
        return;
    counters_of(call)->sent++;
    call->server->counters.bytes_sent += size;
}

const struct grpc_method_counters *grpc_method_counters(const struct grpc_server *server,
                                                        size_t index)
{
    return index < server->counters.count ? &server->counters.methods[index] : NULL;
}

const struct grpc_version_counters *grpc_version_counters(const struct grpc_server *server,
                                                          size_t index)
{
    return index < server->counters.version_count ? &server->counters.versions[index] : NULL;
}

void grpc_message_bytes(const struct grpc_server *server, uint64_t *ret_received,
                        uint64_t *ret_sent)
{
    *ret_received = server->counters.bytes_received;
    *ret_sent = server->counters.bytes_sent;
}
