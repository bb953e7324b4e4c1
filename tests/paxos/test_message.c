/* SPDX-License-Identifier: MIT */
/* test_message.c -- names, and that nothing a peer may send trips an assertion: each field bad in
 * turn, then any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alone.h"
#include "message.h"
#include "prng.h"

static struct decree_paxos *paxos;
static struct decree_pvalue run[2];

static struct decree_message good(enum decree_message_type type)
{
    struct decree_message message = {.type = type,
                                     .from = 2,
                                     .to = 1,
                                     .ballot = {3, 2},
                                     .slot = 1,
                                     .last = 2,
                                     .decided = 0,
                                     .round = 1};

    run[0] = alone_pvalue(alone_ballot(3, 2), 1, 1);
    run[1] = alone_pvalue(alone_ballot(3, 2), 2, 2);
    if (type == DECREE_P1B || type == DECREE_P2A || type == DECREE_DECISION ||
        type == DECREE_PROPOSE) {
        message.pvalues = run;
        message.pvalue_count = 2;
    }
    message.count = type == DECREE_P2B;
    return message;
}

static bool sane(struct decree_message message)
{
    return message_is_sane(&message, paxos->log.window, &paxos->outbox);
}

static void test_names_come_from_the_table(void **state)
{
    (void)state;
    assert_string_equal(decree_message_name(DECREE_P1A), "p1a");
    assert_string_equal(decree_message_name(DECREE_READ_OK), "read_ok");
    assert_string_equal(decree_message_name(DECREE_MESSAGE_TYPES), "?");
    assert_string_equal(decree_message_name((enum decree_message_type) - 1), "?");
    assert_string_equal(decree_trace_name(DECREE_TRACE_ADOPTED), "adopted");
    assert_string_equal(decree_trace_name((enum decree_trace_type)999), "?");
}

static void test_every_type_is_sane_and_not_from_or_to_the_wrong_node(void **state)
{
    (void)state;
    for (int type = DECREE_P1A; type < DECREE_MESSAGE_TYPES; type++) {
        struct decree_message message = good((enum decree_message_type)type);

        assert_true(sane(message));
        message.to = 2;
        assert_false(sane(message));
        message = good((enum decree_message_type)type);
        message.from = 9;
        assert_false(sane(message));
        message.from = 1;
        assert_false(sane(message));
        message = good((enum decree_message_type)type);
        message.ballot.round = UINT64_MAX;
        assert_false(sane(message));
        message = good((enum decree_message_type)type);
        message.decided = UINT64_MAX;
        assert_false(sane(message));
        message = good((enum decree_message_type)type);
        message.last = UINT64_MAX / 2 + 1;
        assert_false(sane(message));
    }
    assert_false(sane(good(DECREE_MESSAGE_NONE)));
    assert_false(sane(good(DECREE_MESSAGE_TYPES)));
    assert_false(sane(good((enum decree_message_type) - 7)));
}

static void test_a_ballot_is_asked_for_by_its_owner(void **state)
{
    struct decree_message p1a = good(DECREE_P1A), p2a = good(DECREE_P2A);

    (void)state;
    p1a.ballot.node = 3;
    assert_false(sane(p1a));
    p2a.ballot.node = 3;
    assert_false(sane(p2a));
    p1a = good(DECREE_P1A), p1a.slot = 0;
    assert_false(sane(p1a));
}

static void test_runs_have_no_holes_no_zero_no_strange_commands(void **state)
{
    static const enum decree_message_type types[] = {DECREE_P1B, DECREE_P2A, DECREE_DECISION};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct decree_message message = good(types[i]);

        run[1].slot = 3;
        assert_false(sane(message));
        message = good(types[i]);
        run[0].slot = 0, run[1].slot = 1;
        message.slot = 0;
        assert_false(sane(message));
        message = good(types[i]);
        run[1].command.value = NULL;
        assert_false(sane(message));
        run[1].command = (struct decree_command){0}; /* a no-op */
        assert_true(sane(message));
        message = good(types[i]);
        message.pvalue_count = paxos->log.window + 1;
        assert_false(sane(message));
        message = good(types[i]);
        run[1].ballot = alone_ballot(0, 0);
        assert_int_equal(sane(message), types[i] == DECREE_P2A);
    }
    assert_true(
        sane((struct decree_message){.type = DECREE_P1B, .from = 2, .to = 1})); /* a refusal */
}

