/* SPDX-License-Identifier: MIT */
/* test_chosen_ids.c -- a client chooses ids of leases and of watches so that a hash without a seed puts them
 * all into one bucket: they lie as others do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lease_table.h"
#include "watch_hub.h"

#define IDS 4096u
#define CHAIN_MAX 16u

/* Of a hash that multiplies by the golden ratio and takes what is above, all are 0. */
static int64_t lease_id(uint64_t number)
{
    uint64_t inverse = UINT64_C(0x9e3779b97f4a7c15);

    for (int i = 0; i < 6; i++)
        inverse *= 2 - UINT64_C(0x9e3779b97f4a7c15) * inverse;
    return (int64_t)(inverse * number);
}

static void test_leases(void **state)
{
    struct lease_table table = {.seed = 5};

    (void)state;
    for (uint64_t i = 1; i <= IDS; i++)
        assert_non_null(lease_table_add(&table, lease_id(i)));
    for (size_t i = 0; i < table.bucket_count; i++) {
        size_t chain = 0;

        for (struct lease_entry *entry = table.buckets[i]; entry != NULL; entry = entry->next)
            chain++;
        assert_in_range(chain, 0, CHAIN_MAX);
    }
    lease_table_release(&table);
}

/* Of a hash that folds the id with exclusive or, all are 0. */
static int64_t watch_id(uint64_t number)
{
    return (int64_t)(number << 32 | number);
}

static void test_watches(void **state)
{
    const struct watch_request request = {.key = {(const uint8_t *)"k", 1}};
    struct watch_stream stream = {.ids.seed = 5};

    (void)state;
    for (uint64_t i = 1; i <= IDS; i++) {
        struct watcher *watcher = watcher_new(&stream, &request, watch_id(i), 0);

        assert_non_null(watcher);
        assert_true(watcher_ids_add(&stream.ids, watcher));
    }
    for (size_t i = 0; i < stream.ids.bucket_count; i++) {
        size_t chain = 0;

        for (struct watcher *watcher = stream.ids.buckets[i]; watcher != NULL;
             watcher = watcher->next_of_bucket)
            chain++;
        assert_in_range(chain, 0, CHAIN_MAX);
    }
    for (uint64_t i = 1; i <= IDS; i++) {
        struct watcher *watcher = watcher_ids_find(&stream.ids, watch_id(i));

        assert_non_null(watcher);
        watcher_ids_remove(&stream.ids, watcher);
        free(watcher);
    }
    assert_int_equal(stream.ids.count, 0);
    assert_int_equal(stream.ids.seed, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_leases),
                                       cmocka_unit_test(test_watches)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
