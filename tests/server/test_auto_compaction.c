/* SPDX-License-Identifier: MIT */
/* test_auto_compaction.c -- the rules of etcd's compactor, on a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auto_compaction.h"

#define MINUTE_MS (UINT64_C(60) * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define BEGIN_MS UINT64_C(5000)

static struct auto_compaction compaction;
static uint64_t now_ms, interval_ms;

static void begin(enum auto_compaction_mode mode, uint64_t period_ms, int64_t revisions)
{
    struct auto_compaction_options options = {mode, period_ms, revisions};

    now_ms = BEGIN_MS;
    assert_int_equal(auto_compaction_init(&compaction, &options, now_ms, 1), 0);
    interval_ms = auto_compaction_interval_ms(&compaction);
}

/* One interval later, with the store at a revision. What is asked for is done. */
static int64_t tick(int64_t revision, bool leads)
{
    int64_t at;

    now_ms += interval_ms;
    at = auto_compaction_tick(&compaction, now_ms, revision, leads);
    if (at > 0)
        auto_compaction_done(&compaction, now_ms, at);
    return at;
}

static void the_revision_is_noted_ten_times_a_period_and_ten_times_an_hour_at_least(void **state)
{
    static const struct {
        uint64_t period_ms, interval_ms;
    } cases[] = {{5000, 500},
                 {HOUR_MS - MINUTE_MS, 5 * MINUTE_MS + 54000},
                 {HOUR_MS, 6 * MINUTE_MS},
                 {24 * HOUR_MS, 6 * MINUTE_MS},
                 {1, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(AUTO_COMPACTION_PERIODIC, cases[i].period_ms, 0);
        assert_int_equal(interval_ms, cases[i].interval_ms);
        auto_compaction_release(&compaction);
    }
}

/* Revisions here tell when they were noted: at the nth tick the store is at 1 + n. */
static void an_hour_begins_with_the_first_hour_and_then_comes_each_hour(void **state)
{
    (void)state;
    begin(AUTO_COMPACTION_PERIODIC, HOUR_MS, 0);
    for (int64_t i = 1; i < 10; i++)
        assert_int_equal(tick(1 + i, true), 0);
    assert_int_equal(tick(11, true), 1); /* what was there when it began */
    for (int64_t i = 11; i < 20; i++)
        assert_int_equal(tick(1 + i, true), 0);
    assert_int_equal(tick(21, true), 10); /* an hour ago, and one note more */
    for (int64_t i = 21; i < 30; i++)
        assert_int_equal(tick(1 + i, true), 0);
    assert_int_equal(tick(31, true), 20);
    auto_compaction_release(&compaction);
}

static void a_day_begins_with_the_first_day_and_then_comes_each_hour(void **state)
{
    int64_t ticks = 0;

    (void)state;
    begin(AUTO_COMPACTION_PERIODIC, 24 * HOUR_MS, 0);
    while (++ticks < 240)
        assert_int_equal(tick(1 + ticks, true), 0);
    assert_int_equal(tick(1 + ticks, true), 1);
    for (int64_t hours = 1; hours < 30; hours++) {
        for (int i = 0; i < 9; i++) {
            ticks++;
            assert_int_equal(tick(1 + ticks, true), 0);
        }
        ticks++;
        assert_int_equal(tick(1 + ticks, true), ticks - 240); /* a day ago, and one note more */
    }
    auto_compaction_release(&compaction);
}

static void what_does_not_change_is_compacted_once(void **state)
{
    (void)state;
    begin(AUTO_COMPACTION_PERIODIC, HOUR_MS, 0);
    for (int i = 0; i < 9; i++)
        assert_int_equal(tick(1, true), 0);
    assert_int_equal(tick(1, true), 1);
    for (int i = 0; i < 50; i++)
        assert_int_equal(tick(1, true), 0);
    auto_compaction_release(&compaction);
}

static void what_failed_is_tried_again_at_the_next_note(void **state)
{
    (void)state;
    begin(AUTO_COMPACTION_PERIODIC, HOUR_MS, 0);
    for (int64_t i = 1; i < 10; i++)
        assert_int_equal(tick(1 + i, true), 0);
    for (int64_t i = 0; i < 5; i++) {
        now_ms += interval_ms;
        assert_int_equal(auto_compaction_tick(&compaction, now_ms, 11 + i, true), i < 2 ? 1 : i);
    }
    assert_int_equal(tick(20, true), 5);
    assert_int_equal(tick(21, true), 0);
    auto_compaction_release(&compaction);
}

static void who_does_not_lead_takes_notes_and_nothing_more(void **state)
{
    (void)state;
    begin(AUTO_COMPACTION_PERIODIC, HOUR_MS, 0);
    for (int64_t i = 1; i < 100; i++)
        assert_int_equal(tick(1 + i, false), 0);
    assert_int_equal(tick(101, true), 90); /* it leads, and needs no period of its own */
    auto_compaction_release(&compaction);
}

static void a_clock_that_jumps_gives_up_no_more(void **state)
{
    (void)state;
    begin(AUTO_COMPACTION_PERIODIC, HOUR_MS, 0);
    for (int64_t i = 1; i < 5; i++)
        assert_int_equal(tick(1 + i, true), 0);
    now_ms += 100 * HOUR_MS;
    assert_int_equal(tick(1000, true), 1);
    auto_compaction_release(&compaction);
}

static void by_revision_the_last_ones_are_kept(void **state)
{
    (void)state;
    begin(AUTO_COMPACTION_REVISION, 0, 10);
    assert_int_equal(interval_ms, 5 * MINUTE_MS);
    assert_int_equal(tick(5, true), 0);
    assert_int_equal(tick(10, true), 0);
    assert_int_equal(tick(11, true), 1);
    assert_int_equal(tick(11, true), 0);
    assert_int_equal(tick(100, false), 0);
    assert_int_equal(tick(100, true), 90);
    auto_compaction_release(&compaction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_revision_is_noted_ten_times_a_period_and_ten_times_an_hour_at_least),
        cmocka_unit_test(an_hour_begins_with_the_first_hour_and_then_comes_each_hour),
        cmocka_unit_test(a_day_begins_with_the_first_day_and_then_comes_each_hour),
        cmocka_unit_test(what_does_not_change_is_compacted_once),
        cmocka_unit_test(what_failed_is_tried_again_at_the_next_note),
        cmocka_unit_test(who_does_not_lead_takes_notes_and_nothing_more),
        cmocka_unit_test(a_clock_that_jumps_gives_up_no_more),
        cmocka_unit_test(by_revision_the_last_ones_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
