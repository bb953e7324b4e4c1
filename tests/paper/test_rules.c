/* SPDX-License-Identifier: MIT */
/* test_rules.c -- the five rules of paxos.h, a test of each one's name, and that nothing is left to
 * chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cores.h"
#include "prng.h"

static const struct decree_config small = {
    .log_slots_max = 16, .proposals_max = 64, .reads_max = 4, .seed = 1};

static void assert_whole(const struct cores *cores)
{
    assert_string_equal(cores->failure, "");
}

/* Three nodes, node 1 of them leads. */
static void elected(struct cores *cores, const struct decree_config *config)
{
    cores_init(cores, 3, config);
    for (decree_node_id id = 1; id <= 3; id++)
        assert_int_equal(cores_start(cores, id), 0);
    assert_int_equal(cores_elect(cores, 5000 * CORES_MS), 1);
    cores_run(cores, 20 * CORES_MS);
}

static const struct decree_message *first_of(const struct cores *cores, decree_node_id from,
                                             decree_node_id to, enum decree_message_type type)
{
    const struct cores_link *link = &cores->links[from - 1][to - 1];

    for (uint32_t i = 0; i < link->count; i++)
        if (link->messages[i].type == type)
            return &link->messages[i];
    return NULL;
}

static struct decree_event message_event(const struct decree_message *message)
{
    return (struct decree_event){.type = DECREE_EVENT_MESSAGE, .u.message = *message};
}

/* --- SEND-NOW
 * ------------------------------------------------------------------------------------- */

static void test_SEND_NOW_p2b_waits_for_its_record(void **state)
{
    struct cores cores;
    struct decree_event event;

    (void)state;
    elected(&cores, &small);
    assert_int_equal(cores_propose(&cores, 1, "a"), 0);
    event = message_event(first_of(&cores, 1, 2, DECREE_P2A));
    assert_int_equal(cores_offer(&cores, 2, &event), 0);
    cores_take(&cores, 2);
    cores_take(&cores, 2); /* taking again lets nothing out */
    assert_null(first_of(&cores, 2, 1, DECREE_P2B));
    assert_true(cores_node(&cores, 2)->sync_lsn == cores_node(&cores, 2)->journal.count);
    cores_persist(&cores, 2, 0);
    assert_non_null(first_of(&cores, 2, 1, DECREE_P2B));
    assert_whole(&cores);
    cores_release(&cores);
}

static void test_SEND_NOW_p1a_and_p1b_wait_for_their_records(void **state)
{
    struct cores cores;
    struct decree_event lost = {.type = DECREE_EVENT_UNREACHABLE, .u.unreachable = 1};
    struct decree_event event;

    (void)state;
    elected(&cores, &small);
    assert_int_equal(cores_offer(&cores, 2, &lost), 0);
    cores.now_ns += 100 * CORES_MS;
    cores_wake(&cores, 2);
    assert_null(first_of(&cores, 2, 3, DECREE_P1A));
    cores_persist(&cores, 2, 0);
    assert_non_null(first_of(&cores, 2, 3, DECREE_P1A));
    event = message_event(first_of(&cores, 2, 3, DECREE_P1A));
    assert_int_equal(cores_offer(&cores, 3, &event), 0);
    cores_take(&cores, 3);
    assert_null(first_of(&cores, 3, 2, DECREE_P1B));
    cores_persist(&cores, 3, 0);
    assert_non_null(first_of(&cores, 3, 2, DECREE_P1B));
    assert_whole(&cores);
    cores_release(&cores);
}

static void test_SEND_NOW_nothing_of_its_own_before_the_boot_record(void **state)
{
    struct cores cores;

    (void)state;
    cores_init(&cores, 3, &small);
    assert_int_equal(cores_start(&cores, 1), 0);
    for (int i = 0; i < 50; i++) {
        cores.now_ns += 100 * CORES_MS;
        cores_wake(&cores, 1);
    }
    assert_int_equal(cores.links[0][1].count, 0);
    assert_int_equal(cores_propose(&cores, 1, "early"), DECREE_FULL);
    cores_persist(&cores, 1, 0);
    cores_wake(&cores, 1);
    assert_non_null(first_of(&cores, 1, 2, DECREE_HEARTBEAT));
    assert_int_equal(cores_propose(&cores, 1, "early"), 0);
    assert_int_equal(decree_paxos_last_sequence(cores_node(&cores, 1)->core), 1);
    cores_release(&cores);
}

