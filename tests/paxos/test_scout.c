/* SPDX-License-Identifier: MIT */
/* test_scout.c -- phase 1: pages, merging by ballot, the base, and what must not count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

/* A scout of node 1 in ballot 5.1 whose own, empty promise is there. */
static struct decree_paxos *scouting(uint32_t count, const struct decree_config *limits)
{
    struct decree_paxos *paxos = alone_open(1, count, limits);
    struct decree_message own = {
        .type = DECREE_P1B, .from = 1, .to = 1, .ballot = alone_ballot(5, 1), .slot = 1};

    scout_start(&paxos->scout, alone_ballot(5, 1), 0, &paxos->outbox);
    assert_int_equal(alone_count(paxos, DECREE_P1A), 0);
    assert_false(scout_on_p1b(&paxos->scout, &own, &paxos->outbox));
    assert_int_equal(alone_count(paxos, DECREE_P1A), count - 1);
    return paxos;
}

static struct decree_message page(decree_node_id from, decree_slot slot, decree_slot last,
                                  const struct decree_pvalue *pvalues, uint32_t count)
{
    return (struct decree_message){.type = DECREE_P1B,
                                   .from = from,
                                   .to = 1,
                                   .ballot = alone_ballot(5, 1),
                                   .slot = slot,
                                   .last = last,
                                   .pvalues = pvalues,
                                   .pvalue_count = count};
}

static bool give(struct decree_paxos *paxos, struct decree_message message)
{
    return scout_on_p1b(&paxos->scout, &message, &paxos->outbox);
}

static void test_a_quorum_of_complete_answers_adopts(void **state)
{
    struct decree_paxos *paxos = scouting(5, NULL);

    (void)state;
    assert_false(give(paxos, page(2, 1, 0, NULL, 0)));
    assert_false(give(paxos, page(2, 1, 0, NULL, 0))); /* the same again */
    assert_true(give(paxos, page(3, 1, 0, NULL, 0)));
    decree_paxos_close(paxos);
}

static void test_other_ballots_and_refusals_count_not(void **state)
{
    struct decree_paxos *paxos = scouting(3, NULL);
    struct decree_message stale = page(2, 1, 0, NULL, 0), refusal = page(2, 0, 0, NULL, 0);

    (void)state;
    stale.ballot = alone_ballot(4, 1);
    assert_false(give(paxos, stale));
    assert_false(give(paxos, refusal));
    assert_int_equal(paxos->scout.promised, 1);
    scout_stop(&paxos->scout, &paxos->outbox);
    assert_false(give(paxos, page(2, 1, 0, NULL, 0)));
    decree_paxos_close(paxos);
}

static void test_pages_are_asked_for_until_the_last_slot(void **state)
{
    struct decree_paxos *paxos = scouting(3, NULL);
    struct decree_pvalue first[] = {alone_pvalue(alone_ballot(1, 2), 1, 1),
                                    alone_pvalue(alone_ballot(1, 2), 2, 2)};
    struct decree_pvalue second = alone_pvalue(alone_ballot(2, 2), 5, 5);

    (void)state;
    assert_false(give(paxos, page(2, 1, 5, first, 2)));
    assert_int_equal(alone_sent(paxos, 2, DECREE_P1A)->slot, 3);
    assert_false(give(paxos, page(2, 1, 5, first, 2))); /* a page that was not asked for */
    assert_int_equal(alone_sent(paxos, 2, DECREE_P1A)->slot, 3);
    assert_true(give(paxos, page(2, 3, 5, &second, 1)));
    assert_non_null(scout_pvalue(&paxos->scout, 2));
    assert_null(scout_pvalue(&paxos->scout, 3));
    assert_non_null(scout_pvalue(&paxos->scout, 5));
    assert_int_equal(paxos->scout.last, 5);
    decree_paxos_close(paxos);
}

static void test_the_highest_ballot_wins_a_slot_in_any_order(void **state)
{
    struct decree_pvalue low = alone_pvalue(alone_ballot(1, 3), 1, 1);
    struct decree_pvalue high = alone_pvalue(alone_ballot(2, 2), 1, 2);

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct decree_paxos *paxos = scouting(5, NULL);

        assert_false(give(paxos, page(2, 1, 1, turn == 0 ? &low : &high, 1)));
        assert_true(give(paxos, page(3, 1, 1, turn == 0 ? &high : &low, 1)));
        assert_ptr_equal(scout_pvalue(&paxos->scout, 1)->command.value, high.command.value);
        decree_paxos_close(paxos);
    }
}

