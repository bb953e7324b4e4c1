/* SPDX-License-Identifier: MIT */
/* test_registers.c -- what a user of registers sees: sets, gets, compare-and-sets, histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "register_bed.h"

static struct bed *open_bed(uint32_t count, const struct decree_registers_config *config)
{
    static const struct decree_registers_config usual = {.seed = 1};
    struct bed *bed = malloc(sizeof(*bed));

    assert_non_null(bed);
    bed_init(bed, count, config == NULL ? &usual : config);
    bed_start_all(bed);
    return bed;
}

static void close_bed(struct bed *bed)
{
    bed_release(bed);
    free(bed);
}

static void expect(struct bed *bed, decree_node_id id, uint64_t name, int error, uint64_t version,
                   const char *value)
{
    const struct bed_answer *answer = bed_await(bed, id, name);

    assert_non_null(answer);
    assert_string_equal(decree_error_name(answer->error), decree_error_name(error));
    if (value == NULL) {
        assert_int_equal(answer->version_count, 0);
        return;
    }
    assert_int_equal(answer->version_count, 1);
    assert_int_equal(answer->versions[0], version);
    assert_string_equal(answer->values[0], value);
}

static void test_sets_append(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    expect(bed, 1, bed_get(bed, 1, "k", 0), DECREE_NOT_FOUND, 0, NULL);
    expect(bed, 1, bed_set(bed, 1, "k", "a", 0), 0, 1, "a");
    expect(bed, 1, bed_set(bed, 1, "k", "b", 0), 0, 2, "b");
    expect(bed, 2, bed_get(bed, 2, "k", 0), 0, 2, "b");
    expect(bed, 2, bed_set(bed, 2, "k", "c", 0), 0, 3, "c");
    expect(bed, 3, bed_get(bed, 3, "k", 0), 0, 3, "c");
    expect(bed, 3, bed_get(bed, 3, "k", 1), 0, 1, "a");
    expect(bed, 3, bed_get(bed, 3, "k", 7), DECREE_NOT_FOUND, 0, NULL);
    expect(bed, 1, bed_set(bed, 1, "k", "d", 0), 0, 4, "d");
    expect(bed, 1, bed_set(bed, 1, "other", "x", 0), 0, 1, "x");
    close_bed(bed);
}

static uint32_t rounds_of(struct bed *bed, decree_node_id id, uint64_t name)
{
    const struct bed_answer *answer = bed_await(bed, id, name);

    assert_non_null(answer);
    assert_int_equal(answer->error, 0);
    return answer->rounds;
}

static void test_one_round_trip_when_nobody_competes(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    assert_int_equal(rounds_of(bed, 1, bed_set(bed, 1, "k", "a", 0)), 2);
    assert_int_equal(rounds_of(bed, 1, bed_set(bed, 1, "k", "b", 0)), 1);
    assert_int_equal(rounds_of(bed, 1, bed_set(bed, 1, "k", "c", 0)), 1);
    assert_int_equal(rounds_of(bed, 2, bed_get(bed, 2, "k", 0)), 1);
    assert_int_equal(rounds_of(bed, 1, bed_cas(bed, 1, "k", 3, "d")), 1);
    assert_int_equal(rounds_of(bed, 2, bed_set(bed, 2, "k", "e", 0)), 2);
    assert_int_equal(rounds_of(bed, 2, bed_set(bed, 2, "k", "f", 0)), 1);
    close_bed(bed);
}

static void test_concurrent_sets_both_land(void **state)
{
    struct bed *bed = open_bed(3, NULL);
    uint64_t names[4];
    unsigned seen = 0;

    (void)state;
    names[1] = bed_set(bed, 1, "k", "same", 0);
    names[2] = bed_set(bed, 2, "k", "same", 0);
    names[3] = bed_set(bed, 3, "k", "same", 0);
    for (decree_node_id id = 1; id <= 3; id++) {
        const struct bed_answer *answer = bed_await(bed, id, names[id]);

        assert_non_null(answer);
        assert_int_equal(answer->error, 0);
        seen |= 1u << answer->versions[0];
    }
    assert_int_equal(seen, 2 + 4 + 8);
    close_bed(bed);
}

static void test_numbered_sets(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    expect(bed, 1, bed_set(bed, 1, "k", "a", 1), 0, 1, "a");
    expect(bed, 2, bed_set(bed, 2, "k", "b", 1), DECREE_CONFLICT, 1, "a");
    expect(bed, 2, bed_set(bed, 2, "k", "a", 1), 0, 1, "a");
    expect(bed, 3, bed_set(bed, 3, "k", "e", 5), 0, 5, "e");
    expect(bed, 1, bed_get(bed, 1, "k", 3), DECREE_NOT_FOUND, 0, NULL);
    expect(bed, 1, bed_set(bed, 1, "k", "f", 0), 0, 6, "f");
    expect(bed, 2, bed_set(bed, 2, "k", "c", 3), 0, 3, "c");
    expect(bed, 3, bed_get(bed, 3, "k", 0), 0, 6, "f");
    close_bed(bed);
}

static void test_compare_and_set(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    expect(bed, 1, bed_cas(bed, 1, "k", 1, "x"), DECREE_CONFLICT, 0, NULL);
    expect(bed, 1, bed_cas(bed, 1, "k", 0, "a"), 0, 1, "a");
    expect(bed, 2, bed_cas(bed, 2, "k", 0, "b"), DECREE_CONFLICT, 1, "a");
    expect(bed, 2, bed_cas(bed, 2, "k", 1, "b"), 0, 2, "b");
    expect(bed, 1, bed_cas(bed, 1, "k", 1, "c"), DECREE_CONFLICT, 2, "b");
    expect(bed, 1, bed_cas(bed, 1, "k", 2, "c"), 0, 3, "c");
    close_bed(bed);
}

static void expect_history(struct bed *bed, decree_node_id id, uint64_t name, const char *wanted)
{
    const struct bed_answer *answer = bed_await(bed, id, name);
    char text[256] = "";
    size_t used = 0;

    assert_non_null(answer);
    assert_int_equal(answer->error, 0);
    for (uint32_t i = 0; i < answer->version_count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u=%s", i > 0 ? " " : "",
                                 (unsigned)answer->versions[i], answer->values[i]);
    assert_string_equal(text, wanted);
}

static void test_history(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    expect(bed, 1, bed_history(bed, 1, "k", 0, 0), DECREE_NOT_FOUND, 0, NULL);
    bed_crash(bed, 3);
    expect(bed, 1, bed_set(bed, 1, "k", "a", 0), 0, 1, "a");
    expect(bed, 2, bed_set(bed, 2, "k", "b", 0), 0, 2, "b");
    expect(bed, 1, bed_set(bed, 1, "k", "e", 5), 0, 5, "e");
    assert_int_equal(bed_start(bed, 3), 0);
    expect_history(bed, 3, bed_history(bed, 3, "k", 0, 0), "1=a 2=b 5=e");
    expect_history(bed, 3, bed_history(bed, 3, "k", 2, 0), "2=b 5=e");
    expect_history(bed, 1, bed_history(bed, 1, "k", 0, 2), "1=a 2=b");
    expect_history(bed, 1, bed_history(bed, 1, "k", 9, 0), "");
    close_bed(bed);
}

static void test_forget(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    expect(bed, 1, bed_forget(bed, 1, "k", 2), DECREE_NOT_FOUND, 0, NULL);
    for (int i = 0; i < 4; i++)
        expect(bed, 1, bed_set(bed, 1, "k", "v", 0), 0, (uint64_t)i + 1, "v");
    expect(bed, 2, bed_forget(bed, 2, "k", 3), 0, 0, NULL);
    for (decree_node_id id = 1; id <= 3; id++) {
        expect(bed, id, bed_get(bed, id, "k", 2), DECREE_COMPACTED, 0, NULL);
        expect(bed, id, bed_set(bed, id, "k", "w", 1), DECREE_COMPACTED, 0, NULL);
        expect(bed, id, bed_get(bed, id, "k", 3), 0, 3, "v");
        expect_history(bed, id, bed_history(bed, id, "k", 0, 0), "3=v 4=v");
    }
    expect(bed, 3, bed_forget(bed, 3, "k", 100), 0, 0, NULL);
    expect(bed, 1, bed_get(bed, 1, "k", 0), 0, 4, "v");
    expect(bed, 1, bed_set(bed, 1, "k", "x", 0), 0, 5, "x");
    close_bed(bed);
}

static void test_few_versions_are_kept(void **state)
{
    struct decree_registers_config config = {.seed = 3, .keep_versions = 2};
    struct bed *bed = open_bed(3, &config);

    (void)state;
    for (int i = 0; i < 50; i++)
        expect(bed, 1, bed_set(bed, 1, "k", "v", 0), 0, (uint64_t)i + 1, "v");
    expect_history(bed, 2, bed_history(bed, 2, "k", 0, 0), "49=v 50=v");
    expect(bed, 3, bed_get(bed, 3, "k", 48), DECREE_COMPACTED, 0, NULL);
    close_bed(bed);
}

static void test_a_minority_may_be_away(void **state)
{
    struct bed *bed = open_bed(3, NULL);
    uint64_t begun_ns;

    (void)state;
    expect(bed, 1, bed_set(bed, 1, "k", "a", 0), 0, 1, "a");
    bed_crash(bed, 1);
    begun_ns = bed->now_ns;
    expect(bed, 2, bed_set(bed, 2, "k", "b", 0), 0, 2, "b");
    expect(bed, 3, bed_get(bed, 3, "k", 0), 0, 2, "b");
    assert_int_equal(bed->now_ns, begun_ns); /* nobody waited */
    assert_int_equal(bed_start(bed, 1), 0);
    expect(bed, 1, bed_get(bed, 1, "k", 0), 0, 2, "b");
    close_bed(bed);
}

