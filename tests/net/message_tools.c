/* SPDX-License-Identifier: MIT */
/* message_tools.c -- messages with every field in play, and the comparison that leaves none out. */
#include "message_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    assert_non_null(memory);
    return memory;
}

/* Short and long numbers are equally likely, zero too. */
static uint64_t any_number(struct prng *prng)
{
    return prng_below(prng, 4) == 0 ? 0 : prng_next(prng) >> prng_below(prng, 64);
}

static uint32_t any_size(struct prng *prng)
{
    switch (prng_below(prng, 16)) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)prng_below(prng, 5000);
    default:
        return (uint32_t)prng_below(prng, 300);
    }
}

static struct decree_value *any_value(uint32_t size, uint64_t seed)
{
    struct decree_value *value;
    struct prng prng;
    uint8_t *bytes = allocate(size + 1);

    prng_init(&prng, seed);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i % 8 == 0 ? prng_next(&prng) : bytes[i - 1] * 5u + 1u);
    value = decree_value_copy(bytes, size);
    assert_non_null(value);
    free(bytes);
    return value;
}

/* Begins a new run: anything changes, or nothing. */
static void any_pvalue(struct prng *prng, struct decree_pvalue *pvalue)
{
    if (prng_chance(prng, 300000))
        pvalue->ballot = (struct decree_ballot){any_number(prng), (decree_node_id)any_number(prng)};
    if (prng_chance(prng, 300000))
        pvalue->slot = any_number(prng);
    if (prng_chance(prng, 500000))
        pvalue->command.origin = (decree_node_id)prng_below(prng, 40);
    if (prng_chance(prng, 300000))
        pvalue->command.incarnation = any_number(prng);
    if (prng_chance(prng, 300000))
        pvalue->command.sequence = prng_chance(prng, 100000) ? UINT64_MAX : any_number(prng);
}

static struct decree_pvalue *any_pvalues(struct prng *prng, uint32_t count)
{
    struct decree_pvalue *pvalues = allocate(count * sizeof(*pvalues));
    struct decree_pvalue next = {0};
    bool with_value = true;

    for (uint32_t i = 0; i < count; i++) {
        if (prng_chance(prng, 200000)) {
            any_pvalue(prng, &next);
            with_value = prng_chance(prng, 800000);
        }
        pvalues[i] = next;
        pvalues[i].command.value = with_value ? any_value(any_size(prng), prng_next(prng)) : NULL;
        next.slot++;
        next.command.sequence++;
    }
    return pvalues;
}

struct decree_message message_random(struct prng *prng, enum decree_message_type type)
{
    struct decree_message message = {
        .type = type,
        .from = 1,
        .to = 2,
        .ballot = {any_number(prng), (decree_node_id)any_number(prng)},
        .slot = any_number(prng),
        .last = any_number(prng),
        .decided = any_number(prng),
        .round = any_number(prng),
        .age_ns = any_number(prng),
        .count = (uint32_t)any_number(prng),
        .pvalue_count = prng_chance(prng, 700000) ? (uint32_t)prng_below(prng, 60) : 0,
    };

    if (message.pvalue_count > 0)
        message.pvalues = any_pvalues(prng, message.pvalue_count);
    return message;
}

struct decree_message message_run(decree_slot slot, uint32_t count, uint32_t size)
{
    struct decree_pvalue *pvalues = allocate(count * sizeof(*pvalues));
    struct decree_ballot ballot = {7, 1};

    for (uint32_t i = 0; i < count; i++)
        pvalues[i] = (struct decree_pvalue){.ballot = ballot,
                                            .slot = slot + i,
                                            .command = {1, 3, 100 + i, any_value(size, slot + i)}};
    return (struct decree_message){.type = DECREE_P2A,
                                   .from = 1,
                                   .to = 2,
                                   .ballot = ballot,
                                   .slot = slot,
                                   .pvalue_count = count,
                                   .pvalues = pvalues};
}

