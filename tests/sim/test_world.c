/* SPDX-License-Identifier: MIT */
/* test_world.c -- virtual time and the network: order, sameness, cuts and weather. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "network.h"
#include "world.h"

struct seen {
    uint64_t numbers[64];
    uint64_t times[64];
    unsigned count;
    struct world *world;
};

static void see(void *context, uint64_t number, void *memory)
{
    struct seen *seen = context;

    (void)memory;
    seen->times[seen->count] = seen->world->now_ns;
    seen->numbers[seen->count++] = number;
}

static void test_events_come_by_time_then_by_asking(void **state)
{
    static const uint64_t order[] = {4, 1, 3, 2, 0};
    struct world world;
    struct seen seen = {.world = &world};

    (void)state;
    world_init(&world, 1);
    world_at(&world, 30, see, &seen, 0, NULL);
    world_at(&world, 10, see, &seen, 1, NULL);
    world_at(&world, 20, see, &seen, 2, malloc(8));
    world_at(&world, 10, see, &seen, 3, NULL);
    world_at(&world, 5, see, &seen, 4, NULL);
    world_run_until(&world, 29);
    assert_int_equal(seen.count, 4);
    assert_int_equal(world.now_ns, 29);
    world_run_until(&world, 30);
    assert_memory_equal(seen.numbers, order, sizeof(order));
    assert_int_equal(seen.times[4], 30);
    world_release(&world);
}

static void test_the_past_is_now(void **state)
{
    struct world world;
    struct seen seen = {.world = &world};

    (void)state;
    world_init(&world, 1);
    world_run_until(&world, 100);
    world_at(&world, 7, see, &seen, 1, NULL);
    world_run_until(&world, 100);
    assert_int_equal(seen.times[0], 100);
    world_release(&world);
}

static void test_a_stopped_world_stands_still(void **state)
{
    struct world world;
    struct seen seen = {.world = &world};

    (void)state;
    world_init(&world, 1);
    world_at(&world, 7, see, &seen, 1, malloc(8));
    world_stop(&world);
    world_run_until(&world, 100);
    assert_int_equal(seen.count, 0);
    assert_int_equal(world.now_ns, 0);
    world_release(&world);
}

struct mail {
    unsigned count;
    uint8_t bytes[256];
};

static void get_mail(void *context, unsigned from, unsigned to, const uint8_t *bytes, size_t size)
{
    struct mail *mail = context;

    assert_int_equal(from, 1);
    assert_int_equal(to, 2);
    assert_int_equal(size, 1);
    mail->bytes[mail->count++ % 256] = bytes[0];
}

static void send_many(struct network *network, struct world *world, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)i;

        network_send(network, 1, 2, false, &byte, 1);
    }
    world_run_until(world, world->now_ns + SIM_SECOND);
}

static void network_for(struct network *network, struct world *world, struct mail *mail,
                        const struct network_weather *weather)
{
    world_init(world, 7);
    memset(mail, 0, sizeof(*mail));
    network_init(network, world, 3, get_mail, mail);
    network_set_weather(network, weather);
}

static void test_a_link_keeps_order(void **state)
{
    struct network_weather weather = {.delay_ns = 100, .delay_spread_ns = 100000};
    struct network network;
    struct world world;
    struct mail mail;

    (void)state;
    network_for(&network, &world, &mail, &weather);
    send_many(&network, &world, 200);
    assert_int_equal(mail.count, 200);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(mail.bytes[i], i);
    world_release(&world);
}

static void test_weather_loses_doubles_and_reorders(void **state)
{
    struct network_weather weather = {.delay_ns = 100,
                                      .delay_spread_ns = 100000,
                                      .loss = 100000,
                                      .duplicate = 300000,
                                      .reorder = 500000};
    struct network network;
    struct world world;
    struct mail mail;
    unsigned out_of_order = 0;

    (void)state;
    network_for(&network, &world, &mail, &weather);
    send_many(&network, &world, 200);
    assert_in_range(network.lost, 5, 50);
    assert_in_range(mail.count, 201, 255);
    for (unsigned i = 1; i < mail.count; i++)
        out_of_order += mail.bytes[i] < mail.bytes[i - 1];
    assert_in_range(out_of_order, 10, 200);
    world_release(&world);
}

static void test_a_cut_loses_what_is_under_way_and_heals_by_reason(void **state)
{
    struct network_weather weather = {.delay_ns = 100};
    struct network network;
    struct world world;
    struct mail mail;
    uint8_t byte = 9;

    (void)state;
    network_for(&network, &world, &mail, &weather);
    network_send(&network, 1, 2, false, &byte, 1);
    network_cut(&network, 1, 2, NETWORK_CUT_SCRIPT);
    network_cut_both(&network, 1, 2, NETWORK_CUT_PARTITION);
    send_many(&network, &world, 5);
    assert_int_equal(mail.count, 0);
    network_mend_all(&network, NETWORK_CUT_PARTITION);
    assert_true(network_is_cut(&network, 1, 2));
    assert_false(network_is_cut(&network, 2, 1));
    network_mend(&network, 1, 2, NETWORK_CUT_SCRIPT);
    send_many(&network, &world, 5);
    assert_int_equal(mail.count, 5);
    world_release(&world);
}

static void test_large_packets_may_be_lost_alone(void **state)
{
    struct network_weather weather = {.size_max = 10};
    struct network network;
    struct world world;
    struct mail mail;
    uint8_t bytes[11] = {0};

    (void)state;
    network_for(&network, &world, &mail, &weather);
    network_send(&network, 1, 2, false, bytes, sizeof(bytes));
    send_many(&network, &world, 1);
    assert_int_equal(mail.count, 1);
    world_release(&world);
}

/* Ten bytes a second: what is urgent passes what waits, and who comes later waits for both. */
static void test_a_slow_link_has_a_queue_and_a_way_past_it(void **state)
{
    static const unsigned arrived[] = {0, 2, 3, 4, 4, 5}; /* after so many tenths of a second */
    struct network_weather weather = {.bandwidth = 10};
    struct network network;
    struct world world;
    struct mail mail;

    (void)state;
    network_for(&network, &world, &mail, &weather);
    for (uint8_t byte = 1; byte <= 3; byte++)
        network_send(&network, 1, 2, false, &byte, 1);
    assert_int_equal(network_waiting(&network, 1, 2), 3);
    network_send(&network, 1, 2, true, (const uint8_t *)"u", 1);
    assert_int_equal(network_waiting(&network, 1, 2), 4);
    network_send(&network, 1, 2, false, (const uint8_t *)"l", 1);
    for (unsigned tenth = 0; tenth < sizeof(arrived) / sizeof(arrived[0]); tenth++) {
        world_run_until(&world, tenth * 100 * SIM_MILLISECOND);
        assert_int_equal(mail.count, arrived[tenth]);
    }
    assert_int_equal(network_waiting(&network, 1, 2), 0);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_come_by_time_then_by_asking),
        cmocka_unit_test(test_the_past_is_now),
        cmocka_unit_test(test_a_stopped_world_stands_still),
        cmocka_unit_test(test_a_link_keeps_order),
        cmocka_unit_test(test_weather_loses_doubles_and_reorders),
        cmocka_unit_test(test_a_cut_loses_what_is_under_way_and_heals_by_reason),
        cmocka_unit_test(test_large_packets_may_be_lost_alone),
        cmocka_unit_test(test_a_slow_link_has_a_queue_and_a_way_past_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
