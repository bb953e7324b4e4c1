/* SPDX-License-Identifier: MIT */
/* test_requests.c -- which requests were seen: windows that slide, and a plain set to compare
 * with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prng.h"
#include "requests.h"

#define WIDTH 64u

struct window {
    struct requests requests;
    uint64_t bits[WIDTH / 64];
};

static void begin(struct window *window)
{
    memset(window, 0, sizeof(*window));
    window->requests.width = WIDTH;
    window->requests.windows[0].bits = window->bits;
}

static struct decree_command command(uint64_t incarnation, uint64_t sequence)
{
    return (struct decree_command){.origin = 1, .incarnation = incarnation, .sequence = sequence};
}

static bool seen(const struct window *window, uint64_t incarnation, uint64_t sequence)
{
    struct decree_command asked = command(incarnation, sequence);

    return requests_seen(&window->requests, 0, &asked);
}

static void mark(struct window *window, uint64_t incarnation, uint64_t sequence)
{
    struct decree_command marked = command(incarnation, sequence);

    requests_mark(&window->requests, 0, &marked);
}

static void test_marked_is_seen_and_nothing_else(void **state)
{
    struct window window;

    (void)state;
    begin(&window);
    assert_false(seen(&window, 1, 1));
    mark(&window, 1, 2);
    assert_true(seen(&window, 1, 2));
    assert_false(seen(&window, 1, 1));
    assert_false(seen(&window, 1, 3));
    mark(&window, 1, 1);
    assert_int_equal(window.requests.windows[0].low, 2);
    mark(&window, 1, 1);
    assert_int_equal(window.requests.windows[0].low, 2);
}

static void test_a_new_incarnation_forgets_the_old_one_for_ever(void **state)
{
    struct window window;

    (void)state;
    begin(&window);
    mark(&window, 1, 1);
    mark(&window, 1, 5);
    mark(&window, 3, 5);
    assert_true(seen(&window, 1, 9));
    assert_true(seen(&window, 2, 1));
    assert_false(seen(&window, 3, 1));
    assert_true(seen(&window, 3, 5));
    mark(&window, 1, 9); /* changes nothing */
    assert_false(seen(&window, 3, 9));
}

/* An honest origin has at most WIDTH open, and finishes them in any order. */
static void test_any_order_within_the_window_is_as_a_plain_set(void **state)
{
    struct prng prng;
    struct window window;
    bool set[2000] = {false};
    uint64_t first = 1;

    (void)state;
    begin(&window);
    prng_init(&prng, 7);
    while (first + WIDTH < 2000) {
        uint64_t sequence = first + prng_below(&prng, WIDTH);

        assert_int_equal(seen(&window, 1, sequence), set[sequence]);
        mark(&window, 1, sequence);
        set[sequence] = true;
        while (set[first])
            first++;
        assert_int_equal(window.requests.windows[0].low, first - 1);
    }
}

static void test_a_jump_is_bounded_work_and_loses_the_oldest(void **state)
{
    struct window window;

    (void)state;
    begin(&window);
    mark(&window, 1, UINT64_MAX / 2);
    assert_true(seen(&window, 1, UINT64_MAX / 2));
    assert_true(seen(&window, 1, 1));
    assert_false(seen(&window, 1, UINT64_MAX / 2 - 1));
    begin(&window);
    mark(&window, 1, WIDTH + 10);
    assert_true(seen(&window, 1, 10));
    assert_false(seen(&window, 1, 11));
}

static void test_copy(void **state)
{
    struct window a, b;

    (void)state;
    begin(&a);
    begin(&b);
    mark(&a, 2, 1);
    mark(&a, 2, 7);
    requests_copy(&b.requests, &a.requests);
    assert_true(seen(&b, 2, 7));
    assert_false(seen(&b, 2, 6));
    mark(&b, 2, 6);
    assert_false(seen(&a, 2, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marked_is_seen_and_nothing_else),
        cmocka_unit_test(test_a_new_incarnation_forgets_the_old_one_for_ever),
        cmocka_unit_test(test_any_order_within_the_window_is_as_a_plain_set),
        cmocka_unit_test(test_a_jump_is_bounded_work_and_loses_the_oldest),
        cmocka_unit_test(test_copy),
    };

    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
