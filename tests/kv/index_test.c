/* SPDX-License-Identifier: MIT */
/* index_test.c -- trees of several levels, from keys of many shapes put in many orders, against
 * a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index.h"
#include "prng.h"

#define KEY_BYTES_MAX 80u

struct key {
    uint8_t data[KEY_BYTES_MAX];
    uint32_t size;
    bool alive;
};

struct tree {
    struct allocator allocator;
    struct store store;
    struct index index;
    int64_t revision;
    struct key *keys; /* sorted once all are in */
    size_t count;
};

static void *resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *left = a, *right = b;
    uint32_t shorter = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->data, right->data, shorter);

    return order != 0 ? order : left->size < right->size ? -1 : left->size > right->size;
}

static struct kv_bytes bytes_of(const struct key *key)
{
    return (struct kv_bytes){key->data, key->size};
}

static void tree_init(struct tree *tree, size_t keys_max)
{
    memset(tree, 0, sizeof(*tree));
    tree->allocator.resize = resize;
    tree->revision = 1;
    tree->keys = calloc(keys_max, sizeof(*tree->keys));
    assert_non_null(tree->keys);
    store_init(&tree->store, &tree->allocator, NULL);
    index_init(&tree->index, &tree->allocator, &tree->store);
}

static void tree_release(struct tree *tree)
{
    index_release(&tree->index);
    store_release(&tree->store);
    assert_int_equal(tree->allocator.bytes, 0);
    free(tree->keys);
}

static uint64_t append(struct tree *tree, struct kv_bytes key, bool tombstone)
{
    struct record record = {.key = key, .tombstone = tombstone, .version = 1};

    record.revision.main = record.create_revision = ++tree->revision;
    return store_append(&tree->store, &record);
}

/* Puts a key, if it is new. */
static void add(struct tree *tree, const struct key *key)
{
    struct index_cursor cursor;

    if (index_seek(&tree->index, bytes_of(key), &cursor))
        return;
    index_insert(&tree->index, &cursor, bytes_of(key),
                 key_index_make(append(tree, bytes_of(key), false)));
    tree->keys[tree->count] = *key;
    tree->keys[tree->count++].alive = true;
}

static void toggle(struct tree *tree, struct key *key)
{
    struct index_cursor cursor;
    struct key_index *key_index;

    assert_true(index_seek(&tree->index, bytes_of(key), &cursor));
    key_index = index_at(&tree->index, &cursor);
    key_index_append(key_index, &tree->allocator, append(tree, bytes_of(key), key->alive),
                     key->alive);
    if (key->alive)
        index_died(&tree->index, &cursor);
    else
        index_revived(&tree->index, &cursor);
    key->alive = !key->alive;
}

/* All keys in order, each found where it is, and as many alive before it as there should be. */
static void check(struct tree *tree)
{
    struct index_cursor walk, cursor, end;
    uint64_t alive = 0;

    qsort(tree->keys, tree->count, sizeof(*tree->keys), compare_keys);
    (void)index_seek(&tree->index, (struct kv_bytes){(const uint8_t *)"", 0}, &walk);
    for (size_t i = 0; i < tree->count; i++) {
        struct key_index *key_index = index_at(&tree->index, &walk);
        struct kv_bytes key;

        assert_non_null(key_index);
        key = store_key(&tree->store, key_index_last(*key_index));
        assert_int_equal(key.size, tree->keys[i].size);
        assert_memory_equal(key.data, tree->keys[i].data, key.size);
        assert_int_equal(key_index_alive(*key_index), tree->keys[i].alive);
        assert_true(index_seek(&tree->index, bytes_of(&tree->keys[i]), &cursor));
        assert_ptr_equal(index_at(&tree->index, &cursor), key_index);
        assert_true(index_same(&cursor, &walk));
        assert_int_equal(index_alive_before(&tree->index, &cursor), alive);
        alive += tree->keys[i].alive;
        index_prefetch(&tree->index, &walk);
        index_next(&walk);
    }
    assert_null(index_at(&tree->index, &walk));
    index_end(&tree->index, &end);
    assert_null(index_at(&tree->index, &end));
    assert_true(index_same(&walk, &end));
    assert_int_equal(index_alive_before(&tree->index, &end), alive);
    assert_int_equal(tree->index.alive, alive);
}

