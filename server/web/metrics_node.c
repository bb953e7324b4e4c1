/* SPDX-License-Identifier: MIT */
/* metrics_node.c -- what the node below counts: its roles under the paper's names, its disk, its peers
 * and its loop. A table has the plain numbers; on a backend that counts nothing all are left out.
 *
 * etcd's names stand where the meaning is the same. Its wal is the journal here; what it commits to its
 * backend apart from the wal, by a file, a batch of the journal does at once, written and synced.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "host_metrics.h"
#include "metrics_inside.h"

#define SLOW_TURN_NS (UINT64_C(10000) << 14) /* 164 ms, a bound of the histogram of turns */
#define NS_PER_SECOND 1e9

#define TRACED(what) node->traces[DECREE_TRACE_##what]

/* X(name, type, expression of node, help) */
#define NODE_TABLE(X)                                                                              \
    X(etcd_server_leader_changes_seen_total, counter, node->leader_changes,                        \
      "Leaders that this member has seen come.")                                                   \
    X(etcd_server_proposals_pending, gauge, node->status.proposals,                                \
      "Proposals of this member that are not decided yet.")                                        \
    X(etcd_server_slow_apply_total, counter, histogram_above(&node->turn_ns, SLOW_TURN_NS),        \
      "Turns of the loop, and what they applied, that took longer than 0.16 s.")                   \
    X(decree_resigned_total, counter, TRACED(RESIGNED),                                            \
      "How often this member gave up to lead, for its disk stood still.")                          \
    X(decree_ballots_total, counter, TRACED(SCOUTING), "Ballots that this member opened.")         \
    X(decree_ballots_adopted_total, counter, TRACED(ADOPTED),                                      \
      "... of these, adopted by a quorum.")                                                        \
    X(decree_preempted_total, counter, TRACED(PREEMPTED),                                          \
      "How often another ballot preempted this member's.")                                         \
    X(decree_leader_lost_total, counter, TRACED(LEADERLESS),                                       \
      "How often nobody who leads was heard any more.")                                            \
    X(decree_promises_total, counter, TRACED(PROMISED), "Ballots that the acceptor promised.")     \
    X(decree_votes_total, counter, node->votes, "Slots that the acceptor accepted a command in.")  \
    X(decree_slots_decided_total, counter, node->engine.decisions, "Slots decided and applied.")   \
    X(decree_slot_decided, gauge, node->status.decided, "The last slot that is known as decided.") \
    X(decree_window_slots, gauge,                                                                  \
      node->status.accepted > node->status.decided ? node->status.accepted - node->status.decided  \
                                                   : 0,                                            \
      "Slots accepted and not decided yet: the window.")                                           \
    X(decree_log_slots, gauge,                                                                     \
      node->status.log_first == 0 || node->status.accepted < node->status.log_first                \
          ? 0                                                                                      \
          : node->status.accepted - node->status.log_first + 1,                                    \
      "Slots that are kept in memory.")                                                            \
    X(decree_catch_ups_total, counter, TRACED(CATCHING_UP),                                        \
      "How often slots that were missed were asked of a peer.")                                    \
    X(decree_records_total, counter, node->engine.records, "Records given to the journal.")        \
    X(decree_records_held, gauge, node->status.appended - node->status.persisted,                  \
      "Records that are not durable yet; replies that tell of them are held back.")                \
    X(decree_replies_held, gauge, node->status.held,                                               \
      "Promises and votes that are held back until their records are durable.")                    \
    X(decree_proposals_total, counter, node->engine.proposals, "Commands proposed here.")          \
    X(decree_reads_total, counter, node->engine.reads, "Linearizable reads asked for here.")       \
    X(decree_register_requests_total, counter, node->engine.register_requests,                     \
      "Requests to registers.")                                                                    \
    X(decree_messages_dropped_total, counter,                                                      \
      node->status.dropped_messages + node->engine.messages_refused,                               \
      "Messages of peers that were of no use, or found no room.")                                  \
    X(decree_turns_total, counter, node->engine.turns, "Turns of the engine.")                     \
    X(decree_takes_total, counter, node->engine.takes, "How often the core was emptied in them.")

