/* SPDX-License-Identifier: MIT */
/* test_rules.c -- each sentence of register.h and of the essays in register/ that is a promise, as
 * a test that is named by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prng.h"
#include "register_bed.h"

static struct bed *open_bed(const struct decree_registers_config *config)
{
    static const struct decree_registers_config usual = {.seed = 1};
    struct bed *bed = malloc(sizeof(*bed));

    assert_non_null(bed);
    bed_init(bed, 3, config == NULL ? &usual : config);
    bed_start_all(bed);
    return bed;
}

static void close_bed(struct bed *bed)
{
    bed_release(bed);
    free(bed);
}

static struct decree_register_message outsider(enum decree_register_message_type type,
                                               uint64_t round, const char *value)
{
    return (struct decree_register_message){
        .type = type,
        .to = 1,
        .key = bed_key("k"),
        .version = 1,
        .number = 7,
        .ballot = {.round = round, .node = DECREE_REGISTER_OUTSIDER | 2},
        .value = value == NULL ? NULL : decree_value_copy(value, (uint32_t)strlen(value))};
}

/* Sends it to node 1 and gives back the type of the answer; NONE: there is none. */
static enum decree_register_message_type ask(struct bed *bed,
                                             struct decree_register_message message, bool durable)
{
    struct bed_link *answers = &bed->links[1][0];
    enum decree_register_message_type type = DECREE_REGISTER_NONE;

    bed_send(bed, &message);
    decree_value_unref(message.value);
    assert_int_equal(bed_deliver(bed, 0, 1, 0), 0);
    if (durable)
        assert_int_equal(bed_persist(bed, 1, 0), 0);
    if (answers->count > 0) {
        type = answers->messages[0].type;
        assert_int_equal(answers->messages[0].number, 7);
        bed_drop(bed, 1, 0, 0);
    }
    return type;
}

static void test_a_promise_or_vote_stays_inside_until_its_record_is_durable(void **state)
{
    struct bed *bed = open_bed(NULL);

    (void)state;
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_PREPARE, 1, NULL), false),
                     DECREE_REGISTER_NONE);
    bed_persist(bed, 1, 0);
    assert_int_equal(bed->links[1][0].messages[0].type, DECREE_REGISTER_PROMISE);
    bed_drop(bed, 1, 0, 0);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_ACCEPT, 1, "v"), false),
                     DECREE_REGISTER_NONE);
    bed_persist(bed, 1, 0);
    assert_int_equal(bed->links[1][0].messages[0].type, DECREE_REGISTER_ACCEPTED);
    close_bed(bed);
}

static void test_an_outsider_may_ask_again_in_its_ballot(void **state)
{
    struct bed *bed = open_bed(NULL);

    (void)state;
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_PREPARE, 0, NULL), true),
                     DECREE_REGISTER_PROMISE);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_ACCEPT, 0, "v"), true),
                     DECREE_REGISTER_ACCEPTED);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_PREPARE, 0, NULL), true),
                     DECREE_REGISTER_PROMISE);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_ACCEPT, 0, "v"), true),
                     DECREE_REGISTER_ACCEPTED);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_ACCEPT, 0, "w"), true),
                     DECREE_REGISTER_REFUSED);
    close_bed(bed);
}

static void test_nothing_is_promised_or_voted_for_below_a_promise(void **state)
{
    struct bed *bed = open_bed(NULL);

    (void)state;
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_PREPARE, 5, NULL), true),
                     DECREE_REGISTER_PROMISE);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_PREPARE, 4, NULL), true),
                     DECREE_REGISTER_REFUSED);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_ACCEPT, 4, "v"), true),
                     DECREE_REGISTER_REFUSED);
    bed_crash(bed, 1);
    assert_int_equal(bed_start(bed, 1), 0);
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_ACCEPT, 4, "v"), true),
                     DECREE_REGISTER_REFUSED);
    close_bed(bed);
}

