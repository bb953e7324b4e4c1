/* SPDX-License-Identifier: MIT */
/* register_world.c -- see register_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "register_world.h"

/* ---- ports ---- */

static void append(struct journal *journal, const struct decree_record *records, uint32_t count,
                   decree_lsn sync_lsn)
{
    struct node *node = (struct node *)journal;

    for (uint32_t i = 0; i < count; i++) {
        struct decree_record *place = &node->records[node->appended++];

        assert_true(node->appended < RECORDS_MAX);
        *place = records[i];
        place->lsn = node->appended;
        decree_value_ref(place->pvalue.command.value);
    }
    assert_true(sync_lsn <= node->appended);
}

static void fetch(struct journal *journal, const struct decree_fetch *fetch)
{
    assert_non_null(journal);
    assert_non_null(fetch);
}

static const struct journal_ops journal_ops = {.append = append, .fetch = fetch};

static void send_message(struct transport *transport, const struct peer_message *message)
{
    struct node *node = (struct node *)((char *)transport - offsetof(struct node, transport));
    struct world *world = node->world;
    struct flight *flight = &world->flight[world->flight_count];

    assert_true(peer_message_to(message) != 0);
    if (message->protocol != PEER_REGISTER || world->flight_count == FLIGHT_MAX)
        return; /* the logs stay apart, so that none of them is decided by others */
    flight->message = *message->u.reg;
    assert_true(flight->message.key.size <= sizeof(flight->key));
    memcpy(flight->key, flight->message.key.data, flight->message.key.size);
    decree_value_ref(flight->message.value);
    world->flight_count++;
}

static void flush(struct transport *transport)
{
    assert_non_null(transport);
}

static const struct transport_ops transport_ops = {.send = send_message, .flush = flush};

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct node *node = context;
    uint32_t number;

    assert_true(slot > 0);
    assert_int_equal(size, sizeof(number));
    memcpy(&number, data, sizeof(number));
    node->commands[number]++;
    return node;
}

/* ---- lives ---- */

static void open_node(struct world *world, struct node *node)
{
    static const decree_node_id ids[NODES_MAX] = {1, 2, 3};
    const decree_node_id alone = node->id;
    struct decree_registers_config registers = {.self = node->id,
                                                .members = ids,
                                                .member_count = world->node_count,
                                                .requests_max = 1024,
                                                .seed = node->id};
    struct engine_config config = {
        .core = {.self = node->id,
                 .members = &alone,
                 .member_count = 1,
                 .proposals_max = 1024,
                 .log_slots_max = 4096,
                 .seed = node->id},
        .registers = &registers,
        .machine = {.context = node, .apply = apply},
    };

    assert_int_equal(engine_open(&node->engine, &config), 0);
    memset(node->commands, 0, sizeof(node->commands));
    for (uint32_t i = 0; i < node->appended; i++)
        assert_int_equal(engine_restore(node->engine, &node->records[i]), 0);
    engine_set_now(node->engine, world->now_ns);
    engine_start(node->engine, &node->journal, &node->transport);
}

void world_crash(struct world *world, struct node *node)
{
    engine_close(node->engine);
    while (node->appended > node->synced)
        decree_value_unref(node->records[--node->appended].pvalue.command.value);
    world->crashes++;
    open_node(world, node);
}

struct world *world_new(uint32_t node_count, uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->node_count = node_count;
    world->now_ns = 1;
    prng_init(&world->prng, seed);
    for (uint32_t i = 0; i < node_count; i++) {
        struct node *node = &world->nodes[i];

        node->journal.ops = &journal_ops;
        node->transport.ops = &transport_ops;
        node->world = world;
        node->id = i + 1;
        open_node(world, node);
    }
    return world;
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = &world->nodes[i];

        engine_close(node->engine);
        while (node->appended > 0)
            decree_value_unref(node->records[--node->appended].pvalue.command.value);
    }
    while (world->flight_count > 0)
        decree_value_unref(world->flight[--world->flight_count].message.value);
    free(world);
}

/* ---- steps ---- */

static void deliver(struct world *world, bool lose)
{
    uint32_t index;
    struct flight flight;
    struct node *node;

    if (world->flight_count == 0)
        return;
    index = (uint32_t)prng_below(&world->prng, world->flight_count);
    flight = world->flight[index];
    world->flight[index] = world->flight[--world->flight_count];
    flight.message.key.data = flight.key;
    node = &world->nodes[flight.message.to - 1];
    if (!lose) {
        const struct transport_sink *sink = engine_transport_sink(node->engine);
        struct peer_message message = {PEER_REGISTER, {.reg = &flight.message}};

        sink->message(sink->context, &message);
    }
    decree_value_unref(flight.message.value);
}

void world_sync(struct node *node, uint32_t count)
{
    const struct journal_sink *sink = engine_journal_sink(node->engine);

    if (node->synced == node->appended)
        return;
    node->synced += count < node->appended - node->synced ? count : node->appended - node->synced;
    sink->persisted(sink->context, node->synced);
}

