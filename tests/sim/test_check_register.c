/* SPDX-License-Identifier: MIT */
/* test_check_register.c -- the checkers of registers let good histories pass and catch planted
 * violations; and a seed of registers gives the same run again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_proposals.h"
#include "check_register.h"
#include "register_run.h"

static struct verdict verdict;
static struct register_history history;

static int begin(void **state)
{
    (void)state;
    memset(&verdict, 0, sizeof(verdict));
    register_history_init(&history, &verdict, 1, false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    register_history_release(&history);
    return 0;
}

/* A set that was called and returned at these moments and landed in this version. */
static void did_set(uint64_t called, uint64_t returned, uint64_t version, uint64_t token)
{
    register_history_saw(&history, 0, called, returned, version, token, false);
    register_history_set(&history, 0, called, returned, token, false);
}

static void did_get(uint64_t called, uint64_t returned, uint64_t version, uint64_t token)
{
    register_history_saw(&history, 0, called, returned, version, token, true);
}

static void assert_judged(const char *checker)
{
    register_history_check(&history, 0);
    assert_int_equal(verdict.failed, checker != NULL);
    if (checker != NULL)
        assert_string_equal(verdict.checker, checker);
}

static void test_good_histories_pass(void **state)
{
    (void)state;
    register_history_missed(&history, 1, 0);
    did_set(2, 5, 1, 100);
    did_set(3, 9, 2, 101); /* concurrent with the first */
    did_get(4, 6, 1, 100);
    did_get(7, 8, 2, 101); /* the set has not returned, but took effect */
    did_set(10, 11, 3, 102);
    did_get(9, 12, 2, 101); /* before the last set */
    assert_judged(NULL);
}

static void test_a_stale_get_is_found(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    did_set(3, 4, 2, 101);
    did_get(5, 6, 1, 100);
    assert_judged("register-linearizability");
}

static void test_a_get_that_goes_back_is_found(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    register_history_saw(&history, 0, 4, 5, 2, 101, true); /* of a set that never returned */
    register_history_set(&history, 0, 3, 0, 101, false);
    did_get(6, 7, 1, 100);
    assert_judged("register-linearizability");
}

static void test_a_missing_version_is_found(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    register_history_missed(&history, 3, 0);
    assert_judged("register-linearizability");
}

static void test_sets_out_of_order_are_found(void **state)
{
    (void)state;
    did_set(1, 2, 2, 100);
    did_set(3, 4, 1, 101);
    assert_judged("register-linearizability");
}

static void test_two_values_in_a_version_are_found(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    did_get(3, 4, 1, 101);
    assert_judged("register-agreement");
}

static void test_a_value_that_lands_twice_is_found(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    did_get(3, 4, 2, 100);
    register_history_set(&history, 0, 1, 2, 100, false);
    assert_judged("register-exactly-once");
}

static void test_a_refused_set_that_lands_is_found(void **state)
{
    (void)state;
    did_get(3, 4, 1, 100);
    register_history_set(&history, 0, 1, 0, 100, true);
    assert_judged("register-exactly-once");
}

static void test_a_hole_is_found(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    did_set(3, 4, 3, 101);
    assert_judged("register-holes");
}

static void test_what_is_forgotten_must_not_come_back(void **state)
{
    uint64_t gone;

    (void)state;
    did_set(1, 2, 1, 100);
    did_set(3, 4, 2, 101);
    gone = register_history_forgets(&history, 9);
    assert_int_equal(gone, 2);
    register_history_forgot(&history, 6, gone);
    register_history_compacted(&history, 0, 1);
    assert_judged(NULL);
    register_history_saw(&history, 0, 7, 8, 1, 100, false);
    assert_judged("register-forget");
}

static void test_what_nobody_forgot_must_not_be_compacted(void **state)
{
    (void)state;
    did_set(1, 2, 1, 100);
    register_history_compacted(&history, 0, 1);
    assert_judged("register-forget");
}

static void test_ballots_used_again_are_found(void **state)
{
    struct proposals proposals = {.verdict = &verdict};
    struct decree_value *one = decree_value_copy("1", 1), *two = decree_value_copy("2", 1);
    struct decree_register_message message = {.type = DECREE_REGISTER_PREPARE,
                                              .key = {(const uint8_t *)"k", 1},
                                              .ballot = {.round = 1, .node = 1}};

    (void)state;
    proposals_on_message(&proposals, 0, 1, &message);
    proposals_on_message(&proposals, 0, 1, &message);
    message.type = DECREE_REGISTER_ACCEPT;
    message.version = 2;
    message.value = one;
    proposals_on_message(&proposals, 0, 1, &message);
    message.version = 3;
    message.value = two;
    proposals_on_message(&proposals, 0, 1, &message);
    assert_false(verdict.failed);
    message.version = 2;
    proposals_on_message(&proposals, 0, 1, &message);
    assert_string_equal(verdict.checker, "register-ballots");
    verdict.failed = false;
    message.type = DECREE_REGISTER_PREPARE;
    proposals_on_message(&proposals, 0, 2, &message);
    assert_string_equal(verdict.checker, "register-ballots");
    proposals_release(&proposals);
    decree_value_unref(one);
    decree_value_unref(two);
}

static void run_seed(uint64_t seed, struct register_run_result *ret_result)
{
    struct sim_options options;
    struct sim_trace trace = {.detail = SIM_TRACE_NOTHING};

    sim_options_draw(&options, seed);
    register_run(&options, false, &trace, ret_result);
}

static void test_a_seed_gives_the_run_again(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed <= 24; seed++) {
        struct register_run_result first, second;

        run_seed(seed, &first);
        run_seed(seed, &second);
        assert_int_equal(first.common.digest, second.common.digest);
        assert_int_equal(first.common.events, second.common.events);
        assert_int_equal(first.common.slots, second.common.slots);
        assert_true(first.common.acknowledged > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_histories_pass, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stale_get_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_get_that_goes_back_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_missing_version_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_sets_out_of_order_are_found, begin, end),
        cmocka_unit_test_setup_teardown(test_two_values_in_a_version_are_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_value_that_lands_twice_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_refused_set_that_lands_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_hole_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_forgotten_must_not_come_back, begin, end),
        cmocka_unit_test_setup_teardown(test_what_nobody_forgot_must_not_be_compacted, begin, end),
        cmocka_unit_test_setup_teardown(test_ballots_used_again_are_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_seed_gives_the_run_again, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
