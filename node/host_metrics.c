/* SPDX-License-Identifier: MIT */
/* host_metrics.c -- see host_metrics.h. The loop's thread counts, and hands out copies. */
#include "host_metrics.h"

#include <string.h>

#include "host_inside.h"

#define TURN_FIRST_NS UINT64_C(10000)
#define TURN_BOUNDS 18u

void host_metrics_init(struct host *host)
{
    histogram_init(&host->turn_ns, TURN_FIRST_NS, 2, TURN_BOUNDS);
    memset(host->traces, 0, sizeof(host->traces)); /* without those of the past, told again */
    host->votes = 0;
    host->leader_changes = 0;
}

void host_count_trace(struct host *host, const struct decree_trace *trace)
{
    assert(trace->type > 0);
    assert((int)trace->type < HOST_TRACES);
    host->traces[trace->type]++;
    if (trace->type == DECREE_TRACE_ACCEPTED)
        host->votes += trace->count;
    if (trace->type == DECREE_TRACE_ADOPTED || trace->type == DECREE_TRACE_FOLLOWING)
        host->leader_changes++;
}

void host_metrics(const struct host *host, struct host_metrics *ret_metrics)
{
    *ret_metrics = (struct host_metrics){.votes = host->votes,
                                         .leader_changes = host->leader_changes,
                                         .status = host->status,
                                         .turn_ns = host->turn_ns,
                                         .member_count = host->cluster.count};
    engine_counters(host->engine, &ret_metrics->engine);
    memcpy(ret_metrics->traces, host->traces, sizeof(host->traces));
    if (host->journal_thread != NULL) {
        ret_metrics->has_journal = true;
        journal_thread_metrics(host->journal_thread, &ret_metrics->journal);
    }
    for (decree_node_id id = 1; id <= host->cluster.count; id++) {
        ret_metrics->round_trips[id - 1] = *engine_round_trips(host->engine, id);
        if (host->peers != NULL)
            peer_network_traffic(host->peers, host->network, id, &ret_metrics->traffic[id - 1]);
    }
}
