/* SPDX-License-Identifier: MIT */
/* test_checkers.c -- each checker lets a good history pass and catches a planted violation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check_agreement.h"
#include "check_apply_order.h"
#include "check_ballots.h"
#include "check_durability.h"
#include "check_exactly_once.h"
#include "registers.h"

static struct decree_command command(decree_node_id origin, uint64_t sequence)
{
    return (struct decree_command){.origin = origin, .incarnation = 1, .sequence = sequence};
}

static void assert_found(const struct verdict *verdict, const char *checker)
{
    assert_true(verdict->failed);
    assert_string_equal(verdict->checker, checker);
    assert_non_null(strstr(verdict->text, "expected"));
}

static void test_the_first_failure_counts(void **state)
{
    struct verdict verdict = {.failed = false};

    (void)state;
    verdict_fail(&verdict, "one", 5, "number %d", 1);
    verdict_fail(&verdict, "two", 6, "number %d", 2);
    assert_string_equal(verdict.checker, "one");
    assert_string_equal(verdict.text, "number 1");
    assert_int_equal(verdict.at_ns, 5);
}

static void test_agreement(void **state)
{
    struct verdict verdict = {.failed = false};
    struct agreement agreement;
    struct decree_command first = command(1, 1), other = command(2, 1), noop = {.origin = 0};
    uint8_t bytes[] = {1, 2, 3}, wrong[] = {1, 2, 4};
    struct decree_value value = {.refs = 1, .size = 3, .data = bytes},
                        bad = {.refs = 1, .size = 3, .data = wrong};

    (void)state;
    agreement_init(&agreement, &verdict);
    first.value = &value;
    agreement_on_decision(&agreement, 1, 1, 1, &first);
    agreement_on_decision(&agreement, 2, 2, 1, &first);
    agreement_on_decision(&agreement, 3, 1, 5000, &noop);
    agreement_on_decision(&agreement, 3, 2, 5000, &noop);
    assert_false(verdict.failed);
    assert_int_equal(agreement.highest, 5000);
    agreement_on_decision(&agreement, 4, 3, 5000, &other);
    assert_found(&verdict, "agreement");
    verdict.failed = false;
    first.value = &bad;
    agreement_on_decision(&agreement, 5, 3, 1, &first);
    assert_found(&verdict, "agreement");
    agreement_release(&agreement);
}

static void test_apply_order_finds_gaps_and_repeats(void **state)
{
    static const decree_slot wrong[] = {1, 2, 4, 1000};
    struct decree_command one = command(1, 1);

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct verdict verdict = {.failed = false};
        struct apply_order order;

        apply_order_init(&order, &verdict);
        apply_order_on_boot(&order, 1);
        for (decree_slot slot = 1; slot <= 2; slot++) {
            apply_order_on_decision(&order, 1, 1, slot, &one);
            apply_order_on_apply(&order, 1, 1, slot);
        }
        assert_false(verdict.failed);
        apply_order_on_decision(&order, 2, 1, wrong[i], &one);
        assert_found(&verdict, "apply_order");
    }
}

static void test_apply_order_begins_again_with_each_run(void **state)
{
    struct verdict verdict = {.failed = false};
    struct apply_order order;
    struct decree_command one = command(1, 1), noop = {.origin = 0};

    (void)state;
    apply_order_init(&order, &verdict);
    apply_order_on_boot(&order, 1);
    apply_order_on_decision(&order, 1, 1, 1, &noop);
    apply_order_on_boot(&order, 1);
    apply_order_on_decision(&order, 1, 1, 1, &noop);
    apply_order_on_decision(&order, 1, 1, 2, &one);
    assert_false(verdict.failed);
    apply_order_on_decision(&order, 1, 1, 3, &one); /* 2 was never applied */
    assert_found(&verdict, "apply_order");
}

static void test_apply_order_finds_what_was_not_handed_out(void **state)
{
    struct verdict verdict = {.failed = false};
    struct apply_order order;
    struct decree_command noop = {.origin = 0};

    (void)state;
    apply_order_init(&order, &verdict);
    apply_order_on_boot(&order, 1);
    apply_order_on_decision(&order, 1, 1, 1, &noop);
    apply_order_on_apply(&order, 1, 1, 1);
    assert_found(&verdict, "apply_order");
}

