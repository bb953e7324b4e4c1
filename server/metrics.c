/* SPDX-License-Identifier: MIT */
/* metrics.c -- see metrics.h. One table has all of them: name, type, help, and where the number comes
 * from. */
#include "metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "services.h"
#include "web.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What is looked up once for an answer. */
struct sample {
    struct backend_status status;
    struct kv_stats store;
    struct http2_counters http2;
    uint32_t http1_connections;
    int64_t revision;
    uint64_t resident_bytes;
    bool leads;
};

/* X(name, type, expression of sample, help) */
#define METRICS_TABLE(X)                                                                     \
    X(etcd_server_has_leader, gauge, sample->status.leader_id != 0,                          \
      "Whether a leader exists. 1 is existence, 0 is not.")                                  \
    X(etcd_server_is_leader, gauge, sample->leads, "Whether this member is the leader.")     \
    X(etcd_server_is_learner, gauge, 0, "Whether this member is a learner; here none is.")   \
    X(etcd_server_proposals_committed_total, gauge, sample->status.decided,                  \
      "How many slots of the log are decided.")                                              \
    X(etcd_server_proposals_applied_total, gauge, sample->status.applied,                    \
      "How many slots of the log are applied to the store.")                                 \
    X(etcd_mvcc_db_total_size_in_bytes, gauge, sample->status.storage_bytes,                 \
      "Memory of the store, in bytes.")                                                      \
    X(etcd_mvcc_db_total_size_in_use_in_bytes, gauge, sample->status.storage_in_use_bytes,   \
      "Of these, what records need.")                                                        \
    X(etcd_debugging_mvcc_keys_total, gauge, sample->store.keys, "Keys alive now.")          \
    X(etcd_debugging_mvcc_current_revision, gauge, (uint64_t)sample->revision,               \
      "The revision of the store.")                                                          \
    X(process_resident_memory_bytes, gauge, sample->resident_bytes,                          \
      "Resident memory of the process, in bytes.")                                           \
    X(decree_round, gauge, sample->status.term, "The round of the leader's ballot.")         \
    X(decree_store_changes, gauge, sample->store.changes,                                    \
      "Records in the store, those of the past included.")                                   \
    X(decree_store_leases, gauge, sample->store.leases, "Leases in the store.")              \
    X(decree_trouble, gauge, sample->status.trouble != NULL,                                 \
      "Whether this member has something to complain of, see status.")                       \
    X(decree_client_connections, gauge,                                                      \
      (uint64_t)sample->http2.connections + sample->http1_connections,                       \
      "Connections of clients now.")                                                         \
    X(decree_client_http1_connections, gauge, sample->http1_connections,                     \
      "Connections of clients now that speak HTTP/1.")                                       \
    X(decree_client_streams, gauge, sample->http2.streams, "HTTP/2 streams of clients now.") \
    X(decree_client_connections_accepted_total, counter, sample->http2.accepted,             \
      "Connections of clients that were accepted.")                                          \
    X(decree_client_connections_refused_total, counter, sample->http2.refused,               \
      "Connections of clients that were refused, for there were too many.")                  \
    X(decree_client_connections_broken_total, counter, sample->http2.broken,                 \
      "Connections of clients that were closed for what they sent.")                         \
    X(decree_client_request_bytes, gauge, sample->http2.request_bytes,                       \
      "Bytes of requests that are kept now.")                                                \
    X(decree_client_answer_bytes, gauge, sample->http2.answer_bytes,                         \
      "Bytes of answers that clients have not read yet.")

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %" SCNu64, &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void take_sample(struct web *web, struct sample *sample)
{
    struct backend *backend = web->backend;
    const struct kv *kv = backend->ops->kv(backend);

    backend->ops->status(backend, &sample->status);
    kv_stats(kv, &sample->store);
    grpc_counters(web->grpc, &sample->http2);
    sample->http1_connections = http1_connections(web->http1);
    sample->revision = kv_revision(kv);
    sample->resident_bytes = resident_bytes();
    sample->leads = sample->status.leader_id == backend->member_id;
}

static void put(struct byte_buffer *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct byte_buffer *out, const char *format, ...)
{
    char line[512];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    assert(size >= 0 && (size_t)size < sizeof(line));
    byte_buffer_append(out, line, (size_t)size);
}

static void put_number(struct byte_buffer *out, const char *name, const char *type,
                       const char *help, uint64_t number)
{
    put(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, number);
}

static void put_versions(struct byte_buffer *out, uint64_t member_id)
{
    put(out,
        "# HELP etcd_server_version Which version of the API this server has.\n"
        "# TYPE etcd_server_version gauge\netcd_server_version{server_version=\"%s\"} 1\n",
        ETCD_VERSION);
    put(out,
        "# HELP etcd_cluster_version Which version of the API the cluster has.\n"
        "# TYPE etcd_cluster_version gauge\netcd_cluster_version{cluster_version=\"%s\"} 1\n",
        "3.6");
    put(out,
        "# HELP etcd_server_id The id of this member.\n"
        "# TYPE etcd_server_id gauge\netcd_server_id{server_id=\"%" PRIx64 "\"} 1\n",
        member_id);
}

void metrics(struct http1_call *call)
{
    struct web *web = http1_context(call);
    struct byte_buffer out = {0};
    struct sample values, *sample = &values;

    take_sample(web, sample);
#define METRICS_PUT(name, type, number, help) \
    put_number(&out, #name, #type, help, (uint64_t)(number));
    METRICS_TABLE(METRICS_PUT)
#undef METRICS_PUT
    put_versions(&out, web->backend->member_id);
    if (out.failed)
        http1_fail(call, 503, "out of memory");
    else
        http1_answer(call, 200, METRICS_TYPE, out.data, out.size);
    byte_buffer_release(&out);
}
