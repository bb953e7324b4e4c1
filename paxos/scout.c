/* SPDX-License-Identifier: MIT */
/* scout.c -- collects promises; see scout.h. */
#include "scout.h"

#include <assert.h>
#include <string.h>

#include "ballot.h"

static struct decree_pvalue *pvalue_at(const struct scout *scout, decree_slot slot)
{
    return &scout->pvalues[slot & (scout->window - 1)];
}

void scout_forget(struct scout *scout)
{
    if (!scout->holding)
        return;
    for (uint32_t i = 0; i < scout->window; i++)
        decree_value_unref(scout->pvalues[i].command.value);
    memset(scout->pvalues, 0, scout->window * sizeof(*scout->pvalues));
    scout->holding = false;
}

void scout_start(struct scout *scout, struct decree_ballot ballot, decree_slot decided,
                 struct outbox *outbox)
{
    assert(!scout->running);
    scout_forget(scout);
    scout->running = true;
    scout->claimed = false;
    scout->ballot = ballot;
    scout->base = scout->last = decided;
    scout->promised = 0;
    scout->moved_ns = outbox->now_ns;
    for (uint32_t i = 0; i < outbox->quorum.count; i++)
        scout->next[i] = decided + 1;
    outbox_trace(outbox, DECREE_TRACE_SCOUTING, ballot.node, ballot, decided + 1, 0);
}

void scout_stop(struct scout *scout, struct outbox *outbox)
{
    scout->running = false;
    scout_forget(scout);
    outbox_timer(outbox, TIMER_PREPARE, UINT64_MAX);
}

static void ask(struct scout *scout, uint32_t member, bool again, struct outbox *outbox)
{
    struct decree_message *message = outbox_message(outbox, DECREE_P1A,
                                                    outbox->quorum.members[member]);

    assert(scout->claimed);
    message->ballot = scout->ballot;
    message->slot = scout->next[member];
    message->decided = scout->base;
    message->count = again;
}

static void ask_missing(struct scout *scout, bool again, struct outbox *outbox)
{
    outbox_timer(outbox, TIMER_PREPARE, outbox->now_ns + outbox->config->heartbeat_every_ns);
    if (!outbox_has_messages(outbox, DECREE_MEMBERS_MAX))
        return;
    for (uint32_t i = 0; i < outbox->quorum.count; i++)
        if (i != outbox->quorum.self && (scout->promised & (1u << i)) == 0)
            ask(scout, i, again, outbox);
}

void scout_on_timer(struct scout *scout, struct outbox *outbox)
{
    if (scout->running && scout->claimed)
        ask_missing(scout, true, outbox);
}

/* PMMC's pmax: the pvalue with the highest ballot wins the slot. */
static void merge(struct scout *scout, const struct decree_pvalue *pvalue)
{
    struct decree_pvalue *best = pvalue_at(scout, pvalue->slot);

    if (pvalue->slot <= scout->base)
        return;
    if (best->slot == pvalue->slot && ballot_compare(best->ballot, pvalue->ballot) >= 0)
        return;
    decree_value_ref(pvalue->command.value);
    decree_value_unref(best->command.value);
    *best = *pvalue;
    scout->holding = true;
}

/* True when the page is the one asked for and lies where it can be kept. */
static bool page_fits(const struct scout *scout, const struct decree_message *message,
                      uint32_t member)
{
    decree_slot base = message->decided > scout->base ? message->decided : scout->base;
    decree_slot top = message->last;

    if (message->slot != scout->next[member] || (scout->promised & (1u << member)) != 0)
        return false;
    if (message->pvalue_count > 0 && message->pvalues[message->pvalue_count - 1].slot > top)
        return false;
    return top <= base + scout->window;
}

bool scout_on_p1b(struct scout *scout, const struct decree_message *message, struct outbox *outbox)
{
    uint32_t member = quorum_index(&outbox->quorum, message->from);
    decree_slot covered = message->last;

    if (!scout->running || !ballot_equal(message->ballot, scout->ballot) ||
        !page_fits(scout, message, member))
        return false;
    scout->moved_ns = outbox->now_ns;
    if (message->decided > scout->base)
        scout->base = message->decided;
    for (uint32_t i = 0; i < message->pvalue_count; i++)
        merge(scout, &message->pvalues[i]);
    if (message->last > scout->last)
        scout->last = message->last;
    if (message->pvalue_count > 0)
        covered = message->pvalues[message->pvalue_count - 1].slot;
    scout->next[member] = covered + 1;
    if (covered >= message->last)
        scout->promised |= 1u << member;
    if (quorum_size(scout->promised) >= outbox->quorum.prepare)
        return true;
    if (member == outbox->quorum.self && (scout->promised & (1u << member)) != 0) {
        scout->claimed = true;
        ask_missing(scout, false, outbox);
    } else if (member != outbox->quorum.self && covered < message->last) {
        ask(scout, member, false, outbox);
    }
    return false;
}

const struct decree_pvalue *scout_pvalue(const struct scout *scout, decree_slot slot)
{
    const struct decree_pvalue *pvalue = pvalue_at(scout, slot);

    assert(slot > scout->base);
    return pvalue->slot == slot ? pvalue : NULL;
}