/* --- APPEND-ORDER and APPLY-ORDER
 * ----------------------------------------------------------------- */

static void test_APPEND_ORDER_lsns_are_dense_across_restarts(void **state)
{
    struct cores cores;

    (void)state;
    elected(&cores,
            &small); /* cores.c checks each record; here: that there is something to check */
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 10; i++) {
            (void)cores_propose(&cores, 1 + (uint32_t)i % 3, "x");
            cores_run(&cores, 200 * CORES_MS);
        }
        cores_crash(&cores, 2, 0);
        assert_int_equal(cores_start(&cores, 2), 0);
    }
    cores_run(&cores, 2000 * CORES_MS);
    assert_true(cores_node(&cores, 2)->journal.count > 40);
    assert_int_equal(cores_status(&cores, 2).appended, cores_node(&cores, 2)->journal.count);
    assert_whole(&cores);
    cores_release(&cores);
}

static void test_APPLY_ORDER_decisions_come_by_slot_whatever_comes_first(void **state)
{
    static const uint32_t orders[6][3] = {{0, 0, 0}, {0, 1, 0}, {1, 0, 0},
                                          {1, 1, 0}, {2, 0, 0}, {2, 1, 0}};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct cores cores;

        elected(&cores, &small);
        cores.links[0][2].cut = true;
        for (int j = 0; j < 3; j++)
            assert_int_equal(cores_propose(&cores, 1, "abc"), 0);
        for (int j = 0; j < 3; j++)
            cores_deliver(&cores, 1, 2, orders[i][j]);
        cores_run(&cores, 500 * CORES_MS);
        assert_int_equal(cores_node(&cores, 2)->delivered, 3);
        assert_whole(&cores);
        cores_release(&cores);
    }
}

static void test_APPLY_ORDER_once_per_run_and_again_after_a_restart(void **state)
{
    struct cores cores;

    (void)state;
    elected(&cores, &small);
    assert_int_equal(cores_propose(&cores, 1, "a"), 0);
    cores_run(&cores, 500 * CORES_MS);
    assert_int_equal(cores_node(&cores, 3)->delivered, 1);
    cores_crash(&cores, 3, 0);
    cores.links[0][2].cut = cores.links[1][2].cut = true;
    assert_int_equal(cores_start(&cores, 3), 0);
    assert_int_equal(cores_node(&cores, 3)->delivered, 1); /* from its journal alone */
    assert_whole(&cores);
    cores_release(&cores);
}

/* --- BORROW
 * --------------------------------------------------------------------------------------- */

/* A copy of the message, of its pvalues and their values, each in memory of its own. */
static struct decree_message *separate(const struct decree_message *message)
{
    struct decree_message *copy = malloc(sizeof(*copy));
    struct decree_pvalue *pvalues = malloc(message->pvalue_count * sizeof(*pvalues) + 1);

    *copy = *message;
    copy->pvalues = pvalues;
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        const struct decree_value *value = message->pvalues[i].command.value;

        pvalues[i] = message->pvalues[i];
        if (value != NULL)
            pvalues[i].command.value = decree_value_copy(value->data, value->size);
    }
    return copy;
}

static void poison(struct decree_message *message)
{
    struct decree_pvalue *pvalues = (struct decree_pvalue *)(uintptr_t)message->pvalues;

    for (uint32_t i = 0; i < message->pvalue_count; i++)
        decree_value_unref(pvalues[i].command.value);
    memset(pvalues, 0xdd, message->pvalue_count * sizeof(*pvalues));
    free(pvalues);
    memset(message, 0xdd, sizeof(*message));
    free(message);
}

/* Each message is gone, memory and all, as soon as the step has returned. With AddressSanitizer a
 * pointer that was kept is found at once; without it, by what is then decided. */
