/* SPDX-License-Identifier: MIT */
/* test_catchup.c -- asking for decided slots, and giving them from memory or through the
 * journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

static void note(struct decree_paxos *paxos, decree_node_id from, decree_slot decided)
{
    struct decree_message message = {
        .type = DECREE_HEARTBEAT, .from = from, .to = paxos->config.self, .decided = decided};

    catchup_note(&paxos->catchup, &message, &paxos->outbox);
}

static void want(struct decree_paxos *paxos, decree_node_id from, decree_slot first,
                 decree_slot last)
{
    struct decree_message message = {.type = DECREE_CATCH_UP,
                                     .from = from,
                                     .to = paxos->config.self,
                                     .slot = first,
                                     .last = last};

    alone_clear(paxos);
    catchup_on_catch_up(&paxos->catchup, &message, &paxos->outbox);
    catchup_flush(&paxos->catchup, &paxos->outbox);
}

static void learn(struct decree_paxos *paxos, decree_slot slot, bool given)
{
    struct decree_pvalue pvalue = alone_pvalue(alone_ballot(2, 2), slot, (uint32_t)(slot % 10));

    alone_clear(paxos);
    acceptor_learn(&paxos->acceptor, &pvalue, &paxos->outbox);
    catchup_on_progress(&paxos->catchup, given, &paxos->outbox);
}

/* Slots 1 to last, decided and delivered; settled says how far that is durable. */
static struct decree_paxos *knowing(decree_slot last, decree_slot settled,
                                    const struct decree_config *limits)
{
    struct decree_paxos *paxos = alone_open(1, 3, limits);

    for (decree_slot slot = 1; slot <= last; slot++) {
        learn(paxos, slot, true);
        (void)log_deliver(&paxos->log);
        paxos->log.recorded = slot;
        paxos->log.settled = slot < settled ? slot : settled;
    }
    alone_clear(paxos);
    return paxos;
}

static void test_who_knows_as_much_asks_nobody(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    note(paxos, 2, 0);
    assert_int_equal(paxos->outbox.timers_ns[TIMER_CATCH_UP], UINT64_MAX);
    catchup_on_timer(&paxos->catchup, &paxos->outbox);
    assert_int_equal(paxos->outbox.message_count, 0);
    assert_int_equal(paxos->outbox.timers_ns[TIMER_CATCH_UP], UINT64_MAX);
    decree_paxos_close(paxos);
}

static void test_who_knows_less_asks_after_a_moment_and_then_another(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    note(paxos, 2, 5);
    note(paxos, 3, 6);
    assert_int_equal(paxos->outbox.message_count, 0);
    assert_true(paxos->outbox.timers_ns[TIMER_CATCH_UP] > paxos->outbox.now_ns);
    catchup_on_timer(&paxos->catchup, &paxos->outbox);
    assert_int_equal(alone_sent(paxos, 2, DECREE_CATCH_UP)->slot, 1);
    assert_int_equal(alone_sent(paxos, 2, DECREE_CATCH_UP)->last, 5);
    alone_clear(paxos);
    catchup_on_timer(&paxos->catchup, &paxos->outbox);
    assert_int_equal(alone_sent(paxos, 3, DECREE_CATCH_UP)->last, 6);
    alone_clear(paxos);
    catchup_on_timer(&paxos->catchup, &paxos->outbox);
    assert_non_null(alone_sent(paxos, 2, DECREE_CATCH_UP));
    decree_paxos_close(paxos);
}

static void test_progress_asks_the_same_peer_for_more(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);

    (void)state;
    note(paxos, 2, 3);
    note(paxos, 3, 2);
    catchup_on_timer(&paxos->catchup, &paxos->outbox);
    assert_non_null(alone_sent(paxos, 2, DECREE_CATCH_UP));
    for (decree_slot slot = 1; slot <= 2; slot++) {
        learn(paxos, slot, true);
        assert_int_equal(alone_sent(paxos, 2, DECREE_CATCH_UP)->slot, slot + 1);
        assert_null(alone_sent(paxos, 3, DECREE_CATCH_UP));
    }
    learn(paxos, 3, true);
    assert_int_equal(alone_count(paxos, DECREE_CATCH_UP), 0);
    assert_int_equal(paxos->outbox.timers_ns[TIMER_CATCH_UP], UINT64_MAX);
    assert_int_equal(paxos->catchup.reached, 3);
    decree_paxos_close(paxos);
}

static void test_gives_a_run_from_memory(void **state)
{
    struct decree_config limits = {.message_bytes_max = 3};
    struct decree_paxos *paxos = knowing(6, 6, &limits);

    (void)state;
    want(paxos, 2, 2, 100);
    assert_int_equal(alone_sent(paxos, 2, DECREE_DECISION)->pvalue_count, 3);
    assert_int_equal(alone_sent(paxos, 2, DECREE_DECISION)->pvalues[0].slot, 2);
    assert_int_equal(alone_sent(paxos, 2, DECREE_DECISION)->decided, 6);
    want(paxos, 2, 6, 6);
    assert_int_equal(alone_sent(paxos, 2, DECREE_DECISION)->pvalue_count, 1);
    alone_clear(paxos);
    catchup_flush(&paxos->catchup, &paxos->outbox);
    assert_int_equal(paxos->outbox.message_count, 0); /* once */
    decree_paxos_close(paxos);
}

