/* SPDX-License-Identifier: MIT */
/* test_holdback.c -- names, their bytes, and what is delivered when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "holdback.h"
#include "prng.h"
#include "sender.h"

static void take_in(struct holdback *holdback, decree_node_id origin, uint64_t incarnation,
                    uint64_t sequence)
{
    struct envelope envelope = {.origin = origin, .incarnation = incarnation, .sequence = sequence};
    uint8_t command[ENVELOPE_BYTES_MAX + 32];
    uint32_t size = envelope_write(&envelope, command);

    size += (uint32_t)snprintf((char *)command + size, 32, "%u.%u.%u", origin,
                               (unsigned)incarnation, (unsigned)sequence);
    holdback_take_in(holdback, command, size);
}

/* Appends what is delivered to text, as "1.1.2 ". */
static void deliver(struct holdback *holdback, char *text, size_t size)
{
    struct envelope message;

    while (holdback_next(holdback, &message)) {
        char name[32];
        size_t used = strlen(text);

        snprintf(name, sizeof(name), "%u.%u.%u", message.origin, (unsigned)message.incarnation,
                 (unsigned)message.sequence);
        assert_int_equal(message.size, strlen(name));
        assert_memory_equal(message.message, name, message.size);
        assert_true(used + message.size + 2 < size);
        snprintf(text + used, size - used, "%s ", name);
    }
}

/* script: "origin.incarnation.sequence" of each command, by the log. */
static void assert_delivered(const char *script, const char *expected)
{
    struct holdback holdback;
    char text[512] = "";
    unsigned origin, incarnation, sequence;

    holdback_init(&holdback);
    for (const char *at = script; *at != '\0'; at += 6) {
        assert_int_equal(at[1], '.');
        origin = (unsigned)(at[0] - '0');
        incarnation = (unsigned)(at[2] - '0');
        sequence = (unsigned)(at[4] - '0');
        take_in(&holdback, origin, incarnation, sequence);
        deliver(&holdback, text, sizeof(text));
    }
    holdback_release(&holdback);
    assert_string_equal(text, expected);
}

static void test_what_comes_in_order_is_delivered_at_once(void **state)
{
    (void)state;
    assert_delivered("1.1.1 2.1.1 1.1.2 3.1.1 ", "1.1.1 2.1.1 1.1.2 3.1.1 ");
}

static void test_what_comes_early_waits_for_those_before_it(void **state)
{
    (void)state;
    assert_delivered("1.1.1 1.1.3 1.1.4 1.1.2 1.1.5 ", "1.1.1 1.1.2 1.1.3 1.1.4 1.1.5 ");
    assert_delivered("1.1.3 1.1.2 ", "");
    assert_delivered("1.1.3 1.1.2 1.1.1 ", "1.1.1 1.1.2 1.1.3 ");
}

static void test_no_origin_waits_for_another(void **state)
{
    (void)state;
    assert_delivered("1.1.2 2.1.1 3.1.2 2.1.2 3.1.1 ", "2.1.1 2.1.2 3.1.1 3.1.2 ");
}

static void test_what_comes_again_is_delivered_once(void **state)
{
    (void)state;
    assert_delivered("1.1.1 1.1.1 1.1.3 1.1.3 1.1.2 1.1.3 ", "1.1.1 1.1.2 1.1.3 ");
}

static void test_a_new_incarnation_drops_what_waits_for_the_lost(void **state)
{
    (void)state;
    assert_delivered("1.1.1 1.1.3 1.2.1 1.1.2 1.1.4 1.2.2 ", "1.1.1 1.2.1 1.2.2 ");
    /* also when its own first message is late */
    assert_delivered("1.1.1 1.1.3 1.2.2 1.1.2 1.2.1 ", "1.1.1 1.2.1 1.2.2 ");
    assert_delivered("1.4.1 1.9.1 1.5.1 1.9.2 ", "1.4.1 1.9.1 1.9.2 ");
}

static void test_nobody_holds_more_than_a_window(void **state)
{
    struct holdback holdback;
    char text[64] = "";

    (void)state;
    holdback_init(&holdback);
    take_in(&holdback, 1, 1, HOLDBACK_WINDOW + 1); /* the first that no origin sends */
    take_in(&holdback, 1, 1, UINT64_MAX);
    deliver(&holdback, text, sizeof(text));
    assert_int_equal(holdback.dropped, 2);
    assert_int_equal(holdback.origins[1].count, 0);
    for (uint64_t sequence = HOLDBACK_WINDOW; sequence > 1; sequence--)
        take_in(&holdback, 1, 1, sequence);
    assert_int_equal(holdback.origins[1].count, HOLDBACK_WINDOW - 1);
    take_in(&holdback, 1, 2, 2);
    assert_int_equal(holdback.origins[1].count, 1);
    holdback_release(&holdback);
}