static void test_decided_slots_are_left_out(void **state)
{
    struct decree_paxos *paxos = scouting(5, NULL);
    struct decree_pvalue low[] = {alone_pvalue(alone_ballot(1, 2), 1, 1),
                                  alone_pvalue(alone_ballot(1, 2), 2, 2)};
    struct decree_pvalue past = alone_pvalue(alone_ballot(1, 2), 3, 3);
    struct decree_message knows = page(3, 1, 3, &past, 1);

    (void)state;
    assert_false(give(paxos, page(2, 1, 2, low, 2)));
    knows.decided = 2;
    assert_true(give(paxos, knows));
    assert_int_equal(paxos->scout.base, 2);
    assert_non_null(scout_pvalue(&paxos->scout, 3));
    decree_paxos_close(paxos);
}

static void test_what_cannot_be_kept_is_not_taken(void **state)
{
    struct decree_paxos *paxos = scouting(3, NULL);
    struct decree_pvalue outside = alone_pvalue(alone_ballot(1, 2), 9, 1);
    struct decree_pvalue beyond = alone_pvalue(alone_ballot(1, 2), 3, 1);

    (void)state;
    assert_false(give(paxos, page(2, 1, 9, &outside, 1))); /* the window is 8 */
    assert_false(give(paxos, page(2, 1, 2, &beyond, 1)));  /* past its own last */
    assert_int_equal(paxos->scout.promised, 1);
    decree_paxos_close(paxos);
}

static void test_the_timer_asks_who_is_missing(void **state)
{
    struct decree_paxos *paxos = scouting(5, NULL);

    (void)state;
    assert_false(give(paxos, page(2, 1, 0, NULL, 0)));
    alone_clear(paxos);
    scout_on_timer(&paxos->scout, &paxos->outbox);
    assert_int_equal(alone_count(paxos, DECREE_P1A), 3);
    assert_null(alone_sent(paxos, 2, DECREE_P1A));
    assert_int_equal(alone_sent(paxos, 3, DECREE_P1A)->count, 1); /* not for the first time */
    decree_paxos_close(paxos);
}

/* An acceptor with few bytes for a message answers slot by slot, skipping gaps; the scout gets all
 * of it. */
static void test_an_acceptors_pages_fit_the_scouts_questions(void **state)
{
    struct decree_config limits = {.message_bytes_max = 1};
    struct decree_paxos *paxos = scouting(3, NULL), *peer = alone_open(2, 3, &limits);
    struct held asked = {.type = DECREE_P1B, .to = 1, .ballot = alone_ballot(5, 1), .slot = 1};
    struct decree_message answer;
    uint32_t pages = 1;

    (void)state;
    peer->acceptor.promised = peer->acceptor.durable = alone_ballot(5, 1);
    for (decree_slot slot = 2; slot <= 8; slot += slot == 4 ? 2 : 1) {
        struct decree_pvalue pvalue = alone_pvalue(alone_ballot(1, 2), slot, (uint32_t)slot);

        log_accept(&peer->log, &pvalue);
    }
    assert_true(acceptor_answer(&peer->acceptor, &asked, &peer->outbox, &answer));
    while (!give(paxos, answer)) {
        asked.slot = paxos->scout.next[1];
        assert_true(acceptor_answer(&peer->acceptor, &asked, &peer->outbox, &answer));
        assert_true(++pages < 20);
    }
    assert_int_equal(pages, 6);
    for (decree_slot slot = 1; slot <= 8; slot++)
        assert_int_equal(scout_pvalue(&paxos->scout, slot) != NULL, log_has(&peer->log, slot));
    decree_paxos_close(paxos);
    decree_paxos_close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quorum_of_complete_answers_adopts),
        cmocka_unit_test(test_other_ballots_and_refusals_count_not),
        cmocka_unit_test(test_pages_are_asked_for_until_the_last_slot),
        cmocka_unit_test(test_the_highest_ballot_wins_a_slot_in_any_order),
        cmocka_unit_test(test_decided_slots_are_left_out),
        cmocka_unit_test(test_what_cannot_be_kept_is_not_taken),
        cmocka_unit_test(test_the_timer_asks_who_is_missing),
        cmocka_unit_test(test_an_acceptors_pages_fit_the_scouts_questions),
    };

    return cmocka_run_group_tests_name("scout", tests, NULL, NULL);
}
