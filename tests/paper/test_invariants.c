/* SPDX-License-Identifier: MIT */
/* test_invariants.c -- the invariants of "Paxos Made Moderately Complex" (van Renesse and
 * Altinbuken, 2015), a test of each one's name. A role is driven alone, inside a core that nobody
 * else touches; what is stated is the paper's, in our words. invariants.h looks for the same in
 * every state of the random worlds of test_stress.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ballot.h"
#include "cores.h"
#include "invariants.h"
#include "prng.h"

static const decree_node_id members[] = {1, 2, 3};
static struct decree_value *values[4]; /* "0" to "3" */

static struct decree_paxos *fresh(decree_node_id self)
{
    struct decree_config config = {.self = self,
                                   .members = members,
                                   .member_count = 3,
                                   .log_slots_max = 16,
                                   .proposals_max = 64};
    struct decree_paxos *paxos = NULL;
    struct decree_event start = {.type = DECREE_EVENT_START, .now_ns = 1};

    assert_int_equal(decree_paxos_open(&paxos, &config), 0);
    assert_int_equal(decree_paxos_step(paxos, &start), 0);
    return paxos;
}

static struct decree_ballot ballot(uint64_t round, decree_node_id node)
{
    return (struct decree_ballot){.round = round, .node = node};
}

static struct decree_pvalue pvalue(struct decree_ballot in, decree_slot slot, uint32_t value)
{
    return (struct decree_pvalue){
        .ballot = in,
        .slot = slot,
        .command = {.origin = 3, .incarnation = 1, .sequence = value + 1, .value = values[value]}};
}

static void p1a(struct decree_paxos *paxos, struct decree_ballot in)
{
    struct decree_message message = {
        .type = DECREE_P1A, .from = in.node, .to = 1, .ballot = in, .slot = 1};

    outbox_begin(&paxos->outbox);
    acceptor_on_p1a(&paxos->acceptor, &message, &paxos->outbox);
}

static void p2a(struct decree_paxos *paxos, struct decree_ballot in, decree_slot slot,
                uint32_t value)
{
    struct decree_pvalue proposed = pvalue(in, slot, value);
    struct decree_message message = {.type = DECREE_P2A,
                                     .from = in.node,
                                     .to = 1,
                                     .ballot = in,
                                     .slot = slot,
                                     .pvalues = &proposed,
                                     .pvalue_count = 1};

    outbox_begin(&paxos->outbox);
    acceptor_on_p2a(&paxos->acceptor, &message, &paxos->outbox);
}

static void take(struct decree_paxos *paxos)
{
    struct decree_effects effects;

    decree_paxos_take(paxos, &effects);
}

/* Offers any ballots in any order and looks at the promise after each. */
static void test_A1_a_promise_only_grows(void **state)
{
    struct decree_paxos *paxos = fresh(1);
    struct prng prng;

    (void)state;
    prng_init(&prng, 1);
    for (int i = 0; i < 1000; i++) {
        struct decree_ballot before = paxos->acceptor.promised;
        struct decree_ballot in = ballot(1 + prng_below(&prng, 50),
                                         2 + (uint32_t)prng_below(&prng, 2));

        if (prng_below(&prng, 2) == 0)
            p1a(paxos, in);
        else
            p2a(paxos, in, 1 + prng_below(&prng, 8), (uint32_t)prng_below(&prng, 4));
        assert_true(ballot_compare(paxos->acceptor.promised, before) >= 0);
        assert_true(ballot_compare(paxos->acceptor.promised, in) >= 0);
        take(paxos);
        paxos->outbox.held_first = paxos->outbox.held_released = paxos->outbox.held_end;
    }
    decree_paxos_close(paxos);
}

