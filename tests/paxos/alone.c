/* SPDX-License-Identifier: MIT */
/* alone.c -- see alone.h. */
#include "alone.h"

#include <assert.h>

static void keep_value(struct decree_value *value)
{
    (void)value; /* the digits live as long as the program */
}

struct decree_paxos *alone_open(decree_node_id self, uint32_t count,
                                const struct decree_config *limits)
{
    static const decree_node_id members[] = {1, 2, 3, 4, 5, 6, 7};
    struct decree_config config = limits == NULL ? (struct decree_config){.seed = 1} : *limits;
    struct decree_event start = {.type = DECREE_EVENT_START, .now_ns = 1000 * ALONE_MS};
    struct decree_event persisted = {
        .type = DECREE_EVENT_PERSISTED, .now_ns = 1000 * ALONE_MS, .u.persisted = 1};
    struct decree_paxos *paxos = NULL;
    int error;

    config.self = self;
    config.members = members;
    config.member_count = count;
    if (config.log_slots_max == 0)
        config.log_slots_max = 16;
    if (config.proposals_max == 0)
        config.proposals_max = 64;
    error = decree_paxos_open(&paxos, &config);
    assert(error == 0);
    error = decree_paxos_step(paxos, &start);
    assert(error == 0);
    error = decree_paxos_step(paxos, &persisted);
    assert(error == 0);
    alone_clear(paxos);
    return paxos;
}

void alone_clear(struct decree_paxos *paxos)
{
    paxos->outbox.taken = true;
    outbox_begin(&paxos->outbox);
}

struct decree_ballot alone_ballot(uint64_t round, decree_node_id node)
{
    return (struct decree_ballot){.round = round, .node = node};
}

struct decree_pvalue alone_pvalue(struct decree_ballot ballot, decree_slot slot, uint32_t digit)
{
    static const uint8_t digits[] = "0123456789";
    static struct decree_value values[10];
    struct decree_value *value = &values[digit];

    assert(digit < 10);
    if (value->refs == 0)
        *value = (struct decree_value){
            .refs = 1, .size = 1, .data = &digits[digit], .release = keep_value};
    return (struct decree_pvalue){
        .ballot = ballot,
        .slot = slot,
        .command = {.origin = 1, .incarnation = 1, .sequence = digit + 1, .value = value}};
}

const struct decree_message *alone_sent(const struct decree_paxos *paxos, decree_node_id to,
                                        enum decree_message_type type)
{
    for (uint32_t i = paxos->outbox.message_count; i > 0; i--) {
        const struct decree_message *message = &paxos->outbox.messages[i - 1];

        if (message->to == to && message->type == type)
            return message;
    }
    return NULL;
}

uint32_t alone_count(const struct decree_paxos *paxos, enum decree_message_type type)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < paxos->outbox.message_count; i++)
        count += paxos->outbox.messages[i].type == type;
    return count;
}
