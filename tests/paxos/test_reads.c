/* SPDX-License-Identifier: MIT */
/* test_reads.c -- batches of reads: confirmed by rounds or by the leader, void after a change,
 * bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"

static struct decree_paxos *open_small(void)
{
    struct decree_config limits = {.reads_max = 4};

    return alone_open(1, 3, &limits);
}

static bool release(struct decree_paxos *paxos, decree_slot delivered)
{
    return reads_release(&paxos->reads, delivered, (struct decree_ballot){0}, &paxos->outbox);
}

static void test_a_read_waits_for_its_batch_and_its_slot(void **state)
{
    struct decree_paxos *paxos = open_small();
    struct reads *reads = &paxos->reads;
    uint64_t batch;

    (void)state;
    assert_false(reads_wait(reads));
    assert_int_equal(reads_add(reads, 7, 0), 0);
    assert_true(reads_wait(reads));
    batch = reads_close_batch(reads);
    assert_false(reads_wait(reads));
    assert_true(release(paxos, 100));
    assert_int_equal(paxos->outbox.read_count, 0);
    reads_confirm(reads, batch, 5);
    assert_true(release(paxos, 4));
    assert_int_equal(paxos->outbox.read_count, 0);
    assert_true(release(paxos, 5));
    assert_int_equal(paxos->outbox.read_count, 1);
    assert_int_equal(paxos->outbox.reads[0], 7);
    assert_true(release(paxos, 6));
    assert_int_equal(paxos->outbox.read_count, 1); /* once */
    decree_paxos_close(paxos);
}

static void test_a_later_batch_confirms_the_earlier_and_not_the_reverse(void **state)
{
    struct decree_paxos *paxos = open_small();
    struct reads *reads = &paxos->reads;
    uint64_t first;

    (void)state;
    (void)reads_add(reads, 1, 0);
    first = reads_close_batch(reads);
    (void)reads_add(reads, 2, 0);
    (void)reads_close_batch(reads);
    reads_confirm(reads, first, 3);
    (void)release(paxos, 3);
    assert_int_equal(paxos->outbox.read_count, 1);
    (void)reads_add(reads, 3, 0);
    reads_confirm(reads, reads_close_batch(reads), 3);
    (void)release(paxos, 3);
    assert_int_equal(paxos->outbox.read_count, 3);
    decree_paxos_close(paxos);
}

static void test_an_answer_to_what_was_given_up_fits_nothing(void **state)
{
    struct decree_paxos *paxos = open_small();
    struct reads *reads = &paxos->reads;
    uint64_t before, after;

    (void)state;
    (void)reads_add(reads, 1, 0);
    before = reads_close_batch(reads);
    reads_again(reads);
    reads_confirm(reads, before, 1);
    (void)release(paxos, 9);
    assert_int_equal(paxos->outbox.read_count, 0);
    after = reads_close_batch(reads);
    assert_true(after > before);
    reads_confirm(reads, before, 1);
    (void)release(paxos, 9);
    assert_int_equal(paxos->outbox.read_count, 0);
    reads_confirm(reads, after, 1);
    (void)release(paxos, 9);
    assert_int_equal(paxos->outbox.read_count, 1);
    decree_paxos_close(paxos);
}

static void test_rounds_confirm_in_order_and_are_void_after_a_change(void **state)
{
    struct decree_paxos *paxos = open_small();
    struct reads *reads = &paxos->reads;

    (void)state;
    (void)reads_add(reads, 1, 0);
    reads_expect(reads, 10, reads_close_batch(reads), 4);
    (void)reads_add(reads, 2, 0);
    reads_expect(reads, 11, reads_close_batch(reads), 5);
    reads_on_round(reads, 9);
    assert_int_equal(reads->round_count, 2);
    reads_on_round(reads, 10);
    assert_int_equal(reads->round_count, 1);
    (void)release(paxos, 9);
    assert_int_equal(paxos->outbox.read_count, 1);
    reads_again(reads);
    reads_on_round(reads, 11);
    (void)release(paxos, 9);
    assert_int_equal(paxos->outbox.read_count, 1);
    decree_paxos_close(paxos);
}

static void test_a_peers_read_is_answered_by_message_and_dropped_when_given_up(void **state)
{
    struct decree_paxos *paxos = open_small();
    struct reads *reads = &paxos->reads;

    (void)state;
    (void)reads_add(reads, 44, 2);
    reads_confirm(reads, reads_close_batch(reads), 8);
    (void)release(paxos, 0); /* the peer waits for the slot itself */
    assert_int_equal(alone_sent(paxos, 2, DECREE_READ_OK)->round, 44);
    assert_int_equal(alone_sent(paxos, 2, DECREE_READ_OK)->slot, 8);
    alone_clear(paxos);
    (void)reads_add(reads, 45, 2);
    (void)reads_close_batch(reads);
    reads_again(reads); /* it will ask again */
    reads_confirm(reads, reads_close_batch(reads), 8);
    (void)release(paxos, 9);
    assert_int_equal(paxos->outbox.message_count, 0);
    assert_int_equal(reads->first, reads->end);
    decree_paxos_close(paxos);
}

static void test_full_and_free_again(void **state)
{
    struct decree_paxos *paxos = open_small();
    struct reads *reads = &paxos->reads;

    (void)state;
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 4; i++)
            assert_int_equal(reads_add(reads, i, 0), 0);
        assert_int_equal(reads_add(reads, 4, 0), DECREE_FULL);
        reads_confirm(reads, reads_close_batch(reads), 0);
        assert_true(release(paxos, 0));
        assert_int_equal(paxos->outbox.read_count, 4);
        alone_clear(paxos);
    }
    decree_paxos_close(paxos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_waits_for_its_batch_and_its_slot),
        cmocka_unit_test(test_a_later_batch_confirms_the_earlier_and_not_the_reverse),
        cmocka_unit_test(test_an_answer_to_what_was_given_up_fits_nothing),
        cmocka_unit_test(test_rounds_confirm_in_order_and_are_void_after_a_change),
        cmocka_unit_test(test_a_peers_read_is_answered_by_message_and_dropped_when_given_up),
        cmocka_unit_test(test_full_and_free_again),
    };

    return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
