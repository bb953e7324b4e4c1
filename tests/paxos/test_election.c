/* SPDX-License-Identifier: MIT */
/* test_election.c -- each rule of the essay in election.h: who names a leader, who follows, who
 * waits, who may scout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

#define BEAT \
    (100 * ALONE_MS) /* the default heartbeat_every_ns; the election timeout is ten of them */

static void pass(struct decree_paxos *paxos, uint64_t duration_ns)
{
    paxos->outbox.now_ns += duration_ns;
}

/* A heartbeat from a member that names this ballot, heard so long ago. */
static void beat(struct decree_paxos *paxos, decree_node_id from, struct decree_ballot ballot,
                 uint64_t age_ns)
{
    uint32_t member = quorum_index(&paxos->outbox.quorum, from);
    struct decree_message message = {.type = DECREE_HEARTBEAT,
                                     .from = from,
                                     .to = paxos->config.self,
                                     .round = paxos->election.heard_round[member] + 1,
                                     .ballot = ballot,
                                     .age_ns = age_ns};

    alone_clear(paxos);
    election_on_heartbeat(&paxos->election, &message, alone_ballot(3, 3), &paxos->outbox);
}

static void ack(struct decree_paxos *paxos, decree_node_id from)
{
    struct decree_message message = {.type = DECREE_HEARTBEAT_ACK,
                                     .from = from,
                                     .to = paxos->config.self,
                                     .round = paxos->election.round};

    election_on_heartbeat_ack(&paxos->election, &message, &paxos->outbox);
}

static void send(struct decree_paxos *paxos, struct decree_ballot leading)
{
    alone_clear(paxos);
    election_send_heartbeats(&paxos->election, leading, 7, &paxos->outbox);
}

static bool hears(const struct decree_paxos *paxos)
{
    return election_hears_leader(&paxos->election, &paxos->outbox);
}

static void test_every_heartbeat_is_answered_with_the_promise(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    beat(paxos, 2, alone_ballot(0, 0), 0);
    assert_int_equal(alone_sent(paxos, 2, DECREE_HEARTBEAT_ACK)->round, 1);
    assert_true(
        ballot_equal(alone_sent(paxos, 2, DECREE_HEARTBEAT_ACK)->ballot, alone_ballot(3, 3)));
    decree_paxos_close(paxos);
}

static void test_a_leader_names_itself_a_follower_what_it_heard_itself(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    send(paxos, alone_ballot(4, 1));
    assert_true(ballot_equal(alone_sent(paxos, 2, DECREE_HEARTBEAT)->ballot, alone_ballot(4, 1)));
    assert_int_equal(alone_sent(paxos, 2, DECREE_HEARTBEAT)->decided, 7);
    beat(paxos, 3, alone_ballot(5, 3), 0);
    pass(paxos, 40 * ALONE_MS);
    send(paxos, alone_ballot(0, 0));
    assert_true(ballot_equal(alone_sent(paxos, 2, DECREE_HEARTBEAT)->ballot, alone_ballot(5, 3)));
    assert_int_equal(alone_sent(paxos, 2, DECREE_HEARTBEAT)->age_ns, 40 * ALONE_MS);
    decree_paxos_close(paxos);
}

/* News go two hops at most, or dead leaders would be kept alive by talk. */
static void test_what_others_told_is_not_told_on(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    beat(paxos, 2, alone_ballot(5, 3), 10 * ALONE_MS);
    assert_true(hears(paxos));
    assert_int_equal(election_route(&paxos->election, &paxos->outbox), 2);
    send(paxos, alone_ballot(0, 0));
    assert_true(ballot_is_bottom(alone_sent(paxos, 2, DECREE_HEARTBEAT)->ballot));
    beat(paxos, 3, alone_ballot(5, 3), 0);
    assert_int_equal(election_route(&paxos->election, &paxos->outbox), 3);
    decree_paxos_close(paxos);
}

static void test_silence_counts_from_when_the_leader_spoke(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    beat(paxos, 2, alone_ballot(5, 3), 9 * BEAT);
    assert_true(hears(paxos));
    pass(paxos, BEAT);
    assert_false(hears(paxos));
    election_forget_silent(&paxos->election, &paxos->outbox);
    assert_int_equal(election_route(&paxos->election, &paxos->outbox), 0);
    beat(paxos, 2, alone_ballot(5, 3), 10 * BEAT); /* too old to begin with */
    assert_false(hears(paxos));
    decree_paxos_close(paxos);
}

