/* SPDX-License-Identifier: MIT */
/* replica.c -- proposals and decisions; see replica.h. */
#include "replica.h"

#include <assert.h>
#include <string.h>

#include "ballot.h"

static struct decree_pvalue *proposal_at(const struct replica *replica, uint64_t sequence)
{
    return &replica->proposals[sequence & (replica->performed.width - 1)];
}

#define PATIENCE_MAX 4u

/* Time to give them again, if none is performed until then. */
static void wait_for_proposals(const struct replica *replica, struct outbox *outbox)
{
    uint64_t patience_ns = 3 * outbox->config->heartbeat_every_ns << replica->patience;

    outbox_timer(outbox, TIMER_PROPOSE,
                 replica->first < replica->next ? outbox->now_ns + patience_ns : UINT64_MAX);
}

int replica_propose(struct replica *replica, struct decree_value *value, struct outbox *outbox)
{
    const struct decree_config *config = outbox->config;
    struct decree_pvalue *proposal = proposal_at(replica, replica->next);

    if (value->size > config->value_bytes_max)
        return DECREE_TOO_LARGE;
    if (replica->boot_lsn == 0 || replica->boot_lsn > outbox->persisted)
        return DECREE_FULL;
    if (replica->next - replica->first >= config->proposals_max ||
        (replica->bytes > 0 && replica->bytes + value->size > config->proposal_bytes_max))
        return DECREE_FULL;
    assert(proposal->command.value == NULL);
    proposal->command = (struct decree_command){.origin = config->self,
                                                .incarnation = replica->incarnation,
                                                .sequence = replica->next++,
                                                .value = decree_value_ref(value)};
    replica->bytes += value->size;
    if (outbox->timers_ns[TIMER_PROPOSE] == UINT64_MAX)
        wait_for_proposals(replica, outbox);
    return 0;
}

const struct decree_pvalue *replica_next_proposal(struct replica *replica)
{
    if (replica->sent < replica->first - 1)
        replica->sent = replica->first - 1;
    while (replica->sent + 1 < replica->next) {
        const struct decree_pvalue *proposal = proposal_at(replica, replica->sent + 1);

        if (proposal->command.value != NULL)
            return proposal;
        replica->sent++;
    }
    return NULL;
}

/* How many proposals, from this one, are open, lie side by side and fit into one message. */
static uint32_t run_of(const struct replica *replica, const struct decree_pvalue *first,
                       uint64_t bytes_max)
{
    const struct decree_pvalue *wrap = replica->proposals + replica->performed.width;
    uint64_t left = replica->next - first->command.sequence;
    uint64_t bytes = 0;
    uint32_t count = 0;

    for (const struct decree_pvalue *p = first;
         p < wrap && count < left && p->command.value != NULL; p++) {
        bytes += p->command.value->size;
        if (bytes > bytes_max && count > 0)
            break;
        count++;
    }
    return count;
}

bool replica_forward(struct replica *replica, decree_node_id to, struct outbox *outbox)
{
    const struct decree_pvalue *first;

    while ((first = replica_next_proposal(replica)) != NULL) {
        struct decree_message *message;

        if (!outbox_has_messages(outbox, 1))
            return false;
        message = outbox_message(outbox, DECREE_PROPOSE, to);
        message->pvalues = first;
        message->pvalue_count = run_of(replica, first, outbox->config->message_bytes_max);
        message->decided = replica->log->decided;
        assert(message->pvalue_count > 0);
        replica->sent += message->pvalue_count;
        message->again = replica->sent <= replica->given;
    }
    return true;
}

void replica_anew(struct replica *replica, struct outbox *outbox)
{
    replica->given = replica->sent = replica->first - 1;
    replica->patience = 0;
    wait_for_proposals(replica, outbox);
}

void replica_again(struct replica *replica, struct outbox *outbox)
{
    if (replica->given < replica->sent)
        replica->given = replica->sent;
    replica->sent = replica->first - 1;
    if (replica->patience < PATIENCE_MAX)
        replica->patience++;
    wait_for_proposals(replica, outbox);
}

void replica_hint(struct replica *replica, struct decree_ballot ballot, decree_slot slot)
{
    int order = ballot_compare(ballot, replica->hint);

    if (order < 0 || (order == 0 && slot <= replica->hint_last))
        return;
    replica->hint = ballot;
    replica->hint_last = slot;
}

bool replica_decide(struct replica *replica)
{
    struct log *log = replica->log;
    decree_slot before = log->decided;

    while (log->decided < replica->hint_last && log_has(log, log->decided + 1) &&
           ballot_equal(log_at(log, log->decided + 1)->ballot, replica->hint))
        log_decide(log);
    return log->decided > before;
}

/* A performed command that was proposed here needs no leader any more. */
static void complete(struct replica *replica, const struct decree_command *command,
                     struct outbox *outbox)
{
    struct decree_pvalue *proposal;

    if (command->incarnation != replica->incarnation || command->sequence < replica->first ||
        command->sequence >= replica->next)
        return;
    proposal = proposal_at(replica, command->sequence);
    if (proposal->command.value == NULL)
        return;
    replica->bytes -= proposal->command.value->size;
    decree_value_unref(proposal->command.value);
    proposal->command.value = NULL;
    while (replica->first < replica->next &&
           proposal_at(replica, replica->first)->command.value == NULL)
        replica->first++;
    if (replica->patience > 0)
        replica->patience--;
    wait_for_proposals(replica, outbox);
}

/* PMMC's perform: a command seen before changes nothing. */
static void perform(struct replica *replica, const struct decree_pvalue *decided,
                    struct outbox *outbox)
{
    struct decree_pvalue *decision = &outbox->decisions[outbox->decision_count++];
    uint32_t origin = quorum_index(&outbox->quorum, decided->command.origin);

    *decision = *decided;
    if (origin == DECREE_MEMBERS_MAX ||
        requests_seen(&replica->performed, origin, &decided->command)) {
        decision->command = (struct decree_command){0};
        return;
    }
    requests_mark(&replica->performed, origin, &decided->command);
    if (origin == outbox->quorum.self)
        complete(replica, &decided->command, outbox);
}

bool replica_deliver(struct replica *replica, struct outbox *outbox)
{
    struct log *log = replica->log;

    while (log->delivered < log->decided) {
        if (outbox->decision_count == OUTBOX_DECISIONS_MAX)
            return false;
        perform(replica, log_deliver(log), outbox);
    }
    return true;
}

void replica_release(struct replica *replica, uint32_t proposals_max)
{
    for (uint32_t i = 0; i < proposals_max; i++)
        decree_value_unref(replica->proposals[i].command.value);
}