static void test_A2_a_pvalue_is_accepted_only_in_the_promised_ballot(void **state)
{
    struct decree_paxos *paxos = fresh(1);

    (void)state;
    p1a(paxos, ballot(5, 2));
    p2a(paxos, ballot(4, 3), 1, 0);
    assert_false(log_has(&paxos->log, 1));
    p2a(paxos, ballot(5, 2), 1, 1);
    assert_true(log_has(&paxos->log, 1));
    p2a(paxos, ballot(6, 3), 2, 2); /* a higher one is promised by accepting in it */
    assert_true(ballot_equal(paxos->acceptor.promised, ballot(6, 3)));
    assert_null(invariants_core(paxos));
    log_at(&paxos->log, 2)->ballot = ballot(7, 2);
    assert_non_null(strstr(invariants_core(paxos), "A2"));
    decree_paxos_close(paxos);
}

static void test_A3_an_accepted_pvalue_is_replaced_by_a_higher_ballot_only(void **state)
{
    struct decree_paxos *paxos = fresh(1);

    (void)state;
    p2a(paxos, ballot(5, 2), 1, 1);
    p2a(paxos, ballot(4, 3), 1, 2);
    assert_ptr_equal(log_at(&paxos->log, 1)->command.value, values[1]);
    p1a(paxos, ballot(9, 3));
    p2a(paxos, ballot(5, 2), 1, 2);
    assert_ptr_equal(log_at(&paxos->log, 1)->command.value, values[1]);
    p2a(paxos, ballot(9, 3), 1, 3);
    assert_ptr_equal(log_at(&paxos->log, 1)->command.value, values[3]);
    decree_paxos_close(paxos);
}

/* Two acceptors, and what each accepted; the checker must see what may not be. */
static void test_A4_one_command_in_one_ballot_for_a_slot(void **state)
{
    struct decree_paxos *a = fresh(1), *b = fresh(2);
    const struct decree_paxos *cores[] = {a, b, NULL};

    (void)state;
    p2a(a, ballot(5, 3), 1, 1);
    p2a(b, ballot(5, 3), 1, 1);
    assert_null(invariants_cluster(cores, 3));
    p2a(b, ballot(6, 3), 1, 2); /* another ballot may have another command */
    assert_null(invariants_cluster(cores, 3));
    p2a(a, ballot(6, 3), 1, 3);
    assert_non_null(strstr(invariants_cluster(cores, 3), "A4"));
    decree_paxos_close(a);
    decree_paxos_close(b);
}

static void test_A5_what_a_quorum_accepted_is_what_higher_ballots_accept(void **state)
{
    struct decree_paxos *a = fresh(1), *b = fresh(2), *c = fresh(3);
    const struct decree_paxos *cores[] = {a, b, c};

    (void)state;
    p2a(a, ballot(5, 3), 1, 1);
    p2a(c, ballot(7, 2), 1, 2);
    assert_null(invariants_cluster(cores, 3)); /* nothing was chosen */
    p2a(b, ballot(5, 3), 1, 1);
    assert_non_null(strstr(invariants_cluster(cores, 3), "A5"));
    p2a(c, ballot(8, 2), 1, 1);
    assert_null(invariants_cluster(cores, 3));
    decree_paxos_close(a);
    decree_paxos_close(b);
    decree_paxos_close(c);
}

/* A cluster with a leader, to play against. */
static void elected(struct cores *cores)
{
    struct decree_config config = {.log_slots_max = 16, .proposals_max = 64, .seed = 1};

    cores_init(cores, 3, &config);
    for (decree_node_id id = 1; id <= 3; id++)
        assert_int_equal(cores_start(cores, id), 0);
    assert_int_equal(cores_elect(cores, 5000 * CORES_MS), 1);
    cores_run(cores, 20 * CORES_MS);
}

/* The p2a is sent again until it is answered; between, a higher ballot puts something else into the
 * leader's log. What goes out must still be what was proposed in that ballot: cores.c compares
 * every p2a with those before. */
