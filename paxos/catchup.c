/* SPDX-License-Identifier: MIT */
/* catchup.c -- asks for and gives decided runs; see catchup.h. */
#include "catchup.h"

#include <assert.h>

/* Slots in one answer at most: enough to go fast, little enough to be fair. */
#define CATCHUP_SLOTS 4096u

#define MOMENT_HEARTBEATS_MAX 32u

static bool is_behind(const struct catchup *catchup, uint32_t member)
{
    return catchup->decided[member] > catchup->log->decided;
}

static bool is_waiting(const struct outbox *outbox)
{
    return outbox->timers_ns[TIMER_CATCH_UP] != UINT64_MAX;
}

static void set_moment(struct catchup *catchup, uint64_t moment_ns, const struct outbox *outbox)
{
    uint64_t least_ns = outbox->config->heartbeat_every_ns / 4;
    uint64_t most_ns = outbox->config->heartbeat_every_ns * MOMENT_HEARTBEATS_MAX;

    if (moment_ns < least_ns)
        moment_ns = least_ns;
    catchup->moment_ns = moment_ns < most_ns ? moment_ns : most_ns;
}

void catchup_note(struct catchup *catchup, const struct decree_message *message,
                  struct outbox *outbox)
{
    uint32_t member = quorum_index(&outbox->quorum, message->from);

    if (message->decided > catchup->decided[member])
        catchup->decided[member] = message->decided;
    if (!is_behind(catchup, member) || is_waiting(outbox))
        return;
    catchup->waited_ns = outbox->now_ns;
    outbox_timer(outbox, TIMER_CATCH_UP, outbox->now_ns + catchup->moment_ns);
}

/* Asks the next member in turn that knows more; false when nobody does. */
static bool ask(struct catchup *catchup, struct outbox *outbox)
{
    for (uint32_t i = 1; i <= outbox->quorum.count; i++) {
        uint32_t member = (catchup->turn + i) % outbox->quorum.count;
        struct decree_message *message;

        if (member == outbox->quorum.self || !is_behind(catchup, member))
            continue;
        message = outbox_message(outbox, DECREE_CATCH_UP, outbox->quorum.members[member]);
        message->slot = catchup->log->decided + 1;
        message->count = message->slot == catchup->asked;
        catchup->asked = message->slot;
        message->last = catchup->decided[member];
        message->decided = catchup->log->decided;
        catchup->turn = member;
        outbox_trace(outbox, DECREE_TRACE_CATCHING_UP, message->to, (struct decree_ballot){0},
                     message->slot, 0);
        return true;
    }
    return false;
}

static void ask_and_wait(struct catchup *catchup, struct outbox *outbox)
{
    uint64_t heartbeat_ns = outbox->config->heartbeat_every_ns;
    uint64_t wait_ns = catchup->moment_ns > heartbeat_ns ? catchup->moment_ns : heartbeat_ns;
    bool asked = ask(catchup, outbox);

    if (!asked)
        catchup->asked = 0;
    outbox_timer(outbox, TIMER_CATCH_UP, asked ? outbox->now_ns + wait_ns : UINT64_MAX);
}

/* What came by itself was on its way when a peer was asked for it: that was too early. */
static void came_by_itself(struct catchup *catchup, struct outbox *outbox)
{
    uint64_t twice_ns = is_waiting(outbox) ? 2 * (outbox->now_ns - catchup->waited_ns) : 0;
    uint64_t half_ns = catchup->moment_ns / 2;

    set_moment(catchup, twice_ns > half_ns ? twice_ns : half_ns, outbox);
    catchup->asked = 0;
    if (is_waiting(outbox))
        outbox_timer(outbox, TIMER_CATCH_UP, outbox->now_ns + catchup->moment_ns);
}

void catchup_on_progress(struct catchup *catchup, bool given, struct outbox *outbox)
{
    if (catchup->log->decided == catchup->reached)
        return;
    catchup->reached = catchup->log->decided;
    if (!given || catchup->asked == 0) {
        came_by_itself(catchup, outbox);
    } else if (catchup->reached >= catchup->asked) {
        set_moment(catchup, catchup->moment_ns / 2, outbox);
        catchup->turn += outbox->quorum.count - 1; /* the same peer again: it has just answered */
        ask_and_wait(catchup, outbox);
    }
    catchup->reached_ns = catchup->waited_ns = outbox->now_ns;
}

void catchup_on_timer(struct catchup *catchup, struct outbox *outbox)
{
    if (!outbox_has_messages(outbox, 1))
        return;
    if (catchup->asked != 0)
        set_moment(catchup, 2 * catchup->moment_ns, outbox);
    ask_and_wait(catchup, outbox);
}

void catchup_on_catch_up(struct catchup *catchup, const struct decree_message *message,
                         struct outbox *outbox)
{
    uint32_t member = quorum_index(&outbox->quorum, message->from);

    catchup->wanted[member] = message->slot;
    catchup->wanted_last[member] = message->last;
    catchup->wanted_again[member] = message->count > 0;
}

bool catchup_is_again(const struct catchup *catchup, decree_node_id to, const struct outbox *outbox)
{
    uint32_t member = quorum_index(&outbox->quorum, to);

    return member != DECREE_MEMBERS_MAX && catchup->wanted_again[member];
}

static void give(struct catchup *catchup, uint32_t member, struct outbox *outbox)
{
    const struct log *log = catchup->log;
    decree_slot first = catchup->wanted[member], last = catchup->wanted_last[member];
    decree_node_id to = outbox->quorum.members[member];
    uint32_t slots = log->window < CATCHUP_SLOTS ? log->window : CATCHUP_SLOTS;
    struct decree_message *message;

    if (last > log->decided)
        last = log->decided;
    if (last > first + slots - 1)
        last = first + slots - 1;
    if (first > last)
        return;
    if (first < log->first) {
        if (last >= log->first)
            last = log->first - 1;
        if (last > log->settled)
            last = log->settled; /* of the others the journal may still hold an earlier pvalue */
        if (first > last)
            return;
        outbox->fetches[outbox->fetch_count++] = (struct decree_fetch){
            .to = to, .first = first, .last = last};
        return;
    }
    last = log_run(log, first, last, outbox->config->message_bytes_max);
    assert(last >= first);
    message = outbox_message(outbox, DECREE_DECISION, to);
    message->decided = log->decided;
    message->pvalues = log_at(log, first);
    message->pvalue_count = (uint32_t)(last - first + 1);
    message->again = catchup->wanted_again[member];
}

void catchup_flush(struct catchup *catchup, struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->quorum.count; i++) {
        if (catchup->wanted[i] == 0 || !outbox_has_messages(outbox, 1))
            continue;
        give(catchup, i, outbox);
        catchup->wanted[i] = 0;
    }
}
