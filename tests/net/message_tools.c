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

static void assert_pvalue_equal(const struct decree_pvalue *a, const struct decree_pvalue *b)
{
    const struct decree_value *v = a->command.value, *w = b->command.value;

    assert_int_equal(a->ballot.round, b->ballot.round);
    assert_int_equal(a->ballot.node, b->ballot.node);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->command.origin, b->command.origin);
    assert_int_equal(a->command.incarnation, b->command.incarnation);
    assert_int_equal(a->command.sequence, b->command.sequence);
    assert_int_equal(v == NULL, w == NULL);
    if (v == NULL)
        return;
    assert_int_equal(v->size, w->size);
    assert_non_null(w->data);
    if (v->size > 0)
        assert_memory_equal(v->data, w->data, v->size);
}

void message_assert_equal(const struct decree_message *a, const struct decree_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_int_equal(a->ballot.round, b->ballot.round);
    assert_int_equal(a->ballot.node, b->ballot.node);
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
