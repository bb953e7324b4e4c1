/* SPDX-License-Identifier: MIT */
/* test_protobuf_json.c -- the JSON form of messages: what is written, what is taken in, what is
 * refused with which words, and that noise does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <decree/error.h>

#include "base64.h"
#include "decree.pb-c.h"
#include "kv.pb-c.h"
#include "prng.h"
#include "protobuf_json.h"
#include "rpc.pb-c.h"

#define ARENA_BYTES (8u << 20)

static struct arena arena;
static char sentence[PROTOBUF_JSON_SENTENCE_BYTES];

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void assert_written(const void *message, const char *expected)
{
    struct byte_buffer out = {0};

    protobuf_json_write(&out, message);
    byte_buffer_append(&out, "", 1);
    assert_false(out.failed);
    assert_string_equal((const char *)out.data, expected);
    byte_buffer_release(&out);
}

static void *read_or_fail(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
    ProtobufCMessage *message = NULL;

    if (protobuf_json_read(&message, text, strlen(text), NULL, descriptor, &arena, sentence) != 0)
        fail_msg("%s: %s", text, sentence);
    return message;
}

/* Reads text and writes it again. */
static void assert_becomes(const ProtobufCMessageDescriptor *descriptor, const char *text,
                           const char *expected)
{
    assert_written(read_or_fail(descriptor, text), expected);
    arena_reset(&arena);
}

static void assert_refused(const ProtobufCMessageDescriptor *descriptor, const char *text,
                           const char *expected)
{
    ProtobufCMessage *message;
    int error = protobuf_json_read(&message, text, strlen(text), NULL, descriptor, &arena,
                                   sentence);

    assert_int_equal(error, DECREE_INVALID);
    assert_string_equal(sentence, expected);
    arena_reset(&arena);
}

#define RANGE &etcdserverpb__range_request__descriptor
#define KEY_VALUE &mvccpb__key_value__descriptor
#define MESSAGE &decree__v1__message__descriptor

static void zero_values_are_left_out(void **state)
{
    Mvccpb__KeyValue pair = MVCCPB__KEY_VALUE__INIT;
    Etcdserverpb__RangeResponse response = ETCDSERVERPB__RANGE_RESPONSE__INIT;

    (void)state;
    assert_written(&pair, "{}");
    assert_written(&response, "{}");
    pair.create_revision = 2;
    pair.key = (ProtobufCBinaryData){3, (uint8_t *)"foo"};
    assert_written(&pair, "{\"key\":\"Zm9v\",\"create_revision\":\"2\"}");
}

static void long_numbers_are_strings_and_short_ones_are_not(void **state)
{
    (void)state;
    assert_becomes(KEY_VALUE,
                   "{\"version\":-9223372036854775808,\"lease\":\"9223372036854775807\"}",
                   "{\"version\":\"-9223372036854775808\",\"lease\":\"9223372036854775807\"}");
    assert_becomes(MESSAGE, "{\"cluster_id\":\"18446744073709551615\",\"sender\":4294967295}",
                   "{\"cluster_id\":\"18446744073709551615\",\"sender\":4294967295}");
    assert_becomes(MESSAGE, "{\"cluster_id\":12,\"sender\":\"7\"}",
                   "{\"cluster_id\":\"12\",\"sender\":7}");
    assert_becomes(KEY_VALUE, "{\"version\":1e3,\"lease\":2.0}",
                   "{\"version\":\"1000\",\"lease\":\"2\"}");
}

static void names_come_in_two_spellings_and_go_out_in_one(void **state)
{
    (void)state;
    assert_becomes(KEY_VALUE, "{\"createRevision\":\"5\",\"mod_revision\":6}",
                   "{\"create_revision\":\"5\",\"mod_revision\":\"6\"}");
    assert_becomes(&etcdserverpb__lease_time_to_live_response__descriptor,
                   "{\"ID\":1,\"TTL\":2,\"grantedTTL\":3}",
                   "{\"ID\":\"1\",\"TTL\":\"2\",\"grantedTTL\":\"3\"}");
    assert_becomes(&etcdserverpb__member__descriptor,
                   "{\"isLearner\":true,\"clientURLs\":[\"a\",\"b\"],\"peerURLs\":[]}",
                   "{\"clientURLs\":[\"a\",\"b\"],\"isLearner\":true}");
}

static void enums_are_names_or_numbers(void **state)
{
    (void)state;
    assert_becomes(RANGE, "{\"sort_order\":\"DESCEND\",\"sortTarget\":\"MOD\"}",
                   "{\"sort_order\":\"DESCEND\",\"sort_target\":\"MOD\"}");
    assert_becomes(RANGE, "{\"sort_order\":1}", "{\"sort_order\":\"ASCEND\"}");
    assert_becomes(RANGE, "{\"sort_order\":77}", "{\"sort_order\":77}");
    assert_refused(RANGE, "{\"sort_order\":\"UPWARD\"}",
                   "sort_order: none of the names that it may have");
    assert_refused(RANGE, "{\"sort_order\":5000000000}",
                   "sort_order: none of the names that it may have");
}

