/* SPDX-License-Identifier: MIT */
/* test_deadline_wheel.c -- deadlines come once, not early, at most a tick late, and not when called
 * off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deadline_wheel.h"
#include "prng.h"

#define COUNT 1000u

static uint64_t now_ms;
static unsigned expired_count;

static void on_expired(void *context, struct deadline *deadline)
{
    (void)context;
    assert_true(list_alone(&deadline->link));
    assert_true(deadline->at_ms <= now_ms);
    assert_true(now_ms - deadline->at_ms < 2 * DEADLINE_TICK_MS);
    expired_count++;
}

static void test_all_come_in_time(void **state)
{
    static struct deadline deadlines[COUNT];
    struct deadline_wheel wheel;
    struct prng prng;
    unsigned called_off = 0;

    (void)state;
    prng_init(&prng, 3);
    now_ms = 1000000;
    expired_count = 0;
    deadline_wheel_init(&wheel, now_ms);
    for (unsigned i = 0; i < COUNT; i++) {
        list_init(&deadlines[i].link);
        deadline_arm(&wheel, &deadlines[i], now_ms + prng_below(&prng, 30000));
        if (i % 3 == 0)
            deadline_arm(&wheel, &deadlines[i], now_ms + prng_below(&prng, 30000));
        if (i % 5 == 0) {
            deadline_disarm(&wheel, &deadlines[i]);
            called_off++;
        }
    }
    assert_int_equal(wheel.count, COUNT - called_off);
    for (unsigned i = 0; i < 31000 / DEADLINE_TICK_MS + 2; i++) {
        now_ms += DEADLINE_TICK_MS;
        deadline_wheel_turn(&wheel, now_ms, on_expired, NULL);
    }
    assert_int_equal(expired_count, COUNT - called_off);
    assert_int_equal(wheel.count, 0);
}

static void note(void *context, struct deadline *deadline)
{
    (void)deadline;
    ++*(unsigned *)context;
}

/* The wheel stands still while nothing is on it, and a loop may be late. */
static void test_after_standing_still(void **state)
{
    struct deadline_wheel wheel;
    struct deadline deadline;
    unsigned count = 0;

    (void)state;
    list_init(&deadline.link);
    deadline_wheel_init(&wheel, 0);
    deadline_arm(&wheel, &deadline, 10000000);
    deadline_wheel_turn(&wheel, 9999999, note, &count);
    assert_int_equal(count, 0);
    deadline_wheel_turn(&wheel, 10000000 + DEADLINE_TICK_MS, note, &count);
    assert_int_equal(count, 1);
    deadline_arm(&wheel, &deadline, 5);
    deadline_wheel_turn(&wheel, 10000000 + 3 * DEADLINE_TICK_MS, note, &count);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_come_in_time),
        cmocka_unit_test(test_after_standing_still),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
