/* SPDX-License-Identifier: MIT */
/* test_engine_registers.c -- engines with both cores over one journal each: whatever was answered
 * is there after a crash, wherever the crash falls.
 *
 * A world of engines, journals and messages in flight. Each step does one thing at hand: delivers or
 * loses a message, syncs a part of what a journal has, lets time pass, asks for something. A run is
 * told by its seed, so it can be repeated and cut short at each of its steps in turn: there one node
 * loses what its disk has not, and comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"
#include "lsn_map.h"
#include "prng.h"

#define MS UINT64_C(1000000)
#define NODES_MAX 3u
#define RECORDS_MAX 20000u
#define FLIGHT_MAX 512u
#define ASKED_MAX 2048u

struct world;

struct node {
    struct journal journal; /* first */
    struct transport transport;
    struct world *world;
    struct engine *engine;
    decree_node_id id;
    struct decree_record records[RECORDS_MAX];
    uint32_t appended, synced;
    uint32_t commands[ASKED_MAX]; /* how often each was applied in this life */
};

struct flight {
    struct decree_register_message message;
    uint8_t key[8];
};

struct asked {
    struct node *node;
    bool is_set, is_answered, is_lost;
    uint64_t version;
};

struct world {
    struct node nodes[NODES_MAX];
    uint32_t node_count;
    bool many_keys; /* a register for each set, and a set, a proposal, and so on */
    uint64_t now_ns;
    struct prng prng;
    struct flight flight[FLIGHT_MAX];
    uint32_t flight_count;
    struct asked asked[ASKED_MAX]; /* the value of the register, and the command, is the number */
    uint32_t asked_count;
    uint32_t crashes;
    /* What the checks at the end found. */
    uint32_t got_count;
    uint64_t got_version;
    int got_error;
    uint32_t got_number;
};

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
    struct decree_registers_config registers = {
        .self = node->id, .members = ids, .member_count = world->node_count, .seed = node->id};
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

/* Loses what was not synced; what is in flight is in flight. */
static void crash(struct world *world, struct node *node)
{
    engine_close(node->engine);
    while (node->appended > node->synced)
        decree_value_unref(node->records[--node->appended].pvalue.command.value);
    world->crashes++;
    open_node(world, node);
}

static struct world *world_new(uint32_t node_count, uint64_t seed)
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

static void world_free(struct world *world)
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

static void sync_some(struct node *node, uint32_t count)
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

static void ask(struct world *world, struct node *node)
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

static void step(struct world *world)
{
    struct node *node = &world->nodes[prng_below(&world->prng, world->node_count)];
    uint64_t choice = prng_below(&world->prng, 100);

    engine_set_now(node->engine, world->now_ns);
    if (choice < 8)
        ask(world, node);
    else if (choice < 40)
        sync_some(node, 1 + (uint32_t)prng_below(&world->prng, 3));
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

/* Everything works now, until nobody has anything left to say for a while. */
static void settle(struct world *world, const uint32_t *count, uint32_t wanted)
{
    for (uint32_t rounds = 0; rounds < 20000 && *count < wanted; rounds++) {
        world->now_ns += MS;
        for (uint32_t i = 0; i < world->node_count; i++) {
            struct node *node = &world->nodes[i];

            engine_set_now(node->engine, world->now_ns);
            (void)engine_turn(node->engine);
            sync_some(node, UINT32_MAX);
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

static void get(struct world *world, struct node *node, uint64_t version)
{
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_GET, .key = {(const uint8_t *)"k", 1}, .version = version};

    engine_set_now(node->engine, world->now_ns);
    assert_int_equal(engine_register(node->engine, &request, got, world), 0);
    world->got_count = 0;
    settle(world, &world->got_count, 1);
}

/* What was answered is there, through every node; what was decided is applied, once. */
static void check(struct world *world)
{
    for (uint32_t number = 0; number < world->asked_count; number++) {
        const struct asked *asked = &world->asked[number];

        if (!asked->is_answered)
            continue;
        for (uint32_t i = 0; asked->is_set && i < world->node_count; i++) {
            get(world, &world->nodes[i], asked->version);
            assert_int_equal(world->got_error, 0);
            assert_int_equal(world->got_number, number);
        }
        if (!asked->is_set)
            settle(world, &asked->node->commands[number], 1);
    }
}

static uint32_t answered(const struct world *world)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->asked_count; i++)
        count += world->asked[i].is_answered;
    return count;
}

static uint32_t run(uint32_t node_count, uint64_t seed, uint32_t steps, uint32_t crash_at)
{
    struct world *world = world_new(node_count, seed);
    uint32_t count;

    for (uint32_t i = 0; i < steps; i++) {
        if (i == crash_at)
            crash(world, &world->nodes[seed % node_count]);
        step(world);
    }
    count = answered(world);
    for (uint32_t i = 0; i < node_count; i++)
        crash(world, &world->nodes[i]);
    check(world);
    world_free(world);
    return count;
}

static void test_a_crash_at_every_step_of_a_node_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (uint32_t at = 0; at < 400; at++)
            assert_true(run(1, seed, 400, at) > 0);
}

static void test_a_crash_at_every_step_of_three(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (uint32_t at = 0; at < 600; at += 1 + (uint32_t)seed)
            assert_true(run(3, seed, 600, at) > 0);
}