static void test_BORROW_events_live_for_their_step_only(void **state)
{
    struct cores cores;

    (void)state;
    elected(&cores, &small);
    for (int round = 0; round < 800; round++) {
        decree_node_id from = 1 + (uint32_t)round % 3, to = 1 + (uint32_t)(round / 3) % 3;
        struct cores_link *link = &cores.links[from - 1][to - 1];

        cores.links[0][2].cut = cores.links[2][0].cut = round >
                                                        100; /* so node 2 relays for node 3 */
        if (round % 10 == 0)
            (void)cores_propose(&cores, 1 + (uint32_t)round % 3, "borrowed");
        cores_persist(&cores, to, 0);
        for (; link->count > 0; cores_drop(&cores, from, to, 0)) {
            struct decree_message *message = separate(&link->messages[0]);
            struct decree_event event = message_event(message);

            assert_int_equal(cores_offer(&cores, to, &event), 0);
            poison(message);
        }
        cores.now_ns += 5 * CORES_MS;
        cores_wake(&cores, to);
    }
    cores_run(&cores, 2000 * CORES_MS);
    assert_true(cores.decided_count >= 40);
    for (uint64_t i = 0; i < cores.decided_count; i++)
        if (cores.decided[i].command.value != NULL)
            assert_memory_equal(cores.decided[i].command.value->data, "borrowed", 8);
    assert_whole(&cores);
    cores_release(&cores);
}

static uint32_t releases;

static void count_release(struct decree_value *value)
{
    (void)value;
    releases++;
}

static void test_BORROW_a_value_is_kept_by_reference_and_let_go(void **state)
{
    static const uint8_t bytes[] = "static";
    struct decree_value value = {.refs = 1, .size = 6, .data = bytes, .release = count_release};
    struct decree_event propose = {.type = DECREE_EVENT_PROPOSE, .u.propose = &value};
    struct cores cores;

    (void)state;
    releases = 0;
    elected(&cores, &small);
    assert_int_equal(cores_offer(&cores, 1, &propose), 0);
    assert_true(value.refs > 1);
    cores_take(&cores, 1);
    cores_run(&cores, 500 * CORES_MS);
    assert_whole(&cores);
    cores_release(&cores);
    assert_int_equal(value.refs, 1);
    assert_int_equal(releases, 0);
    decree_value_unref(&value);
    assert_int_equal(releases, 1);
}

/* --- ALL-OR-NONE
 * ---------------------------------------------------------------------------------- */

struct twins { /* the same events for both; the second is also offered what it must refuse */
    struct decree_paxos *one, *two;
    struct decree_effects effects; /* of one */
    uint64_t now_ns;
    uint64_t refused, full;
};

static void twins_same(struct twins *twins)
{
    struct decree_effects other;
    struct decree_status a, b;

    decree_paxos_take(twins->one, &twins->effects);
    decree_paxos_take(twins->two, &other);
    assert_int_equal(cores_digest(0, &twins->effects), cores_digest(0, &other));
    decree_paxos_status(twins->one, &a);
    decree_paxos_status(twins->two, &b);
    assert_int_equal(a.appended, b.appended);
    assert_int_equal(a.proposals, b.proposals);
    assert_int_equal(a.decided, b.decided);
    assert_int_equal(decree_paxos_last_sequence(twins->one),
                     decree_paxos_last_sequence(twins->two));
}

static int twins_offer(struct twins *twins, struct decree_event event)
{
    int error;

    event.now_ns = twins->now_ns;
    error = decree_paxos_step(twins->one, &event);
    assert_int_equal(decree_paxos_step(twins->two, &event), error);
    return error;
}

static void refuse(struct twins *twins, struct decree_event event, int error)
{
    event.now_ns += twins->now_ns + 1000 * CORES_MS; /* the clock must not move either */
    assert_int_equal(decree_paxos_step(twins->two, &event), error);
    twins->refused++;
    twins->full += error == DECREE_FULL;
}

static void offer_what_must_be_refused(struct twins *twins)
{
    struct decree_value *large = decree_value_copy("too large", 9),
                        *fits = decree_value_copy("fits", 4);
    struct decree_event event = {.type = DECREE_EVENT_PROPOSE, .u.propose = large};
    struct decree_status status;

    decree_paxos_status(twins->two, &status);
    refuse(twins, event, DECREE_TOO_LARGE);
    event.u.propose = NULL;
    refuse(twins, event, DECREE_MISUSE);
    event.u.propose = fits;
    if (status.proposals == 64)
        refuse(twins, event, DECREE_FULL);
    event.now_ns = (uint64_t)0 - 2000 * CORES_MS; /* before now */
    refuse(twins, event, DECREE_MISUSE);
    refuse(twins, (struct decree_event){.type = DECREE_EVENT_START}, DECREE_MISUSE);
    refuse(
        twins,
        (struct decree_event){.type = DECREE_EVENT_RESTORE, .u.restore.type = DECREE_RECORD_BOOT},
        DECREE_MISUSE);
    refuse(
        twins,
        (struct decree_event){.type = DECREE_EVENT_PERSISTED, .u.persisted = status.appended + 1},
        DECREE_MISUSE);
    refuse(twins, (struct decree_event){.type = (enum decree_event_type)99}, DECREE_MISUSE);
    assert_int_equal(large->refs, 1);
    decree_value_unref(large);
    decree_value_unref(fits);
}