static void test_a_leader_that_names_nobody_is_given_up_at_once(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    beat(paxos, 3, alone_ballot(5, 3), 0);
    pass(paxos, BEAT);
    beat(paxos, 2, alone_ballot(0, 0), 0);
    assert_true(hears(paxos)); /* that was another member */
    beat(paxos, 3, alone_ballot(0, 0), 0);
    assert_false(hears(paxos));
    assert_true(paxos->outbox.timers_ns[TIMER_SCOUT] <= paxos->outbox.now_ns + BEAT);
    beat(paxos, 2, alone_ballot(5, 3), 50 * ALONE_MS); /* heard before it gave up */
    assert_false(hears(paxos));
    pass(paxos, BEAT);
    beat(paxos, 2, alone_ballot(5, 3), 50 * ALONE_MS); /* it leads after all */
    assert_true(hears(paxos));
    decree_paxos_close(paxos);
}

static void test_a_leader_whose_process_is_gone_is_given_up_at_once(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    beat(paxos, 3, alone_ballot(5, 3), 0);
    pass(paxos, 50 * ALONE_MS);
    election_on_unreachable(&paxos->election, 2, &paxos->outbox);
    assert_true(hears(paxos));
    election_on_unreachable(&paxos->election, 9, &paxos->outbox); /* a stranger */
    election_on_unreachable(&paxos->election, 3, &paxos->outbox);
    assert_false(hears(paxos));
    beat(paxos, 2, alone_ballot(5, 3), 60 * ALONE_MS);
    assert_false(hears(paxos));
    decree_paxos_close(paxos);
}

/* A leader that is heard through others is not lost because this node cannot reach it. */
static void test_a_leader_heard_through_others_is_kept(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    beat(paxos, 2, alone_ballot(5, 3), 10 * ALONE_MS);
    election_on_unreachable(&paxos->election, 3, &paxos->outbox);
    assert_true(hears(paxos));
    decree_paxos_close(paxos);
}

static void test_the_highest_ballot_is_followed_while_it_is_heard(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 5, NULL);

    (void)state;
    beat(paxos, 3, alone_ballot(5, 3), 0);
    beat(paxos, 2, alone_ballot(4, 2), 0);
    assert_int_equal(election_route(&paxos->election, &paxos->outbox), 3);
    beat(paxos, 4, alone_ballot(6, 4), 0);
    assert_int_equal(election_route(&paxos->election, &paxos->outbox), 4);
    pass(paxos, 11 * BEAT);
    beat(paxos, 2, alone_ballot(4, 2), 0); /* lower, but alive */
    assert_int_equal(election_route(&paxos->election, &paxos->outbox), 2);
    decree_paxos_close(paxos);
}

static void test_old_heartbeats_and_the_own_name_change_nothing(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message late = {.type = DECREE_HEARTBEAT, .from = 3, .to = 1};

    (void)state;
    paxos->election.heard_round[1] = 10;
    beat(paxos, 2, alone_ballot(7, 1), 5 * ALONE_MS); /* this node's own, of a former life */
    assert_false(hears(paxos));
    paxos->election.heard_round[2] = 10;
    beat(paxos, 3, alone_ballot(5, 3), 0);
    late.round = paxos->election.heard_round[2] - 1; /* names nobody, but was sent before */
    election_on_heartbeat(&paxos->election, &late, alone_ballot(0, 0), &paxos->outbox);
    assert_true(hears(paxos));
    decree_paxos_close(paxos);
}

static void test_reach_is_answers_within_the_timeout(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 5, NULL);

    (void)state;
    assert_true(election_reaches(&paxos->election, 1, &paxos->outbox));
    assert_false(election_reaches(&paxos->election, 2, &paxos->outbox));
    send(paxos, alone_ballot(0, 0));
    ack(paxos, 2);
    ack(paxos, 2);
    assert_false(election_reaches(&paxos->election, 3, &paxos->outbox));
    ack(paxos, 3);
    assert_true(election_reaches(&paxos->election, 3, &paxos->outbox));
    election_on_unreachable(&paxos->election, 3, &paxos->outbox);
    assert_false(election_reaches(&paxos->election, 3, &paxos->outbox));
    pass(paxos, 10 * BEAT);
    assert_false(election_reaches(&paxos->election, 2, &paxos->outbox));
    decree_paxos_close(paxos);
}

