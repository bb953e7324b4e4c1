/* SPDX-License-Identifier: MIT */
/* test_lessor.c -- how long a proof that this member leads serves renewals: a member that can prove
 * nothing, since its reads do not come back, goes on for a moment and no longer. And what who has just
 * begun to lead tells of a lease. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kv_propose.h"
#include "lessor.h"
#include "memory_backend.h"

#define LEASE 77
#define TTL_SECONDS 60
#define PROOF_NS UINT64_C(50000000)

struct world {
    uv_loop_t loop;
    struct memory_backend backend;
    struct lessor *lessor;
    struct lease_renewal renewal;
    struct lease_question question;
    uv_timer_t timer;
    bool timer_fired, lessor_closed, done;
    int64_t seconds;
};

static void on_granted(void *argument, int error, decree_slot slot, void *result)
{
    bool *done = argument;

    (void)slot;
    (void)result;
    assert_int_equal(error, 0);
    *done = true;
}

static void run_until(struct world *world, const bool *flag)
{
    while (!*flag)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static void grant(struct world *world)
{
    const struct command command = {.op = COMMAND_LEASE_GRANT,
                                    .u.lease_grant = {LEASE, TTL_SECONDS}};
    struct decree_value *value = command_value(&command);
    bool done = false;

    assert_non_null(value);
    assert_int_equal(
        world->backend.base.ops->propose(&world->backend.base, value, on_granted, &done), 0);
    decree_value_unref(value);
    run_until(world, &done);
}

static int open_world(void **state)
{
    static const struct kv_options store = {0};
    static struct world world;

    memset(&world, 0, sizeof(world));
    uv_loop_init(&world.loop);
    memory_backend_init(&world.backend, &world.loop, &store);
    world.lessor = lessor_new(&world.backend.base);
    assert_non_null(world.lessor);
    lessor_start(world.lessor, &world.loop, 60000);
    uv_timer_init(&world.loop, &world.timer);
    world.timer.data = &world;
    grant(&world);
    *state = &world;
    return 0;
}

static void on_closed(void *context)
{
    struct world *world = context;

    world->lessor_closed = true;
}

static int close_world(void **state)
{
    struct world *world = *state;

    lessor_close(world->lessor, on_closed, world);
    run_until(world, &world->lessor_closed);
    uv_close((uv_handle_t *)&world->timer, NULL);
    memory_backend_close(&world->backend);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    lessor_free(world->lessor);
    memory_backend_release(&world->backend);
    return uv_loop_close(&world->loop);
}

static void on_timer(uv_timer_t *timer)
{
    struct world *world = timer->data;

    world->timer_fired = true;
}

static void let_pass(struct world *world, uint64_t ms)
{
    world->timer_fired = false;
    uv_update_time(&world->loop);
    uv_timer_start(&world->timer, on_timer, ms, 0);
    run_until(world, &world->timer_fired);
}

static void on_renewed(struct lease_renewal *renewal, int error, int64_t seconds)
{
    struct world *world = (struct world *)(void *)((uint8_t *)renewal -
                                                   offsetof(struct world, renewal));

    assert_int_equal(error, 0);
    world->done = true;
    world->seconds = seconds;
}

static void on_late(struct lease_renewal *renewal)
{
    (void)renewal;
    fail();
}

static void ask(struct world *world)
{
    world->done = false;
    world->renewal = (struct lease_renewal){.id = LEASE, .done = on_renewed, .late = on_late};
    lessor_renew(world->lessor, &world->renewal);
}

/* A renewal that is proven; the time before it was asked for. */
static uint64_t renew_with_proof(struct world *world)
{
    uint64_t before_ns;

    world->backend.held = false;
    let_pass(world, 2 * PROOF_NS / 1000000);
    before_ns = uv_hrtime();
    ask(world);
    run_until(world, &world->done);
    assert_int_equal(world->seconds, TTL_SECONDS);
    return before_ns;
}

static void on_answered(struct lease_question *question, int error, int64_t seconds)
{
    struct world *world = (struct world *)(void *)((uint8_t *)question -
                                                   offsetof(struct world, question));

    assert_int_equal(error, 0);
    world->done = true;
    world->seconds = seconds;
}

/* It gives every lease a little more, for renewals that it has not heard of; that is not told. */
static void test_who_begins_to_lead_tells_less_than_was_granted(void **state)
{
    struct world *world = *state;

    world->done = false;
    world->question = (struct lease_question){.id = LEASE, .done = on_answered};
    lessor_ask(world->lessor, &world->question);
    run_until(world, &world->done);
    assert_in_range(world->seconds, 0, TTL_SECONDS - 1);
}

/* On a machine that is busy the moment may pass by itself: then once more. */
static void test_a_proof_serves_those_who_come_soon(void **state)
{
    struct world *world = *state;
    uint64_t before_ns;

    do {
        before_ns = renew_with_proof(world);
        world->backend.held = true;
        ask(world);
        for (unsigned turns = 0; turns < 3; turns++)
            uv_run(&world->loop, UV_RUN_NOWAIT);
        if (!world->done && uv_hrtime() - before_ns < PROOF_NS)
            fail_msg("a renewal right behind a proof waits for another");
        world->backend.held = false;
        run_until(world, &world->done);
    } while (uv_hrtime() - before_ns >= PROOF_NS);
    assert_int_equal(world->seconds, TTL_SECONDS);
}

static void test_a_proof_is_good_for_a_moment_only(void **state)
{
    struct world *world = *state;

    (void)renew_with_proof(world);
    world->backend.held = true;
    let_pass(world, 2 * PROOF_NS / 1000000);
    ask(world);
    let_pass(world, 20);
    assert_false(world->done);
    world->backend.held = false;
    run_until(world, &world->done);
    assert_int_equal(world->seconds, TTL_SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_begins_to_lead_tells_less_than_was_granted,
                                        open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_proof_serves_those_who_come_soon, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(test_a_proof_is_good_for_a_moment_only, open_world,
                                        close_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
