/* SPDX-License-Identifier: MIT */
/* test_replica.c -- proposals until they are performed, hints, and each command performed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

static int propose(struct decree_paxos *paxos, uint32_t digit)
{
    struct decree_pvalue pvalue = alone_pvalue(alone_ballot(1, 1), 1, digit);

    return replica_propose(&paxos->replica, pvalue.command.value, &paxos->outbox);
}

/* The command of this sequence is decided in the next slot and handed out; what comes out. */
static const struct decree_pvalue *perform(struct decree_paxos *paxos, uint64_t incarnation,
                                           uint64_t sequence)
{
    struct decree_pvalue pvalue = alone_pvalue(alone_ballot(2, 2), paxos->log.decided + 1, 1);

    pvalue.command.incarnation = incarnation;
    pvalue.command.sequence = sequence;
    alone_clear(paxos);
    acceptor_learn(&paxos->acceptor, &pvalue, &paxos->outbox);
    assert_true(replica_deliver(&paxos->replica, &paxos->outbox));
    assert_int_equal(paxos->outbox.decision_count, 1);
    paxos->log.recorded = paxos->log.delivered;
    return &paxos->outbox.decisions[0];
}

static void test_proposals_are_numbered_and_bounded(void **state)
{
    struct decree_config limits = {.proposal_bytes_max = 10};
    struct decree_paxos *paxos = alone_open(1, 3, &limits);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(propose(paxos, 1), 0);
    assert_int_equal(decree_paxos_last_sequence(paxos), 10);
    assert_int_equal(propose(paxos, 1), DECREE_FULL); /* bytes */
    decree_paxos_close(paxos);
    paxos = alone_open(1, 3, NULL);
    for (int i = 0; i < 64; i++)
        assert_int_equal(propose(paxos, 1), 0);
    assert_int_equal(propose(paxos, 1), DECREE_FULL); /* proposals_max */
    (void)perform(paxos, 1, 1);
    assert_int_equal(propose(paxos, 1), 0);
    assert_int_equal(propose(paxos, 1), DECREE_FULL);
    decree_paxos_close(paxos);
}

static void test_a_proposal_is_let_go_when_it_is_performed_in_any_order(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(propose(paxos, i), 0);
    (void)perform(paxos, 1, 2);
    assert_int_equal(paxos->replica.first, 1);
    (void)perform(paxos, 7, 1); /* the same number of another life: not this one */
    assert_int_equal(paxos->replica.first, 1);
    decree_paxos_close(paxos);
    paxos = alone_open(1, 3, NULL);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(propose(paxos, i), 0);
    (void)perform(paxos, 1, 2);
    (void)perform(paxos, 1, 1);
    assert_int_equal(paxos->replica.first, 3);
    assert_int_equal(paxos->replica.bytes, 1);
    decree_paxos_close(paxos);
}

static void test_a_command_is_performed_once(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    assert_non_null(perform(paxos, 1, 1)->command.value);
    assert_null(perform(paxos, 1, 1)->command.value);
    assert_int_equal(paxos->outbox.decisions[0].command.origin, 0);
    assert_non_null(perform(paxos, 1, 3)->command.value);
    assert_non_null(perform(paxos, 1, 2)->command.value);
    assert_non_null(perform(paxos, 2, 1)->command.value);
    assert_null(perform(paxos, 1, 4)->command.value); /* of a life that is over */
    decree_paxos_close(paxos);
}

