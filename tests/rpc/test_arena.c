/* SPDX-License-Identifier: MIT */
/* test_arena.c -- pieces do not overlap, are aligned, are bounded; protobuf-c can live on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "rpc.pb-c.h"

#define MAX_BYTES (1024u * 1024)

static void test_pieces(void **state)
{
    struct arena arena;
    uint8_t *pieces[200];

    (void)state;
    arena_init(&arena, MAX_BYTES);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++) {
            pieces[i] = arena_alloc(&arena, i * 10);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % sizeof(void *), 0);
            memset(pieces[i], (int)i, i * 10);
        }
        for (unsigned i = 1; i < 200; i++) {
            assert_int_equal(pieces[i][0], i);
            assert_int_equal(pieces[i][i * 10 - 1], i);
        }
        arena_reset(&arena);
        assert_true(arena.bytes <= 64 * 1024);
    }
    arena_release(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void test_bound(void **state)
{
    struct arena arena;
    size_t count = 0;

    (void)state;
    arena_init(&arena, MAX_BYTES);
    assert_null(arena_alloc(&arena, MAX_BYTES + 1));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_true(arena.exhausted);
    arena_reset(&arena);
    assert_false(arena.exhausted);
    while (arena_alloc(&arena, 5000) != NULL)
        count++;
    assert_true(count > MAX_BYTES / 5000 * 8 / 10);
    assert_true(arena.bytes <= MAX_BYTES);
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, MAX_BYTES / 2));
    arena_release(&arena);
}

/* The first block is small, those behind it are not; what it gave stays as it is. */
static void test_small(void **state)
{
    struct arena arena;
    uint8_t *first, *large;

    (void)state;
    arena_init_small(&arena, MAX_BYTES);
    first = arena_alloc(&arena, 500);
    assert_non_null(first);
    memset(first, 7, 500);
    assert_true(arena.bytes <= 1024);
    large = arena_alloc(&arena, 10000);
    assert_non_null(large);
    memset(large, 8, 10000);
    assert_non_null(arena_alloc(&arena, 50000));
    assert_true(arena.bytes <= 66 * 1024);
    assert_int_equal(first[499], 7);
    arena_reset(&arena);
    assert_true(arena.bytes <= 1024);
    assert_null(arena_alloc(&arena, MAX_BYTES + 1));
    arena_release(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void test_protobuf(void **state)
{
    char name[] = "a name";
    char *urls[] = {name, name};
    Etcdserverpb__Member member = ETCDSERVERPB__MEMBER__INIT;
    uint8_t data[64];
    size_t size;
    struct arena arena;
    Etcdserverpb__Member *copy;

    (void)state;
    member.name = name;
    member.n_peerurls = 2;
    member.peerurls = urls;
    size = etcdserverpb__member__pack(&member, data);
    arena_init(&arena, MAX_BYTES);
    copy = etcdserverpb__member__unpack(&arena.allocator, size, data);
    assert_non_null(copy);
    assert_string_equal(copy->name, name);
    assert_string_equal(copy->peerurls[1], name);
    assert_null(etcdserverpb__member__unpack(&arena.allocator, size - 1, data));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_protobuf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
