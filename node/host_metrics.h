/* SPDX-License-Identifier: MIT */
/* host_metrics.h -- what a node counts while it runs: its roles, its disk, its peers, its loop. */
#ifndef DECREE_NODE_HOST_METRICS_H
#define DECREE_NODE_HOST_METRICS_H

#include "engine.h"
#include "journal_thread.h"

#define HOST_TRACE_COUNT(name, text) +1
enum { HOST_TRACES = 1 DECREE_TRACE_TABLE(HOST_TRACE_COUNT) };
#undef HOST_TRACE_COUNT

struct host;

struct host_metrics {
    struct engine_counters engine;
    struct decree_status status;
    uint64_t traces[HOST_TRACES]; /* how often each thing happened, by decree_trace_type */
    uint64_t votes;               /* slots that the acceptor accepted something in */
    uint64_t leader_changes;      /* leaders that were heard of, this node included */
    struct histogram turn_ns;     /* of the loop, those in which something was done */
    bool has_journal;             /* and so: */
    struct journal_metrics journal;
    uint32_t member_count;
    struct peer_traffic traffic[DECREE_MEMBERS_MAX];  /* by id, from 1 at place 0 */
    struct histogram round_trips[DECREE_MEMBERS_MAX]; /* likewise, in nanoseconds */
};

/* A copy, which is large. On the loop's thread. */
void host_metrics(const struct host *host, struct host_metrics *ret_metrics);

#endif
