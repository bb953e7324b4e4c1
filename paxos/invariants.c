/* SPDX-License-Identifier: MIT */
/* invariants.c -- looks at the roles' state, and says what cannot be; see invariants.h. */
#include "invariants.h"

#include <string.h>

#include "ballot.h"

static bool same_command(const struct decree_command *a, const struct decree_command *b)
{
    if (a->origin != b->origin || a->incarnation != b->incarnation || a->sequence != b->sequence)
        return false;
    if (a->value == NULL || b->value == NULL)
        return a->value == b->value;
    return a->value->size == b->value->size &&
           memcmp(a->value->data, b->value->data, a->value->size) == 0;
}

static const char *check_acceptor(const struct decree_paxos *paxos)
{
    const struct log *log = &paxos->log;

    for (decree_slot slot = log->first; slot <= log->last; slot++)
        if (log_has(log, slot) &&
            ballot_compare(log_at(log, slot)->ballot, paxos->acceptor.promised) > 0)
            return "A2: a pvalue is accepted in a ballot that was not promised";
    return NULL;
}

static const char *check_leader(const struct decree_paxos *paxos)
{
    const struct leader *leader = &paxos->leader;
    const struct commander *commander = &leader->commander;
    const struct log *log = &paxos->log;
    decree_slot slot = log->decided + 1 > commander->first ? log->decided + 1 : commander->first;

    if (!leader->active)
        return NULL;
    if (!ballot_equal(paxos->acceptor.promised, leader->ballot))
        return "L1: a leader is active, but its own acceptor has promised another ballot";
    if (commander->next > commander->first && commander->next - 1 > log->delivered + log->window)
        return "R5: a slot is proposed beyond the window";
    for (; slot < commander->next; slot++)
        if (!log_has(log, slot) || !ballot_equal(log_at(log, slot)->ballot, leader->ballot))
            return "L1: a leader has proposed what its own acceptor has not accepted";
    return NULL;
}

static const char *check_replica(const struct decree_paxos *paxos)
{
    const struct log *log = &paxos->log;

    if (log->first > log->delivered + 1 || log->delivered > log->decided ||
        log->decided > log->last)
        return "R3: the marks of the log are out of order";
    for (decree_slot slot = log->first; slot <= log->decided; slot++)
        if (!log_has(log, slot))
            return "R2: a decided slot is empty";
    return NULL;
}

const char *invariants_core(const struct decree_paxos *paxos)
{
    const char *broken = check_acceptor(paxos);

    if (broken == NULL)
        broken = check_leader(paxos);
    if (broken == NULL)
        broken = check_replica(paxos);
    return broken;
}

const char *invariants_growth(const struct decree_paxos *paxos, struct invariants_past *past)
{
    const struct log *log = &paxos->log;

    if (ballot_compare(paxos->acceptor.promised, past->promised) < 0)
        return "A1: a promise was taken back";
    if (log->decided < past->decided || log->delivered < past->delivered)
        return "R4: decided or delivered has shrunk";
    *past = (struct invariants_past){
        .promised = paxos->acceptor.promised, .decided = log->decided, .delivered = log->delivered};
    return NULL;
}

static const char *check_pair(const struct log *a, const struct log *b)
{
    decree_slot first = a->first > b->first ? a->first : b->first;
    decree_slot last = a->last < b->last ? a->last : b->last;

    for (decree_slot slot = first; slot <= last; slot++) {
        const struct decree_pvalue *p, *q;

        if (!log_has(a, slot) || !log_has(b, slot))
            continue;
        p = log_at(a, slot);
        q = log_at(b, slot);
        if (same_command(&p->command, &q->command))
            continue;
        if (slot <= a->decided && slot <= b->decided)
            return "R1: two commands are decided for one slot";
        if (ballot_equal(p->ballot, q->ballot))
            return "A4: two commands are accepted for one slot in one ballot";
    }
    return NULL;
}

static uint32_t count_votes(const struct decree_paxos *const *cores, uint32_t count,
                            const struct decree_pvalue *pvalue)
{
    uint32_t votes = 0;

    for (uint32_t i = 0; i < count; i++)
        votes += cores[i] != NULL && log_has(&cores[i]->log, pvalue->slot) &&
                 ballot_equal(log_at(&cores[i]->log, pvalue->slot)->ballot, pvalue->ballot);
    return votes;
}

/* No core may hold another command for the slot in a higher ballot than the one it was chosen
 * in. */
static const char *check_chosen(const struct decree_paxos *const *cores, uint32_t count,
                                const struct decree_pvalue *chosen)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct decree_pvalue *other;

        if (cores[i] == NULL || !log_has(&cores[i]->log, chosen->slot))
            continue;
        other = log_at(&cores[i]->log, chosen->slot);
        if (ballot_compare(other->ballot, chosen->ballot) > 0 &&
            !same_command(&other->command, &chosen->command))
            return "A5: a higher ballot has another command than the one that was chosen";
    }
    return NULL;
}

static const char *check_quorums(const struct decree_paxos *const *cores, uint32_t count,
                                 const struct decree_paxos *paxos)
{
    const struct log *log = &paxos->log;

    for (decree_slot slot = log->first; slot <= log->last; slot++) {
        const char *broken;

        if (!log_has(log, slot) ||
            count_votes(cores, count, log_at(log, slot)) < paxos->config.vote_quorum)
            continue;
        broken = check_chosen(cores, count, log_at(log, slot));
        if (broken != NULL)
            return broken;
    }
    return NULL;
}

const char *invariants_cluster(const struct decree_paxos *const *cores, uint32_t count)
{
    const char *broken = NULL;

    for (uint32_t i = 0; i < count && broken == NULL; i++) {
        if (cores[i] == NULL)
            continue;
        broken = invariants_core(cores[i]);
        for (uint32_t j = 0; j < i && broken == NULL; j++)
            if (cores[j] != NULL)
                broken = check_pair(&cores[i]->log, &cores[j]->log);
        if (broken == NULL)
            broken = check_quorums(cores, count, cores[i]);
    }
    return broken;
}
