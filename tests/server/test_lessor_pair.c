/* SPDX-License-Identifier: MIT */
/* test_lessor_pair.c -- two members watch over leases in turn, over one log: no lease that was
 * answered as renewed ends early, whatever an earlier leader has still under way.
 *
 * There is no loop and no real time: the test moves the clock (uv_hrtime is its own), makes the
 * turns, and says when what a member proposed comes into the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kv_propose.h"
#include "lessor_inside.h"

#define LEASE 7
#define STEP_MS 500u
#define MANY 20000 /* more than a slice of the table */
#define PROPOSALS_MAX 256u
#define MS_NS UINT64_C(1000000)

static uint64_t clock_ns;

uint64_t __wrap_uv_hrtime(void);
uint64_t __wrap_uv_hrtime(void)
{
    return clock_ns;
}

struct proposal {
    struct decree_value *command; /* NULL: a read */
    decree_done *done;
    void *argument;
};

struct side {
    struct backend base;
    struct world *world;
    struct kv *kv;
    struct lessor *lessor;
    struct proposal proposals[PROPOSALS_MAX];
    size_t count;
    struct proposal missed[PROPOSALS_MAX]; /* in the log, but not here yet; done: its own */
    size_t missed_count;
    bool deaf; /* the log does not come here */
    bool held; /* what it proposes is on its way */
    bool closed;
    uint64_t believes;
};

struct world {
    uv_loop_t loop;
    struct side sides[2]; /* members 1 and 2 */
    uint64_t leader, term;
};

static struct side *side_of(struct backend *backend)
{
    return (struct side *)(void *)backend;
}

static int offer(struct side *side, struct decree_value *command, decree_done *done, void *argument)
{
    assert_true(side->count < PROPOSALS_MAX);
    side->proposals[side->count++] = (struct proposal){decree_value_ref(command), done, argument};
    return 0;
}

static int propose(struct backend *backend, struct decree_value *command, decree_done *done,
                   void *argument)
{
    return offer(side_of(backend), command, done, argument);
}

static int read_store(struct backend *backend, decree_done *done, void *argument)
{
    return offer(side_of(backend), NULL, done, argument);
}

static const struct kv *get_kv(struct backend *backend)
{
    return side_of(backend)->kv;
}

static void get_status(struct backend *backend, struct backend_status *ret_status)
{
    *ret_status = (struct backend_status){.leader_id = side_of(backend)->believes,
                                          .term = side_of(backend)->world->term};
}

static const struct backend_ops OPS = {
    .propose = propose, .read = read_store, .kv = get_kv, .status = get_status};

/* ---- the log ---- */

static void apply(struct side *side, const struct proposal *proposal)
{
    struct kv_result result;

    kv_apply(side->kv, proposal->command->data, proposal->command->size, &result);
    backend_tell_leases(&side->base, proposal->command->data, proposal->command->size, &result);
    if (proposal->done != NULL)
        proposal->done(proposal->argument, 0, 1, &result);
    decree_value_unref(proposal->command);
}

static void apply_everywhere(struct world *world, struct side *origin, struct proposal *proposal)
{
    for (size_t i = 0; i < 2; i++) {
        struct side *side = &world->sides[i];
        struct proposal told = {decree_value_ref(proposal->command),
                                side == origin ? proposal->done : NULL, proposal->argument};

        if (!side->deaf)
            apply(side, &told);
        else
            side->missed[side->missed_count++] = told;
    }
    decree_value_unref(proposal->command);
}

static void hear(struct side *side)
{
    side->deaf = false;
    for (size_t i = 0; i < side->missed_count; i++)
        apply(side, &side->missed[i]);
    side->missed_count = 0;
}

/* What a side has proposed so far comes into the log, unless it is held; its reads are proved if it
 * leads, and otherwise wait for a leader that never answers. */
static void deliver(struct side *side)
{
    struct proposal taken[PROPOSALS_MAX];
    size_t count = side->count;

    memcpy(taken, side->proposals, count * sizeof(taken[0]));
    side->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (taken[i].command != NULL && !side->held)
            apply_everywhere(side->world, side, &taken[i]);
        else if (taken[i].command == NULL && side->world->leader == side->base.member_id)
            taken[i].done(taken[i].argument, 0, 1, NULL);
        else
            side->proposals[side->count++] = taken[i];
    }
}

