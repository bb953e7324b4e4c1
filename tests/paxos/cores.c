/* SPDX-License-Identifier: MIT */
/* cores.c -- moves a few cores by hand and judges what comes out; see cores.h.
 *
 * The rules, each told in the failure that it leaves:
 *   - lsns are dense, and decisions come by slot without gaps;
 *   - no two nodes decide differently, and no command is performed twice;
 *   - what is decided lies in the synced journals of a vote quorum;
 *   - a p1a, a p1b that promises and a p2b that votes leave after their records are synced;
 *   - in one ballot a slot is proposed with one command only;
 *   - a read is answered from a state that has everything delivered anywhere before it was asked;
 *   - the invariants of invariants.h hold, of one core after each take, of all from time to time.
 */
#include "cores.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(struct cores *cores, const char *format, ...)
{
    va_list arguments;

    if (cores->failure[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(cores->failure, sizeof(cores->failure), format, arguments);
    va_end(arguments);
}

static void *grow(void *array, uint64_t *room, uint64_t count, size_t size)
{
    if (count < *room)
        return array;
    *room = *room == 0 ? 16 : 2 * *room;
    array = realloc(array, *room * size);
    assert(array != NULL);
    return array;
}

bool cores_same_command(const struct decree_command *a, const struct decree_command *b)
{
    if (a->origin != b->origin || a->incarnation != b->incarnation || a->sequence != b->sequence)
        return false;
    if (a->value == NULL || b->value == NULL)
        return a->value == b->value;
    return a->value->size == b->value->size &&
           memcmp(a->value->data, b->value->data, a->value->size) == 0;
}

struct cores_node *cores_node(struct cores *cores, decree_node_id id)
{
    assert(id >= 1 && id <= cores->count);
    return &cores->nodes[id - 1];
}

static struct cores_link *link_of(struct cores *cores, decree_node_id from, decree_node_id to)
{
    assert(from >= 1 && from <= cores->count && to >= 1 && to <= cores->count);
    return &cores->links[from - 1][to - 1];
}

/* --- life
 * ----------------------------------------------------------------------------------------- */

void cores_init(struct cores *cores, uint32_t count, const struct decree_config *limits)
{
    assert(count >= 1 && count <= CORES_MAX);
    memset(cores, 0, sizeof(*cores));
    cores->config = *limits;
    cores->count = count;
    cores->now_ns = 1000 * CORES_MS;
    for (uint32_t i = 0; i < count; i++) {
        cores->members[i] = i + 1;
        cores->nodes[i].cores = cores;
        cores->nodes[i].id = i + 1;
        cores->nodes[i].wake_at_ns = UINT64_MAX;
    }
}

static void release_message(struct decree_message *message)
{
    for (uint32_t i = 0; i < message->pvalue_count; i++)
        decree_value_unref(message->pvalues[i].command.value);
    free((void *)(uintptr_t)message->pvalues);
}

void cores_release(struct cores *cores)
{
    for (uint32_t i = 0; i < cores->count; i++) {
        struct cores_journal *journal = &cores->nodes[i].journal;

        decree_paxos_close(cores->nodes[i].core);
        for (uint64_t lsn = 1; lsn <= journal->count; lsn++)
            decree_value_unref(journal->records[lsn - 1].pvalue.command.value);
        free(journal->records);
        for (uint32_t j = 0; j < cores->count; j++) {
            for (uint32_t k = 0; k < cores->links[i][j].count; k++)
                release_message(&cores->links[i][j].messages[k]);
            free(cores->links[i][j].messages);
        }
    }
    for (uint64_t slot = 1; slot <= cores->decided_count; slot++)
        decree_value_unref(cores->decided[slot - 1].command.value);
    for (uint32_t i = 0; i < cores->proposal_count; i++)
        decree_value_unref(cores->proposals[i].command.value);
    free(cores->decided);
    free(cores->proposals);
}

static void on_trace(void *context, const struct decree_trace *trace)
{
    const struct cores_node *node = context;

    if (node->cores->on_trace != NULL)
        node->cores->on_trace(node->cores->context, node->id, trace);
}

static int restore(struct cores *cores, struct cores_node *node)
{
    for (uint64_t lsn = 1; lsn <= node->journal.count; lsn++) {
        struct decree_event event = {.type = DECREE_EVENT_RESTORE,
                                     .u.restore = node->journal.records[lsn - 1]};
        int error = cores_offer(cores, node->id, &event);

        if (error == DECREE_FULL) {
            cores_take(cores, node->id);
            error = cores_offer(cores, node->id, &event);
        }
        if (error != 0)
            return error;
    }
    return 0;
}

int cores_start(struct cores *cores, decree_node_id id)
{
    struct cores_node *node = cores_node(cores, id);
    struct decree_config config = cores->config;
    struct decree_event start = {.type = DECREE_EVENT_START};
    int error;

    assert(node->core == NULL);
    config.self = id;
    config.members = cores->members;
    config.member_count = cores->count;
    config.seed = cores->config.seed * 31 + id + 1000 * node->journal.count;
    config.trace = on_trace;
    config.context = node;
    error = decree_paxos_open(&node->core, &config);
    if (error != 0)
        return error;
    error = restore(cores, node);
    if (error != 0)
        return error;
    error = cores_offer(cores, id, &start);
    if (error == 0)
        cores_take(cores, id);
    return error;
}

void cores_crash(struct cores *cores, decree_node_id id, decree_lsn kept)
{
    struct cores_node *node = cores_node(cores, id);
    struct cores_journal *journal = &node->journal;

    if (kept < journal->synced)
        kept = journal->synced;
    while (journal->count > kept)
        decree_value_unref(journal->records[--journal->count].pvalue.command.value);
    journal->synced = journal->count;
    decree_paxos_close(node->core);
    node->core = NULL;
    node->delivered = 0;
    node->past = (struct invariants_past){.decided = 0};
    node->read_count = node->fetch_count = 0;
    node->wake_at_ns = UINT64_MAX;
    node->sync_lsn = 0;
}

/* --- the rules
 * ------------------------------------------------------------------------------------ */

static bool synced_ballot(const struct cores_node *node, struct decree_ballot ballot)
{
    for (uint64_t lsn = node->journal.synced; lsn >= 1; lsn--) {
        const struct decree_record *record = &node->journal.records[lsn - 1];

        if ((record->type == DECREE_RECORD_PROMISE || record->type == DECREE_RECORD_ACCEPT) &&
            decree_ballot_compare(record->pvalue.ballot, ballot) >= 0)
            return true;
    }
    return false;
}

/* The newest synced record of the slot, or NULL. */
static const struct decree_pvalue *synced_accept(const struct cores_node *node, decree_slot slot)
{
    for (uint64_t lsn = node->journal.synced; lsn >= 1; lsn--) {
        const struct decree_record *record = &node->journal.records[lsn - 1];

        if (record->type == DECREE_RECORD_ACCEPT && record->pvalue.slot == slot)
            return &record->pvalue;
    }
    return NULL;
}

static void judge_vote(struct cores *cores, const struct cores_node *node,
                       const struct decree_message *vote)
{
    for (uint32_t i = 0; i < vote->count; i++) {
        decree_slot slot = vote->slot + i;
        const struct decree_pvalue *accepted = synced_accept(node, slot);

        if (accepted == NULL)
            fail(cores, "node %u votes for slot %llu, which its journal has not", node->id,
                 (unsigned long long)slot);
        else if (slot > cores->decided_count &&
                 decree_ballot_compare(accepted->ballot, vote->ballot) < 0)
            fail(cores, "node %u votes for slot %llu in a ballot that is not synced", node->id,
                 (unsigned long long)slot);
    }
}

static void judge_proposal(struct cores *cores, struct decree_ballot ballot,
                           const struct decree_pvalue *pvalue)
{
    uint64_t room = cores->proposal_room;

    for (uint32_t i = 0; i < cores->proposal_count; i++) {
        const struct cores_proposal *p = &cores->proposals[i];

        if (p->slot != pvalue->slot || decree_ballot_compare(p->ballot, ballot) != 0)
            continue;
        if (!cores_same_command(&p->command, &pvalue->command))
            fail(cores, "two commands for slot %llu in ballot %llu.%u",
                 (unsigned long long)pvalue->slot, (unsigned long long)ballot.round, ballot.node);
        return;
    }
    cores->proposals = grow(cores->proposals, &room, cores->proposal_count,
                            sizeof(*cores->proposals));
    cores->proposal_room = (uint32_t)room;
    decree_value_ref(pvalue->command.value);
    cores->proposals[cores->proposal_count++] = (struct cores_proposal){
        .ballot = ballot, .slot = pvalue->slot, .command = pvalue->command};
}

static void judge_message(struct cores *cores, const struct cores_node *node,
                          const struct decree_message *message)
{
    bool promises = message->type == DECREE_P1A ||
                    (message->type == DECREE_P1B && message->slot > 0);

    if (promises && !synced_ballot(node, message->ballot))
        fail(cores, "node %u sends a %s of %llu.%u before the disk has it", node->id,
             decree_message_name(message->type), (unsigned long long)message->ballot.round,
             message->ballot.node);
    if (message->type == DECREE_P2B)
        judge_vote(cores, node, message);
    for (uint32_t i = 0; message->type == DECREE_P2A && i < message->pvalue_count; i++)
        judge_proposal(cores, message->ballot, &message->pvalues[i]);
}

static void judge_first_decision(struct cores *cores, const struct decree_pvalue *decision)
{
    uint32_t votes = cores->config.vote_quorum == 0 ? cores->count / 2 + 1
                                                    : cores->config.vote_quorum;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cores->count; i++) {
        const struct decree_pvalue *accepted = synced_accept(&cores->nodes[i], decision->slot);

        kept += accepted != NULL && (decision->command.origin == 0 ||
                                     cores_same_command(&accepted->command, &decision->command));
    }
    if (kept < votes)
        fail(cores, "slot %llu is decided but synced on %u nodes only",
             (unsigned long long)decision->slot, kept);
    for (uint64_t slot = 1; decision->command.origin != 0 && slot < decision->slot; slot++)
        if (cores_same_command(&cores->decided[slot - 1].command, &decision->command))
            fail(cores, "slots %llu and %llu perform the same command", (unsigned long long)slot,
                 (unsigned long long)decision->slot);
}

static void judge_decision(struct cores *cores, struct cores_node *node,
                           const struct decree_pvalue *decision)
{
    if (decision->slot != node->delivered + 1)
        fail(cores, "node %u decides slot %llu after %llu", node->id,
             (unsigned long long)decision->slot, (unsigned long long)node->delivered);
    node->delivered = decision->slot;
    if (decision->slot <= cores->decided_count) {
        if (!cores_same_command(&cores->decided[decision->slot - 1].command, &decision->command))
            fail(cores, "node %u decides slot %llu differently", node->id,
                 (unsigned long long)decision->slot);
        return;
    }
    judge_first_decision(cores, decision);
    cores->decided = grow(cores->decided, &cores->decided_room, cores->decided_count,
                          sizeof(*cores->decided));
    decree_value_ref(decision->command.value);
    cores->decided[cores->decided_count++] = *decision;
}

static void judge_read(struct cores *cores, struct cores_node *node, uint64_t name)
{
    for (uint32_t i = 0; i < node->read_count; i++) {
        struct cores_read *read = &node->reads[i];

        if (read->name != name)
            continue;
        if (read->answered)
            fail(cores, "node %u answers read %llu twice", node->id, (unsigned long long)name);
        if (node->delivered < read->floor)
            fail(cores, "node %u answers read %llu at slot %llu, but %llu was known before",
                 node->id, (unsigned long long)name, (unsigned long long)node->delivered,
                 (unsigned long long)read->floor);
        read->answered = true;
        return;
    }
    fail(cores, "node %u answers read %llu, which nobody asked", node->id,
         (unsigned long long)name);
}

static void judge_state(struct cores *cores, struct cores_node *node)
{
    const struct decree_paxos *running[CORES_MAX];
    const char *broken = invariants_growth(node->core, &node->past);

    for (uint32_t i = 0; i < cores->count; i++)
        running[i] = cores->nodes[i].core;
    if (broken == NULL && cores->takes++ % 32 == 0) /* it looks at every slot of every core */
        broken = invariants_cluster(running, cores->count);
    if (broken == NULL)
        broken = invariants_core(node->core);
    if (broken != NULL)
        fail(cores, "%s (after an event at node %u)", broken, node->id);
}

/* --- events and effects
 * --------------------------------------------------------------------------- */

void cores_send(struct cores *cores, const struct decree_message *message)
{
    struct cores_link *link = link_of(cores, message->from, message->to);
    struct decree_pvalue *pvalues = NULL;
    uint64_t room = link->room;

    if (link->cut)
        return;
    link->messages = grow(link->messages, &room, link->count, sizeof(*link->messages));
    link->room = (uint32_t)room;
    if (message->pvalue_count > 0) {
        pvalues = malloc(message->pvalue_count * sizeof(*pvalues));
        assert(pvalues != NULL);
        memcpy(pvalues, message->pvalues, message->pvalue_count * sizeof(*pvalues));
    }
    for (uint32_t i = 0; i < message->pvalue_count; i++)
        decree_value_ref(pvalues[i].command.value);
    link->messages[link->count] = *message;
    link->messages[link->count++].pvalues = pvalues;
}

static void append(struct cores *cores, struct cores_node *node, const struct decree_record *record)
{
    struct cores_journal *journal = &node->journal;

    if (record->lsn != journal->count + 1)
        fail(cores, "node %u appends lsn %llu after %llu", node->id,
             (unsigned long long)record->lsn, (unsigned long long)journal->count);
    journal->records = grow(journal->records, &journal->room, journal->count,
                            sizeof(*journal->records));
    decree_value_ref(record->pvalue.command.value);
    journal->records[journal->count++] = *record;
}

int cores_offer(struct cores *cores, decree_node_id id, struct decree_event *event)
{
    struct cores_node *node = cores_node(cores, id);

    assert(node->core != NULL);
    event->now_ns = cores->now_ns;
    return decree_paxos_step(node->core, event);
}

void cores_take(struct cores *cores, decree_node_id id)
{
    struct cores_node *node = cores_node(cores, id);
    struct decree_effects effects;

    assert(node->core != NULL);
    decree_paxos_take(node->core, &effects);
    for (uint32_t i = 0; i < effects.record_count; i++)
        append(cores, node, &effects.records[i]);
    for (uint32_t i = 0; i < effects.decision_count; i++)
        judge_decision(cores, node, &effects.decisions[i]);
    for (uint32_t i = 0; i < effects.read_count; i++)
        judge_read(cores, node, effects.reads[i]);
    for (uint32_t i = 0; i < effects.message_count; i++) {
        judge_message(cores, node, &effects.messages[i]);
        cores_send(cores, &effects.messages[i]);
    }
    for (uint32_t i = 0; i < effects.fetch_count && node->fetch_count < 16; i++)
        node->fetches[node->fetch_count++] = effects.fetches[i];
    node->sync_lsn = effects.sync_lsn;
    node->wake_at_ns = effects.wake_at_ns;
    judge_state(cores, node);
    if (cores->on_effects != NULL)
        cores->on_effects(cores->context, id, &effects);
}

static int offer_and_take(struct cores *cores, decree_node_id id, struct decree_event *event)
{
    int error = cores_offer(cores, id, event);

    cores_take(cores, id);
    return error;
}

int cores_propose(struct cores *cores, decree_node_id id, const char *text)
{
    struct decree_value *value = decree_value_copy(text, (uint32_t)strlen(text));
    struct decree_event event = {.type = DECREE_EVENT_PROPOSE, .u.propose = value};
    int error = offer_and_take(cores, id, &event);

    decree_value_unref(value);
    return error;
}

int cores_read(struct cores *cores, decree_node_id id, uint64_t name)
{
    struct cores_node *node = cores_node(cores, id);
    struct decree_event event = {.type = DECREE_EVENT_READ, .u.read = name};
    int error;

    assert(node->read_count < sizeof(node->reads) / sizeof(node->reads[0]));
    node->reads[node->read_count] = (struct cores_read){.name = name,
                                                        .floor = cores->decided_count};
    error = cores_offer(cores, id, &event);
    if (error == 0)
        node->read_count++;
    cores_take(cores, id);
    return error;
}

int cores_wake(struct cores *cores, decree_node_id id)
{
    struct decree_event event = {.type = DECREE_EVENT_WAKE};

    return offer_and_take(cores, id, &event);
}

int cores_persist(struct cores *cores, decree_node_id id, decree_lsn lsn)
{
    struct cores_journal *journal = &cores_node(cores, id)->journal;
    struct decree_event event = {.type = DECREE_EVENT_PERSISTED,
                                 .u.persisted = lsn == 0 ? journal->count : lsn};

    assert(event.u.persisted <= journal->count);
    if (event.u.persisted > journal->synced)
        journal->synced = event.u.persisted;
    return offer_and_take(cores, id, &event);
}

static struct decree_message pull(struct cores_link *link, uint32_t place)
{
    struct decree_message message;

    assert(place < link->count);
    message = link->messages[place];
    link->count--;
    memmove(link->messages + place, link->messages + place + 1,
            (link->count - place) * sizeof(message));
    return message;
}

int cores_deliver(struct cores *cores, decree_node_id from, decree_node_id to, uint32_t place)
{
    struct cores_link *link = link_of(cores, from, to);
    struct decree_event event = {.type = DECREE_EVENT_MESSAGE};
    int error;

    assert(place < link->count);
    event.u.message = link->messages[place];
    error = cores_offer(cores, to, &event);
    if (error != DECREE_FULL) {
        struct decree_message done = pull(link, place);

        release_message(&done);
    }
    cores_take(cores, to);
    return error;
}

void cores_drop(struct cores *cores, decree_node_id from, decree_node_id to, uint32_t place)
{
    struct decree_message message = pull(link_of(cores, from, to), place);

    release_message(&message);
}

void cores_copy(struct cores *cores, decree_node_id from, decree_node_id to, uint32_t place)
{
    struct decree_message message;

    assert(place < link_of(cores, from, to)->count);
    message = link_of(cores, from, to)->messages[place];
    cores_send(cores, &message);
}

int cores_fetch(struct cores *cores, decree_node_id id)
{
    struct cores_node *node = cores_node(cores, id);
    struct decree_event event = {.type = DECREE_EVENT_FETCHED};
    struct decree_fetch fetch;
    struct decree_pvalue *pvalues;
    uint32_t count = 0;
    int error;

    assert(node->fetch_count > 0);
    fetch = node->fetches[0];
    node->fetch_count--;
    memmove(node->fetches, node->fetches + 1, node->fetch_count * sizeof(fetch));
    pvalues = calloc((size_t)(fetch.last - fetch.first + 1), sizeof(*pvalues));
    assert(pvalues != NULL);
    for (decree_slot slot = fetch.first; slot <= fetch.last; slot++) {
        const struct decree_pvalue *accepted = synced_accept(node, slot);

        if (accepted == NULL)
            break;
        pvalues[count++] = *accepted;
    }
    event.u.fetched.to = fetch.to;
    event.u.fetched.count = count;
    event.u.fetched.pvalues = pvalues;
    error = offer_and_take(cores, id, &event);
    free(pvalues);
    return error;
}

static uint64_t mix(uint64_t digest, uint64_t number)
{
    return (digest ^ number) * UINT64_C(0x9e3779b97f4a7c15) + (digest >> 29);
}

static uint64_t mix_pvalues(uint64_t digest, const struct decree_pvalue *pvalues, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct decree_pvalue *p = &pvalues[i];

        digest = mix(mix(mix(digest, p->ballot.round), p->ballot.node), p->slot);
        digest = mix(mix(mix(digest, p->command.origin), p->command.incarnation),
                     p->command.sequence);
        for (uint32_t j = 0; p->command.value != NULL && j < p->command.value->size; j++)
            digest = mix(digest, p->command.value->data[j] + 1u);
    }
    return mix(digest, count);
}

