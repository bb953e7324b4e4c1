/* SPDX-License-Identifier: MIT */
/* test_cmd.c -- the parts of the command line that need no server: names, times, ranges, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_options.h"
#include "commands.h"
#include "message_json.h"
#include "output.h"
#include "range_arguments.h"

static void test_commands_are_found_by_their_word(void **state)
{
    (void)state;
    assert_ptr_equal(subcommand_find("put")->run, cmd_put);
    assert_null(subcommand_find("pu"));
    assert_ptr_equal(subcommand_find("compaction")->run, cmd_compact);
    assert_non_null(subcommand_why_not("defrag"));
    assert_null(subcommand_why_not("put"));
    assert_null(subcommand_find(""));
}

static void test_what_was_meant_is_suggested(void **state)
{
    (void)state;
    assert_string_equal(subcommand_suggest("putt"), "put");
    assert_string_equal(subcommand_suggest("pt"), "put");
    assert_string_equal(subcommand_suggest("stauts"), "status");
    assert_string_equal(subcommand_suggest("mebmer"), "member");
    assert_null(subcommand_suggest("xyzzy"));
    assert_null(subcommand_suggest("a-very-long-word-that-is-nothing-of-ours-at-all"));
}

static void test_options_before_a_command(void **state)
{
    char *lines[][4] = {
        {"--endpoints", "a:1", "get", "k"}, {"--endpoints=a:1", "--json", "get", "k"},
        {"-w", "json", "get", "k"},         {"-wjson", "get", "-w", "json"},
        {"--endpoint", "get", "k", "v"},    {"get", "--json", "k", "v"}};
    static const int expected[] = {2, 2, 2, 1, 0, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(client_options_count(4, lines[i]), expected[i]);
    assert_int_equal(client_options_count(1, lines[0]), 1);
    assert_int_equal(client_options_count(0, lines[0]), 0);
}

static void test_times(void **state)
{
    static const char *const bad[] = {
        "",      "s",   "0",     "0s", "-1s", "1x", "1 s", "25h", "999999999999999999999",
        "86401", "1m1", "24h1ns"};
    uint64_t ms;

    (void)state;
    assert_true(duration_parse("5", &ms) && ms == 5000);
    assert_true(duration_parse("5s", &ms) && ms == 5000);
    assert_true(duration_parse("250ms", &ms) && ms == 250);
    assert_true(duration_parse("2m", &ms) && ms == 120000);
    assert_true(duration_parse("1m1.5s", &ms) && ms == 61500);
    assert_true(duration_parse("1ns", &ms) && ms == 1);
    assert_true(duration_parse("08", &ms) && ms == 8000);
    assert_true(duration_parse("24h", &ms) && ms == 86400000);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(duration_parse(bad[i], &ms));
}

static void check_range(const struct range_arguments *arguments, const char *key, size_t key_size,
                        const char *end, size_t end_size)
{
    ProtobufCBinaryData ret_key, ret_end;
    void *memory;

    assert_true(range_of(arguments, &ret_key, &ret_end, &memory));
    assert_int_equal(ret_key.len, key_size);
    assert_memory_equal(ret_key.data, key, key_size);
    assert_int_equal(ret_end.len, end_size);
    if (end_size > 0)
        assert_memory_equal(ret_end.data, end, end_size);
    free(memory);
}

static void test_ranges(void **state)
{
    (void)state;
    check_range(&(struct range_arguments){.key = "a"}, "a", 1, "", 0);
    check_range(&(struct range_arguments){.key = "a", .end = "c"}, "a", 1, "c", 1);
    check_range(&(struct range_arguments){.key = "a", .prefix = true}, "a", 1, "b", 1);
    check_range(&(struct range_arguments){.key = "a\xff", .prefix = true}, "a\xff", 2, "b", 1);
    check_range(&(struct range_arguments){.key = "\xff\xff", .prefix = true}, "\xff\xff", 2, "\0",
                1);
    check_range(&(struct range_arguments){.key = "", .prefix = true}, "\0", 1, "\0", 1);
    check_range(&(struct range_arguments){.key = "", .from_key = true}, "\0", 1, "\0", 1);
    check_range(&(struct range_arguments){.key = "b", .from_key = true}, "b", 1, "\0", 1);
}

static void check_json(const ProtobufCMessage *message, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    message_json_print(stream, message);
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
}

static void test_json_of_messages(void **state)
{
    static uint8_t key[] = {'a', 0, 0xff, 'b'};
    Etcdserverpb__ResponseHeader header = ETCDSERVERPB__RESPONSE_HEADER__INIT;
    Mvccpb__KeyValue pair = MVCCPB__KEY_VALUE__INIT, empty = MVCCPB__KEY_VALUE__INIT;
    Mvccpb__KeyValue *pairs[] = {&pair, &empty};
    Etcdserverpb__RangeResponse response = ETCDSERVERPB__RANGE_RESPONSE__INIT;
    Etcdserverpb__Compare compare = ETCDSERVERPB__COMPARE__INIT;
    Etcdserverpb__Member member = ETCDSERVERPB__MEMBER__INIT;
    char *urls[] = {"http://a:1", "quo\"te\n"};

    (void)state;
    check_json(&response.base, "{}");
    header.cluster_id = UINT64_MAX;
    header.revision = -1;
    pair.key = (ProtobufCBinaryData){.len = sizeof(key), .data = key};
    pair.version = 3;
    response.header = &header;
    response.kvs = pairs;
    response.n_kvs = 2;
    response.more = true;
    check_json(&response.base, "{\"header\":{\"cluster_id\":18446744073709551615,\"revision\":-1},"
                               "\"kvs\":[{\"key\":\"YQD/Yg==\",\"version\":3},{}],\"more\":true}");
    compare.target = ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE;
    compare.target_union_case = ETCDSERVERPB__COMPARE__TARGET_UNION_VERSION;
    check_json(&compare.base, "{\"target\":3,\"version\":0}");
    member.clienturls = urls;
    member.n_clienturls = 2;
    check_json(&member.base, "{\"clientURLs\":[\"http://a:1\",\"quo\\\"te\\u000a\"]}");
}

static void test_sizes_for_people(void **state)
{
    static const struct {
        double bytes;
        const char *text;
    } rows[] = {{0, "0 B"},       {999, "999 B"},  {1500, "1.5 kB"},
                {24576, "25 kB"}, {2e9, "2.0 GB"}, {3e15, "3000 TB"}};
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        output_bytes(text, sizeof(text), rows[i].bytes);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_joining(void **state)
{
    char *texts[] = {"ab", "cd", "ef"};
    char text[6];

    (void)state;
    text_join(text, sizeof(text), texts, 0);
    assert_string_equal(text, "");
    text_join(text, sizeof(text), texts, 2);
    assert_string_equal(text, "ab,cd");
    text_join(text, sizeof(text), texts, 3);
    assert_string_equal(text, "ab,cd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_before_a_command),
        cmocka_unit_test(test_commands_are_found_by_their_word),
        cmocka_unit_test(test_what_was_meant_is_suggested),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_json_of_messages),
        cmocka_unit_test(test_sizes_for_people),
        cmocka_unit_test(test_joining),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