static void fill_reads(struct twins *twins)
{
    struct decree_event read = {.type = DECREE_EVENT_READ, .u.read = 7};

    while (twins_offer(twins, read) == 0)
        ;
    refuse(twins, read, DECREE_FULL);
}

/* A leader of one with a slow disk: proposals and reads pile up until they are refused. */
static void test_ALL_OR_NONE_a_refused_event_changes_nothing(void **state)
{
    static const decree_node_id alone = 1;
    struct decree_config config = small;
    struct twins twins = {.now_ns = 1000 * CORES_MS};
    struct decree_value *value = decree_value_copy("a", 1);

    (void)state;
    config.self = 1;
    config.members = &alone;
    config.member_count = 1;
    config.value_bytes_max = 4;
    assert_int_equal(decree_paxos_open(&twins.one, &config), 0);
    assert_int_equal(decree_paxos_open(&twins.two, &config), 0);
    assert_int_equal(twins_offer(&twins, (struct decree_event){.type = DECREE_EVENT_START}), 0);
    for (int i = 0; i < 300; i++) {
        struct decree_event event = {.type = DECREE_EVENT_PROPOSE, .u.propose = value};

        twins_same(&twins);
        offer_what_must_be_refused(&twins);
        if (i % 40 == 0)
            twins_offer(&twins, (struct decree_event){.type = DECREE_EVENT_PERSISTED,
                                                      .u.persisted = twins.effects.sync_lsn});
        if (i == 200)
            fill_reads(&twins);
        (void)twins_offer(&twins, event);
        twins.now_ns += 3 * CORES_MS;
        (void)twins_offer(&twins, (struct decree_event){.type = DECREE_EVENT_WAKE});
    }
    assert_true(twins.refused > 2000);
    assert_true(twins.full > 100);
    decree_paxos_close(twins.one);
    decree_paxos_close(twins.two);
    assert_int_equal(value->refs, 1);
    decree_value_unref(value);
}

/* Messages meet FULL when effects are not taken; offered again after a take they all fit. */
static void test_ALL_OR_NONE_a_message_that_met_FULL_fits_after_a_take(void **state)
{
    struct cores cores;
    struct decree_message message = {
        .type = DECREE_HEARTBEAT, .from = 1, .to = 2, .ballot = {.round = 0}};
    struct decree_event event;
    uint32_t taken = 0;

    (void)state;
    elected(&cores, &small);
    message.round = cores.now_ns; /* larger than any so far */
    event = message_event(&message);
    while (cores_offer(&cores, 2, &event) == 0)
        taken++;
    assert_true(taken > 1000);
    assert_int_equal(cores_offer(&cores, 2, &event), DECREE_FULL);
    cores.links[1][0].cut = true;
    cores_take(&cores, 2);
    assert_int_equal(cores_offer(&cores, 2, &event), 0);
    cores_release(&cores);
}

