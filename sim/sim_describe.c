/* SPDX-License-Identifier: MIT */
/* sim_describe.c -- what of a message matters to who follows a run. */
#include "sim_describe.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static void describe_run(char *text, size_t size, const char *name, decree_slot first,
                         uint64_t count)
{
    if (count == 0)
        snprintf(text, size, "%s none", name);
    else if (count == 1)
        snprintf(text, size, "%s %" PRIu64, name, first);
    else
        snprintf(text, size, "%s %" PRIu64 "..%" PRIu64, name, first, first + count - 1);
}

void sim_describe_message(char *text, size_t size, const struct decree_message *message)
{
    const char *name = decree_message_name(message->type);

    assert(size > 0);
    switch (message->type) {
    case DECREE_P1A:
    case DECREE_P1B:
        snprintf(text, size, "%s %" PRIu64 ".n%u", name, message->ballot.round,
                 message->ballot.node);
        return;
    case DECREE_P2A:
        describe_run(text, size, name, message->slot, message->pvalue_count);
        return;
    case DECREE_P2B:
        describe_run(text, size, "vote", message->slot, message->count);
        return;
    case DECREE_DECISION:
        snprintf(text, size, "%s ..%" PRIu64, name, message->decided);
        return;
    case DECREE_CATCH_UP:
        snprintf(text, size, "%s %" PRIu64, name, message->slot);
        return;
    case DECREE_PROPOSE:
        snprintf(text, size, "%s x%u", name, message->pvalue_count);
        return;
    case DECREE_HEARTBEAT:
    case DECREE_HEARTBEAT_ACK:
        snprintf(text, size, "%s %" PRIu64, name, message->round);
        return;
    case DECREE_READ:
    case DECREE_READ_OK: /* incarnation and number */
        snprintf(text, size, "%s %" PRIu64 ".%" PRIu64, name, message->round >> 32,
                 message->round & UINT32_MAX);
        return;
    case DECREE_HAND_OVER:
        snprintf(text, size, "%s", name);
        return;
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        break;
    }
    snprintf(text, size, "?");
}

bool sim_describe_alike(const struct decree_message *a, const struct decree_message *b)
{
    return a->type == b->type && a->ballot.round == b->ballot.round &&
           a->ballot.node == b->ballot.node && a->slot == b->slot && a->decided == b->decided &&
           a->round == b->round && a->count == b->count && a->pvalue_count == b->pvalue_count;
}

void sim_describe_trace(char *text, size_t size, const struct decree_trace *trace)
{
    const char *name = decree_trace_name(trace->type);

    assert(size > 0);
    switch (trace->type) {
    case DECREE_TRACE_BOOTED:
        snprintf(text, size, "%s #%" PRIu64, name, trace->count);
        return;
    case DECREE_TRACE_ADOPTED:
        snprintf(text, size, "LEADS %" PRIu64 ".n%u from %" PRIu64, trace->ballot.round,
                 trace->ballot.node, trace->slot);
        return;
    case DECREE_TRACE_SCOUTING:
    case DECREE_TRACE_PROMISED:
    case DECREE_TRACE_PREEMPTED:
    case DECREE_TRACE_RESIGNED:
    case DECREE_TRACE_FOLLOWING:
    case DECREE_TRACE_LEADERLESS:
        snprintf(text, size, "%s %" PRIu64 ".n%u", name, trace->ballot.round, trace->ballot.node);
        return;
    case DECREE_TRACE_ACCEPTED:
        describe_run(text, size, name, trace->slot, trace->count);
        return;
    case DECREE_TRACE_DECIDED:
        snprintf(text, size, "%s %" PRIu64, name, trace->slot);
        return;
    case DECREE_TRACE_CATCHING_UP:
        snprintf(text, size, "%s %" PRIu64 " n%u", name, trace->slot, trace->node);
        return;
    case DECREE_TRACE_DROPPED:
        snprintf(text, size, "%s n%u", name, trace->node);
        return;
    case DECREE_TRACE_NONE:
        break;
    }
    snprintf(text, size, "?");
}

void sim_describe_set(char *text, size_t size, unsigned set, unsigned everyone)
{
    size_t used = 0;

    assert(size > 2);
    text[0] = '\0';
    if (set == everyone) {
        snprintf(text, size, "*");
        return;
    }
    for (unsigned node = 0; node < 32 && used + 3 < size; node++)
        if ((set >> node & 1) != 0)
            used += (size_t)snprintf(text + used, size - used, "%s%u", used > 0 ? "," : "", node);
}
