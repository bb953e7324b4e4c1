/* SPDX-License-Identifier: MIT */
/* test_machines.c -- a command goes to the machine of its first byte, or nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machines.h"

struct seen {
    uint32_t count, size;
    decree_slot slot;
};

static void *see(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct seen *seen = context;

    assert_non_null(data);
    seen->count++;
    seen->slot = slot;
    seen->size = size;
    return seen;
}

static void test_the_first_byte_names_the_machine(void **state)
{
    static struct machines machines;
    struct seen store = {0}, log = {0};
    struct decree_machine all;

    (void)state;
    machines_init(&machines);
    machines_add(&machines, 0x4b, &(struct decree_machine){.context = &store, .apply = see});
    machines_add(&machines, 0x4c, &(struct decree_machine){.context = &log, .apply = see});
    all = machines_all(&machines);
    assert_ptr_equal(all.apply(all.context, 5, (const uint8_t *)"Kab", 3), &store);
    assert_ptr_equal(all.apply(all.context, 6, (const uint8_t *)"L", 1), &log);
    assert_int_equal(store.count, 1);
    assert_int_equal(store.size, 3);
    assert_int_equal(store.slot, 5);
    assert_int_equal(log.size, 1);
    assert_int_equal(machines.unknown, 0);
}

static void test_what_names_no_machine_is_counted(void **state)
{
    static struct machines machines;
    struct seen store = {0};
    struct decree_machine all;

    (void)state;
    machines_init(&machines);
    machines_add(&machines, 0x4b, &(struct decree_machine){.context = &store, .apply = see});
    all = machines_all(&machines);
    assert_null(all.apply(all.context, 1, (const uint8_t *)"Bx", 2));
    assert_null(all.apply(all.context, 2, (const uint8_t *)"", 0));
    assert_int_equal(store.count, 0);
    assert_int_equal(machines.unknown, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_byte_names_the_machine),
        cmocka_unit_test(test_what_names_no_machine_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