static uint64_t mix_message(uint64_t digest, const struct decree_message *m)
{
    digest = mix(mix(mix(digest, (uint64_t)m->type), m->from), m->to);
    digest = mix(mix(mix(digest, m->ballot.round), m->ballot.node), m->slot);
    digest = mix(mix(mix(digest, m->last), m->decided), m->round);
    digest = mix(mix(digest, m->age_ns), m->count);
    return mix_pvalues(digest, m->pvalues, m->pvalue_count);
}

uint64_t cores_digest(uint64_t digest, const struct decree_effects *effects)
{
    for (uint32_t i = 0; i < effects->record_count; i++) {
        digest = mix(mix(digest, effects->records[i].lsn), (uint64_t)effects->records[i].type);
        digest = mix_pvalues(digest, &effects->records[i].pvalue, 1);
    }
    for (uint32_t i = 0; i < effects->message_count; i++)
        digest = mix_message(digest, &effects->messages[i]);
    digest = mix_pvalues(digest, effects->decisions, effects->decision_count);
    for (uint32_t i = 0; i < effects->read_count; i++)
        digest = mix(digest, effects->reads[i]);
    for (uint32_t i = 0; i < effects->fetch_count; i++)
        digest = mix(mix(mix(digest, effects->fetches[i].to), effects->fetches[i].first),
                     effects->fetches[i].last);
    digest = mix(mix(mix(digest, effects->record_count), effects->message_count),
                 effects->read_count);
    return mix(mix(mix(digest, effects->fetch_count), effects->sync_lsn), effects->wake_at_ns);
}