static void test_values_are_bounded(void **state)
{
    struct decree_message propose = good(DECREE_PROPOSE);
    struct decree_value *large = decree_value_copy("12345678", 8);

    (void)state;
    run[0].command.value = large;
    assert_true(sane(propose));
    decree_value_unref(large);
    large = decree_value_copy("123456789", 9);
    run[0].command.value = large;
    assert_false(sane(propose));
    decree_value_unref(large);
    propose = good(DECREE_PROPOSE);
    run[0].command.sequence = 0;
    assert_false(sane(propose));
    propose = good(DECREE_PROPOSE);
    run[0].command.origin = 9;
    assert_false(sane(propose));
    propose = good(DECREE_PROPOSE), propose.pvalue_count = 0;
    assert_false(sane(propose));
    propose = good(DECREE_P2B), propose.count = paxos->log.window + 1;
    assert_false(sane(propose));
}

static uint64_t any_number(struct prng *prng)
{
    static const uint64_t edges[] = {
        0, 1, 2, 3, 7, 8, 9, 16, 17, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};

    return prng_below(prng, 3) == 0 ? edges[prng_below(prng, sizeof(edges) / sizeof(edges[0]))]
                                    : prng_below(prng, 12);
}

/* Often of the ballot and the round that the core is waiting for, so that it gets somewhere. */
static struct decree_message any_message(struct prng *prng, const struct decree_paxos *core,
                                         struct decree_pvalue *pvalues)
{
    struct decree_message message = {
        .type = (enum decree_message_type)prng_below(prng, DECREE_MESSAGE_TYPES + 1),
        .from = 1 + (uint32_t)prng_below(prng, 4),
        .to = 1,
        .ballot = {any_number(prng), 1 + (uint32_t)prng_below(prng, 4)},
        .slot = any_number(prng),
        .last = any_number(prng),
        .decided = any_number(prng),
        .round = any_number(prng),
        .age_ns = any_number(prng),
        .count = (uint32_t)any_number(prng),
        .pvalue_count = (uint32_t)prng_below(prng, 9),
        .pvalues = pvalues};
    uint64_t first;

    if (prng_below(prng, 2) == 0)
        message.ballot.node = message.from;
    if (prng_below(prng, 2) == 0)
        message.ballot = core->scout.ballot;
    if (prng_below(prng, 2) == 0)
        message.round = core->election.round;
    if (prng_below(prng, 2) == 0)
        message.slot = core->log.decided + 1;
    if (prng_below(prng, 2) == 0)
        message.decided = core->log.decided;
    first = prng_below(prng, 3) == 0 ? any_number(prng) : message.slot;
    for (uint32_t i = 0; i < 9; i++) {
        pvalues[i] = alone_pvalue((struct decree_ballot){any_number(prng), 2}, first + i, i);
        pvalues[i].command.origin = 1 + (uint32_t)prng_below(prng, 4);
        pvalues[i].command.sequence = any_number(prng);
        pvalues[i].command.incarnation = any_number(prng);
    }
    return message;
}

/* A peer may be old, confused or hostile: the core may stop to work with such peers, but it
 * lives. */
static void test_any_message_is_survived(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng prng;
        struct decree_paxos *core = alone_open(1, 3, NULL);
        uint64_t now_ns = core->outbox.now_ns;

        prng_init(&prng, seed);
        for (int i = 0; i < 200; i++) {
            struct decree_pvalue pvalues[9];
            struct decree_event event = {.type = DECREE_EVENT_MESSAGE, .now_ns = now_ns};
            struct decree_effects effects;

            event.u.message = any_message(&prng, core, pvalues);
            if (prng_below(&prng, 4) == 0)
                event.type = DECREE_EVENT_WAKE;
            (void)decree_paxos_step(core, &event);
            decree_paxos_take(core, &effects);
            event.type = DECREE_EVENT_PERSISTED;
            event.u.persisted = core->outbox.appended;
            assert_int_equal(decree_paxos_step(core, &event), 0);
            decree_paxos_take(core, &effects);
            now_ns += prng_below(&prng, 200) * ALONE_MS;
        }
        decree_paxos_close(core);
    }
}

static int set_up(void **state)
{
    struct decree_config limits = {.value_bytes_max = 8};

    (void)state;
    paxos = alone_open(1, 3, &limits);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    decree_paxos_close(paxos);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_from_the_table),
        cmocka_unit_test(test_every_type_is_sane_and_not_from_or_to_the_wrong_node),
        cmocka_unit_test(test_a_ballot_is_asked_for_by_its_owner),
        cmocka_unit_test(test_runs_have_no_holes_no_zero_no_strange_commands),
        cmocka_unit_test(test_values_are_bounded),
        cmocka_unit_test(test_any_message_is_survived),
    };

    return cmocka_run_group_tests_name("message", tests, set_up, tear_down);
}
