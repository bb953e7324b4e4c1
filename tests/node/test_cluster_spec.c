/* SPDX-License-Identifier: MIT */
/* test_cluster_spec.c -- what is a cluster, what is none, and that the sentence says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cluster_spec.h"

static void reads_names_and_addresses_in_order(void **state)
{
    struct cluster_spec spec;
    char sentence[SENTENCE_BYTES];

    (void)state;
    assert_int_equal(cluster_spec_parse(&spec,
                                        "n1=127.0.0.1:7001,b-2=host.example:7002,c=[::1]:65535",
                                        false, sentence),
                     0);
    assert_int_equal(spec.count, 3);
    assert_string_equal(spec.members[0].name, "n1");
    assert_string_equal(spec.members[1].host, "host.example");
    assert_int_equal(spec.members[1].port, 7002);
    assert_string_equal(spec.members[2].host, "::1");
    assert_int_equal(spec.members[2].port, 65535);
    assert_int_equal(cluster_spec_find(&spec, "b-2"), 2);
    assert_int_equal(cluster_spec_find(&spec, "b"), 0);
    assert_string_equal(cluster_spec_name(&spec, 3), "c");
    assert_string_equal(cluster_spec_name(&spec, 4), "?");
    assert_string_equal(cluster_spec_name(&spec, 0), "?");
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "empty entry"},
        {"n1=127.0.0.1:1,", "empty entry"},
        {"n1", "there is no '='"},
        {"=127.0.0.1:1", "valid name"},
        {"n 1=127.0.0.1:1", "valid name"},
        {"n1=127.0.0.1", "there is no ':'"},
        {"n1=:7001", "no valid host"},
        {"n1=a b:7001", "no valid host"},
        {"n1=::1:7001", "[address]:port"},
        {"n1=[::1]7001", "']:'"},
        {"n1=[::1", "']:'"},
        {"n1=h:", "port is a number"},
        {"n1=h:0", "port is a number"},
        {"n1=h:65536", "port is a number"},
        {"n1=h:99999999999999999999", "port is a number"},
        {"n1=h:70x", "port is a number"},
        {"n1=h:1,n1=h:2", "'n1' is in the cluster twice"},
        {"n1=h:1,n2=h:1", "'n1' and 'n2' have the same address h:1"},
    };
    struct cluster_spec spec;
    char sentence[SENTENCE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(cluster_spec_parse(&spec, cases[i].text, false, sentence), DECREE_INVALID);
        if (strstr(sentence, cases[i].words) == NULL)
            fail_msg("'%s' gave: %s", cases[i].text, sentence);
    }
}

static void bounds_members_and_lengths(void **state)
{
    struct cluster_spec spec;
    char sentence[SENTENCE_BYTES], text[4096] = "";
    size_t used = 0;

    (void)state;
    for (unsigned i = 1; i <= DECREE_MEMBERS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%sn%u=h:%u", i > 1 ? "," : "",
                                 i, i);
    assert_int_equal(cluster_spec_parse(&spec, text, false, sentence), 0);
    assert_int_equal(spec.count, DECREE_MEMBERS_MAX);
    snprintf(text + used, sizeof(text) - used, ",more=h:99");
    assert_int_equal(cluster_spec_parse(&spec, text, false, sentence), DECREE_INVALID);
    assert_non_null(strstr(sentence, "more than 31"));
    memset(text, 'n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(cluster_spec_parse(&spec, text, false, sentence), DECREE_INVALID);
    text[64] = '\0'; /* one more than a name may have */
    assert_int_equal(cluster_spec_parse(&spec, text, true, sentence), DECREE_INVALID);
    text[63] = '\0';
    assert_int_equal(cluster_spec_parse(&spec, text, true, sentence), 0);
    assert_int_equal(spec.members[0].port, 0);
}

static void only_equal_clusters_have_equal_ids(void **state)
{
    struct cluster_spec spec, moved, turned;
    char sentence[SENTENCE_BYTES];
    uint64_t id;

    (void)state;
    assert_int_equal(cluster_spec_parse(&spec, "a=h:1,b=h:2,c=h:3", false, sentence), 0);
    assert_int_equal(cluster_spec_parse(&moved, "a=g:4,b=g:5,c=g:6", false, sentence), 0);
    assert_int_equal(cluster_spec_parse(&turned, "b=h:2,a=h:1,c=h:3", false, sentence), 0);
    id = cluster_spec_id(&spec, "t", 2, 2);
    assert_true(id != 0);
    assert_true(id == cluster_spec_id(&moved, "t", 2, 2)); /* addresses may change */
    assert_true(id != cluster_spec_id(&turned, "t", 2, 2));
    assert_true(id != cluster_spec_id(&spec, "u", 2, 2));
    assert_true(id != cluster_spec_id(&spec, "t", 3, 2));
    assert_true(id != cluster_spec_id(&spec, "t", 2, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_and_addresses_in_order),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(bounds_members_and_lengths),
        cmocka_unit_test(only_equal_clusters_have_equal_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
