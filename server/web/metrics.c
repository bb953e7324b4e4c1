/* SPDX-License-Identifier: MIT */
/* metrics.c -- see metrics.h. One table has the plain numbers of the server: name, type, help, and where
 * the number comes from; other files have the families with labels.
 *
 * The types are etcd's, where a name is etcd's: some of its counters are declared as gauges, and are so
 * here, because they may go back when a member starts anew.
 */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "metrics_inside.h"
#include "services.h"
#include "watch_hub.h"
#include "web.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define SLOW_READ_MS 1000u

/* What is looked up once for an answer. */
struct sample {
    struct backend_status status;
    struct kv_stats store;
    struct kv_counters changes;
    struct watch_stats watches;
    struct http2_counters http2;
    struct grpc_method_counters writes, reads, renewals;
    uint64_t bytes_received, bytes_sent;
    uint32_t http1_connections;
    int64_t revision, compacted;
    bool leads;
};

/* X(name, type, expression of sample, help) */
#define METRICS_TABLE(X)                                                                       \
    X(etcd_server_has_leader, gauge, sample->status.leader_id != 0,                            \
      "Whether a leader exists. 1 is existence, 0 is not.")                                    \
    X(etcd_server_is_leader, gauge, sample->leads, "Whether this member is the leader.")       \
    X(etcd_server_is_learner, gauge, 0, "Whether this member is a learner; here none is.")     \
    X(etcd_server_proposals_committed_total, gauge, sample->status.decided,                    \
      "How many slots of the log are decided.")                                                \
    X(etcd_server_proposals_applied_total, gauge, sample->status.applied,                      \
      "How many slots of the log are applied to the store.")                                   \
    X(etcd_server_proposals_failed_total, counter, failures_of(&sample->writes),               \
      "Requests of clients to change something that came to nothing in time.")                 \
    X(etcd_server_read_indexes_failed_total, counter, failures_of(&sample->reads),             \
      "Reads of clients that came to nothing in time.")                                        \
    X(etcd_server_slow_read_indexes_total, counter,                                            \
      histogram_above(&sample->reads.handling_ms, SLOW_READ_MS),                               \
      "Reads of clients that took longer than a second.")                                      \
    X(etcd_server_quota_backend_bytes, gauge,                                                  \
      sample->status.storage_quota_bytes > 0 ? sample->status.storage_quota_bytes : 0,         \
      "How much the store may hold, in bytes; 0: anything.")                                   \
    X(etcd_server_health_success, counter, web->health_successes,                              \
      "Questions to /health that were answered well.")                                         \
    X(etcd_server_health_failures, counter, web->health_failures,                              \
      "Questions to /health that were answered badly.")                                        \
    X(etcd_mvcc_db_total_size_in_bytes, gauge, sample->status.storage_bytes,                   \
      "Memory of the store, in bytes.")                                                        \
    X(etcd_mvcc_db_total_size_in_use_in_bytes, gauge, sample->status.storage_in_use_bytes,     \
      "Of these, what records need.")                                                          \
    X(etcd_mvcc_put_total, counter, sample->changes.puts, "Puts that were applied.")           \
    X(etcd_mvcc_delete_total, counter, sample->changes.deletes,                                \
      "Deletions of keys or ranges that were applied.")                                        \
    X(etcd_mvcc_txn_total, counter, sample->changes.txns,                                      \
      "Transactions that were applied or answered.")                                           \
    X(etcd_mvcc_range_total, counter, sample->changes.ranges + sample->reads.handled[GRPC_OK], \
      "Ranges that were read, for clients and in transactions.")                               \
    X(etcd_debugging_mvcc_db_total_size_in_bytes, gauge, sample->status.storage_bytes,         \
      "The older name of etcd_mvcc_db_total_size_in_bytes.")                                   \
    X(etcd_debugging_mvcc_put_total, counter, sample->changes.puts,                            \
      "The older name of etcd_mvcc_put_total.")                                                \
    X(etcd_debugging_mvcc_delete_total, counter, sample->changes.deletes,                      \
      "The older name of etcd_mvcc_delete_total.")                                             \
    X(etcd_debugging_mvcc_txn_total, counter, sample->changes.txns,                            \
      "The older name of etcd_mvcc_txn_total.")                                                \
    X(etcd_debugging_mvcc_keys_total, gauge, sample->store.keys, "Keys alive now.")            \
    X(etcd_debugging_mvcc_current_revision, gauge, (uint64_t)sample->revision,                 \
      "The revision of the store.")                                                            \
    X(etcd_debugging_mvcc_compact_revision, gauge, (uint64_t)sample->compacted,                \
      "The revision that was compacted last.")                                                 \
    X(etcd_debugging_mvcc_total_put_size_in_bytes, gauge, sample->changes.put_bytes,           \
      "Bytes of keys and values that were put.")                                               \
    X(etcd_debugging_mvcc_watch_stream_total, gauge, sample->watches.streams,                  \
      "Streams of watches now.")                                                               \
    X(etcd_debugging_mvcc_watcher_total, gauge, sample->watches.watchers, "Watches now.")      \
    X(etcd_debugging_mvcc_slow_watcher_total, gauge, sample->watches.behind,                   \
      "Of these, those that read the past, for they are behind.")                              \
    X(etcd_debugging_mvcc_events_total, counter, sample->watches.events,                       \
      "Events that watches were told, as often as they were.")                                 \
    X(etcd_debugging_mvcc_pending_events_total, gauge, 0,                                      \
      "Events that wait to be sent: none, who is slow reads the past.")                        \
    X(etcd_debugging_lease_granted_total, counter, backend->leases_granted,                    \
      "Leases that were granted.")                                                             \
    X(etcd_debugging_lease_revoked_total, counter, backend->leases_revoked,                    \
      "Leases that were revoked, for they had expired or by a client.")                        \
    X(etcd_debugging_lease_renewed_total, counter, sample->renewals.sent,                      \
      "Renewals of leases that were answered here.")                                           \
    X(etcd_debugging_server_lease_expired_total, counter, backend->leases_expired,             \
      "Leases that expired.")                                                                  \
    X(etcd_disk_defrag_inflight, gauge, 0, "Whether the store is defragmented; never.")        \
    X(etcd_network_client_grpc_received_bytes_total, counter, sample->bytes_received,          \
      "Bytes of messages from clients.")                                                       \
    X(etcd_network_client_grpc_sent_bytes_total, counter, sample->bytes_sent,                  \
      "Bytes of messages to clients.")                                                         \
    X(decree_round, gauge, sample->status.term, "The round of the leader's ballot.")           \
    X(decree_store_changes, gauge, sample->store.changes,                                      \
      "Records in the store, those of the past included.")                                     \
    X(decree_store_leases, gauge, sample->store.leases, "Leases in the store.")                \
    X(decree_trouble, gauge, sample->status.trouble != NULL,                                   \
      "Whether this member has something to complain of, see status.")                         \
    X(decree_client_connections, gauge,                                                        \
      (uint64_t)sample->http2.connections + sample->http1_connections,                         \
      "Connections of clients now.")                                                           \
    X(decree_client_http1_connections, gauge, sample->http1_connections,                       \
      "Connections of clients now that speak HTTP/1.")                                         \
    X(decree_client_streams, gauge, sample->http2.streams, "HTTP/2 streams of clients now.")   \
    X(decree_client_connections_accepted_total, counter, sample->http2.accepted,               \
      "Connections of clients that were accepted.")                                            \
    X(decree_client_connections_refused_total, counter, sample->http2.refused,                 \
      "Connections of clients that were refused, for there were too many.")                    \
    X(decree_client_connections_broken_total, counter,                                         \
      sample->http2.broken + http1_broken(web->http1),                                         \
      "Connections of clients that were closed for what they sent.")                           \
    X(decree_client_request_bytes, gauge, sample->http2.request_bytes,                         \
      "Bytes of requests that are kept now.")                                                  \
    X(decree_client_answer_bytes, gauge, sample->http2.answer_bytes,                           \
      "Bytes of answers that clients have not read yet.")