static void test_what_is_no_broadcast_is_dropped(void **state)
{
    static const uint8_t bad[][8] = {
        {0},
        {0x42},
        {0x42, 1, 1},
        {0x42, 0, 1, 1},
        {0x42, 32, 1, 1},
        {0x42, 1, 0, 1},
        {0x42, 1, 1, 0},
    };
    static const uint32_t sizes[] = {1, 1, 3, 4, 4, 4, 4};
    struct holdback holdback;
    struct envelope message;

    (void)state;
    holdback_init(&holdback);
    holdback_take_in(&holdback, NULL, 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        holdback_take_in(&holdback, bad[i], sizes[i]);
    assert_int_equal(holdback.dropped, 8);
    assert_false(holdback_next(&holdback, &message));
    holdback_release(&holdback);
}

static void test_an_envelope_reads_as_it_was_written(void **state)
{
    static const uint64_t numbers[] = {1, 127, 128, UINT32_MAX, UINT64_MAX};
    uint8_t command[ENVELOPE_BYTES_MAX + 3];

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct envelope written = {.origin = (decree_node_id)(i * 7 + 1),
                                   .incarnation = numbers[i],
                                   .sequence = numbers[4 - i]};
        struct envelope read;
        uint32_t size = envelope_write(&written, command);

        assert_int_equal(command[0], 0x42);
        assert_true(size <= ENVELOPE_BYTES_MAX);
        memcpy(command + size, "abc", 3);
        assert_true(envelope_read(&read, command, size + 3));
        assert_int_equal(read.origin, written.origin);
        assert_int_equal(read.incarnation, written.incarnation);
        assert_int_equal(read.sequence, written.sequence);
        assert_int_equal(read.size, 3);
        assert_memory_equal(read.message, "abc", 3);
    }
}

static void test_an_origin_names_no_more_than_a_window(void **state)
{
    struct envelope envelope;
    struct sender sender;

    (void)state;
    sender_init(&sender, 2, 5);
    for (uint64_t i = 1; i <= HOLDBACK_WINDOW; i++) {
        assert_int_equal(sender_name(&sender, 10, &envelope), 0);
        assert_int_equal(envelope.sequence, i);
        sender_sent(&sender, 10);
    }
    assert_int_equal(sender_name(&sender, 10, &envelope), DECREE_FULL);
    envelope.sequence = 2;
    assert_false(sender_delivered(&sender, &envelope)); /* not the oldest */
    envelope.sequence = 1;
    envelope.incarnation = 4;
    assert_false(sender_delivered(&sender, &envelope)); /* of an earlier run */
    envelope.incarnation = 5;
    assert_true(sender_delivered(&sender, &envelope));
    assert_int_equal(sender_name(&sender, 10, &envelope), 0);
    assert_int_equal(envelope.sequence, HOLDBACK_WINDOW + 1);
}

static void test_an_origin_has_no_more_bytes_under_way_than_the_bound(void **state)
{
    struct envelope envelope;
    struct sender sender;

    (void)state;
    sender_init(&sender, 2, 0);
    assert_int_equal(sender_name(&sender, 1, &envelope), DECREE_FULL); /* its run has no number */
    sender_init(&sender, 2, 1);
    assert_int_equal(sender_name(&sender, UINT32_MAX, &envelope), 0); /* alone it may be larger */
    sender_sent(&sender, UINT32_MAX);
    assert_int_equal(sender_name(&sender, 1, &envelope), DECREE_FULL);
    assert_true(sender_delivered(&sender, &envelope));
    assert_int_equal(sender.bytes, 0);
}

/* Whatever order the log has them in, each origin's messages are delivered in order and once. */
static void test_any_order_of_the_log_is_put_right(void **state)
{
    enum { COUNT = 200 };
    struct prng prng;

    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct holdback holdback;
        struct envelope message;
        uint64_t order[COUNT], next = 1;

        prng_init(&prng, seed);
        holdback_init(&holdback);
        for (uint64_t i = 0; i < COUNT; i++) {
            uint64_t j = prng_below(&prng, i + 1);

            order[i] = order[j];
            order[j] = i + 1;
        }
        for (uint64_t i = 0; i < COUNT; i++) {
            take_in(&holdback, 3, 1, order[i]);
            while (holdback_next(&holdback, &message))
                assert_int_equal(message.sequence, next++);
        }
        assert_int_equal(next, COUNT + 1);
        assert_int_equal(holdback.dropped, 0);
        holdback_release(&holdback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_in_order_is_delivered_at_once),
        cmocka_unit_test(test_what_comes_early_waits_for_those_before_it),
        cmocka_unit_test(test_no_origin_waits_for_another),
        cmocka_unit_test(test_what_comes_again_is_delivered_once),
        cmocka_unit_test(test_a_new_incarnation_drops_what_waits_for_the_lost),
        cmocka_unit_test(test_nobody_holds_more_than_a_window),
        cmocka_unit_test(test_what_is_no_broadcast_is_dropped),
        cmocka_unit_test(test_an_envelope_reads_as_it_was_written),
        cmocka_unit_test(test_an_origin_names_no_more_than_a_window),
        cmocka_unit_test(test_an_origin_has_no_more_bytes_under_way_than_the_bound),
        cmocka_unit_test(test_any_order_of_the_log_is_put_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
