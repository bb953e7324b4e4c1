/* SPDX-License-Identifier: MIT */
/* outbox.c -- effects and held replies; see outbox.h. */
#include "outbox.h"

#include <assert.h>
#include <string.h>

#include "ballot.h"

void outbox_begin(struct outbox *outbox)
{
    if (!outbox->taken)
        return;
    for (uint32_t i = 0; i < outbox->record_count; i++)
        decree_value_unref(outbox->records[i].pvalue.command.value);
    for (uint32_t i = 0; i < outbox->scratch_count; i++)
        decree_value_unref(outbox->scratch[i].command.value);
    outbox->record_count = outbox->message_count = outbox->scratch_count = 0;
    outbox->decision_count = outbox->read_count = outbox->fetch_count = 0;
    outbox->taken = false;
    outbox->turn++;
}

void outbox_release(struct outbox *outbox)
{
    outbox->taken = true;
    outbox_begin(outbox);
}

bool outbox_has_messages(const struct outbox *outbox, uint32_t count)
{
    return outbox->message_count + count <= OUTBOX_MESSAGES_MAX;
}

/* durable_bytes trails behind by one mark, and is exact when every value is durable. */
uint64_t outbox_waiting_bytes(const struct outbox *outbox)
{
    assert(outbox->durable_bytes <= outbox->appended_bytes);
    return outbox->appended_bytes - outbox->durable_bytes;
}

static bool journal_keeps_up(const struct outbox *outbox)
{
    return outbox_waiting_bytes(outbox) <=
           OUTBOX_WAITING_FACTOR * outbox->config->proposal_bytes_max;
}

bool outbox_has_room(const struct outbox *outbox, uint32_t pvalue_count)
{
    return journal_keeps_up(outbox) && outbox_has_messages(outbox, OUTBOX_STEP_MESSAGES) &&
           outbox->record_count + pvalue_count + OUTBOX_STEP_RECORDS <= outbox->records_max &&
           outbox->held_end - outbox->held_first + OUTBOX_STEP_HELD <= OUTBOX_HELD_MAX;
}

void outbox_record(struct outbox *outbox, enum decree_record_type type,
                   const struct decree_pvalue *pvalue)
{
    assert(!outbox->taken);
    assert(outbox->record_count < outbox->records_max);
    decree_value_ref(pvalue->command.value);
    if (outbox->appended == outbox->persisted)
        outbox->moved_at_ns = outbox->now_ns;
    outbox->records[outbox->record_count++] = (struct decree_record){
        .lsn = ++outbox->appended, .type = type, .pvalue = *pvalue};
    if (pvalue->command.value == NULL)
        return;
    outbox->appended_bytes += pvalue->command.value->size;
    outbox->value_lsn = outbox->appended;
}

struct decree_message *outbox_message(struct outbox *outbox, enum decree_message_type type,
                                      decree_node_id to)
{
    struct decree_message *message = &outbox->messages[outbox->message_count];

    assert(!outbox->taken);
    assert(outbox_has_messages(outbox, 1));
    assert(to != outbox->config->self);
    outbox->message_count++;
    *message = (struct decree_message){.type = type, .from = outbox->config->self, .to = to};
    return message;
}

const struct decree_pvalue *outbox_keep(struct outbox *outbox, const struct decree_pvalue *pvalues,
                                        uint32_t count)
{
    struct decree_pvalue *kept = &outbox->scratch[outbox->scratch_count];

    assert(!outbox->taken);
    if (outbox->scratch_count + count > OUTBOX_SCRATCH_MAX)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = pvalues[i];
        decree_value_ref(kept[i].command.value);
    }
    outbox->scratch_count += count;
    return kept;
}

static struct held *held_at(const struct outbox *outbox, uint64_t position)
{
    return &outbox->held[position & (OUTBOX_HELD_MAX - 1)];
}

/* A vote for the run right behind the last one held in the same turn joins it. */
static bool join_last(struct outbox *outbox, const struct held *held)
{
    struct held *last = held_at(outbox, outbox->held_end - 1);

    if (outbox->held_end == outbox->held_released || held->type != DECREE_P2B || held->count == 0)
        return false;
    if (last->type != DECREE_P2B || last->turn != outbox->turn || last->to != held->to ||
        !ballot_equal(last->ballot, held->ballot) || last->slot + last->count != held->slot)
        return false;
    last->count += held->count;
    last->lsn = outbox->appended;
    return true;
}

void outbox_hold(struct outbox *outbox, const struct held *held)
{
    struct held *last;

    assert(outbox->held_end - outbox->held_first < OUTBOX_HELD_MAX);
    if (join_last(outbox, held))
        return;
    last = held_at(outbox, outbox->held_end++);
    *last = *held;
    last->lsn = outbox->appended;
    last->turn = outbox->turn;
}

void outbox_persisted(struct outbox *outbox, decree_lsn lsn)
{
    assert(lsn <= outbox->appended);
    if (lsn <= outbox->persisted)
        return;
    outbox->persisted = lsn;
    outbox->moved_at_ns = outbox->now_ns;
    if (lsn < outbox->marked_lsn)
        return;
    outbox->durable_bytes = outbox->marked_bytes;
    outbox->marked_bytes = outbox->appended_bytes;
    outbox->marked_lsn = outbox->value_lsn;
    if (lsn >= outbox->value_lsn)
        outbox->durable_bytes = outbox->appended_bytes;
}

const struct held *outbox_next_released(struct outbox *outbox)
{
    const struct held *next = held_at(outbox, outbox->held_released);

    if (outbox->held_released == outbox->held_end || next->lsn > outbox->persisted)
        return NULL;
    outbox->held_released++;
    return next;
}

const struct held *outbox_next_leaving(struct outbox *outbox)
{
    while (outbox->held_first < outbox->held_released) {
        const struct held *next = held_at(outbox, outbox->held_first++);

        if (next->to != outbox->config->self)
            return next;
    }
    return NULL;
}

bool outbox_is_stalled(const struct outbox *outbox)
{
    return outbox->held_released < outbox->held_end &&
           outbox->now_ns - outbox->moved_at_ns > outbox->config->suspect_after_ns;
}

void outbox_timer(struct outbox *outbox, enum timer timer, uint64_t at_ns)
{
    outbox->timers_ns[timer] = at_ns;
}

bool outbox_is_due(const struct outbox *outbox, enum timer timer)
{
    return outbox->now_ns >= outbox->timers_ns[timer];
}

void outbox_trace(const struct outbox *outbox, enum decree_trace_type type, decree_node_id node,
                  struct decree_ballot ballot, decree_slot slot, uint64_t count)
{
    struct decree_trace trace = {
        .type = type, .node = node, .ballot = ballot, .slot = slot, .count = count};

    if (outbox->config->trace != NULL)
        outbox->config->trace(outbox->config->context, &trace);
}