static const char *const WRITES[] = {"/etcdserverpb.KV/Put",
                                     "/etcdserverpb.KV/DeleteRange",
                                     "/etcdserverpb.KV/Txn",
                                     "/etcdserverpb.KV/Compact",
                                     "/etcdserverpb.Lease/LeaseGrant",
                                     "/etcdserverpb.Lease/LeaseRevoke",
                                     "/etcdserverpb.Maintenance/Alarm",
                                     NULL};
static const char *const READS[] = {"/etcdserverpb.KV/Range", NULL};
static const char *const RENEWALS[] = {"/etcdserverpb.Lease/LeaseKeepAlive", NULL};

static uint64_t failures_of(const struct grpc_method_counters *counters)
{
    return counters->handled[GRPC_CANCELLED] + counters->handled[GRPC_DEADLINE_EXCEEDED] +
           counters->handled[GRPC_UNAVAILABLE];
}

static void take_sample(struct web *web, struct sample *sample)
{
    struct backend *backend = web->backend;
    const struct kv *kv = backend->ops->kv(backend);

    backend->ops->status(backend, &sample->status);
    kv_stats(kv, &sample->store);
    sample->changes = *kv_counters(kv);
    watch_hub_stats(web->watch_hub, &sample->watches);
    grpc_counters(web->grpc, &sample->http2);
    grpc_message_bytes(web->grpc, &sample->bytes_received, &sample->bytes_sent);
    metrics_grpc_sum(web->grpc, WRITES, &sample->writes);
    metrics_grpc_sum(web->grpc, READS, &sample->reads);
    metrics_grpc_sum(web->grpc, RENEWALS, &sample->renewals);
    sample->http1_connections = http1_connections(web->http1);
    sample->revision = kv_revision(kv);
    sample->compacted = kv_compacted(kv) < 0 ? 0 : kv_compacted(kv); /* -1: never was one */
    sample->leads = sample->status.leader_id == backend->member_id;
}

