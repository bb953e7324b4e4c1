/* SPDX-License-Identifier: MIT */
/* test_pool_memory.c -- pieces of all sizes: whole, apart, aligned, kept up to the bound. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pool_memory.h"
#include "prng.h"

#define PIECES 500u
#define KEPT_MAX 20000u

struct piece {
    uint8_t *data;
    size_t size;
    uint8_t mark;
};

static void assert_marked(const struct piece *piece, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(piece->data[i], piece->mark);
}

static void step(struct pool_memory *pool, struct prng *prng, struct piece *piece)
{
    nghttp2_mem *hooks = &pool->hooks;
    size_t size = (size_t)prng_below(prng, prng_chance(prng, 100000) ? 5000 : 700);

    assert_marked(piece, piece->size);
    if (piece->data != NULL && prng_chance(prng, 300000)) {
        piece->data = hooks->realloc(piece->data, size, hooks->mem_user_data);
        assert_marked(piece, size < piece->size ? size : piece->size);
    } else {
        hooks->free(piece->data, hooks->mem_user_data);
        piece->data = hooks->malloc(size, hooks->mem_user_data);
    }
    assert_non_null(piece->data);
    assert_int_equal((uintptr_t)piece->data % alignof(max_align_t), 0);
    piece->size = size;
    piece->mark = (uint8_t)prng_next(prng);
    memset(piece->data, piece->mark, size);
    assert_true(pool->kept_bytes <= KEPT_MAX);
}

static void test_many_pieces(void **state)
{
    struct pool_memory pool;
    struct prng prng;
    struct piece pieces[PIECES] = {{0}};

    (void)state;
    prng_init(&prng, 1);
    assert_int_equal(pool_memory_init(&pool, KEPT_MAX), 0);
    for (unsigned i = 0; i < 50000; i++)
        step(&pool, &prng, &pieces[prng_below(&prng, PIECES)]);
    for (unsigned i = 0; i < PIECES; i++)
        pool.hooks.free(pieces[i].data, pool.hooks.mem_user_data);
    assert_true(pool.kept_bytes > 0);
    pool_memory_release(&pool);
    assert_int_equal(pool.kept_bytes, 0);
}

static void test_what_is_freed_is_used_again(void **state)
{
    struct pool_memory pool;
    void *first, *second;

    (void)state;
    assert_int_equal(pool_memory_init(&pool, KEPT_MAX), 0);
    first = pool.hooks.malloc(100, pool.hooks.mem_user_data);
    memset(first, 1, 100);
    pool.hooks.free(first, pool.hooks.mem_user_data);
    second = pool.hooks.calloc(25, 4, pool.hooks.mem_user_data);
    assert_ptr_equal(first, second);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(((uint8_t *)second)[i], 0);
    pool.hooks.free(second, pool.hooks.mem_user_data);
    pool_memory_release(&pool);
}

static void test_impossible_sizes(void **state)
{
    struct pool_memory pool;

    (void)state;
    assert_int_equal(pool_memory_init(&pool, KEPT_MAX), 0);
    assert_null(pool.hooks.malloc(SIZE_MAX, pool.hooks.mem_user_data));
    assert_null(pool.hooks.malloc(SIZE_MAX - 8, pool.hooks.mem_user_data));
    assert_null(pool.hooks.calloc(SIZE_MAX / 2, 3, pool.hooks.mem_user_data));
    pool.hooks.free(NULL, pool.hooks.mem_user_data);
    pool_memory_release(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_pieces),
        cmocka_unit_test(test_what_is_freed_is_used_again),
        cmocka_unit_test(test_impossible_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