static void test_C1_a_retry_proposes_the_same_command(void **state)
{
    struct cores cores;
    struct decree_pvalue other = pvalue(ballot(9, 3), 1, 3);
    struct decree_message higher = {.type = DECREE_P2A,
                                    .from = 3,
                                    .to = 1,
                                    .ballot = ballot(9, 3),
                                    .slot = 1,
                                    .pvalues = &other,
                                    .pvalue_count = 1};
    struct decree_event wake = {.type = DECREE_EVENT_WAKE};
    struct decree_event event = {.type = DECREE_EVENT_MESSAGE, .u.message = higher};

    (void)state;
    elected(&cores);
    assert_int_equal(cores_propose(&cores, 1, "first"), 0);
    for (int i = 0; i < 3; i++) { /* the retry is due once a round was waited for */
        cores.now_ns += 100 * CORES_MS;
        assert_int_equal(cores_offer(&cores, 1, &wake), 0);
        if (i < 2)
            cores_take(&cores, 1);
    }
    assert_int_equal(cores_offer(&cores, 1, &event), 0);
    cores_take(&cores, 1);
    assert_string_equal(cores.failure, "");
    assert_true(cores.proposal_count >= 1);
    cores_release(&cores);
}

/* Phase 1 brings "1" in the higher of two ballots: that is what the commander proposes. */
static void test_C2_a_commander_proposes_what_may_have_been_chosen(void **state)
{
    struct decree_paxos *paxos = fresh(1);
    struct outbox *outbox = &paxos->outbox;
    struct decree_pvalue low = pvalue(ballot(2, 3), 1, 0), high = pvalue(ballot(3, 2), 1, 1);
    struct decree_message own = {
        .type = DECREE_P1B, .from = 1, .to = 1, .ballot = ballot(5, 1), .slot = 1, .last = 1};
    struct decree_message page = own;

    (void)state;
    scout_start(&paxos->scout, ballot(5, 1), 0, outbox);
    own.pvalues = &low;
    own.pvalue_count = 1;
    assert_false(scout_on_p1b(&paxos->scout, &own, outbox));
    page.from = 2;
    page.pvalues = &high;
    page.pvalue_count = 1;
    assert_true(scout_on_p1b(&paxos->scout, &page, outbox));
    assert_ptr_equal(scout_pvalue(&paxos->scout, 1)->command.value, values[1]);
    paxos->acceptor.promised = ballot(5, 1);
    leader_adopt(&paxos->leader, &paxos->replica.performed, outbox);
    assert_true(leader_inherit(&paxos->leader, outbox));
    assert_ptr_equal(log_at(&paxos->log, 1)->command.value, values[1]);
    assert_null(invariants_core(paxos));
    decree_paxos_close(paxos);
}

static void test_L1_a_leader_selects_one_command_for_a_slot(void **state)
{
    struct cores cores;

    (void)state;
    elected(&cores); /* cores.c compares every p2a with those before */
    for (int i = 0; i < 100; i++) {
        (void)cores_propose(&cores, 1 + (uint32_t)i % 3, "select");
        cores.now_ns += 30 * CORES_MS;
        for (decree_node_id id = 1; id <= 3; id++)
            cores_wake(&cores, id);
        if (i % 4 == 0)
            cores_drain(&cores);
    }
    assert_string_equal(cores.failure, "");
    assert_true(cores.proposal_count > 50);
    cores_release(&cores);
}

static void test_L1_a_leader_whose_acceptor_promised_more_is_no_leader(void **state)
{
    struct cores cores;
    struct decree_paxos *paxos;

    (void)state;
    elected(&cores);
    paxos = cores_node(&cores, 1)->core;
    assert_null(invariants_core(paxos));
    paxos->acceptor.promised = ballot(99, 2);
    assert_non_null(strstr(invariants_core(paxos), "L1"));
    cores_release(&cores);
}

static void test_R1_no_two_commands_are_decided_for_a_slot(void **state)
{
    struct decree_paxos *a = fresh(1), *b = fresh(2);
    const struct decree_paxos *cores[] = {a, b, NULL};

    (void)state;
    p2a(a, ballot(5, 3), 1, 1);
    p2a(b, ballot(6, 3), 1, 2);
    log_decide(&a->log);
    assert_null(invariants_cluster(cores, 3));
    log_decide(&b->log);
    assert_non_null(strstr(invariants_cluster(cores, 3), "R1"));
    decree_paxos_close(a);
    decree_paxos_close(b);
}