static void test_the_ballots_of_outsiders_are_never_those_of_a_member(void **state)
{
    struct bed *bed = open_bed(NULL);
    struct decree_register_message message = outsider(DECREE_REGISTER_PREPARE, 1, NULL);

    (void)state;
    message.ballot.node = 2;
    assert_int_equal(ask(bed, message, true), DECREE_REGISTER_NONE);
    message.ballot = (struct decree_ballot){UINT64_MAX / 2, DECREE_REGISTER_OUTSIDER | 2};
    assert_int_equal(ask(bed, message, true), DECREE_REGISTER_NONE);
    close_bed(bed);
}

/* A node gets past whatever ballot an outsider has used. */
static void test_a_node_can_always_go_higher(void **state)
{
    struct bed *bed = open_bed(NULL);
    const struct bed_answer *answer;

    (void)state;
    assert_int_equal(ask(bed, outsider(DECREE_REGISTER_PREPARE, UINT64_C(1) << 62, NULL), true),
                     DECREE_REGISTER_PROMISE);
    answer = bed_await(bed, 2, bed_set(bed, 2, "k", "v", 0));
    assert_non_null(answer);
    assert_int_equal(answer->error, 0);
    answer = bed_await(bed, 1, bed_set(bed, 1, "k", "w", 0));
    assert_non_null(answer);
    assert_int_equal(answer->versions[0], 2);
    close_bed(bed);
}

static void test_who_reads_an_old_version_does_not_disturb_who_sets_new_ones(void **state)
{
    struct bed *bed = open_bed(NULL);
    struct decree_register_message message = outsider(DECREE_REGISTER_PREPARE, UINT64_C(1) << 50,
                                                      NULL);

    (void)state;
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(bed_await(bed, 1, bed_set(bed, 1, "k", "v", 0))->versions[0], i);
    bed_run(bed, 100 * BED_MS);
    assert_int_equal(ask(bed, message, true), DECREE_REGISTER_PROMISE);
    assert_int_equal(bed_await(bed, 1, bed_set(bed, 1, "k", "v", 0))->rounds, 1);
    close_bed(bed);
}

