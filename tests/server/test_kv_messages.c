/* SPDX-License-Identifier: MIT */
/* test_kv_messages.c -- what we read and write without protobuf-c is what protobuf-c writes and
 * reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv_messages.h"
#include "prng.h"
#include "rpc.pb-c.h"

#define BYTES(text) ((ProtobufCBinaryData){sizeof(text) - 1, (uint8_t *)(uintptr_t)(text)})

static void assert_bytes(struct kv_bytes bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

static void test_put_request(void **state)
{
    Etcdserverpb__PutRequest message = ETCDSERVERPB__PUT_REQUEST__INIT;
    uint8_t data[128];
    size_t size;
    struct put_request request;

    (void)state;
    message.key = BYTES("the key");
    message.value = BYTES("the value");
    message.lease = -5;
    message.prev_kv = 1;
    message.ignore_lease = 1;
    size = etcdserverpb__put_request__pack(&message, data);
    assert_true(put_request_read(data, size, &request));
    assert_bytes(request.key, "the key");
    assert_bytes(request.value, "the value");
    assert_int_equal(request.lease, -5);
    assert_true(request.prev_kv);
    assert_false(request.ignore_value);
    assert_true(request.ignore_lease);
    assert_true(put_request_read(data, 0, &request));
    assert_int_equal(request.key.size, 0);
}

static void fill_range(Etcdserverpb__RangeRequest *message)
{
    etcdserverpb__range_request__init(message);
    message->key = BYTES("a");
    message->range_end = BYTES("b");
    message->limit = 1;
    message->revision = 2;
    message->sort_order = ETCDSERVERPB__RANGE_REQUEST__SORT_ORDER__DESCEND;
    message->sort_target = ETCDSERVERPB__RANGE_REQUEST__SORT_TARGET__VALUE;
    message->serializable = 1;
    message->count_only = 1;
    message->min_mod_revision = 3;
    message->max_mod_revision = 4;
    message->min_create_revision = 5;
    message->max_create_revision = INT64_MAX;
}

static void test_range_request(void **state)
{
    Etcdserverpb__RangeRequest message;
    uint8_t data[128];
    struct range_request request;

    (void)state;
    fill_range(&message);
    assert_true(
        range_request_read(data, etcdserverpb__range_request__pack(&message, data), &request));
    assert_bytes(request.key, "a");
    assert_bytes(request.range_end, "b");
    assert_int_equal(request.limit, 1);
    assert_int_equal(request.revision, 2);
    assert_int_equal(request.sort_order, SORT_DESCEND);
    assert_int_equal(request.sort_target, SORT_VALUE);
    assert_true(request.serializable);
    assert_false(request.keys_only);
    assert_true(request.count_only);
    assert_int_equal(request.min_mod_revision, 3);
    assert_int_equal(request.max_mod_revision, 4);
    assert_int_equal(request.min_create_revision, 5);
    assert_int_equal(request.max_create_revision, INT64_MAX);
}

static void test_delete_range_request(void **state)
{
    Etcdserverpb__DeleteRangeRequest message = ETCDSERVERPB__DELETE_RANGE_REQUEST__INIT;
    uint8_t data[64];
    struct delete_range_request request;

    (void)state;
    message.key = BYTES("a");
    message.range_end = BYTES("z");
    message.prev_kv = 1;
    assert_true(delete_range_request_read(
        data, etcdserverpb__delete_range_request__pack(&message, data), &request));
    assert_bytes(request.key, "a");
    assert_bytes(request.range_end, "z");
    assert_true(request.prev_kv);
}

static void test_malformed(void **state)
{
    static const struct {
        uint8_t data[16];
        size_t size;
        bool good;
    } CASES[] = {
        {{0x0a, 5, 'a'}, 3, false},          /* longer than it is */
        {{0x0a}, 1, false},                  /* no length */
        {{0x80}, 1, false},                  /* half a tag */
        {{0x00, 0x00}, 2, false},            /* field 0 */
        {{0x08, 0x01}, 2, false},            /* a key that is a number */
        {{0x1a, 0x01, 'a'}, 3, false},       /* a lease that is bytes */
        {{0x0b}, 1, false},                  /* a group */
        {{0xfb, 0x01}, 2, false},            /* an unknown group */
        {{0xf8, 0x01, 0x05}, 3, true},       /* unknown: a number */
        {{0xfa, 0x01, 0x01, 'x'}, 4, true},  /* unknown: bytes */
        {{0xfd, 0x01, 1, 2, 3, 4}, 6, true}, /* unknown: four bytes */
        {{0xfd, 0x01, 1, 2, 3}, 5, false},
        {{0xf9, 0x01, 1, 2, 3, 4, 5, 6, 7, 8}, 10, true}, /* unknown: eight bytes */
        {{0x0a, 1, 'a', 0x0a, 1, 'b'}, 6, true},          /* the last counts */
    };
    struct put_request request;

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_int_equal(put_request_read(CASES[i].data, CASES[i].size, &request), CASES[i].good);
    assert_bytes(request.key, "b");
}