static void a_oneof_is_flat_and_shows_even_a_zero(void **state)
{
    Decree__V1__SynodMessage synod = DECREE__V1__SYNOD_MESSAGE__INIT;

    (void)state;
    assert_written(&synod, "{}");
    synod.content_case = DECREE__V1__SYNOD_MESSAGE__CONTENT_VALUE;
    assert_written(&synod, "{\"value\":\"\"}");
    assert_becomes(&etcdserverpb__compare__descriptor, "{\"target\":\"VERSION\",\"version\":\"0\"}",
                   "{\"version\":\"0\"}");
    assert_becomes(&etcdserverpb__txn_request__descriptor,
                   "{\"success\":[{\"requestPut\":{\"key\":\"YQ\"}},{}]}",
                   "{\"success\":[{\"request_put\":{\"key\":\"YQ==\"}},{}]}");
    assert_refused(MESSAGE, "{\"paxos\":{},\"synod\":{}}",
                   "synod: excludes another field that is there too");
}

static void bytes_come_in_either_alphabet(void **state)
{
    static const char *const same[] = {"+/+/", "-_-_", "+/-_", "+/+/"};

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "{\"key\":\"%s\"}", same[i]);
        assert_becomes(KEY_VALUE, text, "{\"key\":\"+/+/\"}");
    }
    assert_becomes(KEY_VALUE, "{\"key\":\"YWI\"}", "{\"key\":\"YWI=\"}");
    assert_becomes(KEY_VALUE, "{\"key\":\"YWI=\"}", "{\"key\":\"YWI=\"}");
    assert_refused(KEY_VALUE, "{\"key\":\"Y\"}", "key: not base64");
    assert_refused(KEY_VALUE, "{\"key\":\"YWI==\"}", "key: not base64");
    assert_refused(KEY_VALUE, "{\"key\":\"Y=I=\"}", "key: not base64");
    assert_refused(KEY_VALUE, "{\"key\":\"YWJ\\u0000\"}", "key: not base64");
    assert_refused(KEY_VALUE, "{\"key\":\"YR\"}", "key: not base64"); /* bits left over */
    assert_refused(KEY_VALUE, "{\"key\":7}", "key: not a string with base64");
}

static void all_sizes_of_bytes_come_back(void **state)
{
    uint8_t data[64], back[80];
    char text[100];
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 37 + 200);
        base64_encode(text, data, i);
        assert_true(base64_decode(back, &size, text, base64_encoded_size(i)));
        assert_int_equal(size, i);
        assert_memory_equal(back, data, i);
    }
}

static void unknown_fields_are_ignored_and_null_is_nothing(void **state)
{
    (void)state;
    assert_becomes(KEY_VALUE,
                   "{\"colour\":{\"of\":[1,\"\\u0000\",null]},\"lease\":null,\"key\":\"YQ==\"}",
                   "{\"key\":\"YQ==\"}");
}

static void text_is_escaped(void **state)
{
    Etcdserverpb__Member member = ETCDSERVERPB__MEMBER__INIT;

    (void)state;
    member.name = (char *)(uintptr_t) "a\"b\\c\n\x01\xc3\xa9\xff\xed\xa0\x80\xe2\x82";
    assert_written(&member, "{\"name\":\"a\\\"b\\\\c\\n\\u0001\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd"
                            "\\ufffd\\ufffd\"}");
    assert_becomes(&etcdserverpb__member__descriptor, "{\"name\":\"\\u00e9\\ud83d\\ude00\"}",
                   "{\"name\":\"\xc3\xa9\xf0\x9f\x98\x80\"}");
    assert_refused(&etcdserverpb__member__descriptor, "{\"name\":\"a\\u0000b\"}",
                   "name: has a zero in it");
}

