/* SPDX-License-Identifier: MIT */
/* golden_print.c -- the lines of golden_print.h. */
#include "golden_print.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void add_ballot(struct golden_text *text, struct decree_ballot ballot)
{
    if (ballot.round == 0 && ballot.node == 0)
        golden_text_add(text, " none");
    else
        golden_text_add(text, " %" PRIu64 ".%u", ballot.round, ballot.node);
}

static void add_command(struct golden_text *text, const struct decree_command *command)
{
    if (command->value == NULL)
        golden_text_add(text, "no-op");
    else
        golden_text_add(text, "\"%.*s\"", (int)command->value->size,
                        (const char *)command->value->data);
}

void golden_print_trace(struct golden_text *text, decree_node_id node,
                        const struct decree_trace *trace)
{
    golden_text_add(text, "%u %s", node, decree_trace_name(trace->type));
    switch (trace->type) {
    case DECREE_TRACE_BOOTED:
        golden_text_add(text, " incarnation %" PRIu64, trace->count);
        break;
    case DECREE_TRACE_SCOUTING:
    case DECREE_TRACE_ADOPTED:
        add_ballot(text, trace->ballot);
        golden_text_add(text, " from slot %" PRIu64, trace->slot);
        break;
    case DECREE_TRACE_PREEMPTED:
        golden_text_add(text, " by");
        add_ballot(text, trace->ballot);
        break;
    case DECREE_TRACE_FOLLOWING:
        add_ballot(text, trace->ballot);
        golden_text_add(text, " through %u", trace->node);
        break;
    case DECREE_TRACE_PROMISED:
    case DECREE_TRACE_RESIGNED:
    case DECREE_TRACE_LEADERLESS:
        add_ballot(text, trace->ballot);
        break;
    case DECREE_TRACE_ACCEPTED:
        golden_text_add(text, " %" PRIu64 " from slot %" PRIu64 " in", trace->count, trace->slot);
        add_ballot(text, trace->ballot);
        break;
    case DECREE_TRACE_DECIDED:
        golden_text_add(text, " to slot %" PRIu64, trace->slot);
        break;
    case DECREE_TRACE_CATCHING_UP:
        golden_text_add(text, " from %u, from slot %" PRIu64, trace->node, trace->slot);
        break;
    case DECREE_TRACE_DROPPED:
        golden_text_add(text, " a message of %u", trace->node);
        break;
    case DECREE_TRACE_NONE:
        break;
    }
    golden_text_add(text, "\n");
}

static void add_run(struct golden_text *text, const struct decree_message *message)
{
    golden_text_add(text, " {");
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        const struct decree_pvalue *pvalue = &message->pvalues[i];

        golden_text_add(text, i == 0 ? "" : ", ");
        if (pvalue->slot != 0)
            golden_text_add(text, "%" PRIu64 ": ", pvalue->slot);
        add_command(text, &pvalue->command);
        if (message->type == DECREE_P1B || message->type == DECREE_DECISION) {
            golden_text_add(text, " in");
            add_ballot(text, pvalue->ballot);
        }
    }
    golden_text_add(text, "}");
}

static void add_fields(struct golden_text *text, const struct decree_message *message)
{
    switch (message->type) {
    case DECREE_P1A:
    case DECREE_P2A:
        add_ballot(text, message->ballot);
        golden_text_add(text, " slot %" PRIu64, message->slot);
        break;
    case DECREE_P1B:
        add_ballot(text, message->ballot);
        if (message->slot == 0)
            golden_text_add(text, " refused");
        else
            golden_text_add(text, " slot %" PRIu64 " last %" PRIu64, message->slot, message->last);
        break;
    case DECREE_P2B:
        add_ballot(text, message->ballot);
        if (message->count == 0)
            golden_text_add(text, " refused");
        else
            golden_text_add(text, " votes for %u from slot %" PRIu64, message->count,
                            message->slot);
        break;
    case DECREE_DECISION:
    case DECREE_HEARTBEAT:
    case DECREE_HEARTBEAT_ACK:
    case DECREE_HAND_OVER:
        add_ballot(text, message->ballot);
        break;
    case DECREE_CATCH_UP:
        golden_text_add(text, " slots %" PRIu64 "..%" PRIu64, message->slot, message->last);
        break;
    case DECREE_READ_OK:
        golden_text_add(text, " at slot %" PRIu64, message->slot);
        break;
    case DECREE_PROPOSE:
    case DECREE_READ:
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        break;
    }
    if (message->type == DECREE_HEARTBEAT && message->age_ns > 0)
        golden_text_add(text, " %" PRIu64 "ms ago", message->age_ns / CORES_MS);
}