static void test_many_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world *world = world_new(3, seed);

        for (uint32_t i = 0; i < 3000; i++) {
            if (prng_below(&world->prng, 100) == 0)
                crash(world, &world->nodes[prng_below(&world->prng, 3)]);
            step(world);
        }
        assert_true(world->crashes > 10);
        assert_true(answered(world) > 0);
        check(world);
        world_free(world);
    }
}

/* ---- the acceptor, asked from outside ---- */

struct reply {
    uint32_t count;
    int error;
    enum decree_register_message_type type;
    struct decree_ballot ballot, voted;
};

static void replied(void *argument, int error, const struct decree_register_message *message)
{
    struct reply *reply = argument;

    reply->count++;
    reply->error = error;
    if (message == NULL)
        return;
    reply->type = message->type;
    reply->ballot = message->ballot;
    reply->voted = message->voted;
}

static void call(struct world *world, enum decree_register_message_type type, uint64_t round,
                 struct decree_value *value, struct reply *ret_reply)
{
    struct decree_register_message message = {
        .type = type,
        .key = {(const uint8_t *)"k", 1},
        .version = 1,
        .ballot = {round, DECREE_REGISTER_OUTSIDER | 7},
        .value = value,
    };

    *ret_reply = (struct reply){0};
    assert_int_equal(engine_register_call(world->nodes[0].engine, &message, replied, ret_reply), 0);
}

static void test_an_outsider_is_answered_when_it_is_durable(void **state)
{
    struct world *world = world_new(1, 1);
    struct decree_value *value = decree_value_copy("v", 1);
    struct reply reply;

    (void)state;
    settle(world, &world->nodes[0].synced, world->nodes[0].appended);
    call(world, DECREE_REGISTER_PREPARE, 5, NULL, &reply);
    (void)engine_turn(world->nodes[0].engine);
    assert_int_equal(reply.count, 0); /* the promise is not on the disk */
    sync_some(&world->nodes[0], UINT32_MAX);
    (void)engine_turn(world->nodes[0].engine);
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_PROMISE);
    assert_int_equal(reply.voted.round, 0);
    call(world, DECREE_REGISTER_ACCEPT, 5, value, &reply);
    settle(world, &reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_ACCEPTED);
    crash(world, &world->nodes[0]);
    settle(world, &world->nodes[0].synced, world->nodes[0].appended);
    call(world, DECREE_REGISTER_PREPARE, 4, NULL, &reply);
    settle(world, &reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_REFUSED);
    assert_int_equal(reply.ballot.round, 5);
    call(world, DECREE_REGISTER_PREPARE, 6, NULL, &reply);
    settle(world, &reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_PROMISE);
    assert_int_equal(reply.voted.round, 5);
    decree_value_unref(value);
    world_free(world);
}

static void test_what_is_open_is_lost_when_the_engine_closes(void **state)
{
    struct world *world = world_new(3, 1);
    struct reply reply;

    (void)state;
    world->asked_count = 1;
    while (world->asked_count < 10)
        ask(world, &world->nodes[0]);
    call(world, DECREE_REGISTER_PREPARE, 5, NULL, &reply);
    assert_int_equal(engine_open_count(world->nodes[0].engine), 10);
    crash(world, &world->nodes[0]);
    for (uint32_t i = 1; i < 10; i++)
        assert_true(world->asked[i].is_lost);
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.error, DECREE_LOST);
    world_free(world);
}

/* How often the registers' records begin anew behind others, of what is not synced. */
static uint32_t runs_of_registers(const struct node *node)
{
    uint32_t runs = 0;

    for (uint32_t i = node->synced; i < node->appended; i++)
        runs += node->records[i].type == DECREE_RECORD_FOREIGN &&
                node->records[i - 1].type != DECREE_RECORD_FOREIGN;
    return runs;
}

/* A disk that stands still fills the engine up: it neither spins nor loses anything, and goes on
 * when the disk does. Here the records of both cores alternate until the engine has no room to
 * remember where the ones are between the others. */
static void test_a_disk_that_stands_still_is_back_pressure(void **state)
{
    struct world *world = world_new(1, 1);
    struct node *node = &world->nodes[0];

    (void)state;
    get(world, node, 1); /* by then it is up */
    assert_int_equal(world->got_error, DECREE_NOT_FOUND);
    world->many_keys = true;
    for (uint32_t refused = 0; refused < 100 && world->asked_count + 1 < ASKED_MAX;) {
        uint32_t before = world->asked_count;

        world->now_ns += MS / 10;
        engine_set_now(node->engine, world->now_ns);
        ask(world, node);
        (void)engine_turn(node->engine);
        assert_true(engine_wake_at(node->engine) > world->now_ns);
        refused += world->asked_count == before;
    }
    assert_int_equal(runs_of_registers(node), LSN_RUNS_MAX);
    assert_int_equal(answered(world), 0);
    for (uint32_t rounds = 0; rounds < 5000 && answered(world) < world->asked_count; rounds++) {
        world->now_ns += MS;
        engine_set_now(node->engine, world->now_ns);
        sync_some(node, 7);
        (void)engine_turn(node->engine);
    }
    assert_int_equal(answered(world), world->asked_count);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_at_every_step_of_a_node_alone),
        cmocka_unit_test(test_a_crash_at_every_step_of_three),
        cmocka_unit_test(test_many_crashes),
        cmocka_unit_test(test_an_outsider_is_answered_when_it_is_durable),
        cmocka_unit_test(test_what_is_open_is_lost_when_the_engine_closes),
        cmocka_unit_test(test_a_disk_that_stands_still_is_back_pressure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
