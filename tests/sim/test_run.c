/* SPDX-License-Identifier: MIT */
/* test_run.c -- runs are the same byte for byte, knobs are read right, and the trace is a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim_run.h"

static char *run_traced(uint64_t seed, struct sim_result *ret_result)
{
    struct sim_options options;
    struct sim_trace trace;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    sim_options_draw(&options, seed);
    sim_trace_init(&trace, out, SIM_TRACE_EVERYTHING, (unsigned)options.nodes);
    sim_run(&options, NULL, &trace, ret_result);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_a_seed_gives_the_run_again(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed <= 24; seed++) {
        struct sim_result first, second;
        char *once = run_traced(seed, &first), *again = run_traced(seed, &second);

        assert_int_equal(first.digest, second.digest);
        assert_int_equal(first.events, second.events);
        assert_string_equal(once, again);
        assert_true(strlen(once) > 10000);
        free(once);
        free(again);
    }
}

static void test_seeds_differ(void **state)
{
    struct sim_result first, second;

    (void)state;
    free(run_traced(30, &first));
    free(run_traced(31, &second));
    assert_int_not_equal(first.digest, second.digest);
}

/* Looking on must not change what happens. */
static void test_the_trace_changes_nothing(void **state)
{
    struct sim_options options;
    struct sim_trace silent;
    struct sim_result traced, untraced;

    (void)state;
    free(run_traced(40, &traced));
    sim_options_draw(&options, 40);
    sim_trace_init(&silent, NULL, SIM_TRACE_NOTHING, (unsigned)options.nodes);
    sim_run(&options, NULL, &silent, &untraced);
    assert_int_equal(traced.digest, untraced.digest);
}

static void test_trace_rows(void **state)
{
    struct sim_trace trace;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    sim_trace_init(&trace, out, SIM_TRACE_EVENTS, 2);
    sim_trace_put(&trace, 1500000, 1, "one");
    sim_trace_put(&trace, 1500000, 2, "two");
    sim_trace_put(&trace, 1500000, 1, "three %d", 3);
    sim_trace_put(&trace, 2500000, 0, "cut");
    sim_trace_flush(&trace);
    fclose(out);
    assert_string_equal(
        text,
        "         ms | n1                                 | n2                                 | network\n"
        "      1.500 | one, three 3                       | two                                |\n"
        "      2.500 |                                    |                                    | cut\n");
    free(text);
}

static void test_knobs(void **state)
{
    struct sim_overrides overrides;
    struct sim_options options;
    char text[32];

    (void)state;
    memset(&overrides, 0, sizeof(overrides));
    assert_true(sim_override(&overrides, sim_knob_index("loss"), "10%"));
    assert_int_equal(overrides.values.loss, 100000);
    assert_true(sim_override(&overrides, sim_knob_index("loss"), "0.25"));
    assert_int_equal(overrides.values.loss, 250000);
    assert_false(sim_override(&overrides, sim_knob_index("loss"), "101%"));
    assert_false(sim_override(&overrides, sim_knob_index("loss"), "ten"));
    assert_false(sim_override(&overrides, sim_knob_index("loss"), "5ms"));
    assert_true(sim_override(&overrides, sim_knob_index("delay-spread"), "1.5ms"));
    assert_int_equal(overrides.values.delay_spread, 1500000);
    assert_true(sim_override(&overrides, sim_knob_index("segment_bytes"), "64k"));
    assert_int_equal(overrides.values.segment_bytes, 65536);
    assert_true(sim_override(&overrides, sim_knob_index("nodes"), "7"));
    assert_false(sim_override(&overrides, sim_knob_index("nodes"), "-1"));
    assert_int_equal(sim_knob_index("no-such-knob"), -1);
    sim_options_draw(&options, 1);
    options.vote_quorum = 1;
    sim_options_override(&options, &overrides);
    assert_int_equal(options.nodes, 7);
    assert_int_equal(options.vote_quorum, 0);
    assert_int_equal(options.loss, 250000);
    sim_knob_print(&options, sim_knob_index("loss"), text, sizeof(text));
    assert_string_equal(text, "25%");
    sim_knob_print(&options, sim_knob_index("delay-spread"), text, sizeof(text));
    assert_string_equal(text, "1.5ms");
}

/* What is printed to replay a run must be read back as it was. */
static void test_knobs_print_as_they_are_read(void **state)
{
    size_t count;
    const struct sim_knob *knobs = sim_knobs(&count);
    struct sim_overrides overrides;
    struct sim_options options;

    (void)state;
    memset(&overrides, 0, sizeof(overrides));
    sim_options_calm(&options, 1);
    for (size_t i = 0; i < count; i++) {
        char text[32];

        sim_knob_print(&options, (int)i, text, sizeof(text));
        assert_int_equal(sim_knob_index(knobs[i].name), (int)i);
        assert_true(sim_override(&overrides, (int)i, text));
    }
    overrides.values.seed = 1;
    assert_memory_equal(&overrides.values, &options, sizeof(options));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_gives_the_run_again),
        cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_the_trace_changes_nothing),
        cmocka_unit_test(test_trace_rows),
        cmocka_unit_test(test_knobs),
        cmocka_unit_test(test_knobs_print_as_they_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