static void test_exactly_once(void **state)
{
    struct verdict verdict = {.failed = false};
    struct exactly_once once;
    struct decree_command one = command(1, 1), two = command(1, 2), three = command(1, 3);

    (void)state;
    exactly_once_init(&once, &verdict);
    exactly_once_on_decision(&once, 1, 1, 1, &one, 100);
    exactly_once_on_decision(&once, 1, 2, 1, &one, 100);
    for (uint64_t i = 10; i < 3000; i++) {
        struct decree_command many = command(2, i);

        exactly_once_on_decision(&once, 1, 1, i, &many, 1000 + i);
    }
    assert_false(verdict.failed);
    exactly_once_on_decision(&once, 2, 1, 2, &one, 101);
    assert_found(&verdict, "exactly_once");
    verdict.failed = false;
    exactly_once_on_decision(&once, 3, 1, 3, &two, 102);
    exactly_once_on_decision(&once, 3, 1, 4, &three, 102);
    assert_found(&verdict, "exactly_once");
    exactly_once_release(&once);
}

static void test_durability(void **state)
{
    struct verdict verdict = {.failed = false};
    struct durability durability;

    (void)state;
    durability_init(&durability, &verdict);
    durability_on_decision(&durability, 1, 1, 50);
    durability_on_acknowledged(&durability, 1, 50, 1);
    durability_on_decision(&durability, 1, 2000, 51);
    durability_on_acknowledged(&durability, 1, 51, 2000);
    durability_finish(&durability, 2, 1);
    assert_false(verdict.failed);
    durability_on_boot(&durability, 1);
    durability_on_decision(&durability, 1, 1, 50);
    durability_on_decision(&durability, 1, 2000, 52);
    durability_finish(&durability, 3, 1);
    assert_found(&verdict, "durability");
    verdict.failed = false;
    durability_finish(&durability, 3, 2); /* has nothing */
    assert_found(&verdict, "durability");
    verdict.failed = false;
    durability_on_acknowledged(&durability, 4, 53, 2000);
    assert_found(&verdict, "durability");
    durability_release(&durability);
}

static void test_ballots(void **state)
{
    struct verdict verdict = {.failed = false};
    struct ballots ballots;

    (void)state;
    ballots_init(&ballots, &verdict);
    ballots_on_adopted(&ballots, 1, 1, (struct decree_ballot){1, 1});
    ballots_on_adopted(&ballots, 1, 2, (struct decree_ballot){1, 2});
    ballots_on_adopted(&ballots, 1, 1, (struct decree_ballot){3, 1});
    assert_false(verdict.failed);
    ballots_on_adopted(&ballots, 1, 1, (struct decree_ballot){3, 1});
    assert_found(&verdict, "ballots");
    verdict.failed = false;
    ballots_on_adopted(&ballots, 1, 2, (struct decree_ballot){9, 1});
    assert_found(&verdict, "ballots");
}

static void test_registers(void **state)
{
    struct registers registers = {.count = 0};
    struct registers_command one = {.operation = 1, .kind = OPERATION_PUT, .key = 3, .value = 10},
                             back;
    struct decree_value *value = registers_encode(&one, 5);
    uint8_t broken[REGISTERS_COMMAND_BYTES + 5];

    (void)state;
    assert_true(registers_decode(&back, value->data, value->size));
    assert_int_equal(back.key, 3);
    assert_int_equal(*registers_apply(&registers, &back), 0);
    assert_int_equal(registers_read(&registers, 3), 10);
    back.value = 11;
    back.key = 3;
    assert_int_equal(*registers_apply(&registers, &back), 10);
    assert_int_equal(registers_read(&registers, 999), 0);
    memcpy(broken, value->data, value->size);
    broken[value->size - 1]++;
    assert_false(registers_decode(&back, broken, value->size));
    assert_false(registers_decode(&back, broken, REGISTERS_COMMAND_BYTES - 1));
    decree_value_unref(value);
    registers_release(&registers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_failure_counts),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_apply_order_finds_gaps_and_repeats),
        cmocka_unit_test(test_apply_order_begins_again_with_each_run),
        cmocka_unit_test(test_apply_order_finds_what_was_not_handed_out),
        cmocka_unit_test(test_exactly_once),
        cmocka_unit_test(test_durability),
        cmocka_unit_test(test_ballots),
        cmocka_unit_test(test_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