static void turn(struct world *world, bool tick)
{
    for (size_t i = 0; i < 2; i++) {
        if (world->sides[i].closed)
            continue;
        if (tick)
            lessor_begin_tick(world->sides[i].lessor);
        lessor_turn(world->sides[i].lessor);
    }
    for (size_t i = 0; i < 2; i++)
        deliver(&world->sides[i]);
}

static void settle(struct world *world)
{
    for (int i = 0; i < 5; i++)
        turn(world, true);
}

static void pass(struct world *world, unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 1000 / STEP_MS; i++) {
        clock_ns += STEP_MS * MS_NS;
        settle(world);
    }
}

/* Both know of it at once, unless the test says otherwise. */
static void lead(struct world *world, uint64_t leader)
{
    world->leader = leader;
    world->term++;
    world->sides[0].believes = world->sides[1].believes = leader;
    settle(world);
}

/* ---- what clients do ---- */

static void on_applied(void *argument, int error, decree_slot slot, void *result)
{
    (void)argument;
    (void)error;
    (void)slot;
    (void)result;
}

static void grant(struct world *world, uint64_t seconds)
{
    const struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {LEASE, seconds}};
    struct decree_value *value = command_value(&command);

    assert_non_null(value);
    propose(&world->sides[0].base, value, on_applied, NULL);
    decree_value_unref(value);
    settle(world);
}

struct outcome {
    struct lease_renewal renewal;
    struct lease_question question;
    bool done;
    int64_t seconds;
};

static void on_renewed(struct lease_renewal *renewal, int error, int64_t seconds)
{
    struct outcome *outcome = list_owner(renewal, struct outcome, renewal);

    assert_int_equal(error, 0);
    outcome->done = true;
    outcome->seconds = seconds;
}

static void on_late(struct lease_renewal *renewal)
{
    (void)renewal;
}

static int64_t renew(struct world *world, size_t at)
{
    struct outcome outcome = {.renewal = {.id = LEASE, .done = on_renewed, .late = on_late}};

    lessor_renew(world->sides[at].lessor, &outcome.renewal);
    settle(world);
    assert_true(outcome.done);
    return outcome.seconds;
}

static void on_told(struct lease_question *question, int error, int64_t seconds)
{
    struct outcome *outcome = list_owner(question, struct outcome, question);

    assert_int_equal(error, 0);
    outcome->done = true;
    outcome->seconds = seconds;
}

static int64_t ask(struct world *world, size_t at)
{
    struct outcome outcome = {.question = {.id = LEASE, .done = on_told}};

    lessor_ask(world->sides[at].lessor, &outcome.question);
    settle(world);
    assert_true(outcome.done);
    return outcome.seconds;
}

static bool lives(const struct world *world)
{
    struct kv_lease lease;
    bool found = kv_lease(world->sides[0].kv, LEASE, &lease);

    assert_int_equal(kv_lease(world->sides[1].kv, LEASE, &lease), found);
    return found;
}

/* ---- tests ---- */

static int open_world(void **state)
{
    static struct world world;

    memset(&world, 0, sizeof(world));
    clock_ns = 1000 * MS_NS;
    uv_loop_init(&world.loop);
    for (size_t i = 0; i < 2; i++) {
        struct side *side = &world.sides[i];

        *side = (struct side){
            .base = {.ops = &OPS, .member_id = i + 1}, .world = &world, .kv = kv_new(NULL)};
        side->lessor = lessor_new(&side->base);
        lessor_start(side->lessor, &world.loop, 7000);
    }
    lead(&world, 1);
    *state = &world;
    return 0;
}

static void on_closed(void *context)
{
    (void)context;
}

static void drop_proposals(struct side *side)
{
    while (side->count > 0) {
        struct proposal *last = &side->proposals[--side->count];

        last->done(last->argument, DECREE_LOST, 0, NULL);
        decree_value_unref(last->command);
    }
}

static int close_world(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        if (!world->sides[i].closed)
            lessor_close(world->sides[i].lessor, on_closed, NULL);
        drop_proposals(&world->sides[i]);
    }
    uv_run(&world->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < 2; i++) {
        lessor_free(world->sides[i].lessor);
        kv_free(world->sides[i].kv);
    }
    return uv_loop_close(&world->loop);
}

static void test_a_lease_ends_when_its_time_is_up(void **state)
{
    grant(*state, 10);
    pass(*state, 8);
    assert_true(lives(*state));
    assert_int_equal(renew(*state, 0), 10);
    pass(*state, 8);
    assert_int_equal(renew(*state, 1), 10);
    pass(*state, 9);
    assert_true(lives(*state));
    pass(*state, 3);
    assert_false(lives(*state));
    assert_int_equal(renew(*state, 0), 0);
    assert_int_equal(renew(*state, 1), 0);
}