struct decree_message message_beat(decree_node_id from, decree_node_id to, uint64_t round)
{
    return (struct decree_message){
        .type = DECREE_HEARTBEAT, .from = from, .to = to, .round = round};
}

struct decree_message message_copy(const struct decree_message *message)
{
    struct decree_message copy = *message;
    struct decree_pvalue *pvalues;

    if (message->pvalue_count == 0)
        return copy;
    pvalues = allocate(message->pvalue_count * sizeof(*pvalues));
    memcpy(pvalues, message->pvalues, message->pvalue_count * sizeof(*pvalues));
    for (uint32_t i = 0; i < message->pvalue_count; i++)
        (void)decree_value_ref(pvalues[i].command.value);
    copy.pvalues = pvalues;
    return copy;
}

void message_release(struct decree_message *message)
{
    for (uint32_t i = 0; i < message->pvalue_count; i++)
        decree_value_unref(message->pvalues[i].command.value);
    free((void *)(uintptr_t)message->pvalues);
    *message = (struct decree_message){0};
}

static void assert_value_equal(const struct decree_value *v, const struct decree_value *w)
{
    assert_int_equal(v == NULL, w == NULL);
    if (v == NULL)
        return;
    assert_int_equal(v->size, w->size);
    assert_non_null(w->data);
    if (v->size > 0)
        assert_memory_equal(v->data, w->data, v->size);
}

static void assert_ballot_equal(struct decree_ballot a, struct decree_ballot b)
{
    assert_int_equal(a.round, b.round);
    assert_int_equal(a.node, b.node);
}

static void assert_pvalue_equal(const struct decree_pvalue *a, const struct decree_pvalue *b)
{
    assert_ballot_equal(a->ballot, b->ballot);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->command.origin, b->command.origin);
    assert_int_equal(a->command.incarnation, b->command.incarnation);
    assert_int_equal(a->command.sequence, b->command.sequence);
    assert_value_equal(a->command.value, b->command.value);
}

void message_assert_equal(const struct decree_message *a, const struct decree_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_ballot_equal(a->ballot, b->ballot);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->last, b->last);
    assert_int_equal(a->decided, b->decided);
    assert_int_equal(a->round, b->round);
    assert_int_equal(a->age_ns, b->age_ns);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->pvalue_count, b->pvalue_count);
    for (uint32_t i = 0; i < a->pvalue_count; i++)
        assert_pvalue_equal(&a->pvalues[i], &b->pvalues[i]);
}

static struct decree_ballot any_ballot(struct prng *prng)
{
    return prng_chance(prng, 300000)
               ? (struct decree_ballot){0}
               : (struct decree_ballot){any_number(prng), (decree_node_id)any_number(prng)};
}

static struct decree_synod_message any_synod(struct prng *prng, int type)
{
    return (struct decree_synod_message){
        .type = (enum decree_synod_message_type)type,
        .from = 1,
        .to = 2,
        .ballot = any_ballot(prng),
        .voted = any_ballot(prng),
        .value = prng_chance(prng, 500000) ? any_value(any_size(prng), prng_next(prng)) : NULL,
    };
}

static struct decree_register_key any_key(struct prng *prng)
{
    uint32_t size = 1 + (uint32_t)prng_below(
                            prng, prng_chance(prng, 100000) ? DECREE_REGISTER_KEY_BYTES_MAX : 40);
    uint8_t *data = allocate(size);

    for (uint32_t i = 0; i < size; i++)
        data[i] = (uint8_t)prng_next(prng);
    return (struct decree_register_key){data, size};
}

static struct decree_register_message any_register(struct prng *prng, int type)
{
    return (struct decree_register_message){
        .type = (enum decree_register_message_type)type,
        .from = 1,
        .to = 2,
        .key = any_key(prng),
        .version = any_number(prng),
        .number = any_number(prng),
        .first = any_number(prng),
        .next = any_number(prng),
        .ballot = any_ballot(prng),
        .voted = any_ballot(prng),
        .mark = {(decree_node_id)any_number(prng), any_number(prng), any_number(prng)},
        .value = prng_chance(prng, 500000) ? any_value(any_size(prng), prng_next(prng)) : NULL,
        .decided = prng_chance(prng, 500000),
    };
}

