/* SPDX-License-Identifier: MIT */
/* test_printing.c -- quotes and fields as etcdctl has them, and words read from a help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_options.h"
#include "completion_words.h"
#include "go_quote.h"
#include "message_fields.h"
#include "message_json.h"
#include "rpc.pb-c.h"

static void check_quote(const void *data, size_t size, const char *expected)
{
    char *text = go_quote(data, size);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_quotes(void **state)
{
    (void)state;
    check_quote(NULL, 0, "\"\"");
    check_quote("a\"b\\", 4, "\"a\\\"b\\\\\"");
    check_quote("\a\b\t\n\v\f\r", 7, "\"\\a\\b\\t\\n\\v\\f\\r\"");
    check_quote("\0\x1f\x7f", 3, "\"\\x00\\x1f\\x7f\"");
    check_quote("\xc3\xa9\xff\xc3", 4, "\"\xc3\xa9\\xff\\xc3\"");
}

static void check_fields(const ProtobufCMessage *message, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    message_fields_print(stream, message);
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
}

static void test_fields(void **state)
{
    Mvccpb__KeyValue pair = MVCCPB__KEY_VALUE__INIT, before = MVCCPB__KEY_VALUE__INIT;
    Mvccpb__Event event = MVCCPB__EVENT__INIT;
    Etcdserverpb__LeaseGrantResponse grant = ETCDSERVERPB__LEASE_GRANT_RESPONSE__INIT;

    (void)state;
    pair.key = (ProtobufCBinaryData){1, (uint8_t *)(uintptr_t) "k"};
    pair.lease = -1;
    event.type = MVCCPB__EVENT__EVENT_TYPE__DELETE;
    event.kv = &pair;
    event.prev_kv = &before;
    check_fields(&event.base, "\"Type\" : DELETE\n"
                              "\"PrevKey\" : \"\"\n\"PrevCreateRevision\" : 0\n"
                              "\"PrevModRevision\" : 0\n\"PrevVersion\" : 0\n"
                              "\"PrevValue\" : \"\"\n\"PrevLease\" : 0\n"
                              "\"Key\" : \"k\"\n\"CreateRevision\" : 0\n\"ModRevision\" : 0\n"
                              "\"Version\" : 0\n\"Value\" : \"\"\n\"Lease\" : -1\n");
    check_fields(&grant.base, "\"ID\" : 0\n\"TTL\" : 0\n");
    grant.error = (char *)(uintptr_t) "no";
    check_fields(&grant.base, "\"ID\" : 0\n\"TTL\" : 0\n\"Error\" : \"no\"\n");
}

static void test_a_oneof_as_go_has_it(void **state)
{
    Etcdserverpb__ResponseOp op = ETCDSERVERPB__RESPONSE_OP__INIT;
    Etcdserverpb__PutResponse put = ETCDSERVERPB__PUT_RESPONSE__INIT;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    (void)state;
    assert_non_null(stream);
    op.response_case = ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_PUT;
    op.response_put = &put;
    message_json_print(stream, &op.base);
    fclose(stream);
    assert_string_equal(text, "{\"Response\":{\"ResponsePut\":{}}}");
    free(text);
}

static void test_words_of_a_help(void **state)
{
    static struct completion_words words;
    char help[] = "Usage: decree thing [OPTION...] list|disarm\n"
                  "  or:  decree thing [OPTION...] keep-alive ID\n"
                  "  or:  decree thing KEY\n"
                  "Does -x, --nothing.\n\n"
                  "  -w, --write-out=json|text  simple (or: not), in\n"
                  "                             words. Or more\n"
                  "      --data=DIR, --name=A,...,\n"
                  "      --json                 The same\n"
                  "  -?, --help                 Give this help list\n"
                  "  -1 waitForAck x\n"
                  "                             --not-this one\n"
                  "Usage of this: decree other\n";
    static const char *const expected[] = {"list",   "disarm", "keep-alive", "-w",    "--write-out",
                                           "--data", "--name", "--json",     "--help"};

    (void)state;
    words.count = 0;
    completion_words_read(help, &words);
    assert_int_equal(words.count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < words.count; i++)
        assert_string_equal(words.items[i].text, expected[i]);
    assert_string_equal(words.items[4].help, "simple (or: not), in words");
    assert_string_equal(words.items[3].argument, "json|text");
    assert_true(completion_word_is_choice(&words.items[4]));
    assert_true(completion_word_is_path(&words.items[5]));
    assert_string_equal(words.items[6].argument, "A,...");
    assert_string_equal(words.items[7].help, "The same");
    assert_false(words.files);
}

static void test_ids_of_leases(void **state)
{
    int64_t lease = 0;

    (void)state;
    assert_true(lease_id_parse("7fffffffffffffff", &lease));
    assert_int_equal(lease, INT64_MAX);
    assert_true(lease_id_parse("0", &lease));
    assert_int_equal(lease, 0);
    assert_true(lease_id_parse("00ABcdef", &lease));
    assert_int_equal(lease, 0xabcdef);
    assert_false(lease_id_parse("", &lease));
    assert_false(lease_id_parse("0x1", &lease));
    assert_false(lease_id_parse("-1", &lease));
    assert_false(lease_id_parse("8000000000000000", &lease));
    assert_false(lease_id_parse("00000000000000001", &lease));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_a_oneof_as_go_has_it),
        cmocka_unit_test(test_words_of_a_help),
        cmocka_unit_test(test_ids_of_leases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
