/* SPDX-License-Identifier: MIT */
/* watch_test.c -- random sets of watches against a look at each; and one that is not random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checksum.h"
#include "kv_help.h"
#include "prng.h"
#include "watch.h"

#define WATCHES 64u
#define KEY_BYTES_MAX 3u

struct one {
    struct watch watch; /* first: the two addresses are one */
    uint8_t key[KEY_BYTES_MAX], end[KEY_BYTES_MAX];
    size_t key_size, end_size;
    bool there, leaves; /* leaves: takes itself out when visited */
    unsigned visits;
};

struct bed {
    struct allocator allocator;
    struct watch_set set;
    struct one all[WATCHES];
    struct prng prng;
};

static void *resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

static size_t random_bytes(struct prng *prng, uint8_t *bytes, size_t least)
{
    static const uint8_t few[] = {0, 1, 'a', 'b', 0xff};
    size_t size = least + prng_below(prng, KEY_BYTES_MAX + 1 - least);

    for (size_t i = 0; i < size; i++)
        bytes[i] = few[prng_below(prng, sizeof(few))];
    return size;
}

static int compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = shorter > 0 ? memcmp(a, b, shorter) : 0;

    return order != 0 ? order : (int)a_size - (int)b_size;
}

static bool concerns(const struct one *one, const uint8_t *key, size_t size)
{
    int order = compare(one->key, one->key_size, key, size);

    if (one->end_size == 0)
        return order == 0;
    if (one->end_size == 1 && one->end[0] == 0)
        return order <= 0;
    return order <= 0 && compare(key, size, one->end, one->end_size) < 0;
}

static void add(struct bed *bed, struct one *one)
{
    do {
        one->key_size = random_bytes(&bed->prng, one->key, 1);
        one->end_size = prng_below(&bed->prng, 3) == 0 ? 0 : random_bytes(&bed->prng, one->end, 1);
    } while (one->end_size > 1 && compare(one->key, one->key_size, one->end, one->end_size) >= 0);
    if (one->end_size == 1 && one->end[0] != 0 &&
        compare(one->key, one->key_size, one->end, 1) >= 0)
        one->end_size = 0;
    watch_add(&bed->set, &one->watch, (struct kv_bytes){one->key, one->key_size},
              (struct kv_bytes){one->end, one->end_size});
    one->there = true;
    one->leaves = prng_below(&bed->prng, 8) == 0;
}

static void visit(void *context, struct watch *watch)
{
    struct bed *bed = context;
    struct one *one = (struct one *)watch;

    one->visits++;
    if (!one->leaves)
        return;
    watch_remove(&bed->set, watch);
    one->there = false;
}

static void check(struct bed *bed)
{
    uint8_t key[KEY_BYTES_MAX];
    size_t size = random_bytes(&bed->prng, key, 1);
    bool expected[WATCHES];

    for (size_t i = 0; i < WATCHES; i++) {
        expected[i] = bed->all[i].there && concerns(&bed->all[i], key, size);
        bed->all[i].visits = 0;
    }
    watch_visit(&bed->set, (struct kv_bytes){key, size}, visit, bed);
    for (size_t i = 0; i < WATCHES; i++)
        assert_int_equal(bed->all[i].visits, expected[i] ? 1 : 0);
}

static void random_sets(void **state)
{
    static struct bed bed;

    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        bed = (struct bed){.allocator = {.resize = resize}};
        prng_init(&bed.prng, seed);
        watch_set_init(&bed.set, &bed.allocator);
        bed.set.seed = seed;
        for (unsigned step = 0; step < 400; step++) {
            struct one *one = &bed.all[prng_below(&bed.prng, WATCHES)];

            if (!one->there) {
                add(&bed, one);
            } else if (prng_below(&bed.prng, 2) == 0) {
                watch_remove(&bed.set, &one->watch);
                one->there = false;
            }
            check(&bed);
        }
        for (size_t i = 0; i < WATCHES; i++)
            if (bed.all[i].there)
                watch_remove(&bed.set, &bed.all[i].watch);
        assert_int_equal(bed.set.range_count, 0);
        assert_int_equal(bed.set.watch_count, 0);
        assert_int_equal(bed.allocator.bytes, 0);
    }
}

/* ---- ranges that somebody has chosen ---- */

#define CHOSEN 2000u
#define KEY_BYTES 8u
#define STACK_BYTES_MAX 65536

static char *deepest;

static void on_depth(void *context, struct watch *watch)
{
    (void)context;
    assert_non_null(watch);
    deepest = __builtin_frame_address(0);
}

/* Keys in order whose hashes, without a seed, are in order too. */
static void choose_key(uint32_t number, uint8_t *key)
{
    uint32_t nonce = 0;

    do {
        struct writer writer;

        writer_init(&writer, key, KEY_BYTES);
        for (unsigned shift = 32; shift > 0; shift -= 8)
            write_u8(&writer, (uint8_t)(number >> (shift - 8)));
        write_u32(&writer, nonce++);
    } while (checksum(key, KEY_BYTES, KEY_BYTES) / (UINT64_MAX / CHOSEN) != number);
}

static void nobody_makes_a_chain_of_the_tree(void **state)
{
    static struct watch watches[CHOSEN];
    static uint8_t keys[CHOSEN][KEY_BYTES];
    struct allocator allocator = {.resize = resize};
    struct watch_set set;
    ptrdiff_t depth;

    (void)state;
    watch_set_init(&set, &allocator);
    set.seed = 0x5eed;
    for (uint32_t i = 0; i < CHOSEN; i++) {
        choose_key(i, keys[i]);
        watch_add(&set, &watches[i], (struct kv_bytes){keys[i], KEY_BYTES},
                  (struct kv_bytes){NULL, 0});
    }
    watch_visit(&set, (struct kv_bytes){keys[0], KEY_BYTES}, on_depth, NULL);
    depth = (char *)__builtin_frame_address(0) - deepest;
    assert_in_range(depth > 0 ? depth : -depth, 1, STACK_BYTES_MAX);
    for (uint32_t i = 0; i < CHOSEN; i++)
        watch_remove(&set, &watches[i]);
    assert_int_equal(allocator.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_sets),
        cmocka_unit_test(nobody_makes_a_chain_of_the_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
