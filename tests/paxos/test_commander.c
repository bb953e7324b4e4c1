/* SPDX-License-Identifier: MIT */
/* test_commander.c -- phase 2: votes as bits, runs, stale votes, retries, and who is told what is
 * decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

/* A commander of node 1 in ballot 5.1 with this many proposed slots, each accepted by the node
 * itself. */
static struct decree_paxos *proposing(uint32_t count, uint32_t slots,
                                      const struct decree_config *limits)
{
    struct decree_paxos *paxos = alone_open(1, count, limits);
    struct commander *commander = &paxos->leader.commander;

    paxos->acceptor.promised = alone_ballot(5, 1);
    commander_start(commander, alone_ballot(5, 1), 1);
    for (uint32_t i = 1; i <= slots; i++) {
        struct decree_pvalue pvalue = alone_pvalue(alone_ballot(5, 1), i, i);

        commander_proposed(commander);
        log_accept(&paxos->log, &pvalue);
    }
    return paxos;
}

static bool vote(struct decree_paxos *paxos, decree_node_id from, struct decree_ballot ballot,
                 decree_slot slot, uint32_t count)
{
    struct decree_message p2b = {
        .type = DECREE_P2B, .from = from, .to = 1, .ballot = ballot, .slot = slot, .count = count};

    return commander_on_p2b(&paxos->leader.commander, &p2b, &paxos->outbox);
}

static void test_a_quorum_of_different_members_decides(void **state)
{
    struct decree_paxos *paxos = proposing(5, 1, NULL);

    (void)state;
    assert_false(vote(paxos, 2, alone_ballot(5, 1), 1, 1));
    assert_false(vote(paxos, 2, alone_ballot(5, 1), 1, 1));
    assert_false(vote(paxos, 1, alone_ballot(5, 1), 1, 1));
    assert_true(vote(paxos, 5, alone_ballot(5, 1), 1, 1));
    assert_int_equal(paxos->log.decided, 1);
    decree_paxos_close(paxos);
}

static void test_votes_of_another_ballot_count_not(void **state)
{
    struct decree_paxos *paxos = proposing(3, 1, NULL);

    (void)state;
    assert_false(vote(paxos, 1, alone_ballot(5, 1), 1, 1));
    assert_false(vote(paxos, 2, alone_ballot(4, 1), 1, 1));
    assert_false(vote(paxos, 2, alone_ballot(6, 2), 1, 1));
    assert_false(vote(paxos, 2, alone_ballot(5, 1), 1, 0)); /* none */
    assert_int_equal(paxos->log.decided, 0);
    decree_paxos_close(paxos);
}

static void test_votes_of_the_ballot_before_are_forgotten(void **state)
{
    struct decree_paxos *paxos = proposing(3, 1, NULL);
    struct decree_pvalue again = alone_pvalue(alone_ballot(7, 1), 1, 1);

    (void)state;
    assert_false(vote(paxos, 2, alone_ballot(5, 1), 1, 1));
    commander_start(&paxos->leader.commander, alone_ballot(7, 1), 1);
    commander_proposed(&paxos->leader.commander);
    log_accept(&paxos->log, &again);
    assert_false(vote(paxos, 1, alone_ballot(7, 1), 1, 1));
    assert_true(vote(paxos, 3, alone_ballot(7, 1), 1, 1));
    decree_paxos_close(paxos);
}

static void test_slots_are_decided_in_order(void **state)
{
    struct decree_paxos *paxos = proposing(3, 4, NULL);

    (void)state;
    (void)vote(paxos, 1, alone_ballot(5, 1), 1, 4);
    assert_false(vote(paxos, 2, alone_ballot(5, 1), 3, 2));
    assert_true(vote(paxos, 2, alone_ballot(5, 1), 1, 1));
    assert_int_equal(paxos->log.decided, 1);
    assert_true(vote(paxos, 3, alone_ballot(5, 1), 2, 1));
    assert_int_equal(paxos->log.decided, 4);
    decree_paxos_close(paxos);
}

