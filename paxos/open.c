/* SPDX-License-Identifier: MIT */
/* open.c -- checks a configuration, completes it, and allocates all that the core will ever
 * need. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define MS_NS UINT64_C(1000000)
#define MIB (1024u * 1024u)

static bool is_power_of_two(uint32_t number)
{
    return number > 0 && (number & (number - 1)) == 0;
}

static void default_u32(uint32_t *number, uint32_t value)
{
    if (*number == 0)
        *number = value;
}

static void default_u64(uint64_t *number, uint64_t value)
{
    if (*number == 0)
        *number = value;
}

static void complete(struct decree_config *config)
{
    default_u32(&config->prepare_quorum, config->member_count / 2 + 1);
    default_u32(&config->vote_quorum, config->member_count / 2 + 1);
    default_u32(&config->proposals_max, 4096);
    default_u32(&config->log_slots_max, 65536);
    default_u32(&config->reads_max, 8192);
    default_u32(&config->message_bytes_max, MIB);
    default_u32(&config->value_bytes_max, 2 * MIB);
    default_u64(&config->proposal_bytes_max, 64 * MIB);
    default_u64(&config->log_bytes_max, 16 * MIB);
    default_u64(&config->heartbeat_every_ns, 100 * MS_NS);
    default_u64(&config->suspect_after_ns, 1000 * MS_NS);
}

static int check(const struct decree_config *config)
{
    if (config->prepare_quorum > config->member_count ||
        config->vote_quorum > config->member_count ||
        config->prepare_quorum + config->vote_quorum <= config->member_count)
        return DECREE_QUORUM;
    if (!is_power_of_two(config->proposals_max) || config->proposals_max < 64 ||
        config->proposals_max > OUTBOX_SCRATCH_MAX || !is_power_of_two(config->log_slots_max) ||
        config->log_slots_max < 16 || !is_power_of_two(config->reads_max) ||
        config->suspect_after_ns <= config->heartbeat_every_ns ||
        (config->alloc == NULL) != (config->dealloc == NULL))
        return DECREE_INVALID;
    return 0;
}

static void *allocate(const struct decree_config *config, size_t count, size_t size)
{
    void *memory;

    if (config->alloc == NULL)
        return calloc(count, size);
    memory = config->alloc(config->context, count * size);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

static void deallocate(const struct decree_config *config, void *memory)
{
    if (config->dealloc == NULL)
        free(memory);
    else if (memory != NULL)
        config->dealloc(config->context, memory);
}

static bool allocate_requests(struct requests *requests, const struct decree_config *config)
{
    requests->width = config->proposals_max;
    for (uint32_t i = 0; i < config->member_count; i++) {
        requests->windows[i].bits = allocate(config, config->proposals_max / 64, sizeof(uint64_t));
        if (requests->windows[i].bits == NULL)
            return false;
    }
    return true;
}

static bool allocate_outbox(struct outbox *outbox, const struct decree_config *config)
{
    outbox->records_max = config->log_slots_max + OUTBOX_STEP_RECORDS;
    outbox->records = allocate(config, outbox->records_max, sizeof(*outbox->records));
    outbox->messages = allocate(config, OUTBOX_MESSAGES_MAX, sizeof(*outbox->messages));
    outbox->scratch = allocate(config, OUTBOX_SCRATCH_MAX, sizeof(*outbox->scratch));
    outbox->decisions = allocate(config, OUTBOX_DECISIONS_MAX, sizeof(*outbox->decisions));
    outbox->reads = allocate(config, config->reads_max, sizeof(*outbox->reads));
    outbox->fetches = allocate(config, config->member_count, sizeof(*outbox->fetches));
    outbox->held = allocate(config, OUTBOX_HELD_MAX, sizeof(*outbox->held));
    return outbox->records != NULL && outbox->messages != NULL && outbox->scratch != NULL &&
           outbox->decisions != NULL && outbox->reads != NULL && outbox->fetches != NULL &&
           outbox->held != NULL;
}

static bool allocate_roles(struct decree_paxos *paxos)
{
    const struct decree_config *config = &paxos->config;
    struct decree_pvalue *slots = allocate(config, config->log_slots_max, sizeof(*slots));

    log_init(&paxos->log, slots, config->log_slots_max);
    paxos->scout.window = paxos->log.window;
    paxos->scout.pvalues = allocate(config, paxos->scout.window, sizeof(*slots));
    paxos->replica.proposals = allocate(config, config->proposals_max, sizeof(*slots));
    paxos->leader.commander.votes = allocate(config, config->log_slots_max, sizeof(uint32_t));
    paxos->reads.capacity = config->reads_max;
    paxos->reads.ring = allocate(config, config->reads_max, sizeof(*paxos->reads.ring));
    return slots != NULL && paxos->scout.pvalues != NULL && paxos->replica.proposals != NULL &&
           paxos->leader.commander.votes != NULL && paxos->reads.ring != NULL &&
           allocate_requests(&paxos->replica.performed, config) &&
           allocate_requests(&paxos->leader.proposed, config);
}

static void connect_roles(struct decree_paxos *paxos)
{
    struct outbox *outbox = &paxos->outbox;

    outbox->config = &paxos->config;
    outbox->quorum = (struct quorum){.members = paxos->members,
                                     .count = paxos->config.member_count,
                                     .prepare = paxos->config.prepare_quorum,
                                     .vote = paxos->config.vote_quorum};
    outbox->quorum.self = quorum_index(&outbox->quorum, paxos->config.self);
    prng_init(&outbox->prng, paxos->config.seed);
    for (int i = 0; i < TIMERS; i++)
        outbox->timers_ns[i] = UINT64_MAX;
    paxos->acceptor.log = &paxos->log;
    paxos->leader.commander.log = &paxos->log;
    paxos->leader.scout = &paxos->scout;
    paxos->leader.acceptor = &paxos->acceptor;
    paxos->replica.log = &paxos->log;
    paxos->replica.first = paxos->replica.next = 1;
    paxos->catchup.log = &paxos->log;
    paxos->catchup.moment_ns = paxos->config.heartbeat_every_ns / 4;
}

int decree_paxos_open(struct decree_paxos **ret_paxos, const struct decree_config *config)
{
    struct decree_config full = *config;
    struct quorum members = {.members = config->members, .count = config->member_count};
    struct decree_paxos *paxos;
    int error;

    if (!quorum_members_are_sane(config->members, config->member_count, config->self) ||
        quorum_index(&members, READS_NOBODY) != DECREE_MEMBERS_MAX)
        return DECREE_INVALID;
    complete(&full);
    error = check(&full);
    if (error != 0)
        return error;
    paxos = allocate(&full, 1, sizeof(*paxos));
    if (paxos == NULL)
        return DECREE_NOMEM;
    memcpy(paxos->members, config->members, config->member_count * sizeof(*config->members));
    paxos->config = full;
    paxos->config.members = paxos->members;
    connect_roles(paxos);
    if (!allocate_roles(paxos) || !allocate_outbox(&paxos->outbox, &paxos->config)) {
        decree_paxos_close(paxos);
        return DECREE_NOMEM;
    }
    *ret_paxos = paxos;
    return 0;
}

static void drop_values(struct decree_paxos *paxos)
{
    if (paxos->outbox.held == NULL) /* opened only in part: there are no values yet */
        return;
    outbox_release(&paxos->outbox);
    log_release(&paxos->log);
    scout_forget(&paxos->scout);
    replica_release(&paxos->replica, paxos->config.proposals_max);
}

void decree_paxos_close(struct decree_paxos *paxos)
{
    struct decree_config config;

    if (paxos == NULL)
        return;
    config = paxos->config;
    drop_values(paxos);
    for (uint32_t i = 0; i < config.member_count; i++) {
        deallocate(&config, paxos->replica.performed.windows[i].bits);
        deallocate(&config, paxos->leader.proposed.windows[i].bits);
    }
    deallocate(&config, paxos->log.pvalues);
    deallocate(&config, paxos->scout.pvalues);
    deallocate(&config, paxos->replica.proposals);
    deallocate(&config, paxos->leader.commander.votes);
    deallocate(&config, paxos->reads.ring);
    deallocate(&config, paxos->outbox.records);
    deallocate(&config, paxos->outbox.messages);
    deallocate(&config, paxos->outbox.scratch);
    deallocate(&config, paxos->outbox.decisions);
    deallocate(&config, paxos->outbox.reads);
    deallocate(&config, paxos->outbox.fetches);
    deallocate(&config, paxos->outbox.held);
    deallocate(&config, paxos);
}
