/* SPDX-License-Identifier: MIT */
/* test_engine_registers.c -- engines with both cores over one journal each: whatever was answered
 * is there after a crash, wherever the crash falls: a run is repeated, and cut short at each of its
 * steps in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "register_world.h"

static uint32_t run(uint32_t node_count, uint64_t seed, uint32_t steps, uint32_t crash_at)
{
    struct world *world = world_new(node_count, seed);
    uint32_t count;

    for (uint32_t i = 0; i < steps; i++) {
        if (i == crash_at)
            world_crash(world, &world->nodes[seed % node_count]);
        world_step(world);
    }
    count = world_answered(world);
    for (uint32_t i = 0; i < node_count; i++)
        world_crash(world, &world->nodes[i]);
    world_check(world);
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
                world_crash(world, &world->nodes[prng_below(&world->prng, 3)]);
            world_step(world);
        }
        assert_true(world->crashes > 10);
        assert_true(world_answered(world) > 0);
        world_check(world);
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
    world_settle(world, &world->nodes[0].synced, world->nodes[0].appended);
    call(world, DECREE_REGISTER_PREPARE, 5, NULL, &reply);
    (void)engine_turn(world->nodes[0].engine);
    assert_int_equal(reply.count, 0); /* the promise is not on the disk */
    world_sync(&world->nodes[0], UINT32_MAX);
    (void)engine_turn(world->nodes[0].engine);
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_PROMISE);
    assert_int_equal(reply.voted.round, 0);
    call(world, DECREE_REGISTER_ACCEPT, 5, value, &reply);
    world_settle(world, &reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_ACCEPTED);
    world_crash(world, &world->nodes[0]);
    world_settle(world, &world->nodes[0].synced, world->nodes[0].appended);
    call(world, DECREE_REGISTER_PREPARE, 4, NULL, &reply);
    world_settle(world, &reply.count, 1);
    assert_int_equal(reply.type, DECREE_REGISTER_REFUSED);
    assert_int_equal(reply.ballot.round, 5);
    call(world, DECREE_REGISTER_PREPARE, 6, NULL, &reply);
    world_settle(world, &reply.count, 1);
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
        world_ask(world, &world->nodes[0]);
    call(world, DECREE_REGISTER_PREPARE, 5, NULL, &reply);
    assert_int_equal(engine_open_count(world->nodes[0].engine), 10);
    world_crash(world, &world->nodes[0]);
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
    world_get(world, node, 1); /* by then it is up */
    assert_int_equal(world->got_error, DECREE_NOT_FOUND);
    world->many_keys = true;
    for (uint32_t refused = 0; refused < 100 && world->asked_count + 1 < ASKED_MAX;) {
        uint32_t before = world->asked_count;

        world->now_ns += MS / 10;
        engine_set_now(node->engine, world->now_ns);
        world_ask(world, node);
        (void)engine_turn(node->engine);
        assert_true(engine_wake_at(node->engine) > world->now_ns);
        refused += world->asked_count == before;
    }
    assert_int_equal(runs_of_registers(node), LSN_RUNS_MAX);
    assert_int_equal(world_answered(world), 0);
    for (uint32_t rounds = 0; rounds < 5000 && world_answered(world) < world->asked_count;
         rounds++) {
        world->now_ns += MS;
        engine_set_now(node->engine, world->now_ns);
        world_sync(node, 7);
        (void)engine_turn(node->engine);
    }
    assert_int_equal(world_answered(world), world->asked_count);
    world_free(world);
}

static void lost(void *argument, int error, decree_slot slot, void *result)
{
    assert_null(argument);
    assert_int_equal(error, DECREE_LOST);
    assert_int_equal(slot, 0);
    assert_null(result);
}

/* Who asks again after each turn, as a server does for its clients, makes no turns by it. */
static void test_who_finds_no_room_does_not_keep_the_engine_awake(void **state)
{
    struct world *world = world_new(1, 1);
    struct node *node = &world->nodes[0];
    struct decree_value *value = decree_value_copy("full", 4);
    uint32_t refused = 0;

    (void)state;
    world_get(world, node, 1);
    world->many_keys = true;
    for (uint32_t i = 0; i < ASKED_MAX && refused < 10; i++) {
        uint32_t before = world->asked_count;

        world->now_ns++;
        engine_set_now(node->engine, world->now_ns);
        world_ask(world, node); /* nothing is ever synced */
        refused += world->asked_count == before;
        if (refused > 1)
            assert_true(engine_wake_at(node->engine) > world->now_ns);
        (void)engine_turn(node->engine);
    }
    assert_int_equal(refused, 10); /* sets */
    while (engine_propose(node->engine, value, lost, NULL) == 0)
        (void)engine_turn(node->engine);
    (void)engine_turn(node->engine);
    assert_int_equal(engine_propose(node->engine, value, lost, NULL), DECREE_FULL);
    assert_true(engine_wake_at(node->engine) > world->now_ns);
    decree_value_unref(value);
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
        cmocka_unit_test(test_who_finds_no_room_does_not_keep_the_engine_awake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