/* Seeks a key that may not be there: the cursor is before the first that is not less. */
static void check_seek(struct tree *tree, const struct key *key)
{
    struct index_cursor cursor;
    struct key_index *key_index;
    size_t low = 0, high = tree->count;
    bool found = index_seek(&tree->index, bytes_of(key), &cursor);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_keys(&tree->keys[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    assert_int_equal(found, low < tree->count && compare_keys(&tree->keys[low], key) == 0);
    key_index = index_at(&tree->index, &cursor);
    if (low == tree->count) {
        assert_null(key_index);
        return;
    }
    assert_non_null(key_index);
    assert_int_equal(key_compare(store_key(&tree->store, key_index_last(*key_index)),
                                 bytes_of(&tree->keys[low])),
                     0);
}

/* Keys made from a number, in one of several shapes. */
static void make_key(struct key *ret_key, unsigned shape, uint64_t number)
{
    static const uint8_t few[] = {0x00, 0x01, 0x7f, 0xff};
    struct prng prng;

    memset(ret_key, 0, sizeof(*ret_key));
    prng_init(&prng, number);
    switch (shape) {
    case 0: /* random bytes of one size */
        for (; ret_key->size < 16; ret_key->size++)
            ret_key->data[ret_key->size] = (uint8_t)prng_next(&prng);
        break;
    case 1: /* numbers in order */
        ret_key->size = (uint32_t)snprintf((char *)ret_key->data, KEY_BYTES_MAX, "%012u",
                                           (unsigned)number);
        break;
    case 2: /* numbers in reverse */
        ret_key->size = (uint32_t)snprintf((char *)ret_key->data, KEY_BYTES_MAX, "%012u",
                                           1000000000 - (unsigned)number);
        break;
    case 3: /* paths, most of which is the same */
        ret_key->size = (uint32_t)snprintf(
            (char *)ret_key->data, KEY_BYTES_MAX, "/registry/%s/namespace-%u/name-%u",
            number % 2 == 0 ? "pods" : "services/endpoints", (unsigned)prng_below(&prng, 7),
            (unsigned)prng_below(&prng, 1000000));
        break;
    case 4: /* few different bytes, all sizes: prefixes of each other, zeros at the end */
        for (uint64_t left = 1 + prng_below(&prng, 12); left > 0; left--)
            ret_key->data[ret_key->size++] = few[prng_below(&prng, sizeof(few))];
        break;
    default: /* zeros only but for a few bytes: equal hints everywhere */
        ret_key->size = 1 + (uint32_t)prng_below(&prng, KEY_BYTES_MAX);
        for (unsigned i = 0; i < 3; i++)
            ret_key->data[prng_below(&prng, ret_key->size)] = (uint8_t)prng_below(&prng, 3);
        break;
    }
}

static void check_shape(unsigned shape, unsigned count, unsigned height)
{
    struct tree tree;
    struct prng prng;
    struct key key;

    tree_init(&tree, count);
    for (unsigned i = 0; i < count; i++) {
        make_key(&key, shape, i);
        add(&tree, &key);
    }
    check(&tree);
    assert_true(tree.index.height >= height);
    prng_init(&prng, shape);
    for (unsigned i = 0; i < count; i++)
        toggle(&tree, &tree.keys[prng_below(&prng, tree.count)]);
    check(&tree);
    for (unsigned i = 0; i < 20000; i++) {
        make_key(&key, shape, i + count);
        check_seek(&tree, &key);
        make_key(&key, (shape + 1 + i) % 6, i);
        check_seek(&tree, &key);
    }
    tree_release(&tree);
}

static void random_keys(void **state)
{
    (void)state;
    check_shape(0, 50000, 2);
}

static void keys_in_order(void **state)
{
    (void)state;
    check_shape(1, 50000, 2);
}

static void keys_in_reverse(void **state)
{
    (void)state;
    check_shape(2, 50000, 2);
}

static void paths(void **state)
{
    (void)state;
    check_shape(3, 50000, 2);
}

static void keys_of_few_bytes(void **state)
{
    (void)state;
    check_shape(4, 50000, 2);
}

static void keys_of_zeros(void **state)
{
    (void)state;
    check_shape(5, 20000, 1);
}

static void keys_in_order_fill_their_leaves(void **state)
{
    struct tree tree;
    struct key key;
    uint64_t whole, index_bytes;
    unsigned count = 60000;

    (void)state;
    tree_init(&tree, count);
    for (unsigned i = 0; i < count; i++) {
        make_key(&key, 1, i);
        add(&tree, &key);
    }
    whole = tree.allocator.bytes;
    index_release(&tree.index);
    index_bytes = whole - tree.allocator.bytes;
    assert_true(index_bytes < 14 * (uint64_t)count); /* 12 in full leaves, and the nodes above */
    tree_release(&tree);
}

static void an_empty_index_has_no_keys(void **state)
{
    struct tree tree;
    struct index_cursor cursor, end;

    (void)state;
    tree_init(&tree, 1);
    assert_false(index_seek(&tree.index, (struct kv_bytes){(const uint8_t *)"k", 1}, &cursor));
    assert_null(index_at(&tree.index, &cursor));
    index_end(&tree.index, &end);
    assert_true(index_same(&cursor, &end));
    assert_int_equal(index_alive_before(&tree.index, &end), 0);
    tree_release(&tree);
}

/* Small trees in every order that a few keys can come in. */
static void small_trees_in_all_orders(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 40320; order += 7) {
        struct tree tree;
        unsigned left = order, taken = 0;

        tree_init(&tree, 8);
        for (unsigned i = 8; i > 0; i--) {
            unsigned skip = left % i, which = 0;
            struct key key;

            left /= i;
            for (; (taken >> which & 1) != 0 || skip > 0; which++)
                skip -= (taken >> which & 1) == 0;
            taken |= 1u << which;
            make_key(&key, 4 + order % 2, which + order % 5 * 8);
            add(&tree, &key);
        }
        check(&tree);
        tree_release(&tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_has_no_keys),
        cmocka_unit_test(small_trees_in_all_orders),
        cmocka_unit_test(random_keys),
        cmocka_unit_test(keys_in_order),
        cmocka_unit_test(keys_in_reverse),
        cmocka_unit_test(paths),
        cmocka_unit_test(keys_of_few_bytes),
        cmocka_unit_test(keys_of_zeros),
        cmocka_unit_test(keys_in_order_fill_their_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