static void what_is_wrong_is_named_by_its_path(void **state)
{
    (void)state;
    assert_refused(MESSAGE, "{\"paxos\":{\"pvalues\":[{},{},{\"slot\":\"x\"}]}}",
                   "paxos.pvalues[2].slot: not a number");
    assert_refused(MESSAGE, "{\"paxos\":{\"pvalues\":[{\"ballot\":{\"node\":-1}}]}}",
                   "paxos.pvalues[0].ballot.node: out of range");
    assert_refused(MESSAGE, "{\"paxos\":{\"pvalues\":{}}}", "paxos.pvalues: not a list");
    assert_refused(MESSAGE, "{\"paxos\":[]}", "paxos: not an object");
    assert_refused(MESSAGE, "{\"sender\":4294967296}", "sender: out of range");
    assert_refused(MESSAGE, "{\"sender\":1.5}", "sender: not a whole number");
    assert_refused(MESSAGE, "{\"cluster_id\":\"18446744073709551616\"}",
                   "cluster_id: out of range");
    assert_refused(MESSAGE, "{\"cluster_id\":\"-\"}", "cluster_id: not a number");
    assert_refused(MESSAGE, "{\"cluster_id\":1,\"clusterId\":1}",
                   "cluster_id: is there twice, in both spellings");
    assert_refused(RANGE, "{\"serializable\":1}", "serializable: neither true nor false");
    assert_refused(MESSAGE, "[]", "not an object");
    assert_refused(MESSAGE, "{", "not JSON: line 1, column 1: string or '}' expected");
    assert_refused(MESSAGE, "", "not JSON: line 1, column 0: '[' or '{' expected");
    assert_refused(MESSAGE, "{\"sender\":1,\"sender\":1}",
                   "not JSON: line 1, column 20: duplicate object key");
}

static void a_list_is_read_message_by_message(void **state)
{
    static const char text[] = "[{\"sender\":1},{\"sender\":2},{\"receiver\":true}]";
    struct protobuf_json_document *document;
    ProtobufCMessage *message;

    (void)state;
    assert_int_equal(protobuf_json_open(&document, text, strlen(text), NULL, sentence), 0);
    assert_int_equal(protobuf_json_count(document), 3);
    assert_int_equal(protobuf_json_message(&message, document, 1, MESSAGE, &arena, sentence), 0);
    assert_written(message, "{\"sender\":2}");
    assert_int_equal(protobuf_json_message(&message, document, 2, MESSAGE, &arena, sentence),
                     DECREE_INVALID);
    assert_string_equal(sentence, "[2].receiver: not a number");
    protobuf_json_close(document);
    arena_reset(&arena);
}

/* Depth, memory for the tree and memory for the message each have a bound. */
static void what_costs_too_much_is_refused(void **state)
{
    enum { SIZE = 1 << 20 };
    struct protobuf_json_limits limits = {.depth_max = 10, .memory_max = 4u << 20};
    struct protobuf_json_document *document;
    char *text = calloc(1, SIZE);
    ProtobufCMessage *message;

    (void)state;
    memset(text, '[', 1000);
    assert_int_equal(protobuf_json_open(&document, text, 1000, &limits, sentence),
                     DECREE_TOO_LARGE);
    assert_string_equal(sentence, "nested deeper than 10 levels");
    assert_int_equal(protobuf_json_open(&document, text, 1000, NULL, sentence), DECREE_TOO_LARGE);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = "[],"[i % 3];
    text[0] = '[';
    assert_int_equal(protobuf_json_open(&document, text, SIZE, &limits, sentence),
                     DECREE_TOO_LARGE);
    assert_string_equal(sentence, "would take more than 4194304 bytes of memory");
    memset(text, 'a', SIZE);
    memcpy(text, "{\"key\":\"", 8);
    memcpy(text + SIZE - 2, "\"}", 2);
    limits.memory_max = SIZE / 2;
    assert_int_equal(protobuf_json_open(&document, text, SIZE, &limits, sentence),
                     DECREE_TOO_LARGE);
    arena_release(&arena);
    arena_init(&arena, 64u << 10);
    assert_int_equal(protobuf_json_read(&message, text, SIZE, NULL, KEY_VALUE, &arena, sentence),
                     DECREE_NOMEM);
    assert_string_equal(sentence, "takes more memory than allowed");
    arena_release(&arena);
    arena_init(&arena, ARENA_BYTES);
    free(text);
}

static uint64_t any_number(struct prng *prng)
{
    return prng_chance(prng, 300000) ? 0 : prng_next(prng) >> prng_below(prng, 64);
}

