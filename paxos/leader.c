/* SPDX-License-Identifier: MIT */
/* leader.c -- proposes; see leader.h. */
#include "leader.h"

#include <assert.h>

#include "ballot.h"

void leader_adopt(struct leader *leader, const struct requests *performed, struct outbox *outbox)
{
    struct scout *scout = leader->scout;

    assert(!leader->active);
    leader->active = true;
    leader->ballot = scout->ballot;
    leader->inherit_last = scout->last > scout->base ? scout->last : scout->base;
    commander_start(&leader->commander, scout->ballot, scout->base + 1);
    requests_copy(&leader->proposed, performed);
    scout->running = false;
    outbox_timer(outbox, TIMER_PREPARE, UINT64_MAX);
    outbox_trace(outbox, DECREE_TRACE_ADOPTED, leader->ballot.node, leader->ballot,
                 leader->inherit_last + 1, 0);
}

void leader_deactivate(struct leader *leader, struct outbox *outbox)
{
    leader->active = false;
    outbox_timer(outbox, TIMER_ANNOUNCE, UINT64_MAX);
    outbox_timer(outbox, TIMER_VOTE, UINT64_MAX);
}

static bool has_room(const struct leader *leader, const struct outbox *outbox)
{
    decree_slot slot = leader->commander.next;

    return log_fits(leader->acceptor->log, slot) && outbox_has_room(outbox, 1);
}

/* Sends a p2a for the next slot to the leader's own acceptor. */
static void propose_next(struct leader *leader, const struct decree_command *command,
                         struct outbox *outbox)
{
    struct decree_pvalue pvalue = {
        .ballot = leader->ballot, .slot = leader->commander.next, .command = *command};
    struct decree_message p2a = {.type = DECREE_P2A,
                                 .from = outbox->config->self,
                                 .to = outbox->config->self,
                                 .ballot = leader->ballot,
                                 .slot = pvalue.slot,
                                 .pvalues = &pvalue,
                                 .pvalue_count = 1};
    uint32_t origin = quorum_index(&outbox->quorum, command->origin);

    assert(ballot_equal(leader->acceptor->promised, leader->ballot));
    commander_proposed(&leader->commander);
    acceptor_on_p2a(leader->acceptor, &p2a, outbox);
    if (origin != DECREE_MEMBERS_MAX)
        requests_mark(&leader->proposed, origin, command);
}

bool leader_inherit(struct leader *leader, struct outbox *outbox)
{
    static const struct decree_command noop = {0};

    while (leader->commander.next <= leader->inherit_last) {
        const struct decree_pvalue *found;

        if (!has_room(leader, outbox))
            return false;
        found = scout_pvalue(leader->scout, leader->commander.next);
        propose_next(leader, found == NULL ? &noop : &found->command, outbox);
    }
    scout_forget(leader->scout);
    return true;
}

bool leader_propose(struct leader *leader, const struct decree_command *command,
                    struct outbox *outbox)
{
    uint32_t origin = quorum_index(&outbox->quorum, command->origin);

    assert(leader->active);
    assert(leader->commander.next > leader->inherit_last);
    if (origin != DECREE_MEMBERS_MAX && requests_seen(&leader->proposed, origin, command))
        return true;
    if (!has_room(leader, outbox))
        return false;
    propose_next(leader, command, outbox);
    return true;
}

bool leader_is_current(const struct leader *leader)
{
    return leader->active && leader->acceptor->log->decided >= leader->inherit_last;
}