static void set_done(void *argument, const struct decree_register_answer *answer)
{
    struct asked *asked = argument;

    assert_false(asked->is_answered);
    assert_false(asked->is_lost);
    asked->is_lost = answer->error != 0;
    if (asked->is_lost) {
        assert_int_equal(answer->error, DECREE_LOST);
        return;
    }
    asked->is_answered = true;
    assert_int_equal(answer->version_count, 1);
    asked->version = answer->versions[0].version;
}

static void propose_done(void *argument, int error, decree_slot slot, void *result)
{
    struct asked *asked = argument;

    assert_true(error == DECREE_LOST || slot > 0);
    assert_true(error == DECREE_LOST || result != NULL);
    *(error == 0 ? &asked->is_answered : &asked->is_lost) = true;
}

void world_ask(struct world *world, struct node *node)
{
    uint32_t number = world->asked_count;
    struct asked *asked = &world->asked[number];
    struct decree_value *value = decree_value_copy(&number, sizeof(number));
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_SET, .key = {(const uint8_t *)"k", 1}, .value = value};
    int error;

    if (world->many_keys)
        request.key = (struct decree_register_key){(const uint8_t *)&number, sizeof(number)};
    if (number + 1 == ASKED_MAX) {
        decree_value_unref(value);
        return;
    }
    asked->node = node;
    asked->is_set = world->many_keys ? number % 2 == 0 : prng_below(&world->prng, 2) == 0;
    error = asked->is_set ? engine_register(node->engine, &request, set_done, asked)
                          : engine_propose(node->engine, value, propose_done, asked);
    decree_value_unref(value);
    if (error == 0)
        world->asked_count++;
    else
        assert_int_equal(error, DECREE_FULL);
}

void world_step(struct world *world)
{
    struct node *node = &world->nodes[prng_below(&world->prng, world->node_count)];
    uint64_t choice = prng_below(&world->prng, 100);

    engine_set_now(node->engine, world->now_ns);
    if (choice < 8)
        world_ask(world, node);
    else if (choice < 40)
        world_sync(node, 1 + (uint32_t)prng_below(&world->prng, 3));
    else if (choice < 85)
        deliver(world, prng_below(&world->prng, 20) == 0);
    else
        world->now_ns += prng_below(&world->prng, 20 * MS);
    for (uint32_t i = 0; i < world->node_count; i++) {
        engine_set_now(world->nodes[i].engine, world->now_ns);
        if (prng_below(&world->prng, 3) != 0)
            (void)engine_turn(world->nodes[i].engine);
    }
}

/* ---- checks ---- */

void world_settle(struct world *world, const uint32_t *count, uint32_t wanted)
{
    for (uint32_t rounds = 0; rounds < 20000 && *count < wanted; rounds++) {
        world->now_ns += MS;
        for (uint32_t i = 0; i < world->node_count; i++) {
            struct node *node = &world->nodes[i];

            engine_set_now(node->engine, world->now_ns);
            (void)engine_turn(node->engine);
            world_sync(node, UINT32_MAX);
        }
        for (uint32_t messages = world->flight_count; messages > 0; messages--) {
            for (uint32_t i = 0; i < world->node_count; i++)
                engine_set_now(world->nodes[i].engine, world->now_ns);
            deliver(world, false);
        }
    }
    assert_int_equal(*count, wanted);
}

static void got(void *argument, const struct decree_register_answer *answer)
{
    struct world *world = argument;

    world->got_count++;
    world->got_error = answer->error;
    if (answer->error != 0)
        return;
    assert_int_equal(answer->version_count, 1);
    assert_int_equal(answer->versions[0].value->size, sizeof(world->got_number));
    memcpy(&world->got_number, answer->versions[0].value->data, sizeof(world->got_number));
}

void world_get(struct world *world, struct node *node, uint64_t version)
{
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_GET, .key = {(const uint8_t *)"k", 1}, .version = version};

    engine_set_now(node->engine, world->now_ns);
    assert_int_equal(engine_register(node->engine, &request, got, world), 0);
    world->got_count = 0;
    world_settle(world, &world->got_count, 1);
}

void world_check(struct world *world)
{
    for (uint32_t number = 0; number < world->asked_count; number++) {
        const struct asked *asked = &world->asked[number];

        if (!asked->is_answered)
            continue;
        for (uint32_t i = 0; asked->is_set && i < world->node_count; i++) {
            world_get(world, &world->nodes[i], asked->version);
            assert_int_equal(world->got_error, 0);
            assert_int_equal(world->got_number, number);
        }
        if (!asked->is_set)
            world_settle(world, &asked->node->commands[number], 1);
    }
}

uint32_t world_answered(const struct world *world)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->asked_count; i++)
        count += world->asked[i].is_answered;
    return count;
}