static void test_gives_nothing_that_it_does_not_know(void **state)
{
    struct decree_paxos *paxos = knowing(3, 3, NULL);

    (void)state;
    want(paxos, 2, 4, 9);
    assert_int_equal(paxos->outbox.message_count + paxos->outbox.fetch_count, 0);
    want(paxos, 2, UINT64_MAX / 2 - 1, UINT64_MAX);
    assert_int_equal(paxos->outbox.message_count + paxos->outbox.fetch_count, 0);
    want(paxos, 2, 3, 2);
    assert_int_equal(paxos->outbox.message_count + paxos->outbox.fetch_count, 0);
    decree_paxos_close(paxos);
}

static void test_what_is_not_in_memory_is_fetched_if_durable(void **state)
{
    struct decree_paxos *paxos = knowing(24, 4, NULL); /* 16 slots are kept, from 9 */

    (void)state;
    want(paxos, 2, 1, 24);
    assert_int_equal(paxos->outbox.message_count, 0);
    assert_int_equal(paxos->outbox.fetch_count, 1);
    assert_int_equal(paxos->outbox.fetches[0].to, 2);
    assert_int_equal(paxos->outbox.fetches[0].first, 1);
    assert_int_equal(paxos->outbox.fetches[0].last, 4);
    want(paxos, 2, 5, 24); /* not durable yet: the peer will ask again */
    assert_int_equal(paxos->outbox.message_count + paxos->outbox.fetch_count, 0);
    want(paxos, 3, 9, 24);
    assert_int_equal(alone_sent(paxos, 3, DECREE_DECISION)->pvalues[0].slot, 9);
    decree_paxos_close(paxos);
}

/* Somebody knows more only because his word was quicker than what is large: as long as that comes, nobody is
 * asked. */
static void test_who_gets_on_waits_twice_as_long_as_that_takes(void **state)
{
    struct decree_paxos *paxos = alone_open(1, 3, NULL);
    struct outbox *outbox = &paxos->outbox;

    (void)state;
    note(paxos, 2, 9);
    assert_int_equal(outbox->timers_ns[TIMER_CATCH_UP] - outbox->now_ns, 25 * ALONE_MS);
    outbox->now_ns += 400 * ALONE_MS;
    learn(paxos, 1, false);
    assert_int_equal(paxos->outbox.message_count, 0);
    assert_int_equal(outbox->timers_ns[TIMER_CATCH_UP] - outbox->now_ns, 800 * ALONE_MS);
    outbox->now_ns += ALONE_MS;
    learn(paxos, 2, false); /* a quick one: half as long */
    assert_int_equal(outbox->timers_ns[TIMER_CATCH_UP] - outbox->now_ns, 400 * ALONE_MS);
    catchup_on_timer(&paxos->catchup, outbox);
    assert_int_equal(alone_sent(paxos, 2, DECREE_CATCH_UP)->slot, 3);
    assert_int_equal(outbox->timers_ns[TIMER_CATCH_UP] - outbox->now_ns, 400 * ALONE_MS);
    catchup_on_timer(&paxos->catchup, outbox); /* it has brought nothing */
    assert_int_equal(outbox->timers_ns[TIMER_CATCH_UP] - outbox->now_ns, 800 * ALONE_MS);
    outbox->now_ns += 500 * ALONE_MS;
    learn(paxos, 3, true); /* what was asked for came: no matter how long nobody was asked */
    assert_int_equal(alone_sent(paxos, 2, DECREE_CATCH_UP)->slot, 4);
    assert_int_equal(outbox->timers_ns[TIMER_CATCH_UP] - outbox->now_ns, 400 * ALONE_MS);
    learn(paxos, 4, false);
    assert_int_equal(paxos->outbox.message_count, 0);
    assert_int_equal(paxos->catchup.asked, 0);
    decree_paxos_close(paxos);
}

static void test_what_is_asked_for_again_is_given_again(void **state)
{
    struct decree_paxos *asker = alone_open(2, 3, NULL), *giver = knowing(3, 3, NULL);
    struct decree_message question;

    (void)state;
    note(asker, 1, 3);
    for (uint32_t times = 0; times < 2; times++) {
        alone_clear(asker);
        alone_clear(giver);
        catchup_on_timer(&asker->catchup, &asker->outbox);
        question = *alone_sent(asker, 1, DECREE_CATCH_UP);
        catchup_on_catch_up(&giver->catchup, &question, &giver->outbox);
        catchup_flush(&giver->catchup, &giver->outbox);
        assert_int_equal(alone_sent(giver, 2, DECREE_DECISION)->again, times > 0);
        assert_int_equal(catchup_is_again(&giver->catchup, 2, &giver->outbox), times > 0);
    }
    decree_paxos_close(asker);
    decree_paxos_close(giver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_knows_as_much_asks_nobody),
        cmocka_unit_test(test_who_knows_less_asks_after_a_moment_and_then_another),
        cmocka_unit_test(test_progress_asks_the_same_peer_for_more),
        cmocka_unit_test(test_gives_a_run_from_memory),
        cmocka_unit_test(test_gives_nothing_that_it_does_not_know),
        cmocka_unit_test(test_what_is_not_in_memory_is_fetched_if_durable),
        cmocka_unit_test(test_who_gets_on_waits_twice_as_long_as_that_takes),
        cmocka_unit_test(test_what_is_asked_for_again_is_given_again),
    };

    return cmocka_run_group_tests_name("catchup", tests, NULL, NULL);
}