static void test_a_checkpoint_outlives_its_leader(void **state)
{
    grant(*state, 100);
    pass(*state, 70); /* it was written down when 50 had passed */
    lead(*state, 2);
    pass(*state, 48);
    assert_true(lives(*state));
    pass(*state, 5);
    assert_false(lives(*state));
}

static void test_a_checkpoint_of_an_earlier_leader_ends_nothing(void **state)
{
    struct world *world = *state;

    grant(world, 100);
    pass(world, 49);
    world->sides[0].held = true;
    pass(world, 3); /* the first one's checkpoint is on its way */
    lead(world, 2);
    assert_int_equal(renew(world, 1), 100); /* without the log */
    world->sides[0].held = false;
    settle(world);
    lead(world, 1);
    pass(world, 90);
    assert_true(lives(world));
    pass(world, 20);
    assert_false(lives(world));
}

static void test_a_renewal_waits_behind_a_checkpoint_on_its_way(void **state)
{
    struct outcome outcome = {.renewal = {.id = LEASE, .done = on_renewed, .late = on_late}};
    struct world *world = *state;

    grant(world, 100);
    pass(world, 49);
    world->sides[0].held = true;
    pass(world, 3);
    assert_int_equal(world->sides[0].lessor->checkpoints_open, 1);
    lessor_renew(world->sides[0].lessor, &outcome.renewal);
    settle(world);
    world->sides[0].held = false;
    settle(world);
    assert_true(outcome.done);
    assert_int_equal(outcome.seconds, 100);
    lead(world, 2);
    pass(world, 90);
    assert_true(lives(world));
}

static void test_what_was_written_down_is_void_behind_a_renewal(void **state)
{
    grant(*state, 100);
    pass(*state, 70);
    assert_int_equal(renew(*state, 0), 100);
    lead(*state, 2);
    pass(*state, 90);
    assert_true(lives(*state));
}

static void test_an_expiry_of_an_earlier_leader_ends_nothing(void **state)
{
    struct world *world = *state;

    grant(world, 10);
    pass(world, 9);
    world->sides[0].held = true;
    pass(world, 3); /* the expiry is on its way */
    assert_int_equal(world->sides[0].count, 1);
    lead(world, 2);
    assert_int_equal(renew(world, 1), 10);
    world->sides[0].held = false;
    settle(world);
    assert_true(lives(world));
}

static void test_who_cannot_prove_that_he_leads_ends_nothing(void **state)
{
    struct world *world = *state;

    grant(world, 10);
    pass(world, 5);
    world->leader = 2; /* and nobody knows of it */
    pass(world, 30);
    assert_true(lives(world));
}

static void wait_until_it_ends(struct world *world)
{
    uint64_t begun_ns = clock_ns;

    for (; lives(world); clock_ns += 20 * MS_NS) {
        assert_true(clock_ns - begun_ns < 60000 * MS_NS);
        settle(world);
    }
}

/* Its leader's loop has slept since the last turn. */
static void test_a_lease_that_begins_between_two_turns_has_all_of_its_time(void **state)
{
    const struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {LEASE, 5}};
    struct proposal granted = {command_value(&command), on_applied, NULL};
    struct world *world = *state;
    uint64_t begun_ns;

    assert_non_null(granted.command);
    clock_ns += 400 * MS_NS;
    begun_ns = clock_ns;
    apply_everywhere(world, &world->sides[0], &granted);
    wait_until_it_ends(world);
    assert_true(clock_ns - begun_ns >= 5000 * MS_NS);
}

/* The first one is proved to lead, but that takes its time, and meanwhile the second begins. */
static void renew_by_a_late_proof(struct world *world, unsigned late_ms)
{
    struct outcome outcome = {.renewal = {.id = LEASE, .done = on_renewed, .late = on_late}};
    struct side *first = &world->sides[0];
    uint64_t answered_ns;

    lessor_renew(first->lessor, &outcome.renewal);
    lessor_turn(first->lessor);
    assert_int_equal(first->count, 1);
    first->deaf = true;
    world->leader = world->sides[1].believes = 2;
    for (unsigned ms = 0; ms < late_ms; ms += 100) {
        settle(world);
        clock_ns += 100 * MS_NS;
    }
    first->proposals[--first->count].done(first->lessor, 0, 1, NULL);
    settle(world);
    if (!outcome.done)
        hear(first);
    assert_true(outcome.done);
    assert_int_equal(outcome.seconds, 5);
    answered_ns = clock_ns;
    first->believes = 2;
    hear(first);
    wait_until_it_ends(world);
    assert_true(clock_ns - answered_ns >= 5000 * MS_NS);
}