/* Only RESTORE can meet CORRUPT; a good record still fits after a bad one was refused. */
static void test_ALL_OR_NONE_refused_records(void **state)
{
    static const decree_node_id alone = 1;
    struct decree_config config = small;
    struct twins twins = {.now_ns = 1};
    struct decree_record boot = {
        .lsn = 1, .type = DECREE_RECORD_BOOT, .pvalue.command.incarnation = 1};
    struct decree_record decide = {.lsn = 2, .type = DECREE_RECORD_DECIDE, .pvalue.slot = 1};
    struct decree_record promise = {
        .lsn = 2, .type = DECREE_RECORD_PROMISE, .pvalue.ballot = {1, 1}};
    struct decree_record foreign = {.lsn = 2, .type = DECREE_RECORD_FOREIGN};
    struct decree_record accept = {.lsn = 3,
                                   .type = DECREE_RECORD_ACCEPT,
                                   .pvalue = {.ballot = {.round = 1, .node = 1}, .slot = 999}};
    struct decree_event event = {.type = DECREE_EVENT_RESTORE};

    (void)state;
    config.self = 1;
    config.members = &alone;
    config.member_count = 1;
    assert_int_equal(decree_paxos_open(&twins.one, &config), 0);
    assert_int_equal(decree_paxos_open(&twins.two, &config), 0);
    event.u.restore = boot;
    assert_int_equal(twins_offer(&twins, event), 0);
    event.u.restore = decide; /* nothing was accepted there */
    refuse(&twins, event, DECREE_CORRUPT);
    event.u.restore = boot; /* an lsn again */
    refuse(&twins, event, DECREE_CORRUPT);
    event.u.restore.lsn = 2; /* an incarnation again */
    refuse(&twins, event, DECREE_CORRUPT);
    event.u.restore = promise;
    event.u.restore.pvalue.ballot = (struct decree_ballot){0};
    refuse(&twins, event, DECREE_CORRUPT);
    event.u.restore = foreign; /* does not count */
    assert_int_equal(twins_offer(&twins, event), 0);
    event.u.restore = promise;
    assert_int_equal(twins_offer(&twins, event), 0);
    event.u.restore = accept; /* beyond the window */
    refuse(&twins, event, DECREE_CORRUPT);
    event.u.restore.type = (enum decree_record_type)99;
    refuse(&twins, event, DECREE_CORRUPT);
    event.u.restore = accept;
    event.u.restore.pvalue.slot = 1;
    assert_int_equal(twins_offer(&twins, event), 0);
    decide.lsn = 4;
    event.u.restore = decide;
    assert_int_equal(twins_offer(&twins, event), 0);
    twins_same(&twins);
    assert_int_equal(twins.effects.decision_count, 1);
    assert_int_equal(twins_offer(&twins, (struct decree_event){.type = DECREE_EVENT_START}), 0);
    twins_same(&twins);
    decree_paxos_close(twins.one);
    decree_paxos_close(twins.two);
}

/* --- the same again
 * ------------------------------------------------------------------------------- */

static void digest_effects(void *context, decree_node_id node, const struct decree_effects *effects)
{
    uint64_t *digest = context;

    *digest = cores_digest(*digest + node, effects);
}

static uint64_t play(uint64_t seed)
{
    struct decree_config config = small;
    struct cores cores;
    uint64_t digest = 0;

    config.seed = seed;
    cores_init(&cores, 3, &config);
    cores.on_effects = digest_effects;
    cores.context = &digest;
    for (decree_node_id id = 1; id <= 3; id++)
        assert_int_equal(cores_start(&cores, id), 0);
    for (uint32_t i = 0; i < 20; i++) {
        decree_node_id id = 1 + i % 3;

        cores_run(&cores, 150 * CORES_MS);
        (void)cores_propose(&cores, id, "again");
        (void)cores_read(&cores, id, i);
        if (i % 5 == 4) {
            cores_crash(&cores, id, 0);
            cores_run(&cores, 1500 * CORES_MS);
            assert_int_equal(cores_start(&cores, id), 0);
        }
    }
    cores_run(&cores, 2000 * CORES_MS);
    assert_true(cores.decided_count >= 10);
    assert_whole(&cores);
    cores_release(&cores);
    return digest;
}

static void test_same_config_seed_and_events_give_the_same_effects(void **state)
{
    (void)state;
    assert_int_equal(play(1), play(1));
    assert_int_equal(play(2), play(2));
    assert_int_not_equal(play(1), play(2)); /* or the digest says nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_SEND_NOW_p2b_waits_for_its_record),
        cmocka_unit_test(test_SEND_NOW_p1a_and_p1b_wait_for_their_records),
        cmocka_unit_test(test_SEND_NOW_nothing_of_its_own_before_the_boot_record),
        cmocka_unit_test(test_APPEND_ORDER_lsns_are_dense_across_restarts),
        cmocka_unit_test(test_APPLY_ORDER_decisions_come_by_slot_whatever_comes_first),
        cmocka_unit_test(test_APPLY_ORDER_once_per_run_and_again_after_a_restart),
        cmocka_unit_test(test_BORROW_events_live_for_their_step_only),
        cmocka_unit_test(test_BORROW_a_value_is_kept_by_reference_and_let_go),
        cmocka_unit_test(test_ALL_OR_NONE_a_refused_event_changes_nothing),
        cmocka_unit_test(test_ALL_OR_NONE_a_message_that_met_FULL_fits_after_a_take),
        cmocka_unit_test(test_ALL_OR_NONE_refused_records),
        cmocka_unit_test(test_same_config_seed_and_events_give_the_same_effects),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
