/* SPDX-License-Identifier: MIT */
/* test_acceptor.c -- answers held for the disk: what they say when they leave, and what must not be
 * mistaken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

static void p1a(struct decree_paxos *paxos, struct decree_ballot ballot, decree_slot slot)
{
    struct decree_message message = {
        .type = DECREE_P1A, .from = ballot.node, .to = 1, .ballot = ballot, .slot = slot};

    acceptor_on_p1a(&paxos->acceptor, &message, &paxos->outbox);
}

static void p2a(struct decree_paxos *paxos, struct decree_ballot ballot, decree_slot slot,
                uint32_t count)
{
    struct decree_pvalue run[16];
    struct decree_message message = {.type = DECREE_P2A,
                                     .from = ballot.node,
                                     .to = 1,
                                     .ballot = ballot,
                                     .slot = slot,
                                     .pvalues = run,
                                     .pvalue_count = count};

    for (uint32_t i = 0; i < count; i++)
        run[i] = alone_pvalue(ballot, slot + i, (uint32_t)((slot + i) % 10));
    acceptor_on_p2a(&paxos->acceptor, &message, &paxos->outbox);
}

/* The next answer for a peer that may go out now; its type is NONE when there is none. */
static struct decree_message leaving(struct decree_paxos *paxos)
{
    struct decree_message message = {.type = DECREE_MESSAGE_NONE};
    const struct held *held;

    while ((held = outbox_next_released(&paxos->outbox)) != NULL)
        acceptor_on_durable(&paxos->acceptor, held);
    while ((held = outbox_next_leaving(&paxos->outbox)) != NULL)
        if (acceptor_answer(&paxos->acceptor, held, &paxos->outbox, &message))
            break;
    return message;
}

static uint64_t held(const struct decree_paxos *paxos)
{
    struct decree_status status;

    decree_paxos_status(paxos, &status);
    return status.held;
}

static void test_answers_leave_in_order_as_the_disk_goes_on(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message message;

    (void)state;
    p1a(paxos, alone_ballot(2, 2), 1); /* lsn 2 */
    paxos->outbox.turn++;
    p2a(paxos, alone_ballot(2, 2), 1, 3); /* lsn 3 to 5 */
    assert_int_equal(leaving(paxos).type, DECREE_MESSAGE_NONE);
    assert_int_equal(held(paxos), 2);
    outbox_persisted(&paxos->outbox, 2);
    assert_int_equal(leaving(paxos).type, DECREE_P1B);
    assert_int_equal(held(paxos), 1);
    assert_int_equal(leaving(paxos).type, DECREE_MESSAGE_NONE);
    outbox_persisted(&paxos->outbox, 4);
    assert_int_equal(leaving(paxos).type,
                     DECREE_MESSAGE_NONE); /* a run waits for its last record */
    outbox_persisted(&paxos->outbox, 5);
    message = leaving(paxos);
    assert_int_equal(message.type, DECREE_P2B);
    assert_int_equal(message.slot, 1);
    assert_int_equal(message.count, 3);
    assert_int_equal(held(paxos), 0);
    decree_paxos_close(paxos);
}

static void test_votes_for_runs_that_touch_join_in_one_turn_only(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    p2a(paxos, alone_ballot(2, 2), 1, 2);
    p2a(paxos, alone_ballot(2, 2), 3, 1);
    p2a(paxos, alone_ballot(2, 2), 5, 1); /* a gap */
    paxos->outbox.turn++;
    p2a(paxos, alone_ballot(2, 2), 6, 1); /* another turn */
    outbox_persisted(&paxos->outbox, paxos->outbox.appended);
    assert_int_equal(leaving(paxos).count, 3);
    assert_int_equal(leaving(paxos).slot, 5);
    assert_int_equal(leaving(paxos).slot, 6);
    assert_int_equal(leaving(paxos).type, DECREE_MESSAGE_NONE);
    decree_paxos_close(paxos);
}