void golden_print_message(struct golden_text *text, const struct decree_message *message)
{
    golden_text_add(text, "%u->%u %s", message->from, message->to,
                    decree_message_name(message->type));
    add_fields(text, message);
    if (message->pvalue_count > 0)
        add_run(text, message);
    if (message->decided > 0)
        golden_text_add(text, " decided %" PRIu64, message->decided);
    golden_text_add(text, "\n");
}

static void print_record(struct golden_text *text, decree_node_id node,
                         const struct decree_record *record)
{
    golden_text_add(text, "%u record #%" PRIu64, node, record->lsn);
    switch (record->type) {
    case DECREE_RECORD_BOOT:
        golden_text_add(text, " boot %" PRIu64, record->pvalue.command.incarnation);
        break;
    case DECREE_RECORD_PROMISE:
        golden_text_add(text, " promise");
        add_ballot(text, record->pvalue.ballot);
        break;
    case DECREE_RECORD_ACCEPT:
        golden_text_add(text, " accept %" PRIu64 ": ", record->pvalue.slot);
        add_command(text, &record->pvalue.command);
        golden_text_add(text, " in");
        add_ballot(text, record->pvalue.ballot);
        break;
    case DECREE_RECORD_DECIDE:
        golden_text_add(text, " decide to slot %" PRIu64, record->pvalue.slot);
        break;
    case DECREE_RECORD_FOREIGN:
        golden_text_add(text, " foreign"); /* never from the core */
        break;
    }
    golden_text_add(text, "\n");
}

static bool is_wanted(const struct decree_message *message, unsigned kinds)
{
    bool heartbeat = message->type == DECREE_HEARTBEAT || message->type == DECREE_HEARTBEAT_ACK;

    return (kinds & (heartbeat ? (unsigned)GOLDEN_HEARTBEATS : (unsigned)GOLDEN_MESSAGES)) != 0;
}

void golden_print_effects(struct golden_text *text, decree_node_id node,
                          const struct decree_effects *effects, unsigned kinds, decree_lsn synced)
{
    for (uint32_t i = 0; i < effects->record_count && (kinds & GOLDEN_RECORDS) != 0; i++)
        print_record(text, node, &effects->records[i]);
    for (uint32_t i = 0; i < effects->decision_count && (kinds & GOLDEN_DECISIONS) != 0; i++) {
        golden_text_add(text, "%u applies %" PRIu64 ": ", node, effects->decisions[i].slot);
        add_command(text, &effects->decisions[i].command);
        golden_text_add(text, "\n");
    }
    for (uint32_t i = 0; i < effects->read_count && (kinds & GOLDEN_READS) != 0; i++)
        golden_text_add(text, "%u answers read %" PRIu64 "\n", node, effects->reads[i]);
    for (uint32_t i = 0; i < effects->fetch_count && (kinds & GOLDEN_FETCHES) != 0; i++)
        golden_text_add(text, "%u fetches %" PRIu64 "..%" PRIu64 " for %u\n", node,
                        effects->fetches[i].first, effects->fetches[i].last,
                        effects->fetches[i].to);
    for (uint32_t i = 0; i < effects->message_count; i++)
        if (is_wanted(&effects->messages[i], kinds))
            golden_print_message(text, &effects->messages[i]);
    if (effects->sync_lsn > synced && (kinds & GOLDEN_WAITS) != 0)
        golden_text_add(text, "%u waits for #%" PRIu64 "\n", node, effects->sync_lsn);
}

void golden_print_status(struct golden_text *text, decree_node_id node,
                         const struct decree_status *status)
{
    golden_text_add(text, "%u %s", node, status->leading ? "leads" : "is led by");
    add_ballot(text, status->leader_ballot);
    golden_text_add(text, ", promised");
    add_ballot(text, status->promised);
    golden_text_add(text,
                    ", applied %" PRIu64 ", accepted %" PRIu64
                    ", %u open proposals, journal %" PRIu64 "/%" PRIu64 "%s\n",
                    status->decided, status->accepted, status->proposals, status->persisted,
                    status->appended, status->quorum_connected ? "" : ", no quorum");
}