static void test_R2_R3_what_is_handed_out_is_decided_and_in_order(void **state)
{
    struct decree_paxos *paxos = fresh(1);

    (void)state;
    p2a(paxos, ballot(5, 3), 1, 1);
    p2a(paxos, ballot(5, 3), 3, 2); /* a gap */
    replica_hint(&paxos->replica, ballot(5, 3), 3);
    assert_true(replica_decide(&paxos->replica));
    assert_int_equal(paxos->log.decided, 1);
    p2a(paxos, ballot(5, 3), 2, 3);
    assert_true(replica_decide(&paxos->replica));
    assert_int_equal(paxos->log.decided, 3);
    assert_null(invariants_core(paxos));
    paxos->log.delivered = 9;
    assert_non_null(strstr(invariants_core(paxos), "R3"));
    paxos->log.delivered = 0;
    decree_paxos_close(paxos);
}

static void test_R4_decided_and_delivered_never_shrink(void **state)
{
    struct cores cores;
    struct invariants_past past = {.decided = 0};
    struct decree_paxos *paxos;

    (void)state;
    elected(&cores);
    assert_int_equal(cores_propose(&cores, 1, "grow"), 0);
    cores_run(&cores, 100 * CORES_MS);
    paxos = cores_node(&cores, 1)->core;
    assert_null(invariants_growth(paxos, &past));
    assert_int_equal(past.delivered, 1);
    past.delivered = 2;
    assert_non_null(strstr(invariants_growth(paxos, &past), "R4"));
    past = (struct invariants_past){.promised = ballot(99, 1)};
    assert_non_null(strstr(invariants_growth(paxos, &past), "A1"));
    cores_release(&cores);
}

static void test_R5_nothing_is_proposed_past_the_window(void **state)
{
    struct cores cores;
    const struct decree_paxos *paxos;

    (void)state;
    elected(&cores);
    for (int i = 0; i < 50; i++)
        (void)cores_propose(&cores, 1, "much");
    paxos = cores_node(&cores, 1)->core;
    assert_int_equal(paxos->leader.commander.next, paxos->log.window + 1);
    assert_string_equal(cores.failure, "");
    cores_run(&cores, 3000 * CORES_MS);
    assert_int_equal(cores.decided_count, 50);
    assert_string_equal(cores.failure, "");
    cores_release(&cores);
}

static int set_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        values[i] = decree_value_copy(&"0123"[i], 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        decree_value_unref(values[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A1_a_promise_only_grows),
        cmocka_unit_test(test_A2_a_pvalue_is_accepted_only_in_the_promised_ballot),
        cmocka_unit_test(test_A3_an_accepted_pvalue_is_replaced_by_a_higher_ballot_only),
        cmocka_unit_test(test_A4_one_command_in_one_ballot_for_a_slot),
        cmocka_unit_test(test_A5_what_a_quorum_accepted_is_what_higher_ballots_accept),
        cmocka_unit_test(test_C1_a_retry_proposes_the_same_command),
        cmocka_unit_test(test_C2_a_commander_proposes_what_may_have_been_chosen),
        cmocka_unit_test(test_L1_a_leader_selects_one_command_for_a_slot),
        cmocka_unit_test(test_L1_a_leader_whose_acceptor_promised_more_is_no_leader),
        cmocka_unit_test(test_R1_no_two_commands_are_decided_for_a_slot),
        cmocka_unit_test(test_R2_R3_what_is_handed_out_is_decided_and_in_order),
        cmocka_unit_test(test_R4_decided_and_delivered_never_shrink),
        cmocka_unit_test(test_R5_nothing_is_proposed_past_the_window),
    };

    return cmocka_run_group_tests_name("invariants", tests, set_up, tear_down);
}