/* --- a quick world
 * -------------------------------------------------------------------------------- */

static bool wants_sync(const struct cores_node *node)
{
    decree_lsn wanted = node->cores->lazy ? node->sync_lsn : node->journal.count;

    return !node->hangs && node->journal.synced < wanted;
}

static bool serve_node(struct cores *cores, struct cores_node *node)
{
    bool busy = false;

    if (node->core == NULL)
        return false;
    while (wants_sync(node)) {
        cores_persist(cores, node->id, cores->lazy ? node->sync_lsn : 0);
        busy = true;
    }
    while (node->fetch_count > 0) {
        (void)cores_fetch(cores, node->id);
        busy = true;
    }
    return busy;
}

static bool serve_link(struct cores *cores, decree_node_id from, decree_node_id to)
{
    uint32_t count = link_of(cores, from, to)->count;

    for (uint32_t i = 0; i < count; i++) {
        if (cores_node(cores, to)->core == NULL)
            cores_drop(cores, from, to, 0);
        else if (cores_deliver(cores, from, to, 0) == DECREE_FULL)
            return i > 0;
    }
    return count > 0;
}

void cores_drain(struct cores *cores)
{
    for (bool busy = true; busy;) {
        busy = false;
        for (decree_node_id from = 1; from <= cores->count; from++) {
            busy = serve_node(cores, cores_node(cores, from)) || busy;
            for (decree_node_id to = 1; to <= cores->count; to++)
                busy = serve_link(cores, from, to) || busy;
        }
    }
}