static void test_votes_for_what_was_not_proposed_are_nothing(void **state)
{
    struct decree_paxos *paxos = proposing(3, 2, NULL);

    (void)state;
    (void)vote(paxos, 2, alone_ballot(5, 1), 1, 8);
    assert_true(vote(paxos, 3, alone_ballot(5, 1), 1, 8));
    assert_int_equal(paxos->log.decided, 2);
    assert_false(vote(paxos, 2, alone_ballot(5, 1), UINT64_MAX / 2, 8));
    decree_paxos_close(paxos);
}

/* The ballot starts at slot 3; slots 1 and 2 are learned later. */
static void test_votes_wait_for_the_slots_below_to_be_learned(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct commander *commander = &paxos->leader.commander;
    struct decree_pvalue pvalue = alone_pvalue(alone_ballot(5, 1), 3, 3);

    (void)state;
    commander_start(commander, alone_ballot(5, 1), 3);
    commander_proposed(commander);
    log_accept(&paxos->log, &pvalue);
    assert_false(vote(paxos, 1, alone_ballot(5, 1), 3, 1));
    assert_false(vote(paxos, 2, alone_ballot(5, 1), 3, 1));
    assert_false(commander_decide(commander, &paxos->outbox));
    for (decree_slot slot = 1; slot <= 2; slot++) {
        struct decree_pvalue learned = alone_pvalue(alone_ballot(2, 2), slot, (uint32_t)slot);

        acceptor_learn(&paxos->acceptor, &learned, &paxos->outbox);
    }
    assert_true(commander_decide(commander, &paxos->outbox));
    assert_int_equal(paxos->log.decided, 3);
    decree_paxos_close(paxos);
}

static void test_p2a_carries_runs_of_so_many_bytes(void **state)
{
    struct decree_config limits = {.message_bytes_max = 3};
    struct decree_paxos *paxos = proposing(3, 7, &limits);

    (void)state;
    assert_true(commander_flush(&paxos->leader.commander, &paxos->outbox));
    assert_int_equal(alone_count(paxos, DECREE_P2A), 6);
    assert_int_equal(alone_sent(paxos, 2, DECREE_P2A)->slot, 7);
    assert_int_equal(paxos->outbox.messages[0].pvalue_count, 3);
    alone_clear(paxos);
    assert_true(commander_flush(&paxos->leader.commander, &paxos->outbox));
    assert_int_equal(paxos->outbox.message_count, 0);
    decree_paxos_close(paxos);
}

static void test_a_retry_goes_to_who_has_not_voted_for_the_first_missing_run(void **state)
{
    struct decree_paxos *paxos = proposing(5, 6, NULL);
    struct commander *commander = &paxos->leader.commander;

    (void)state;
    (void)commander_flush(commander, &paxos->outbox);
    (void)vote(paxos, 1, alone_ballot(5, 1), 1, 6);
    (void)vote(paxos, 2, alone_ballot(5, 1), 1, 6);
    (void)vote(paxos, 3, alone_ballot(5, 1), 4,
               1); /* slot 4 only; 5 has all but three votes, so 1 to 3 wait */
    alone_clear(paxos);
    commander_on_timer(commander, &paxos->outbox);
    assert_int_equal(paxos->outbox.message_count,
                     0); /* not in the step: the log may change before the take */
    (void)commander_flush(commander, &paxos->outbox);
    assert_int_equal(alone_count(paxos, DECREE_P2A), 0); /* one round of grace */
    commander_on_timer(commander, &paxos->outbox);
    (void)commander_flush(commander, &paxos->outbox);
    assert_null(alone_sent(paxos, 2, DECREE_P2A));
    assert_int_equal(alone_sent(paxos, 3, DECREE_P2A)->slot, 1);
    assert_int_equal(alone_sent(paxos, 3, DECREE_P2A)->pvalue_count, 3);
    assert_int_equal(alone_sent(paxos, 5, DECREE_P2A)->pvalue_count, 6);
    decree_paxos_close(paxos);
}