static void test_gets_that_wait_share_a_round(void **state)
{
    struct bed *bed = open_bed(NULL);
    uint64_t names[10];

    (void)state;
    bed_await(bed, 1, bed_set(bed, 1, "k", "v", 0));
    for (int i = 0; i < 10; i++)
        names[i] = bed_get(bed, 2, "k", 0);
    assert_int_equal(bed->links[2][1].count, 1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(bed_await(bed, 2, names[i])->rounds, 1);
    close_bed(bed);
}

static void test_open_requests_are_bounded(void **state)
{
    struct decree_registers_config config = {.seed = 1, .requests_max = 3};
    struct bed *bed = open_bed(&config);
    struct decree_register_request request = {.operation = DECREE_REGISTER_GET,
                                              .key = bed_key("k")};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(bed_request(bed, 1, &request), 0);
    assert_int_equal(bed_request(bed, 1, &request), DECREE_FULL);
    bed_drain(bed);
    assert_int_equal(bed_request(bed, 1, &request), 0);
    close_bed(bed);
}

static void test_what_is_out_of_range_is_refused(void **state)
{
    static const uint8_t long_key[DECREE_REGISTER_KEY_BYTES_MAX + 1];
    struct decree_registers_config config = {.seed = 1, .value_bytes_max = 4};
    struct bed *bed = open_bed(&config);
    struct decree_register_request get = {.operation = DECREE_REGISTER_GET, .key = bed_key("k")};
    struct decree_register_request set = {.operation = DECREE_REGISTER_SET, .key = bed_key("k")};

    (void)state;
    assert_int_equal(bed_request(bed, 1, &set), DECREE_MISUSE);
    set.value = decree_value_copy("12345", 5);
    assert_int_equal(bed_request(bed, 1, &set), DECREE_TOO_LARGE);
    decree_value_unref(set.value);
    get.version = DECREE_REGISTER_VERSION_MAX + 1;
    assert_int_equal(bed_request(bed, 1, &get), DECREE_INVALID);
    get.version = 0;
    get.key.size = 0;
    assert_int_equal(bed_request(bed, 1, &get), DECREE_INVALID);
    get.key = (struct decree_register_key){long_key, sizeof(long_key)};
    assert_int_equal(bed_request(bed, 1, &get), DECREE_INVALID);
    close_bed(bed);
}

static void test_unsafe_quorums_are_refused(void **state)
{
    static const decree_node_id members[] = {1, 2, 3, 4};
    struct decree_registers_config config = {
        .self = 1, .members = members, .member_count = 4, .prepare_quorum = 2, .vote_quorum = 2};
    struct decree_registers *registers = NULL;

    (void)state;
    assert_int_equal(decree_registers_open(&registers, &config), DECREE_QUORUM);
    config.prepare_quorum = 3;
    assert_int_equal(decree_registers_open(&registers, &config), 0);
    decree_registers_close(registers);
    config.self = 9;
    assert_int_equal(decree_registers_open(&registers, &config), DECREE_INVALID);
    decree_registers_close(NULL);
}

static void test_records_that_contradict_each_other_are_refused(void **state)
{
    struct bed *bed = open_bed(NULL);

    (void)state;
    bed_await(bed, 1, bed_set(bed, 1, "k", "v", 0));
    bed_run(bed, 100 * BED_MS);
    bed_crash(bed, 2);
    assert_true(bed->nodes[2].journal_count >= 3);
    /* The last one says that the vote before it was decided: without the vote it makes no sense. */
    decree_value_unref(bed->nodes[2].journal[bed->nodes[2].journal_count - 2].value);
    bed->nodes[2].journal[bed->nodes[2].journal_count - 2] =
        bed->nodes[2].journal[bed->nodes[2].journal_count - 1];
    bed->nodes[2].journal[bed->nodes[2].journal_count - 2].number--;
    bed->nodes[2].journal_count--;
    assert_int_equal(bed_start(bed, 2), DECREE_CORRUPT);
    close_bed(bed);
}

/* Whatever a peer says, nothing breaks, and afterwards the node works. */
static void test_a_message_without_sense_is_ignored(void **state)
{
    struct bed *bed = open_bed(NULL);
    struct decree_value *value = decree_value_copy("x", 1);
    struct prng prng;

    (void)state;
    prng_init(&prng, 11);
    for (int i = 0; i < 30000; i++) {
        static const uint64_t numbers[] = {0, 1, 2, 3, UINT64_MAX / 2, UINT64_MAX};
        static const char *const keys[] = {"k", "other", "third"};
        struct decree_register_message message = {
            .type = (enum decree_register_message_type)prng_below(&prng, 12),
            .from = (decree_node_id)prng_below(&prng, 4),
            .to = 1,
            .key = bed_key(keys[prng_below(&prng, 3)]),
            .version = numbers[prng_below(&prng, 6)],
            .number = prng_below(&prng, 2) == 0 ? (UINT64_C(1) << 40) + prng_below(&prng, 40)
                                                : numbers[prng_below(&prng, 6)],
            .first = numbers[prng_below(&prng, 6)],
            .next = numbers[prng_below(&prng, 6)],
            .ballot = {numbers[prng_below(&prng, 6)], (decree_node_id)prng_below(&prng, 4)},
            .voted = {numbers[prng_below(&prng, 6)], (decree_node_id)prng_below(&prng, 4)},
            .value = prng_below(&prng, 2) == 0 ? value : NULL,
            .decided = prng_below(&prng, 2) == 0};
        struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_MESSAGE,
                                              .u.message = message};

        if (i % 100 == 0) {
            bed_set(bed, 1, "k", "v", 0);
            bed_get(bed, 1, "other", 0);
            bed_history(bed, 1, "third", 0, 0);
            bed_wake(bed, 1);
        }
        assert_int_equal(bed_step(bed, 1, &event), 0);
        if (i % 7 == 0)
            bed_persist(bed, 1, 0);
        bed->now_ns += BED_MS;
    }
    decree_value_unref(value);
    assert_non_null(bed_await(bed, 1, bed_set(bed, 1, "fresh", "v", 0)));
    close_bed(bed);
}