static void test_forwards_runs_and_again_what_is_open(void **state)
{
    struct decree_config limits = {.message_bytes_max = 2};
    struct decree_paxos *paxos = alone_open(1, 3, &limits);

    (void)state;
    for (uint32_t i = 1; i <= 5; i++)
        assert_int_equal(propose(paxos, i), 0);
    assert_true(replica_forward(&paxos->replica, 2, &paxos->outbox));
    assert_int_equal(alone_count(paxos, DECREE_PROPOSE), 3);
    assert_false(alone_sent(paxos, 2, DECREE_PROPOSE)->again);
    alone_clear(paxos);
    assert_true(replica_forward(&paxos->replica, 2, &paxos->outbox));
    assert_int_equal(paxos->outbox.message_count, 0);
    (void)perform(paxos, 1, 2);
    alone_clear(paxos);
    replica_again(&paxos->replica, &paxos->outbox);
    assert_true(replica_forward(&paxos->replica, 3, &paxos->outbox));
    assert_int_equal(alone_count(paxos, DECREE_PROPOSE), 3); /* 1, then 3 and 4, then 5 */
    assert_int_equal(paxos->outbox.messages[1].pvalues[0].command.sequence, 3);
    assert_true(alone_sent(paxos, 3, DECREE_PROPOSE)->again);
    assert_int_equal(propose(paxos, 6), 0);
    alone_clear(paxos);
    assert_true(replica_forward(&paxos->replica, 3, &paxos->outbox));
    assert_false(alone_sent(paxos, 3, DECREE_PROPOSE)->again); /* this one was not given before */
    alone_clear(paxos);
    replica_anew(&paxos->replica, &paxos->outbox);
    assert_true(replica_forward(&paxos->replica, 2, &paxos->outbox));
    assert_false(alone_sent(paxos, 2, DECREE_PROPOSE)->again); /* nor any to this leader */
    decree_paxos_close(paxos);
}

/* Heartbeats, until a proposal is given again. */
static uint64_t patience(const struct decree_paxos *paxos)
{
    return (paxos->outbox.timers_ns[TIMER_PROPOSE] - paxos->outbox.now_ns) /
           paxos->config.heartbeat_every_ns;
}

static void test_what_is_given_again_waits_longer_until_something_is_performed(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    assert_int_equal(propose(paxos, 1), 0);
    assert_int_equal(propose(paxos, 2), 0);
    assert_int_equal(patience(paxos), 3);
    replica_again(&paxos->replica, &paxos->outbox);
    assert_int_equal(patience(paxos), 6);
    replica_again(&paxos->replica, &paxos->outbox);
    assert_int_equal(patience(paxos), 12);
    (void)perform(paxos, 1, 1);
    assert_int_equal(patience(paxos), 6);
    replica_again(&paxos->replica, &paxos->outbox);
    replica_anew(&paxos->replica, &paxos->outbox);
    assert_int_equal(patience(paxos), 3);
    decree_paxos_close(paxos);
}

static void test_a_hint_decides_what_was_accepted_in_its_ballot_only(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_pvalue own = alone_pvalue(alone_ballot(2, 2), 1, 1),
                         other = alone_pvalue(alone_ballot(1, 3), 2, 2);

    (void)state;
    log_accept(&paxos->log, &own);
    log_accept(&paxos->log, &other);
    replica_hint(&paxos->replica, alone_ballot(1, 3), 2); /* slot 1 was accepted in a higher one */
    assert_false(replica_decide(&paxos->replica));
    replica_hint(&paxos->replica, alone_ballot(2, 2), 2);
    assert_true(replica_decide(&paxos->replica));
    assert_int_equal(paxos->log.decided, 1);
    replica_hint(&paxos->replica, alone_ballot(1, 3), 9); /* lower ballots say nothing new */
    assert_false(replica_decide(&paxos->replica));
    decree_paxos_close(paxos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proposals_are_numbered_and_bounded),
        cmocka_unit_test(test_a_proposal_is_let_go_when_it_is_performed_in_any_order),
        cmocka_unit_test(test_a_command_is_performed_once),
        cmocka_unit_test(test_forwards_runs_and_again_what_is_open),
        cmocka_unit_test(test_what_is_given_again_waits_longer_until_something_is_performed),
        cmocka_unit_test(test_a_hint_decides_what_was_accepted_in_its_ballot_only),
    };

    return cmocka_run_group_tests_name("replica", tests, NULL, NULL);
}
