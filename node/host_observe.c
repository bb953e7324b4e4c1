/* SPDX-License-Identifier: MIT */
/* host_observe.c -- what happens inside the node, as log lines with names for numbers. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "host_inside.h"

#define RESTORE_LOG_EVERY 500000u

static const char *name_of(const struct host *host, decree_node_id id)
{
    return cluster_spec_name(&host->cluster, id);
}

static void log_leader(struct host *host, const struct decree_trace *trace)
{
    decree_node_id leader = trace->ballot.node;

    log_info(host->logger, "leader_changed", "node=%s leader=%s round=%" PRIu64,
             name_of(host, host->self), name_of(host, leader), trace->ballot.round);
}

void host_on_trace(void *context, const struct decree_trace *trace)
{
    struct host *host = context;
    const char *self = name_of(host, host->self);

    host_count_trace(host, trace);
    switch (trace->type) {
    case DECREE_TRACE_BOOTED:
        log_info(host->logger, "started", "node=%s incarnation=%" PRIu64, self, trace->count);
        break;
    case DECREE_TRACE_SCOUTING:
        log_info(host->logger, "election_started", "node=%s round=%" PRIu64, self,
                 trace->ballot.round);
        break;
    case DECREE_TRACE_ADOPTED:
    case DECREE_TRACE_FOLLOWING:
        log_leader(host, trace);
        break;
    case DECREE_TRACE_PREEMPTED:
        log_info(host->logger, "preempted", "node=%s by=%s round=%" PRIu64, self,
                 name_of(host, trace->ballot.node), trace->ballot.round);
        break;
    case DECREE_TRACE_RESIGNED:
        log_warn(host->logger, "resigned", "node=%s reason=\"the journal stands still\"", self);
        break;
    case DECREE_TRACE_LEADERLESS:
        log_warn(host->logger, "leader_lost", "node=%s", self);
        break;
    case DECREE_TRACE_CATCHING_UP:
        log_debug(host->logger, "catching_up", "node=%s from=%s slot=%" PRIu64, self,
                  name_of(host, trace->node), trace->slot);
        break;
    case DECREE_TRACE_DROPPED:
        log_debug(host->logger, "message_dropped", "node=%s from=%s", self,
                  name_of(host, trace->node));
        break;
    case DECREE_TRACE_NONE:
    case DECREE_TRACE_PROMISED:
    case DECREE_TRACE_ACCEPTED:
    case DECREE_TRACE_DECIDED:
        break; /* too many to be read */
    }
}

void host_on_trouble(void *context, int system_errno, const char *what)
{
    struct host *host = context;

    assert(what != NULL);
    /* The journal has its own log lines; this is for who asks for the status. */
    if (system_errno == 0)
        host->trouble[0] = '\0';
    else
        snprintf(host->trouble, sizeof(host->trouble), "%s", what);
}

void host_restored_one(struct host *host)
{
    host->restored++;
    if (host->restored % RESTORE_LOG_EVERY == 0)
        log_info(host->logger, "replaying", "node=%s records=%" PRIu64, name_of(host, host->self),
                 host->restored);
}

void host_on_decision(void *context, decree_slot slot, const struct decree_command *command)
{
    struct host *host = context;

    (void)command;
    failpoints_on_decision(host->failpoints, slot);
}