/* Cut anywhere and changed anywhere; each copy is as large as it is read, so that a sanitizer sees
 * more. */
static void test_damaged(void **state)
{
    Etcdserverpb__RangeRequest message;
    uint8_t data[128];
    size_t size;
    struct prng prng;
    struct range_request request;

    (void)state;
    prng_init(&prng, 1);
    fill_range(&message);
    size = etcdserverpb__range_request__pack(&message, data);
    for (unsigned i = 0; i < 20000; i++) {
        size_t cut = (size_t)prng_below(&prng, size + 1);
        uint8_t *copy = malloc(cut > 0 ? cut : 1);

        memcpy(copy, data, cut);
        if (cut > 0)
            copy[prng_below(&prng, cut)] ^= (uint8_t)(1u << prng_below(&prng, 8));
        if (range_request_read(copy, cut, &request) && request.key.size > 0)
            assert_true(request.key.data >= copy &&
                        request.key.data + request.key.size <= copy + cut);
        free(copy);
    }
}

static void test_header(void **state)
{
    struct response_header header = {UINT64_MAX, 1, 300, 0};
    struct byte_buffer out = {0};
    Etcdserverpb__PutResponse *message;

    (void)state;
    response_header_write(&out, &header);
    message = etcdserverpb__put_response__unpack(NULL, out.size, out.data);
    assert_non_null(message);
    assert_true(message->header->cluster_id == UINT64_MAX);
    assert_int_equal(message->header->member_id, 1);
    assert_int_equal(message->header->revision, 300);
    assert_int_equal(message->header->raft_term, 0);
    etcdserverpb__put_response__free_unpacked(message, NULL);
    byte_buffer_release(&out);
}

static void test_range_response(void **state)
{
    struct kv_pair pairs[] = {
        {{(const uint8_t *)"a", 1}, {(const uint8_t *)"value", 5}, 2, 300, 70000, INT64_MAX},
        {{(const uint8_t *)"b", 1}, {NULL, 0}, 1, 1, 1, 0},
    };
    struct response_header header = {1, 2, 3, 4};
    struct byte_buffer out = {0};
    Etcdserverpb__RangeResponse *message;

    (void)state;
    response_header_write(&out, &header);
    pair_write(&out, 2, &pairs[0], false);
    pair_write(&out, 2, &pairs[1], false);
    pair_write(&out, 2, &pairs[0], true);
    number_write(&out, 3, 1);
    number_write(&out, 4, 12345);
    number_write(&out, 4, 0);
    message = etcdserverpb__range_response__unpack(NULL, out.size, out.data);
    assert_non_null(message);
    assert_int_equal(message->n_kvs, 3);
    assert_int_equal(message->kvs[0]->value.len, 5);
    assert_int_equal(message->kvs[0]->create_revision, 2);
    assert_int_equal(message->kvs[0]->mod_revision, 300);
    assert_int_equal(message->kvs[0]->version, 70000);
    assert_true(message->kvs[0]->lease == INT64_MAX);
    assert_int_equal(message->kvs[1]->key.data[0], 'b');
    assert_int_equal(message->kvs[2]->value.len, 0);
    assert_int_equal(message->kvs[2]->mod_revision, 300);
    assert_true(message->more);
    assert_int_equal(message->count, 12345);
    etcdserverpb__range_response__free_unpacked(message, NULL);
    byte_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_request),
        cmocka_unit_test(test_range_request),
        cmocka_unit_test(test_delete_range_request),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_range_response),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