static void put_numbers(struct web *web, struct byte_buffer *out)
{
    const struct backend *backend = web->backend;
    struct sample values, *sample = &values;

    take_sample(web, sample);
#define METRICS_PUT(name, type, number, help) \
    metrics_family(out, #name, #type, help);  \
    metrics_number(out, #name, NULL, (uint64_t)(number));
    METRICS_TABLE(METRICS_PUT)
#undef METRICS_PUT
}

static void put_versions(struct byte_buffer *out, uint64_t member_id)
{
    char label[METRICS_LABELS_BYTES];

    metrics_family(out, "etcd_server_version", "gauge",
                   "Which version of the API this server has.");
    metrics_number(out, "etcd_server_version", "server_version=\"" ETCD_VERSION "\"", 1);
    metrics_family(out, "etcd_cluster_version", "gauge",
                   "Which version of the API the cluster has.");
    metrics_number(out, "etcd_cluster_version", "cluster_version=\"3.6\"", 1);
    metrics_family(out, "etcd_server_id", "gauge", "The id of this member.");
    (void)snprintf(label, sizeof(label), "server_id=\"%" PRIx64 "\"", member_id);
    metrics_number(out, "etcd_server_id", label, 1);
}

void metrics(struct http1_call *call)
{
    struct web *web = http1_context(call);
    struct byte_buffer out = {0};

    if (web->calls.labels == NULL && !metrics_grpc_init(&web->calls, web->grpc)) {
        http1_fail(call, 503, "out of memory");
        return;
    }
    put_numbers(web, &out);
    put_versions(&out, web->backend->member_id);
    metrics_node_put(web->backend, &out);
    metrics_grpc_put(&web->calls, web->grpc, &out);
    metrics_process_put(&out);
    if (out.failed)
        http1_fail(call, 503, "out of memory");
    else
        http1_answer(call, 200, METRICS_TYPE, out.data, out.size);
    byte_buffer_release(&out);
}
