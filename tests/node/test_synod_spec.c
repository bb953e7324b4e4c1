/* SPDX-License-Identifier: MIT */
/* test_synod_spec.c -- the same ids on every node, the rule of quorums, and sentences that say what
 * is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "synod_spec.h"

static struct synod_spec parse(const char *self, const char *others, uint32_t prepare,
                               uint32_t vote)
{
    struct synod_spec spec;
    char sentence[SENTENCE_BYTES] = "";

    if (synod_spec_parse(&spec, self, others, prepare, vote, sentence) != 0)
        fail_msg("%s with %s: %s", self, others, sentence);
    return spec;
}

static void every_node_comes_to_the_same_ids(void **state)
{
    struct synod_spec a = parse(":5001", ":5002,:10000", 0, 0);
    struct synod_spec b = parse("localhost:5002", "127.0.0.1:10000,:5001", 2, 2);
    struct synod_spec c = parse("LocalHost:10000", ":5001,:5002", 0, 0);

    (void)state;
    assert_int_equal(a.count, 3);
    assert_int_equal(a.self, 1);
    assert_int_equal(b.self, 2);
    assert_int_equal(c.self, 3); /* by number, not by text */
    for (decree_node_id id = 1; id <= 3; id++) {
        assert_string_equal(synod_spec_name(&a, id), synod_spec_name(&b, id));
        assert_string_equal(synod_spec_name(&a, id), synod_spec_name(&c, id));
    }
    assert_string_equal(synod_spec_name(&a, 3), ":10000");
    assert_string_equal(synod_spec_name(&a, 4), "?");
    assert_true(synod_spec_id(&a) == synod_spec_id(&b));
    assert_true(synod_spec_id(&a) == synod_spec_id(&c));
}

static void nodes_that_disagree_have_other_ids(void **state)
{
    struct synod_spec three = parse(":1", ":2,:3", 2, 2);
    struct synod_spec other = parse(":1", ":2,:4", 2, 2);
    struct synod_spec four = parse(":1", ":2,:3,:4", 3, 2);
    struct synod_spec quorums = parse(":1", ":2,:3", 2, 3);
    struct synod_spec hosts = parse("a:1", ":2,:3", 2, 2);

    (void)state;
    assert_true(synod_spec_id(&three) != synod_spec_id(&other));
    assert_true(synod_spec_id(&three) != synod_spec_id(&four));
    assert_true(synod_spec_id(&three) != synod_spec_id(&quorums));
    assert_true(synod_spec_id(&three) != synod_spec_id(&hosts));
}

static void addresses_keep_their_hosts(void **state)
{
    struct synod_spec spec = parse("b.example:7", "[::1]:7,A.example:9,a.example:8", 0, 0);

    (void)state;
    assert_string_equal(synod_spec_name(&spec, 1), "[::1]:7");
    assert_string_equal(spec.members[0].host, "::1");
    assert_string_equal(synod_spec_name(&spec, 2), "a.example:8");
    assert_string_equal(synod_spec_name(&spec, 3), "a.example:9");
    assert_int_equal(spec.self, 4);
    assert_int_equal(spec.prepare_quorum, 3);
    assert_int_equal(spec.vote_quorum, 3);
}

static void one_node_is_a_synod(void **state)
{
    struct synod_spec spec = parse(":5001", NULL, 0, 0);

    (void)state;
    assert_int_equal(spec.count, 1);
    assert_int_equal(spec.prepare_quorum, 1);
    spec = parse(":5001", "", 1, 1);
    assert_int_equal(spec.self, 1);
}

static void all_safe_quorums_and_no_others_are_taken(void **state)
{
    static const char *const others[] = {"", ":2", ":2,:3", ":2,:3,:4", ":2,:3,:4,:5"};
    struct synod_spec spec;
    char sentence[SENTENCE_BYTES];

    (void)state;
    for (uint32_t n = 1; n <= 5; n++)
        for (uint32_t q1 = 1; q1 <= 6; q1++)
            for (uint32_t q2 = 1; q2 <= 6; q2++) {
                bool safe = q1 <= n && q2 <= n && q1 + q2 > n;

                sentence[0] = '\0';
                assert_int_equal(synod_spec_parse(&spec, ":1", others[n - 1], q1, q2, sentence),
                                 safe ? 0 : DECREE_QUORUM);
                assert_int_equal(sentence[0] == '\0', safe);
            }
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *self, *others;
        uint32_t prepare, vote;
        const char *words;
    } rows[] = {
        {":5001", ":5002,:5003,:5004,:5005", 2, 2, "prepareNum 2 and voteNum 2 are unsafe with 5"},
        {":5001", ":5002,:5003,:5004,:5005", 2, 2, "prepareNum + voteNum > number of nodes"},
        {":5001", ":5002,:5003,:5004,:5005", 2, 2, "voteNum must be at least 4"},
        {":5001", ":5002,:5003", 4, 2, "prepareNum 4 is more than the 3 nodes"},
        {":5001", ":5002,:5003", 2, 9, "voteNum 9 is more than the 3 nodes"},
        {":5001", "", 1, 2, "the 1 node that"},
        {":5001", ":5002,:5001", 0, 0, ":5001 is named twice"},
        {":5001", ":5002,localhost:5002", 0, 0, ":5002 is named twice"},
        {":5001", ":5002,,:5003", 0, 0, "empty"},
        {":5001", ":5002,", 0, 0, "ends in a comma"},
        {"5001", ":5002", 0, 0, "5001"},
        {":x", ":5002", 0, 0, "port"},
        {":0", ":5002", 0, 0, "port"},
        {":5001", ":70000", 0, 0, "port"},
        {":5001",
         ":1,:2,:3,:4,:5,:6,:7,:8,:9,:10,:11,:12,:13,:14,:15,:16,:17,:18,:19,:20,:21,:22,"
         ":23,:24,:25,:26,:27,:28,:29,:30,:31",
         0, 0, "more than 31 nodes"},
    };
    struct synod_spec spec;
    char sentence[SENTENCE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(synod_spec_parse(&spec, rows[i].self, rows[i].others, rows[i].prepare,
                                     rows[i].vote, sentence) < 0);
        if (strstr(sentence, rows[i].words) == NULL)
            fail_msg("'%s' does not say '%s'", sentence, rows[i].words);
    }
}

static void overlong_addresses_are_refused(void **state)
{
    struct synod_spec spec;
    char sentence[SENTENCE_BYTES], text[2000];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(synod_spec_parse(&spec, text, "", 0, 0, sentence), DECREE_INVALID);
    assert_int_equal(synod_spec_parse(&spec, ":1", text, 0, 0, sentence), DECREE_INVALID);
    memcpy(text + 250, ":5001", 6);
    assert_int_equal(synod_spec_parse(&spec, text, "", 0, 0, sentence), 0);
    assert_int_equal(strlen(synod_spec_name(&spec, 1)), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_comes_to_the_same_ids),
        cmocka_unit_test(nodes_that_disagree_have_other_ids),
        cmocka_unit_test(addresses_keep_their_hosts),
        cmocka_unit_test(one_node_is_a_synod),
        cmocka_unit_test(all_safe_quorums_and_no_others_are_taken),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(overlong_addresses_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