struct peer_letter letter_random(struct prng *prng, enum peer_protocol protocol, int type)
{
    struct peer_letter letter = {.protocol = protocol};

    switch (protocol) {
    case PEER_PAXOS:
        letter.u.paxos = message_random(prng, (enum decree_message_type)type);
        break;
    case PEER_SYNOD:
        letter.u.synod = any_synod(prng, type);
        break;
    case PEER_REGISTER:
        letter.u.reg = any_register(prng, type);
        break;
    }
    return letter;
}

struct peer_letter letter_copy(const struct peer_message *message)
{
    struct peer_letter letter = {.protocol = message->protocol};
    uint8_t *key;

    switch (message->protocol) {
    case PEER_PAXOS:
        letter.u.paxos = message_copy(message->u.paxos);
        break;
    case PEER_SYNOD:
        letter.u.synod = *message->u.synod;
        (void)decree_value_ref(letter.u.synod.value);
        break;
    case PEER_REGISTER:
        letter.u.reg = *message->u.reg;
        (void)decree_value_ref(letter.u.reg.value);
        key = allocate(letter.u.reg.key.size);
        memcpy(key, letter.u.reg.key.data, letter.u.reg.key.size);
        letter.u.reg.key.data = key;
        break;
    }
    return letter;
}

void letter_release(struct peer_letter *letter)
{
    switch (letter->protocol) {
    case PEER_PAXOS:
        message_release(&letter->u.paxos);
        break;
    case PEER_SYNOD:
        decree_value_unref(letter->u.synod.value);
        break;
    case PEER_REGISTER:
        decree_value_unref(letter->u.reg.value);
        free((void *)(uintptr_t)letter->u.reg.key.data);
        break;
    }
    *letter = (struct peer_letter){0};
}

static void assert_synod_equal(const struct decree_synod_message *a,
                               const struct decree_synod_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_ballot_equal(a->ballot, b->ballot);
    assert_ballot_equal(a->voted, b->voted);
    assert_value_equal(a->value, b->value);
}

static void assert_register_equal(const struct decree_register_message *a,
                                  const struct decree_register_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_int_equal(a->key.size, b->key.size);
    assert_memory_equal(a->key.data, b->key.data, a->key.size);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->first, b->first);
    assert_int_equal(a->next, b->next);
    assert_ballot_equal(a->ballot, b->ballot);
    assert_ballot_equal(a->voted, b->voted);
    assert_int_equal(a->mark.node, b->mark.node);
    assert_int_equal(a->mark.incarnation, b->mark.incarnation);
    assert_int_equal(a->mark.sequence, b->mark.sequence);
    assert_value_equal(a->value, b->value);
    assert_int_equal(a->decided, b->decided);
}

void letter_assert_equal(const struct peer_letter *a, const struct peer_letter *b)
{
    assert_int_equal(a->protocol, b->protocol);
    switch (a->protocol) {
    case PEER_PAXOS:
        message_assert_equal(&a->u.paxos, &b->u.paxos);
        break;
    case PEER_SYNOD:
        assert_synod_equal(&a->u.synod, &b->u.synod);
        break;
    case PEER_REGISTER:
        assert_register_equal(&a->u.reg, &b->u.reg);
        break;
    }
}

void letter_each(void (*do_one)(void *context, enum peer_protocol protocol, int type),
                 void *context)
{
    for (int type = DECREE_MESSAGE_NONE + 1; type < DECREE_MESSAGE_TYPES; type++)
        do_one(context, PEER_PAXOS, type);
    for (int type = DECREE_SYNOD_NONE + 1; type < (int)PEER_SYNOD_TYPES; type++)
        do_one(context, PEER_SYNOD, type);
    for (int type = DECREE_REGISTER_NONE + 1; type < DECREE_REGISTER_MESSAGE_TYPES; type++)
        do_one(context, PEER_REGISTER, type);
}
