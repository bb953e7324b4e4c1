/* SPDX-License-Identifier: MIT */
/* test_no_memory.c -- each allocation of the registers fails once: an error, or something that is
 * lost as on a wire, never more; and afterwards all goes on.
 *
 * The linker sends the allocations of register/ and of the bed through the functions below; only
 * those made inside decree_registers_step() can fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "register_bed.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_decree_registers_step(struct decree_registers *registers,
                                 const struct decree_register_event *event);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_decree_registers_step(struct decree_registers *registers,
                                 const struct decree_register_event *event);

static uint64_t fail_at; /* the nth from now; 0: none */
static bool inside;
static bool hard; /* all from the nth on fail, for a while */

static bool fails(void)
{
    if (!inside || fail_at == 0)
        return false;
    if (hard && fail_at <= 20)
        return --fail_at > 0;
    return --fail_at == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

int __wrap_decree_registers_step(struct decree_registers *registers,
                                 const struct decree_register_event *event)
{
    int error;

    inside = true;
    error = __real_decree_registers_step(registers, event);
    inside = false;
    return error;
}

/* Sets, gets, a history and a forget at all nodes. What could not be asked for is asked again. */
static void live_a_little(struct bed *bed)
{
    for (uint64_t i = 1; i <= 4; i++) {
        uint64_t name = 0;

        for (int tries = 0; name == 0 && tries < 100; tries++)
            name = bed_set(bed, (decree_node_id)(i % 3 + 1), "k", "v", 0);
        assert_non_null(bed_await(bed, (decree_node_id)(i % 3 + 1), name));
        bed_get(bed, 1, "k", 0);
        bed_get(bed, 2, "other", i);
        bed_history(bed, 3, "k", 0, 0);
        if (i == 3)
            bed_forget(bed, 1, "k", 2);
        bed_run(bed, 300 * BED_MS);
    }
}

/* Returns whether the allocation that was to fail did. */
static bool play(uint64_t nth)
{
    struct decree_registers_config config = {.seed = 1, .keep_versions = 2};
    struct bed *bed = __real_malloc(sizeof(*bed));
    const struct bed_answer *answer;
    bool failed;

    bed_init(bed, 3, &config);
    bed_start_all(bed);
    fail_at = nth;
    live_a_little(bed);
    failed = fail_at == 0;
    fail_at = 0;
    bed_run(bed, 2000 * BED_MS);
    answer = bed_await(bed, 1, bed_get(bed, 1, "k", 0));
    assert_non_null(answer);
    assert_int_equal(answer->error, 0);
    assert_int_equal(answer->versions[0], 4); /* each set exactly once */
    bed_release(bed);
    free(bed);
    return failed;
}

static void test_each_allocation_may_fail(void **state)
{
    uint64_t nth = 1;

    (void)state;
    hard = false;
    while (play(nth))
        nth++;
    assert_true(nth > 50);
}

static void test_many_allocations_in_a_row_may_fail(void **state)
{
    (void)state;
    hard = true;
    for (uint64_t nth = 21; nth < 300; nth += 7)
        (void)play(nth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_many_allocations_in_a_row_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