static void put_plain(const struct host_metrics *node, struct byte_buffer *out)
{
#define NODE_PUT(name, type, number, help)   \
    metrics_family(out, #name, #type, help); \
    metrics_number(out, #name, NULL, (uint64_t)(number));
    NODE_TABLE(NODE_PUT)
#undef NODE_PUT
}

static void put_messages(const struct host_metrics *node, struct byte_buffer *out)
{
    static const char SENT[] = "decree_messages_sent_total";
    static const char RECEIVED[] = "decree_messages_received_total";
    char label[METRICS_LABELS_BYTES];

    metrics_family(out, SENT, "counter", "Messages to peers, by type.");
    for (int type = 1; type < DECREE_MESSAGE_TYPES; type++) {
        (void)snprintf(label, sizeof(label), "type=\"%s\"",
                       decree_message_name((enum decree_message_type)type));
        metrics_number(out, SENT, label, node->engine.sent[type]);
    }
    metrics_family(out, RECEIVED, "counter", "Messages from peers, by type.");
    for (int type = 1; type < DECREE_MESSAGE_TYPES; type++) {
        (void)snprintf(label, sizeof(label), "type=\"%s\"",
                       decree_message_name((enum decree_message_type)type));
        metrics_number(out, RECEIVED, label, node->engine.received[type]);
    }
}

static void put_disk(const struct journal_metrics *journal, struct byte_buffer *out)
{
    metrics_family(out, "etcd_disk_wal_fsync_duration_seconds", "histogram",
                   "How long the journal's syncs took.");
    metrics_histogram(out, "etcd_disk_wal_fsync_duration_seconds", NULL, &journal->sync_ns,
                      NS_PER_SECOND);
    metrics_family(out, "etcd_disk_backend_commit_duration_seconds", "histogram",
                   "How long the journal's batches took, written and synced.");
    metrics_histogram(out, "etcd_disk_backend_commit_duration_seconds", NULL, &journal->batch_ns,
                      NS_PER_SECOND);
    metrics_family(out, "decree_journal_batch_records", "histogram",
                   "How many records a sync of the journal made durable.");
    metrics_histogram(out, "decree_journal_batch_records", NULL, &journal->batch_records, 1);
}

/* ---- peers ---- */

/* The members but this one, by the ids that clients see. */
struct peer {
    char to[METRICS_LABELS_BYTES], from[METRICS_LABELS_BYTES], both[METRICS_LABELS_BYTES];
    const struct peer_traffic *traffic;
    const struct histogram *round_trips;
};

static size_t list_peers(struct backend *backend, const struct host_metrics *node,
                         struct peer *ret_peers)
{
    struct backend_member member;
    size_t count = 0;

    for (size_t i = 0; i < node->member_count && backend->ops->member(backend, i, &member); i++) {
        struct peer *peer = &ret_peers[count];

        if (member.id == backend->member_id)
            continue;
        (void)snprintf(peer->to, sizeof(peer->to), "To=\"%" PRIx64 "\"", member.id);
        (void)snprintf(peer->from, sizeof(peer->from), "From=\"%" PRIx64 "\"", member.id);
        (void)snprintf(peer->both, sizeof(peer->both),
                       "Local=\"%" PRIx64 "\",Remote=\"%" PRIx64 "\"", backend->member_id,
                       member.id);
        peer->traffic = &node->traffic[i];
        peer->round_trips = &node->round_trips[i];
        count++;
    }
    return count;
}

static void put_peers(const struct peer *peers, size_t count, struct byte_buffer *out)
{
    metrics_family(out, "etcd_network_active_peers", "gauge", "Whether a peer is connected to.");
    for (size_t i = 0; i < count; i++)
        metrics_number(out, "etcd_network_active_peers", peers[i].both,
                       peers[i].traffic->connected);
    metrics_family(out, "etcd_network_peer_sent_bytes_total", "counter", "Bytes sent to a peer.");
    for (size_t i = 0; i < count; i++)
        metrics_number(out, "etcd_network_peer_sent_bytes_total", peers[i].to,
                       peers[i].traffic->bytes_sent);
    metrics_family(out, "etcd_network_peer_received_bytes_total", "counter",
                   "Bytes received from a peer.");
    for (size_t i = 0; i < count; i++)
        metrics_number(out, "etcd_network_peer_received_bytes_total", peers[i].from,
                       peers[i].traffic->bytes_received);
    metrics_family(out, "etcd_network_peer_sent_failures_total", "counter",
                   "Messages to a peer, or packets of them, that did not go out.");
    for (size_t i = 0; i < count; i++)
        metrics_number(out, "etcd_network_peer_sent_failures_total", peers[i].to,
                       peers[i].traffic->dropped);
    metrics_family(out, "etcd_network_peer_round_trip_time_seconds", "histogram",
                   "How long a peer's answers to heartbeats took.");
    for (size_t i = 0; i < count; i++)
        metrics_histogram(out, "etcd_network_peer_round_trip_time_seconds", peers[i].to,
                          peers[i].round_trips, NS_PER_SECOND);
}

void metrics_node_put(struct backend *backend, struct byte_buffer *out)
{
    struct host_metrics *node = malloc(sizeof(*node));
    struct peer *peers = calloc(DECREE_MEMBERS_MAX, sizeof(*peers));

    if (node == NULL || peers == NULL) {
        out->failed = true;
    } else if (backend->metrics != NULL && backend->metrics(backend, node)) {
        put_plain(node, out);
        put_messages(node, out);
        metrics_family(out, "decree_turn_seconds", "histogram",
                       "How long turns of the loop took, of those in which something was done.");
        metrics_histogram(out, "decree_turn_seconds", NULL, &node->turn_ns, NS_PER_SECOND);
        if (node->has_journal)
            put_disk(&node->journal, out);
        put_peers(peers, list_peers(backend, node, peers), out);
    }
    free(node);
    free(peers);
}