static void test_a_round_is_confirmed_by_different_members(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 5, NULL);
    struct decree_message future = {.type = DECREE_HEARTBEAT_ACK, .from = 4, .to = 1};
    uint64_t round;

    (void)state;
    send(paxos, alone_ballot(0, 0));
    round = paxos->election.round;
    ack(paxos, 2);
    send(paxos, alone_ballot(0, 0));
    ack(paxos, 2);
    assert_int_equal(election_confirmed_round(&paxos->election, 3, &paxos->outbox), 0);
    assert_int_equal(election_confirmed_round(&paxos->election, 2, &paxos->outbox), round + 1);
    future.round = paxos->election.round + 5; /* not sent yet */
    election_on_heartbeat_ack(&paxos->election, &future, &paxos->outbox);
    assert_int_equal(election_confirmed_round(&paxos->election, 3, &paxos->outbox), 0);
    paxos->election.acked_round[2] = round;
    assert_int_equal(election_confirmed_round(&paxos->election, 3, &paxos->outbox), round);
    assert_int_equal(election_confirmed_round(&paxos->election, 1, &paxos->outbox), round + 1);
    decree_paxos_close(paxos);
}

static void test_back_off_grows_until_a_leader_is_heard(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    uint64_t first = paxos->election.patience_ns;

    (void)state;
    for (int i = 0; i < 10; i++) {
        uint64_t patience_ns = paxos->election.patience_ns;
        uint64_t wait_ns;

        election_back_off(&paxos->election, alone_ballot(8, 2), &paxos->outbox);
        wait_ns = paxos->outbox.timers_ns[TIMER_SCOUT] - paxos->outbox.now_ns;
        assert_true(wait_ns >= patience_ns);
        assert_true(wait_ns <= 2 * patience_ns + BEAT);
    }
    assert_true(paxos->election.patience_ns > 4 * first);
    assert_true(paxos->election.patience_ns <= 2 * paxos->config.suspect_after_ns);
    assert_int_equal(paxos->election.highest_round, 8);
    beat(paxos, 2, alone_ballot(8, 2), 0);
    assert_int_equal(paxos->election.patience_ns, first);
    decree_paxos_close(paxos);
}

static void test_no_two_seeds_wait_alike(void **state)
{
    struct decree_config one = {.seed = 1}, two = {.seed = 2};
    struct decree_paxos *a = alone_open(1, 3, &one), *b = alone_open(2, 3, &two);

    (void)state;
    assert_int_not_equal(a->outbox.timers_ns[TIMER_SCOUT], b->outbox.timers_ns[TIMER_SCOUT]);
    decree_paxos_close(a);
    decree_paxos_close(b);
}

/* Wakes the whole core every heartbeat, so many times or until it scouts; returns whether it
 * does. */
static bool scouts(struct decree_paxos *paxos, int times, bool acked, bool led)
{
    for (int i = 0; i < times && !paxos->scout.running; i++) {
        struct decree_event wake = {.type = DECREE_EVENT_WAKE,
                                    .now_ns = paxos->outbox.now_ns + BEAT};

        assert_int_equal(decree_paxos_step(paxos, &wake), 0);
        if (acked)
            ack(paxos, 2);
        if (led)
            beat(paxos, 3, alone_ballot(2, 3), 0);
        alone_clear(paxos);
    }
    return paxos->scout.running;
}

static void test_only_a_node_with_a_quorum_and_without_a_leader_scouts(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    assert_false(scouts(paxos, 50, false, false));
    assert_false(scouts(paxos, 50, true, true));
    assert_false(scouts(paxos, 50, false,
                        false)); /* its answers are too old by the time that it misses the leader */
    assert_true(scouts(paxos, 20, true, false));
    assert_true(paxos->scout.ballot.round > 2);
    decree_paxos_close(paxos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_heartbeat_is_answered_with_the_promise),
        cmocka_unit_test(test_a_leader_names_itself_a_follower_what_it_heard_itself),
        cmocka_unit_test(test_what_others_told_is_not_told_on),
        cmocka_unit_test(test_silence_counts_from_when_the_leader_spoke),
        cmocka_unit_test(test_a_leader_that_names_nobody_is_given_up_at_once),
        cmocka_unit_test(test_a_leader_whose_process_is_gone_is_given_up_at_once),
        cmocka_unit_test(test_a_leader_heard_through_others_is_kept),
        cmocka_unit_test(test_the_highest_ballot_is_followed_while_it_is_heard),
        cmocka_unit_test(test_old_heartbeats_and_the_own_name_change_nothing),
        cmocka_unit_test(test_reach_is_answers_within_the_timeout),
        cmocka_unit_test(test_a_round_is_confirmed_by_different_members),
        cmocka_unit_test(test_back_off_grows_until_a_leader_is_heard),
        cmocka_unit_test(test_no_two_seeds_wait_alike),
        cmocka_unit_test(test_only_a_node_with_a_quorum_and_without_a_leader_scouts),
    };

    return cmocka_run_group_tests_name("election", tests, NULL, NULL);
}
