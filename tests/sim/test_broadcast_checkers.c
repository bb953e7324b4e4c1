/* SPDX-License-Identifier: MIT */
/* test_broadcast_checkers.c -- each checker of broadcast lets a good history pass and catches a planted
 * violation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check_fifo.h"
#include "check_no_creation.h"
#include "check_no_duplication.h"
#include "check_total_order.h"
#include "check_uniform_agreement.h"

static const struct message_name a1 = {1, 1, 1}, a2 = {1, 1, 2}, a3 = {1, 1, 3}, b1 = {2, 1, 1},
                                 again1 = {1, 2, 1};

static void assert_found(struct verdict *verdict, const char *checker)
{
    assert_true(verdict->failed);
    assert_string_equal(verdict->checker, checker);
    assert_non_null(strstr(verdict->text, "expected"));
    verdict->failed = false;
}

static void test_total_order(void **state)
{
    struct verdict verdict = {.failed = false};
    struct total_order order;

    (void)state;
    total_order_init(&order, &verdict);
    for (unsigned node = 1; node <= 3; node++)
        total_order_on_boot(&order, node);
    total_order_on_deliver(&order, 1, 1, &a1);
    total_order_on_deliver(&order, 1, 1, &b1);
    total_order_on_deliver(&order, 2, 2, &a1);
    total_order_on_boot(&order, 1); /* delivers all again */
    total_order_on_deliver(&order, 3, 1, &a1);
    total_order_on_deliver(&order, 3, 1, &b1);
    total_order_on_deliver(&order, 3, 1, &a2);
    assert_false(verdict.failed);
    total_order_on_deliver(&order, 4, 2, &a2);
    assert_found(&verdict, "total_order");
    total_order_on_deliver(&order, 5, 3, &again1);
    assert_found(&verdict, "total_order");
    total_order_release(&order);
}

static void test_no_duplication(void **state)
{
    struct verdict verdict = {.failed = false};
    struct no_duplication check;

    (void)state;
    no_duplication_init(&check, &verdict);
    no_duplication_on_boot(&check, 1);
    no_duplication_on_boot(&check, 2);
    no_duplication_on_deliver(&check, 1, 1, &a1);
    no_duplication_on_deliver(&check, 1, 2, &a1);
    no_duplication_on_deliver(&check, 1, 1, &again1);
    no_duplication_on_boot(&check, 1);
    no_duplication_on_deliver(&check, 1, 1, &a1);
    assert_false(verdict.failed);
    no_duplication_on_deliver(&check, 1, 1, &a1);
    assert_found(&verdict, "no_duplication");
    no_duplication_release(&check);
}

static void test_no_creation(void **state)
{
    struct verdict verdict = {.failed = false};
    struct no_creation check;
    uint8_t bytes[] = {1, 2, 3}, wrong[] = {1, 2, 4};

    (void)state;
    no_creation_init(&check, &verdict);
    no_creation_on_broadcast(&check, 1, &a1, bytes, 3);
    no_creation_on_broadcast(&check, 1, &a2, bytes, 0);
    no_creation_on_deliver(&check, 2, 1, &a1, bytes, 3);
    no_creation_on_deliver(&check, 2, 3, &a2, bytes, 0);
    assert_false(verdict.failed);
    no_creation_on_deliver(&check, 3, 1, &a1, wrong, 3);
    assert_found(&verdict, "no_creation");
    no_creation_on_deliver(&check, 3, 1, &a1, bytes, 2);
    assert_found(&verdict, "no_creation");
    no_creation_on_deliver(&check, 3, 1, &b1, bytes, 3);
    assert_found(&verdict, "no_creation");
    no_creation_on_broadcast(&check, 4, &a1, bytes, 3);
    assert_found(&verdict, "no_creation");
    no_creation_release(&check);
}

static void test_fifo(void **state)
{
    static const struct message_name stranger = {10, 1, 1};
    struct verdict verdict = {.failed = false};
    struct fifo fifo;

    (void)state;
    fifo_init(&fifo, &verdict);
    fifo_on_boot(&fifo, 1);
    fifo_on_deliver(&fifo, 1, 1, &a1);
    fifo_on_deliver(&fifo, 1, 1, &b1);
    fifo_on_deliver(&fifo, 1, 1, &a2);
    fifo_on_deliver(&fifo, 1, 1, &again1); /* its third of the life before is lost */
    assert_false(verdict.failed);
    fifo_on_deliver(&fifo, 2, 1, &a3); /* and stays so */
    assert_found(&verdict, "fifo");
    fifo_on_boot(&fifo, 1);
    fifo_on_deliver(&fifo, 3, 1, &a1);
    assert_false(verdict.failed);
    fifo_on_deliver(&fifo, 4, 1, &a3);
    assert_found(&verdict, "fifo");
    fifo_on_deliver(&fifo, 4, 2, &a2);
    assert_found(&verdict, "fifo");
    fifo_on_deliver(&fifo, 5, 1, &stranger);
    assert_found(&verdict, "fifo");
}

static void test_uniform_agreement(void **state)
{
    struct verdict verdict = {.failed = false};
    struct uniform_agreement agreement;

    (void)state;
    uniform_agreement_init(&agreement, &verdict);
    for (unsigned node = 1; node <= 3; node++)
        uniform_agreement_on_boot(&agreement, node);
    uniform_agreement_on_deliver(&agreement, 1, &a1);
    uniform_agreement_on_deliver(&agreement, 2, &b1);
    uniform_agreement_on_deliver(&agreement, 1, &b1);
    uniform_agreement_finish(&agreement, 1, 1);
    assert_false(verdict.failed);
    uniform_agreement_finish(&agreement, 1, 2);
    assert_found(&verdict, "uniform_agreement");
    uniform_agreement_on_deliver(&agreement, 2, &a1);
    uniform_agreement_finish(&agreement, 1, 2);
    assert_false(verdict.failed);
    uniform_agreement_on_boot(&agreement,
                              2); /* what it delivered in an earlier life does not count */
    uniform_agreement_finish(&agreement, 1, 2);
    assert_found(&verdict, "uniform_agreement");
    uniform_agreement_finish(&agreement, 1, 3); /* a node that never delivered anything */
    assert_found(&verdict, "uniform_agreement");
    uniform_agreement_release(&agreement);
}

static void test_the_table_grows(void **state)
{
    struct message_table table;

    (void)state;
    message_table_init(&table);
    for (uint64_t i = 0; i < 5000; i++)
        *message_table_at(&table, i % 7, &(struct message_name){i % 3, i % 5, i}) = i + 1;
    for (uint64_t i = 0; i < 5000; i++) {
        struct message_name name = {i % 3, i % 5, i};

        assert_int_equal(*message_table_at(&table, i % 7, &name), i + 1);
        assert_int_equal(*message_table_at(&table, i % 7 + 7, &name), 0);
    }
    message_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total_order),       cmocka_unit_test(test_no_duplication),
        cmocka_unit_test(test_no_creation),       cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_uniform_agreement), cmocka_unit_test(test_the_table_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
