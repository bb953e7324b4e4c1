/* SPDX-License-Identifier: MIT */
/* test_range_sort.c -- orders, bounds and limits of ranges, over a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "range_sort.h"

static struct kv *kv;
static char shown[64]; /* the keys, one letter each */

static struct kv_bytes bytes_of(const char *text)
{
    return (struct kv_bytes){(const uint8_t *)text, strlen(text)};
}

static void put(const char *key, const char *value)
{
    struct command command = {.op = COMMAND_PUT,
                              .u.put = {.key = bytes_of(key), .value = bytes_of(value)}};
    uint8_t data[64];
    size_t size = command_size(&command);
    struct kv_result result;

    command_encode(&command, data, size);
    kv_apply(kv, data, size, &result);
    assert_int_equal(result.error, KV_OK);
}

/* Revisions: a created 2, modified 5; b 3; c 4, modified 6 and 7; d 8. */
static int setup(void **state)
{
    (void)state;
    kv = kv_new(NULL);
    put("a", "3");
    put("b", "9");
    put("c", "5");
    put("a", "1");
    put("c", "5");
    put("c", "4");
    put("d", "1");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kv_free(kv);
    return 0;
}

static void show(void *context, const struct kv_pair *pair)
{
    (void)context;
    assert_int_equal(pair->key.size, 1);
    shown[strlen(shown) + 1] = 0;
    shown[strlen(shown)] = (char)pair->key.data[0];
}

static struct kv_range_result run(struct range_request request, const char *keys)
{
    struct byte_buffer scratch = {0};
    struct kv_range_result result;

    request.key = bytes_of("a");
    request.range_end = bytes_of("z");
    shown[0] = '\0';
    assert_true(range_is_sorted(&request));
    assert_int_equal(range_sorted(kv, &request, &scratch, show, NULL, &result), KV_OK);
    byte_buffer_release(&scratch);
    assert_string_equal(shown, keys);
    assert_int_equal(result.count, 4);
    return result;
}

static void test_orders(void **state)
{
    (void)state;
    run((struct range_request){.sort_order = SORT_DESCEND}, "dcba");
    run((struct range_request){.sort_order = SORT_ASCEND, .sort_target = SORT_VERSION}, "bdac");
    run((struct range_request){.sort_order = SORT_DESCEND, .sort_target = SORT_CREATE}, "dcba");
    run((struct range_request){.sort_order = SORT_ASCEND, .sort_target = SORT_MOD}, "bacd");
    run((struct range_request){.sort_order = SORT_ASCEND, .sort_target = SORT_VALUE}, "adcb");
    run((struct range_request){.sort_order = SORT_DESCEND, .sort_target = SORT_VALUE}, "bcad");
    run((struct range_request){.sort_target = SORT_MOD}, "bacd"); /* no order is an ascending one */
}

static void test_bounds(void **state)
{
    (void)state;
    run((struct range_request){.min_mod_revision = 5}, "acd");
    run((struct range_request){.max_mod_revision = 5}, "ab");
    run((struct range_request){.min_create_revision = 3, .max_create_revision = 4}, "bc");
    run((struct range_request){.min_mod_revision = 99}, "");
}

static void test_limit_comes_last(void **state)
{
    struct range_request two = {.sort_order = SORT_DESCEND, .limit = 2};
    struct range_request four = {.sort_order = SORT_DESCEND, .limit = 4};
    struct range_request no_order = {.sort_target = SORT_VALUE, .limit = 2};
    struct range_request bounded = {.min_mod_revision = 5, .limit = 3};

    (void)state;
    assert_true(run(two, "dc").more);
    assert_false(run(four, "dcba").more);
    assert_false(run(bounded, "acd").more);
    assert_true(run(no_order, "ac").more); /* of a, b and c: as in etcd, d is not looked at */
}

static void test_plain_ranges_are_not_sorted(void **state)
{
    struct range_request plain = {.limit = 3}, ascending = {.sort_order = SORT_ASCEND};

    (void)state;
    assert_false(range_is_sorted(&plain));
    assert_false(range_is_sorted(&ascending));
}

static void test_future_revision(void **state)
{
    struct range_request request = {
        .revision = 9, .sort_order = SORT_DESCEND, .key = bytes_of("a")};
    struct byte_buffer scratch = {0};
    struct kv_range_result result;

    (void)state;
    assert_int_equal(range_sorted(kv, &request, &scratch, show, NULL, &result), KV_FUTURE_REVISION);
    byte_buffer_release(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),           cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_limit_comes_last), cmocka_unit_test(test_plain_ranges_are_not_sorted),
        cmocka_unit_test(test_future_revision),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