static void test_what_was_answered_holds_however_late_the_proof_came(void **state)
{
    static const unsigned late_ms[] = {100, 200, 300, 1000, 3000};

    for (size_t i = 0; i < sizeof(late_ms) / sizeof(late_ms[0]); i++) {
        lead(*state, 1);
        pass(*state, 1);
        grant(*state, 5);
        renew_by_a_late_proof(*state, late_ms[i]);
    }
}

static void test_time_that_was_not_seen_does_not_count(void **state)
{
    struct world *world = *state;

    grant(world, 10);
    for (int i = 0; i < 10; i++) {
        clock_ns += 100000 * MS_NS; /* frozen for long, again and again */
        settle(world);
    }
    assert_true(lives(world));
}

static void test_who_was_overtaken_writes_nothing_down(void **state)
{
    struct world *world = *state;

    grant(world, 100);
    pass(world, 45);
    world->leader = 2;
    world->sides[1].believes =
        2; /* the first one has yet to hear of it, and nothing of his passes */
    world->sides[0].held = true;
    settle(world);
    assert_int_equal(renew(world, 1), 100);
    pass(world, 10);
    world->sides[0].held = false;
    lead(world, 1);
    pass(world, 85);
    assert_true(lives(world));
}

/* How long it takes, in seconds, until the lease is gone, while the lead changes again and again. */
static unsigned ends_after(struct world *world, unsigned reign_seconds, bool planned)
{
    unsigned seconds = 0;

    for (unsigned i = 0; lives(world) && i < 200; i++) {
        struct lessor *lessor = world->sides[1 - world->leader % 2].lessor;

        pass(world, reign_seconds);
        seconds += reign_seconds;
        if (planned) {
            lessor_write_all(lessor);
            settle(world);
            assert_true(lessor_wrote_all(lessor));
        }
        lead(world, 3 - world->leader);
    }
    return seconds;
}

static void test_nothing_lives_for_ever_though_leaders_die_young(void **state)
{
    static const unsigned times[] = {4, 10, 30, 100};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        grant(*state, times[i]);
        assert_in_range(ends_after(*state, 5, false), times[i], 3 * times[i] + 5);
    }
}

static void test_a_planned_change_keeps_what_is_left(void **state)
{
    static const unsigned times[] = {8, 20, 100};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        grant(*state, times[i]);
        assert_in_range(ends_after(*state, times[i] / 4, true), times[i], times[i] * 5 / 4 + 8);
    }
}

static void test_a_leader_that_dies_takes_half_of_the_time_with_it_at_most(void **state)
{
    static const unsigned times[] = {8, 40, 100};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        pass(*state, 120); /* it has led for long */
        grant(*state, times[i]);
        pass(*state, times[i] * 7 / 8);
        lead(*state, 3 - ((struct world *)*state)->leader);
        pass(*state, times[i] / 2 + 3);
        assert_false(lives(*state));
    }
}

static int64_t written_down(const struct world *world)
{
    struct kv_lease lease = {0};

    assert_true(kv_lease(world->sides[0].kv, LEASE, &lease));
    return lease.remaining;
}

static void test_who_renews_in_time_is_not_written_down(void **state)
{
    struct world *world = *state;
    size_t count = 0;

    grant(world, 30);
    for (int i = 0; i < 30; i++) {
        pass(world, 10);
        count += written_down(world) > 0;
        assert_int_equal(renew(world, 0), 30);
    }
    assert_int_equal(count, 0);
}

static void test_who_stops_leading_writes_down_what_is_left(void **state)
{
    struct world *world = *state;

    grant(world, 100);
    pass(world, 20);
    assert_int_equal(written_down(world), 0);
    lessor_close(world->sides[0].lessor, on_closed, NULL);
    deliver(&world->sides[0]);
    world->sides[0].closed = true;
    assert_in_range(written_down(world), 80, 81);
    lead(world, 2);
    pass(world, 78);
    assert_true(lives(world));
    pass(world, 5);
    assert_false(lives(world));
}