static void test_everything_survives_a_restart(void **state)
{
    struct bed *bed = open_bed(3, NULL);

    (void)state;
    for (int i = 0; i < 5; i++)
        expect(bed, 1, bed_set(bed, 1, "k", "v", 0), 0, (uint64_t)i + 1, "v");
    expect(bed, 1, bed_forget(bed, 1, "k", 2), 0, 0, NULL);
    for (decree_node_id id = 1; id <= 3; id++)
        bed_crash(bed, id);
    for (decree_node_id id = 1; id <= 3; id++)
        assert_int_equal(bed_start(bed, id), 0);
    expect(bed, 2, bed_get(bed, 2, "k", 0), 0, 5, "v");
    expect(bed, 2, bed_get(bed, 2, "k", 1), DECREE_COMPACTED, 0, NULL);
    expect_history(bed, 3, bed_history(bed, 3, "k", 0, 0), "2=v 3=v 4=v 5=v");
    expect(bed, 3, bed_set(bed, 3, "k", "w", 0), 0, 6, "w");
    close_bed(bed);
}

static void test_a_deadline_ends_waiting(void **state)
{
    struct bed *bed = open_bed(3, NULL);
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_GET, .key = bed_key("k"), .deadline_ns = 500 * BED_MS};

    (void)state;
    bed_crash(bed, 2);
    bed_crash(bed, 3);
    assert_int_equal(bed_request(bed, 1, &request), 0);
    bed_run(bed, 400 * BED_MS);
    assert_null(bed_answer(bed, 1, request.name));
    bed_run(bed, 200 * BED_MS);
    expect(bed, 1, request.name, DECREE_LOST, 0, NULL);
    close_bed(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_append),
        cmocka_unit_test(test_one_round_trip_when_nobody_competes),
        cmocka_unit_test(test_concurrent_sets_both_land),
        cmocka_unit_test(test_numbered_sets),
        cmocka_unit_test(test_compare_and_set),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_few_versions_are_kept),
        cmocka_unit_test(test_a_minority_may_be_away),
        cmocka_unit_test(test_everything_survives_a_restart),
        cmocka_unit_test(test_a_deadline_ends_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