static void any_message(struct prng *prng, Decree__V1__Message *message,
                        Decree__V1__PaxosMessage *paxos, Decree__V1__Pvalue *pvalues,
                        Decree__V1__Pvalue **list, Decree__V1__Ballot *ballot, uint8_t *bytes)
{
    decree__v1__message__init(message);
    decree__v1__paxos_message__init(paxos);
    decree__v1__ballot__init(ballot);
    message->cluster_id = any_number(prng);
    message->sender = (uint32_t)any_number(prng);
    message->protocol_case = DECREE__V1__MESSAGE__PROTOCOL_PAXOS;
    message->paxos = paxos;
    paxos->type = (Decree__V1__PaxosMessage__Type)prng_below(prng, 14);
    paxos->slot = any_number(prng);
    paxos->ballot = prng_chance(prng, 500000) ? ballot : NULL;
    ballot->round = any_number(prng);
    paxos->n_pvalues = (size_t)prng_below(prng, 5);
    paxos->pvalues = list;
    for (size_t i = 0; i < paxos->n_pvalues; i++) {
        list[i] = &pvalues[i];
        decree__v1__pvalue__init(&pvalues[i]);
        pvalues[i].origin = (uint32_t)any_number(prng);
        if (prng_chance(prng, 300000))
            continue;
        pvalues[i].command_case = DECREE__V1__PVALUE__COMMAND_VALUE;
        pvalues[i].value = (ProtobufCBinaryData){(size_t)prng_below(prng, 30), bytes};
    }
}

/* Through JSON a message comes back the same: its binary form shows it. */
static void random_messages_come_back(void **state)
{
    Decree__V1__Pvalue pvalues[5], *list[5];
    uint8_t bytes[30], before[2000], after[2000];
    Decree__V1__PaxosMessage paxos;
    Decree__V1__Message message;
    Decree__V1__Ballot ballot;
    struct prng prng;

    (void)state;
    prng_init(&prng, 3);
    for (int round = 0; round < 2000; round++) {
        struct byte_buffer out = {0};
        ProtobufCMessage *back;
        size_t size;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)prng_next(&prng);
        any_message(&prng, &message, &paxos, pvalues, list, &ballot, bytes);
        protobuf_json_write(&out, &message.base);
        assert_int_equal(
            protobuf_json_read(&back, (char *)out.data, out.size, NULL, MESSAGE, &arena, sentence),
            0);
        size = protobuf_c_message_pack(&message.base, before);
        assert_true(size <= sizeof(before));
        assert_int_equal(protobuf_c_message_get_packed_size(back), size);
        (void)protobuf_c_message_pack(back, after);
        assert_memory_equal(before, after, size);
        byte_buffer_release(&out);
        arena_reset(&arena);
    }
}

/* Good texts with some bytes changed, cut or moved: refused with a sentence, or taken and written
 * again. The sanitizers see what is read and written. */
static void changed_texts_do_no_harm(void **state)
{
    static const char sample[] =
        "{\"cluster_id\":\"42\",\"sender\":1,\"paxos\":{\"type\":\"P2A\",\"ballot\":{\"round\":\"7\"},"
        "\"pvalues\":[{\"slot\":\"1\",\"value\":\"aGVsbG8=\"},{\"slot\":2e0,\"origin\":3}]},"
        "\"more\":[true,null,{\"x\":\"\\u00e9\"}]}";
    static const char pieces[] = "{}[]\",:0129-+.eE\\/untrfals=_\x80\xff";
    uint32_t taken = 0, refused = 0;
    struct prng prng;

    (void)state;
    prng_init(&prng, 17);
    for (int round = 0; round < 40000; round++) {
        size_t size = sizeof(sample) - 1;
        char text[sizeof(sample)];
        ProtobufCMessage *message;

        memcpy(text, sample, sizeof(text));
        for (uint64_t changes = prng_below(&prng, 4); changes > 0; changes--)
            text[prng_below(&prng, size)] = pieces[prng_below(&prng, sizeof(pieces) - 1)];
        if (prng_chance(&prng, 200000))
            size = (size_t)prng_below(&prng, size);
        sentence[0] = '\0';
        if (protobuf_json_read(&message, text, size, NULL, MESSAGE, &arena, sentence) == 0) {
            struct byte_buffer out = {0};

            protobuf_json_write(&out, message);
            byte_buffer_release(&out);
            taken++;
        } else {
            assert_int_not_equal(sentence[0], '\0');
            refused++;
        }
        arena_reset(&arena);
    }
    assert_true(taken > 1000);
    assert_true(refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_values_are_left_out),
        cmocka_unit_test(long_numbers_are_strings_and_short_ones_are_not),
        cmocka_unit_test(names_come_in_two_spellings_and_go_out_in_one),
        cmocka_unit_test(enums_are_names_or_numbers),
        cmocka_unit_test(a_oneof_is_flat_and_shows_even_a_zero),
        cmocka_unit_test(bytes_come_in_either_alphabet),
        cmocka_unit_test(all_sizes_of_bytes_come_back),
        cmocka_unit_test(unknown_fields_are_ignored_and_null_is_nothing),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(what_is_wrong_is_named_by_its_path),
        cmocka_unit_test(a_list_is_read_message_by_message),
        cmocka_unit_test(what_costs_too_much_is_refused),
        cmocka_unit_test(random_messages_come_back),
        cmocka_unit_test(changed_texts_do_no_harm),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