/* The next leader has begun, and may have renewed the lease, with no word of it in the log. */
static void test_who_was_overtaken_and_stops_writes_nothing_down(void **state)
{
    struct world *world = *state;

    grant(world, 100);
    pass(world, 20);
    world->leader = world->sides[1].believes = 2;
    lessor_begin_tick(world->sides[1].lessor);
    lessor_turn(world->sides[1].lessor);
    deliver(&world->sides[1]);
    lessor_close(world->sides[0].lessor, on_closed, NULL);
    deliver(&world->sides[0]);
    world->sides[0].closed = true;
    assert_int_equal(written_down(world), 0);
}

static size_t count_written_down(const struct world *world)
{
    struct kv_lease lease;
    size_t at = 0, count = 0;

    while (kv_next_lease(world->sides[0].kv, &at, &lease))
        count += lease.remaining > 0;
    return count;
}

static void test_very_many_leases_begin_in_slices(void **state)
{
    struct world *world = *state;
    struct kv_stats stats;

    for (int64_t id = 1; id <= MANY; id++) {
        const struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {id, 30}};
        struct proposal granted = {command_value(&command), on_applied, NULL};

        assert_non_null(granted.command);
        apply_everywhere(world, &world->sides[0], &granted);
    }
    pass(world, 2);
    assert_int_equal(count_written_down(world), 0);
    lead(world, 2);
    assert_int_equal(world->sides[1].lessor->state, LESSOR_LEADS);
    pass(world, 6);
    assert_int_equal(count_written_down(world), MANY);
    pass(world, 22);
    kv_stats(world->sides[0].kv, &stats);
    assert_int_equal(stats.leases, MANY);
    pass(world, 6 + MANY / 400);
    kv_stats(world->sides[0].kv, &stats);
    assert_int_equal(stats.leases, 0);
}

static void test_every_member_tells_what_is_left(void **state)
{
    grant(*state, 50);
    pass(*state, 20);
    assert_in_range(ask(*state, 0), 28, 29);
    assert_in_range(ask(*state, 1), 28, 29);
    assert_int_equal(renew(*state, 0), 50);
    assert_in_range(ask(*state, 1), 48, 49);
    pass(*state, 10);
    assert_int_equal(renew(*state, 1), 50);
    assert_in_range(ask(*state, 1), 48, 49);
    lead(*state, 2);
    assert_in_range(ask(*state, 0), 48, 49);
    pass(*state, 60);
    assert_int_equal(ask(*state, 0), -1);
    assert_int_equal(ask(*state, 1), -1);
}

/* A store that was restored has leases that no log has told of. */
static void test_leases_that_were_there_before_count_too(void **state)
{
    const struct command command = {.op = COMMAND_LEASE_GRANT, .u.lease_grant = {LEASE, 50}};
    struct decree_value *value = command_value(&command);
    struct world *world = *state;
    struct kv_result result;

    assert_non_null(value);
    for (size_t i = 0; i < 2; i++) {
        kv_apply(world->sides[i].kv, value->data, value->size, &result);
        world->sides[i].lessor->missing = true;
    }
    decree_value_unref(value);
    lead(world, 2);
    pass(world, 10);
    assert_in_range(ask(world, 0), 38, 40);
    assert_in_range(ask(world, 1), 38, 40);
    pass(world, 45);
    assert_false(lives(world));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_lease_ends_when_its_time_is_up),
        TEST(a_checkpoint_outlives_its_leader),
        TEST(a_checkpoint_of_an_earlier_leader_ends_nothing),
        TEST(a_renewal_waits_behind_a_checkpoint_on_its_way),
        TEST(what_was_written_down_is_void_behind_a_renewal),
        TEST(an_expiry_of_an_earlier_leader_ends_nothing),
        TEST(who_cannot_prove_that_he_leads_ends_nothing),
        TEST(a_lease_that_begins_between_two_turns_has_all_of_its_time),
        TEST(what_was_answered_holds_however_late_the_proof_came),
        TEST(time_that_was_not_seen_does_not_count),
        TEST(who_was_overtaken_writes_nothing_down),
        TEST(every_member_tells_what_is_left),
        TEST(nothing_lives_for_ever_though_leaders_die_young),
        TEST(a_planned_change_keeps_what_is_left),
        TEST(a_leader_that_dies_takes_half_of_the_time_with_it_at_most),
        TEST(who_renews_in_time_is_not_written_down),
        TEST(who_stops_leading_writes_down_what_is_left),
        TEST(who_was_overtaken_and_stops_writes_nothing_down),
        TEST(very_many_leases_begin_in_slices),
        TEST(leases_that_were_there_before_count_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