static void outsider_at_random(struct bed *bed, struct prng *prng)
{
    static const uint64_t rounds[] = {
        0, 1, 2, 1u << 31, UINT64_C(1) << 62, (UINT64_C(1) << 62) - 1};
    static const uint64_t versions[] = {1,
                                        2,
                                        3,
                                        UINT64_C(1) << 31,
                                        UINT64_C(1) << 62,
                                        (UINT64_C(1) << 62) + 1,
                                        UINT64_MAX / 2,
                                        UINT64_MAX};
    struct decree_register_message message = outsider(
        prng_below(prng, 2) == 0 ? DECREE_REGISTER_PREPARE : DECREE_REGISTER_ACCEPT,
        rounds[prng_below(prng, 6)], prng_below(prng, 2) == 0 ? "x" : "y");

    message.version = versions[prng_below(prng, 8)];
    message.ballot.node = DECREE_REGISTER_OUTSIDER | (decree_node_id)prng_next(prng);
    (void)ask(bed, message, true);
}

static uint64_t request_at_random(struct bed *bed, struct prng *prng)
{
    static const uint64_t numbers[] = {0, 1, 2, 3, UINT64_C(1) << 31, UINT64_C(1) << 62};
    uint64_t number = numbers[prng_below(prng, 6)];

    switch (prng_below(prng, 6)) {
    case 0:
        return bed_set(bed, 1, "k", "v", 0);
    case 1:
        return bed_set(bed, 1, "k", "v", number);
    case 2:
        return bed_get(bed, 1, "k", number);
    case 3:
        return bed_cas(bed, 1, "k", number, "v");
    case 4:
        return bed_history(bed, 1, "k", number, 3);
    default:
        return number == 0 ? bed_get(bed, 1, "k", 0) : bed_forget(bed, 1, "k", number);
    }
}

/* With one member, whatever versions and ballots outsiders have used. */
static void test_every_request_is_answered(void **state)
{
    struct prng prng;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct decree_registers_config config = {.seed = seed};
        struct bed *bed = malloc(sizeof(*bed));

        prng_init(&prng, seed);
        bed_init(bed, 1, &config);
        bed_start_all(bed);
        for (int i = 0; i < 200; i++) {
            outsider_at_random(bed, &prng);
            assert_non_null(bed_await(bed, 1, request_at_random(bed, &prng)));
        }
        close_bed(bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_promise_or_vote_stays_inside_until_its_record_is_durable),
        cmocka_unit_test(test_an_outsider_may_ask_again_in_its_ballot),
        cmocka_unit_test(test_nothing_is_promised_or_voted_for_below_a_promise),
        cmocka_unit_test(test_the_ballots_of_outsiders_are_never_those_of_a_member),
        cmocka_unit_test(test_a_node_can_always_go_higher),
        cmocka_unit_test(test_who_reads_an_old_version_does_not_disturb_who_sets_new_ones),
        cmocka_unit_test(test_gets_that_wait_share_a_round),
        cmocka_unit_test(test_open_requests_are_bounded),
        cmocka_unit_test(test_what_is_out_of_range_is_refused),
        cmocka_unit_test(test_unsafe_quorums_are_refused),
        cmocka_unit_test(test_records_that_contradict_each_other_are_refused),
        cmocka_unit_test(test_a_message_without_sense_is_ignored),
        cmocka_unit_test(test_every_request_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