static uint64_t next_wake(const struct cores *cores)
{
    uint64_t next_ns = UINT64_MAX;

    for (uint32_t i = 0; i < cores->count; i++)
        if (cores->nodes[i].core != NULL && cores->nodes[i].wake_at_ns < next_ns)
            next_ns = cores->nodes[i].wake_at_ns;
    return next_ns;
}

void cores_run(struct cores *cores, uint64_t duration_ns)
{
    uint64_t end_ns = cores->now_ns + duration_ns;

    for (;;) {
        uint64_t next_ns;

        cores_drain(cores);
        next_ns = next_wake(cores);
        if (next_ns > end_ns)
            break;
        if (next_ns > cores->now_ns)
            cores->now_ns = next_ns;
        for (decree_node_id id = 1; id <= cores->count; id++)
            if (cores_node(cores, id)->core != NULL &&
                cores_node(cores, id)->wake_at_ns <= cores->now_ns)
                cores_wake(cores, id);
    }
    cores->now_ns = end_ns;
}

struct decree_status cores_status(const struct cores *cores, decree_node_id id)
{
    struct decree_status status = {0};

    if (cores->nodes[id - 1].core != NULL)
        decree_paxos_status(cores->nodes[id - 1].core, &status);
    return status;
}

decree_node_id cores_leader(const struct cores *cores)
{
    struct decree_ballot best = {0};

    for (decree_node_id id = 1; id <= cores->count; id++) {
        struct decree_status status = cores_status(cores, id);

        if (status.leading && decree_ballot_compare(status.leader_ballot, best) > 0)
            best = status.leader_ballot;
    }
    return best.node;
}

decree_node_id cores_elect(struct cores *cores, uint64_t limit_ns)
{
    uint64_t end_ns = cores->now_ns + limit_ns;

    while (cores_leader(cores) == 0 && cores->now_ns < end_ns)
        cores_run(cores, 10 * CORES_MS);
    return cores_leader(cores);
}