/* Neither that it is given nor what it was refused for, until the latter is durable. */
static void test_nothing_is_said_for_a_promise_that_was_overtaken(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message message;

    (void)state;
    p2a(paxos, alone_ballot(1, 3), 1, 1);
    p1a(paxos, alone_ballot(2, 2), 1);
    p1a(paxos, alone_ballot(3, 2), 1); /* the same node again, higher */
    outbox_persisted(&paxos->outbox, paxos->outbox.appended - 1);
    assert_int_equal(leaving(paxos).type, DECREE_P2B);
    assert_int_equal(leaving(paxos).type, DECREE_MESSAGE_NONE);
    assert_true(ballot_equal(paxos->acceptor.durable, alone_ballot(2, 2)));
    outbox_persisted(&paxos->outbox, paxos->outbox.appended);
    message = leaving(paxos);
    assert_true(ballot_equal(message.ballot, alone_ballot(3, 2)));
    assert_int_equal(message.slot, 1);
    assert_int_equal(message.pvalue_count, 1);
    decree_paxos_close(paxos);
}

static void test_a_promise_that_was_overtaken_for_good_leaves_as_a_refusal(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message message;

    (void)state;
    p1a(paxos, alone_ballot(2, 2), 1);
    p1a(paxos, alone_ballot(3, 2), 1); /* the same node again, higher */
    outbox_persisted(&paxos->outbox, paxos->outbox.appended);
    message = leaving(paxos);
    assert_true(ballot_equal(message.ballot, alone_ballot(3, 2)));
    assert_int_equal(message.slot, 0); /* or it would pass for the promise of 3.2 */
    assert_int_equal(message.pvalue_count, 0);
    assert_int_equal(leaving(paxos).slot, 1);
    decree_paxos_close(paxos);
}

static void test_a_refusal_names_what_is_durable(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message message;

    (void)state;
    p1a(paxos, alone_ballot(5, 2), 1);
    p2a(paxos, alone_ballot(2, 3), 1, 1);
    p1a(paxos, alone_ballot(9, 1), 1); /* this node's own claim: nobody is to hear of it yet */
    outbox_persisted(&paxos->outbox, 2);
    message = leaving(paxos); /* not the promise, which was overtaken */
    assert_int_equal(message.type, DECREE_P2B);
    assert_true(ballot_equal(message.ballot, alone_ballot(5, 2)));
    assert_int_equal(message.count, 0);
    p2a(paxos, alone_ballot(2, 3), 1, 1);
    assert_int_equal(leaving(paxos).type, DECREE_MESSAGE_NONE);
    outbox_persisted(&paxos->outbox, 3);
    assert_true(ballot_equal(leaving(paxos).ballot, alone_ballot(9, 1)));
    decree_paxos_close(paxos);
}

static void test_a_vote_stays_given_whatever_is_promised_since(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message message;

    (void)state;
    p2a(paxos, alone_ballot(2, 2), 1, 1);
    p1a(paxos, alone_ballot(9, 3), 1);
    p2a(paxos, alone_ballot(2, 2), 2, 1); /* too late */
    outbox_persisted(&paxos->outbox, paxos->outbox.appended);
    message = leaving(paxos);
    assert_true(ballot_equal(message.ballot, alone_ballot(2, 2)));
    assert_int_equal(message.count, 1);
    assert_int_equal(leaving(paxos).type, DECREE_P1B);
    message = leaving(paxos);
    assert_true(ballot_equal(message.ballot, alone_ballot(9, 3)));
    assert_int_equal(message.count, 0);
    assert_false(log_has(&paxos->log, 2));
    decree_paxos_close(paxos);
}

static void test_a_run_is_voted_for_as_far_as_it_fits(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL); /* a window of 8 */

    (void)state;
    p2a(paxos, alone_ballot(2, 2), 7, 4);
    paxos->outbox.turn++;
    p2a(paxos, alone_ballot(2, 2), 9, 2); /* not at all */
    outbox_persisted(&paxos->outbox, paxos->outbox.appended);
    assert_int_equal(leaving(paxos).count, 2);
    assert_int_equal(leaving(paxos).type, DECREE_MESSAGE_NONE);
    assert_false(log_has(&paxos->log, 9));
    decree_paxos_close(paxos);
}

