/* SPDX-License-Identifier: MIT */
/* test_synod_arguments.c -- the flags of basic-paxos, in every form that Go's flag package has them,
 * and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <argp.h>
#include <cmocka.h>

#include "synod_arguments.h"
#include "synod_lines.h"

#define WORDS_MAX 32

/* Splits a line at its spaces, and reads it. */
static int parse(struct synod_arguments *arguments, const char *line, char *sentence)
{
    static char copy[1024];
    char *argv[WORDS_MAX + 1] = {"decree synod"}, *at = copy;
    int argc = 1;

    snprintf(copy, sizeof(copy), "%s", line);
    while (*at != '\0') {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    return synod_arguments_parse(arguments, argc, argv, ARGP_NO_EXIT | ARGP_NO_ERRS, sentence);
}

static void the_original_command_line_in_all_forms(void **state)
{
    static const char *const lines[] = {
        "-kind=grpc -self=:5001 -others=:5002,:5003 -path=storage/1 -prepareNum=2 -voteNum=2 "
        "-first=1 -timeout=3",
        "--kind=grpc --self=:5001 --others=:5002,:5003 --path=storage/1 --prepareNum=2 "
        "--voteNum=2 --first=1 --timeout=3",
        "-kind grpc -self :5001 -others :5002,:5003 -path storage/1 -prepareNum 2 -voteNum 2 "
        "-first 1 -timeout 3",
        "--timeout 3.0 --kind grpc -self :5001 --others :5003,:5002 -path=storage/1 -first 1",
    };
    struct synod_arguments arguments;
    char sentence[SENTENCE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (parse(&arguments, lines[i], sentence) != 0)
            fail_msg("%s: %s", lines[i], sentence);
        assert_int_equal(arguments.kind, PEER_NETWORK_GRPC);
        assert_int_equal(arguments.spec.count, 3);
        assert_string_equal(synod_spec_name(&arguments.spec, arguments.spec.self), ":5001");
        assert_string_equal(arguments.path, "storage/1");
        assert_int_equal(arguments.spec.prepare_quorum, 2);
        assert_int_equal(arguments.spec.vote_quorum, 2);
        assert_string_equal(arguments.first, "1");
        assert_true(arguments.timeout_ns == UINT64_C(3000000000));
        assert_false(arguments.quiet || arguments.json || arguments.leave);
    }
}

static void all_settings_of_the_original(void **state)
{
    static const char *const five = "-self=:5003 -others=:5001,:5002,:5004,:5005 ";
    static const char *const quorums[] = {"-prepareNum=3 -voteNum=3", "-prepareNum=2 -voteNum=4",
                                          "-prepareNum=4 -voteNum=2"};
    struct synod_arguments arguments;
    char sentence[SENTENCE_BYTES], line[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(line, sizeof(line), "%s%s", five, quorums[i]);
        assert_int_equal(parse(&arguments, line, sentence), 0);
        assert_int_equal(arguments.spec.count, 5);
        assert_int_equal(arguments.spec.self, 3);
    }
    snprintf(line, sizeof(line), "%s-prepareNum=2 -voteNum=2", five);
    assert_int_equal(parse(&arguments, line, sentence), DECREE_QUORUM);
    assert_non_null(strstr(sentence, "2 + 2 is not more than 5"));
}

static void defaults(void **state)
{
    struct synod_arguments arguments;
    char sentence[SENTENCE_BYTES];

    (void)state;
    assert_int_equal(parse(&arguments, "", sentence), 0);
    assert_string_equal(synod_spec_name(&arguments.spec, 1), ":5001");
    assert_int_equal(arguments.spec.count, 1);
    assert_string_equal(arguments.path, "storage/5001");
    assert_null(arguments.first);
    assert_true(arguments.timeout_ns == UINT64_C(3000000000));
    assert_int_equal(
        parse(&arguments, "-self=:7 -others=:8,:9 -timeout=0.25 -quiet --exit", sentence), 0);
    assert_int_equal(arguments.spec.prepare_quorum, 2);
    assert_string_equal(arguments.path, "storage/7");
    assert_true(arguments.timeout_ns == 250000000);
    assert_true(arguments.quiet && arguments.leave && !arguments.json);
}

static void a_value_may_be_any_text(void **state)
{
    struct synod_arguments arguments;
    char sentence[SENTENCE_BYTES];

    (void)state;
    assert_int_equal(parse(&arguments, "-first=-first=x,y", sentence), 0);
    assert_string_equal(arguments.first, "-first=x,y");
    assert_int_equal(parse(&arguments, "-first -1", sentence), 0);
    assert_string_equal(arguments.first, "-1");
    assert_int_equal(parse(&arguments, "-first=\xff\xfe -timeout=0", sentence), 0);
    assert_string_equal(arguments.first, "\xff\xfe");
    assert_true(arguments.timeout_ns == 0);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"-kind=udp", "-kind is http, grpc or tcp, not 'udp'"},
        {"-prepareNum=0", "-prepareNum is a number"},
        {"-voteNum=two", "-voteNum is a number of nodes, from 1, not 'two'"},
        {"-voteNum=-1", "-voteNum"},
        {"-voteNum=99999999999999999999", "-voteNum"},
        {"-timeout=soon", "-timeout is a number of seconds such as 3 or 0.5, not 'soon'"},
        {"-timeout=-1", "-timeout"},
        {"-timeout=nan", "-timeout"},
        {"-timeout=inf", "-timeout"},
        {"-timeout=3s", "-timeout"},
        {"-timeout=", "-timeout"},
        {"-first=", "-first is empty"},
        {"-path=", "-path is empty"},
        {"-self=nowhere", "nowhere"},
        {"storage/1", "'storage/1' is no flag"},
        {"--quiet --json", "do not go together"},
    };
    struct synod_arguments arguments;
    char sentence[SENTENCE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(&arguments, rows[i].line, sentence), DECREE_INVALID);
        if (strstr(sentence, rows[i].words) == NULL)
            fail_msg("%s: '%s' does not say '%s'", rows[i].line, sentence, rows[i].words);
    }
    assert_true(parse(&arguments, "-colour=blue", sentence) != 0); /* argp says it */
    assert_string_equal(sentence, "");
}

static void check_text(const char *data, uint32_t size, const char *wanted)
{
    struct decree_value *value = decree_value_copy(data, size);
    char text[32];

    assert_string_equal(synod_value_text(text, sizeof(text), value), wanted);
    decree_value_unref(value);
}

static void values_are_printed_without_harm(void **state)
{
    (void)state;
    check_text("1", 1, "\"1\"");
    check_text("", 0, "\"\"");
    check_text("a \"b\" \\", 7, "\"a \\\"b\\\" \\\\\"");
    check_text("\x1b[2J\n\0", 6, "\"\\x1b[2J\\x0a\\x00\"");
    check_text("0123456789012345678901\xc3\xa9"
               "678901234567890123456789",
               40, "\"0123456789012345678901...\"");
    check_text("h\xc3\xa9", 3, "\"h\xc3\xa9\"");
    check_text("0123456789012345678901234567890123456789", 40, "\"01234567890123456789012...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original_command_line_in_all_forms),
        cmocka_unit_test(all_settings_of_the_original),
        cmocka_unit_test(defaults),
        cmocka_unit_test(a_value_may_be_any_text),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(values_are_printed_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
