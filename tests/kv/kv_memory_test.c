/* SPDX-License-Identifier: MIT */
/* kv_memory_test.c -- what a key costs, and what happens when there is no memory left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_help.h"
#include "prng.h"

#define KEY_BYTES 16u
#define VALUE_BYTES 256u

/* A block knows its neighbours, so that what a failure leaves behind can be freed by the test. */
struct block {
    struct block *next, **link;
    size_t size;
    max_align_t data[];
};

struct heap {
    struct block *blocks;
    uint64_t bytes;
    unsigned calls_left; /* the call after these fails */
    bool failed;
    jmp_buf way_out;
};

static void unlink_block(struct heap *heap, struct block *block)
{
    *block->link = block->next;
    if (block->next != NULL)
        block->next->link = block->link;
    heap->bytes -= block->size;
}

static void *heap_resize(void *context, void *memory, size_t size)
{
    struct heap *heap = context;
    struct block *old = memory == NULL
                            ? NULL
                            : (struct block *)((uint8_t *)memory - offsetof(struct block, data));
    struct block *block = NULL;

    if (size > 0) {
        if (heap->calls_left-- == 0)
            return NULL;
        block = malloc(sizeof(*block) + size);
        assert_non_null(block);
        *block = (struct block){.next = heap->blocks, .link = &heap->blocks, .size = size};
        if (block->next != NULL)
            block->next->link = &block->next;
        heap->blocks = block;
        heap->bytes += size;
    }
    if (old != NULL) {
        if (block != NULL)
            memcpy(block->data, old->data, old->size < size ? old->size : size);
        unlink_block(heap, old);
        free(old);
    }
    return block == NULL ? NULL : block->data;
}

static void heap_exhausted(void *context, size_t size)
{
    struct heap *heap = context;

    assert_true(size > 0);
    assert_false(heap->failed);
    heap->failed = true;
    longjmp(heap->way_out, 1);
}

/* Commands that make every structure grow: splits of leaves and inner nodes, lists, slabs,
 * prev_kvs. */
static void use_much(struct kv *kv)
{
    char key[32];
    static char value[3000];

    memset(value, 'v', sizeof(value) - 1);
    for (unsigned i = 0; i < 70; i++) {
        snprintf(key, sizeof(key), "key%u", i * 37 % 101);
        assert_int_equal(put(kv, key, i % 2 == 0 ? value : "").error, KV_OK);
    }
    for (unsigned i = 0; i < 5; i++)
        put(kv, "key5", "hot");
    assert_int_equal(delete_range(kv, "key", "kez").deleted, 70);
    put(kv, "key5", "back");
}

/* True when the commands got through before the memory was out. */
static bool run_with(unsigned calls)
{
    struct heap heap = {.calls_left = calls};
    struct kv_options options = {
        .context = &heap, .resize = heap_resize, .out_of_memory = heap_exhausted};
    struct kv *kv = kv_new(&options);
    struct kv_stats stats;

    if (kv == NULL) {
        assert_int_equal(calls, 0);
        assert_null(heap.blocks);
        return false;
    }
    if (setjmp(heap.way_out) == 0) {
        use_much(kv);
        kv_stats(kv, &stats);
        assert_int_equal(stats.memory_bytes, heap.bytes);
        kv_free(kv);
        assert_null(heap.blocks);
        return true;
    }
    assert_true(heap.failed);
    while (heap.blocks != NULL)
        heap_resize(&heap, heap.blocks->data, 0);
    return false;
}

static void every_failed_allocation_is_told(void **state)
{
    unsigned calls = 0;

    (void)state;
    while (!run_with(calls))
        calls++;
    assert_true(calls > 80);
}

static void put_number(struct kv *kv, uint64_t number)
{
    static const uint8_t value[VALUE_BYTES];
    uint8_t key[KEY_BYTES];
    struct command command = {.op = COMMAND_PUT};
    struct prng prng;

    prng_init(&prng, number);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        key[i] = (uint8_t)prng_next(&prng);
    command.u.put = (struct command_put){.key = {key, KEY_BYTES}, .value = {value, VALUE_BYTES}};
    assert_int_equal(apply(kv, &command).error, KV_OK);
}

static void assert_overhead(uint64_t keys, uint64_t revisions, uint64_t percent)
{
    struct kv *kv = kv_new(NULL);
    uint64_t data = keys * revisions * (KEY_BYTES + VALUE_BYTES);
    struct kv_stats stats;

    assert_non_null(kv);
    for (uint64_t i = 0; i < keys * revisions; i++)
        put_number(kv, i % keys);
    kv_stats(kv, &stats);
    print_message("%u keys, %u revisions each: %.1f bytes per revision beside key and value\n",
                  (unsigned)keys, (unsigned)revisions,
                  (double)(stats.memory_bytes - data) / (double)(keys * revisions));
    assert_int_equal(stats.keys, keys);
    assert_int_equal(stats.changes, keys * revisions);
    assert_true(stats.memory_bytes * 100 <= data * (100 + percent));
    kv_free(kv);
}

static void a_key_costs_a_tenth_of_its_272_bytes(void **state)
{
    (void)state;
    assert_overhead(200000, 1, 10);
}

static void ten_revisions_cost_no_more_each(void **state)
{
    (void)state;
    assert_overhead(20000, 10, 10);
}

static void an_empty_store_costs_little(void **state)
{
    struct kv *kv = kv_new(NULL);
    struct kv_stats stats;

    (void)state;
    put(kv, "a", "1");
    kv_stats(kv, &stats);
    assert_true(stats.memory_bytes < 70000);
    kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(a_key_costs_a_tenth_of_its_272_bytes),
        cmocka_unit_test(ten_revisions_cost_no_more_each),
        cmocka_unit_test(an_empty_store_costs_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