static void test_the_same_p2a_again_appends_nothing(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    decree_lsn appended;

    (void)state;
    p2a(paxos, alone_ballot(2, 2), 1, 3);
    appended = paxos->outbox.appended;
    paxos->outbox.turn++;
    p2a(paxos, alone_ballot(2, 2), 1, 3);
    assert_int_equal(paxos->outbox.appended, appended);
    outbox_persisted(&paxos->outbox, appended);
    assert_int_equal(leaving(paxos).count, 3);
    assert_int_equal(leaving(paxos).count, 3);
    decree_paxos_close(paxos);
}

static void test_p1b_says_the_first_run_from_the_slot_and_the_last_slot(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message message;

    (void)state;
    p2a(paxos, alone_ballot(1, 3), 3, 2);
    p2a(paxos, alone_ballot(1, 3), 7, 1);
    paxos->outbox.turn++;
    p1a(paxos, alone_ballot(2, 2), 1);
    p1a(paxos, alone_ballot(2, 2), 5);
    p1a(paxos, alone_ballot(2, 2), 8);
    outbox_persisted(&paxos->outbox, paxos->outbox.appended);
    (void)leaving(paxos);
    (void)leaving(paxos);
    message = leaving(paxos);
    assert_int_equal(message.pvalue_count, 2);
    assert_int_equal(message.pvalues[0].slot, 3);
    assert_int_equal(message.last, 7);
    message = leaving(paxos);
    assert_int_equal(message.pvalue_count, 1);
    assert_int_equal(message.pvalues[0].slot, 7);
    message = leaving(paxos);
    assert_int_equal(message.pvalue_count, 0);
    assert_int_equal(message.last, 7);
    decree_paxos_close(paxos);
}

/* A page that was asked for before was sent before, as far as the acceptor knows. */
static void test_a_page_asked_for_again_is_given_again(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct decree_message question = {
        .type = DECREE_P1A, .from = 2, .to = 1, .ballot = alone_ballot(2, 2), .slot = 1};

    (void)state;
    for (question.count = 0; question.count < 2; question.count++) {
        acceptor_on_p1a(&paxos->acceptor, &question, &paxos->outbox);
        outbox_persisted(&paxos->outbox, paxos->outbox.appended);
        assert_int_equal(leaving(paxos).again, question.count);
    }
    decree_paxos_close(paxos);
}

static void test_a_journal_that_stands_still_is_noticed(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct outbox *outbox = &paxos->outbox;

    (void)state;
    outbox->now_ns += 5000 * ALONE_MS;
    assert_false(outbox_is_stalled(outbox)); /* nobody waits */
    p1a(paxos, alone_ballot(2, 2), 1);
    assert_false(outbox_is_stalled(outbox));
    outbox->now_ns += 1001 * ALONE_MS;
    assert_true(outbox_is_stalled(outbox));
    outbox_persisted(outbox, outbox->appended);
    assert_int_equal(leaving(paxos).type, DECREE_P1B);
    assert_false(outbox_is_stalled(outbox));
    decree_paxos_close(paxos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_leave_in_order_as_the_disk_goes_on),
        cmocka_unit_test(test_votes_for_runs_that_touch_join_in_one_turn_only),
        cmocka_unit_test(test_nothing_is_said_for_a_promise_that_was_overtaken),
        cmocka_unit_test(test_a_promise_that_was_overtaken_for_good_leaves_as_a_refusal),
        cmocka_unit_test(test_a_refusal_names_what_is_durable),
        cmocka_unit_test(test_a_vote_stays_given_whatever_is_promised_since),
        cmocka_unit_test(test_a_run_is_voted_for_as_far_as_it_fits),
        cmocka_unit_test(test_the_same_p2a_again_appends_nothing),
        cmocka_unit_test(test_p1b_says_the_first_run_from_the_slot_and_the_last_slot),
        cmocka_unit_test(test_a_page_asked_for_again_is_given_again),
        cmocka_unit_test(test_a_journal_that_stands_still_is_noticed),
    };

    return cmocka_run_group_tests_name("acceptor", tests, NULL, NULL);
}