/* How long until the next retry, after one; what it sends. */
static uint64_t retry(struct decree_paxos *paxos)
{
    alone_clear(paxos);
    commander_on_timer(&paxos->leader.commander, &paxos->outbox);
    (void)commander_flush(&paxos->leader.commander, &paxos->outbox);
    return (paxos->outbox.timers_ns[TIMER_VOTE] - paxos->outbox.now_ns) /
           paxos->config.heartbeat_every_ns;
}

/* What goes out again says so; the time to wait for it grows, until something is decided. */
static void test_a_retry_waits_longer_each_time_until_something_is_decided(void **state)
{
    struct decree_paxos *paxos = proposing(3, 2, NULL);

    (void)state;
    (void)commander_flush(&paxos->leader.commander, &paxos->outbox);
    assert_false(alone_sent(paxos, 2, DECREE_P2A)->again);
    assert_int_equal(retry(paxos), 1);
    assert_int_equal(alone_count(paxos, DECREE_P2A), 0);
    assert_int_equal(retry(paxos), 2);
    assert_true(alone_sent(paxos, 2, DECREE_P2A)->again);
    assert_int_equal(retry(paxos), 4);
    assert_int_equal(retry(paxos), 8);
    assert_int_equal(retry(paxos), 8);
    (void)vote(paxos, 1, alone_ballot(5, 1), 1, 2);
    (void)vote(paxos, 2, alone_ballot(5, 1), 1, 1);
    assert_int_equal(retry(paxos), 1);
    assert_int_equal(alone_sent(paxos, 2, DECREE_P2A)->slot, 2);
    decree_paxos_close(paxos);
}

static void test_the_origin_is_told_at_once_and_the_others_soon(void **state)
{
    struct decree_paxos *paxos = alone_open(2, 3, NULL); /* the commands are of member 1 */
    struct commander *commander = &paxos->leader.commander;
    struct decree_pvalue pvalue = alone_pvalue(alone_ballot(5, 2), 1, 1);

    (void)state;
    commander_start(commander, alone_ballot(5, 2), 1);
    commander_proposed(commander);
    log_accept(&paxos->log, &pvalue);
    (void)commander_flush(commander, &paxos->outbox);
    (void)vote(paxos, 2, alone_ballot(5, 2), 1, 1);
    assert_true(vote(paxos, 3, alone_ballot(5, 2), 1, 1));
    (void)commander_flush(commander, &paxos->outbox);
    assert_int_equal(alone_sent(paxos, 1, DECREE_DECISION)->decided, 1);
    assert_null(alone_sent(paxos, 3, DECREE_DECISION));
    alone_clear(paxos);
    commander_on_announce_timer(commander, &paxos->outbox);
    (void)commander_flush(commander, &paxos->outbox);
    assert_int_equal(alone_sent(paxos, 3, DECREE_DECISION)->decided, 1);
    alone_clear(paxos);
    (void)commander_flush(commander, &paxos->outbox);
    assert_int_equal(paxos->outbox.message_count, 0);
    decree_paxos_close(paxos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quorum_of_different_members_decides),
        cmocka_unit_test(test_votes_of_another_ballot_count_not),
        cmocka_unit_test(test_votes_of_the_ballot_before_are_forgotten),
        cmocka_unit_test(test_slots_are_decided_in_order),
        cmocka_unit_test(test_votes_for_what_was_not_proposed_are_nothing),
        cmocka_unit_test(test_votes_wait_for_the_slots_below_to_be_learned),
        cmocka_unit_test(test_p2a_carries_runs_of_so_many_bytes),
        cmocka_unit_test(test_a_retry_goes_to_who_has_not_voted_for_the_first_missing_run),
        cmocka_unit_test(test_a_retry_waits_longer_each_time_until_something_is_decided),
        cmocka_unit_test(test_the_origin_is_told_at_once_and_the_others_soon),
    };

    return cmocka_run_group_tests_name("commander", tests, NULL, NULL);
}
