/* SPDX-License-Identifier: MIT */
/* test_log.c -- the ring of slots: accept, decide, deliver, forget, and runs that lie side by
 * side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "ballot.h"

#define CAPACITY 16u

struct ring {
    struct log log;
    struct decree_pvalue slots[CAPACITY];
};

static void begin(struct ring *ring)
{
    memset(ring, 0, sizeof(*ring));
    log_init(&ring->log, ring->slots, CAPACITY);
}

static void accept(struct log *log, decree_slot slot, uint32_t digit)
{
    struct decree_pvalue pvalue = alone_pvalue(alone_ballot(1, 1), slot, digit);

    log_accept(log, &pvalue);
}

static void decide_and_deliver(struct log *log, decree_slot slot)
{
    while (log->decided < slot)
        log_decide(log);
    log->recorded = log->settled = log->decided;
    while (log->delivered < log->decided)
        (void)log_deliver(log);
}

static void test_an_empty_log_has_nothing(void **state)
{
    struct ring ring;

    (void)state;
    begin(&ring);
    assert_false(log_has(&ring.log, 0));
    assert_false(log_has(&ring.log, 1));
    assert_int_equal(log_run(&ring.log, 1, 8, 100), 0);
    assert_int_equal(ring.log.first, 1);
    log_release(&ring.log);
}

static void test_accept_refers_to_the_value_and_replacing_lets_go(void **state)
{
    struct ring ring;
    struct decree_value *old = decree_value_copy("old", 3), *new = decree_value_copy("new", 3);
    struct decree_pvalue pvalue = {
        .ballot = {1, 1}, .slot = 1, .command = {.origin = 1, .value = old}};

    (void)state;
    begin(&ring);
    log_accept(&ring.log, &pvalue);
    assert_int_equal(old->refs, 2);
    pvalue.ballot.round = 2;
    pvalue.command.value = new;
    log_accept(&ring.log, &pvalue);
    assert_int_equal(old->refs, 1);
    assert_int_equal(new->refs, 2);
    log_accept(&ring.log, &pvalue); /* the same again */
    assert_int_equal(new->refs, 2);
    log_release(&ring.log);
    assert_int_equal(new->refs, 1);
    decree_value_unref(old);
    decree_value_unref(new);
}

static void test_fits_up_to_a_window_past_what_is_recorded_and_delivered(void **state)
{
    struct ring ring;
    struct log *log = &ring.log;

    (void)state;
    begin(&ring);
    assert_true(log_fits(log, 8));
    assert_false(log_fits(log, 9));
    for (decree_slot slot = 1; slot <= 8; slot++)
        accept(log, slot, 1);
    for (int i = 0; i < 8; i++)
        log_decide(log);
    for (int i = 0; i < 8; i++)
        (void)log_deliver(log);
    assert_false(log_fits(log, 9)); /* the journal does not know yet */
    log->recorded = 8;
    assert_true(log_fits(log, 16));
    assert_false(log_fits(log, 17));
    log_release(log);
}

static void test_a_full_ring_forgets_the_oldest(void **state)
{
    struct ring ring;
    struct log *log = &ring.log;

    (void)state;
    begin(&ring);
    for (decree_slot slot = 1; slot <= 40; slot++) {
        accept(log, slot, (uint32_t)(slot % 10));
        decide_and_deliver(log, slot);
    }
    assert_int_equal(log->first, 25);
    assert_false(log_has(log, 24));
    assert_true(log_has(log, 25));
    assert_int_equal(log->kept_bytes, CAPACITY);
    log_release(log);
}

static void test_trim_keeps_what_is_not_delivered_or_not_settled(void **state)
{
    struct ring ring;
    struct log *log = &ring.log;

    (void)state;
    begin(&ring);
    for (decree_slot slot = 1; slot <= 6; slot++)
        accept(log, slot, 2);
    for (int i = 0; i < 5; i++)
        log_decide(log);
    for (int i = 0; i < 4; i++)
        (void)log_deliver(log);
    log->settled = 3;
    assert_int_equal(log->kept_bytes, 4);
    log_trim(log, 2);
    assert_int_equal(log->first, 3);
    log_trim(log, 0);
    assert_int_equal(log->first, 4); /* slot 4 is delivered but its decision is not durable */
    log->settled = 5;
    log_trim(log, 0);
    assert_int_equal(log->first, 5); /* slot 5 is not delivered */
    log_release(log);
}

static void test_a_run_ends_at_a_gap_at_the_wrap_and_at_the_bytes(void **state)
{
    struct ring ring;
    struct log *log = &ring.log;

    (void)state;
    begin(&ring);
    accept(log, 1, 1);
    accept(log, 2, 1);
    accept(log, 4, 1);
    assert_int_equal(log_run(log, 1, 8, 100), 2);
    assert_int_equal(log_run(log, 3, 8, 100), 2);
    assert_int_equal(log_run(log, 4, 8, 100), 4);
    assert_int_equal(log_run(log, 1, 1, 100), 1);
    assert_int_equal(log_run(log, 1, 8, 1), 1);
    assert_int_equal(log_run(log, 1, 8, 0), 1); /* a single one always */
    accept(log, 3, 1);
    decide_and_deliver(log, 4);
    for (decree_slot slot = 5; slot <= 20; slot++) {
        accept(log, slot, 1);
        decide_and_deliver(log, slot);
    }
    assert_int_equal(log_run(log, 10, 20, 100),
                     15); /* slot 16 lies at the start of the ring again */
    assert_ptr_equal(log_at(log, 16), &ring.slots[0]);
    assert_int_equal(log_run(log, 16, 20, 100), 20);
    log_release(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_log_has_nothing),
        cmocka_unit_test(test_accept_refers_to_the_value_and_replacing_lets_go),
        cmocka_unit_test(test_fits_up_to_a_window_past_what_is_recorded_and_delivered),
        cmocka_unit_test(test_a_full_ring_forgets_the_oldest),
        cmocka_unit_test(test_trim_keeps_what_is_not_delivered_or_not_settled),
        cmocka_unit_test(test_a_run_ends_at_a_gap_at_the_wrap_and_at_the_bytes),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
