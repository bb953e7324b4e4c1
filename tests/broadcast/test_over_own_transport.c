/* SPDX-License-Identifier: MIT */
/* test_over_own_transport.c -- members over a transport of the user's that loses, copies, delays and
 * damages frames, and is fed noise.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <decree/broadcast.h>
#include <decree/transport.h>
#include <uv.h>

#include "prng.h"

#define MEMBERS 3
#define MESSAGES 100
#define FRAME_BYTES_MAX 1000u

struct world;

struct member {
    struct world *world;
    struct decree_transport *transport;
    struct decree_broadcast *broadcast;
    struct prng prng; /* of what becomes of its frames; its loop thread's */
    uint8_t late[FRAME_BYTES_MAX];
    size_t late_size; /* a frame that goes after the next one */
    decree_node_id late_to;
    uint32_t delivered[3 * MESSAGES];
    uint32_t count;
};

struct world {
    struct member members[MEMBERS];
    uv_sem_t delivered;
};

static void deliver_frame(struct world *world, decree_node_id to, const uint8_t *frame, size_t size)
{
    decree_transport_deliver(world->members[to - 1].transport, frame, size);
}

/* Of forty frames two are lost, one is copied, one is damaged, and one falls behind. */
static void send_frame(void *context, decree_node_id to, const uint8_t *frame, size_t size)
{
    struct member *member = context;
    uint8_t damaged[FRAME_BYTES_MAX];
    uint64_t fate = prng_below(&member->prng, 40);

    assert_true(size <= FRAME_BYTES_MAX);
    assert_in_range(to, 1, MEMBERS);
    memcpy(damaged, frame, size);
    damaged[prng_below(&member->prng, size)] ^= 4;
    if (fate == 3)
        deliver_frame(member->world, to, damaged, size);
    if (fate > 3)
        deliver_frame(member->world, to, frame, size);
    if (fate == 4)
        deliver_frame(member->world, to, frame, size);
    if (member->late_size > 0)
        deliver_frame(member->world, member->late_to, member->late, member->late_size);
    member->late_size = fate == 2 ? size : 0;
    memcpy(member->late, frame, size);
    member->late_to = to;
}

static void deliver(void *context, decree_node_id origin, const uint8_t *message, uint32_t size)
{
    struct member *member = context;
    uint32_t number;

    assert_true(size >= sizeof(number));
    memcpy(&number, message, sizeof(number));
    assert_true(member->count < 3 * MESSAGES);
    member->delivered[member->count++] = origin * 10000 + number;
    for (uint32_t i = sizeof(number); i < size; i++)
        assert_int_equal(message[i], (uint8_t)number);
    uv_sem_post(&member->world->delivered);
}

static void silent(void *context, enum decree_log_level level, const char *line)
{
    assert_null(context);
    (void)level;
    (void)line;
}

static struct decree_broadcast_options options_of(struct member *member, int index)
{
    static const char *const names[MEMBERS] = {"ann", "bob", "cid"};

    return (struct decree_broadcast_options){
        .node = {.name = names[index],
                 .cluster = "ann,bob,cid",
                 .transport = member->transport,
                 .heartbeat_ms = 20,
                 .election_ms = 200,
                 .log = silent},
        .deliver = deliver,
        .context = member,
    };
}

static void open_world(struct world *world)
{
    uv_sem_init(&world->delivered, 0);
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &world->members[i];
        struct decree_transport_options how = {send_frame, member, FRAME_BYTES_MAX};

        member->world = world;
        prng_init(&member->prng, (uint64_t)i + 1);
        assert_int_equal(decree_transport_new(&member->transport, &how), 0);
    }
    for (int i = 0; i < MEMBERS; i++) {
        struct decree_broadcast_options options = options_of(&world->members[i], i);
        char *why = NULL;

        if (decree_broadcast_open(&world->members[i].broadcast, &options, &why) != 0)
            fail_msg("%s", why);
        assert_int_equal(decree_transport_address(world->members[i].transport), i + 1);
    }
}

static void close_world(struct world *world)
{
    for (int i = 0; i < MEMBERS; i++)
        decree_broadcast_close(world->members[i].broadcast);
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(decree_transport_address(world->members[i].transport), 0);
        decree_transport_free(world->members[i].transport);
    }
    uv_sem_destroy(&world->delivered);
}

/* Messages of all sizes, some longer than a frame, with noise in between. */
static void send_all(struct world *world)
{
    static uint8_t message[2000];

    for (uint32_t i = 0; i < MESSAGES; i++) {
        for (int j = 0; j < MEMBERS; j++) {
            size_t size = 4 + i * 37 % (sizeof(message) - 4);
            int error;

            memset(message, (int)(i & 0xff), sizeof(message));
            memcpy(message, &i, sizeof(i));
            decree_transport_deliver(world->members[j].transport, message, size);
            while ((error = decree_broadcast_send(world->members[j].broadcast, message, size, NULL,
                                                  NULL)) == DECREE_FULL)
                sched_yield();
            assert_int_equal(error, 0);
        }
    }
}

static void all_deliver_the_same_over_a_bad_transport(void **state)
{
    static struct world world;
    uint32_t next[MEMBERS + 1] = {0};

    (void)state;
    open_world(&world);
    send_all(&world);
    for (int i = 0; i < MEMBERS * MEMBERS * MESSAGES; i++)
        uv_sem_wait(&world.delivered);
    for (int i = 0; i < MEMBERS; i++) {
        struct decree_transport_counters counters;

        decree_transport_counters(world.members[i].transport, &counters);
        assert_true(counters.garbage > MESSAGES);
        assert_true(counters.frames_received > 0);
        assert_int_equal(world.members[i].count, MEMBERS * MESSAGES);
        assert_memory_equal(world.members[i].delivered, world.members[0].delivered,
                            sizeof(world.members[0].delivered));
    }
    for (uint32_t i = 0; i < MEMBERS * MESSAGES; i++) {
        uint32_t origin = world.members[0].delivered[i] / 10000;

        assert_int_equal(world.members[0].delivered[i] % 10000, next[origin]++);
    }
    close_world(&world);
}

static void a_node_is_on_one_medium_and_a_transport_serves_one_node(void **state)
{
    struct member member = {.world = NULL};
    struct decree_transport_options how = {send_frame, &member, 0};
    struct decree_broadcast_options options;
    struct decree_broadcast *second = NULL;
    char *why = NULL;

    (void)state;
    assert_int_equal(decree_transport_new(&member.transport, &how), 0);
    options = options_of(&member, 0);
    options.node.cluster = "ann"; /* alone, it sends nothing */
    assert_int_equal(decree_broadcast_open(&member.broadcast, &options, &why), 0);
    assert_int_equal(decree_broadcast_open(&second, &options, &why), DECREE_INVALID);
    assert_non_null(strstr(why, "serves another node"));
    free(why);
    decree_broadcast_close(member.broadcast);
    assert_int_equal(decree_hub_new(&options.node.hub), 0);
    assert_int_equal(decree_broadcast_open(&second, &options, &why), DECREE_INVALID);
    assert_non_null(strstr(why, "not both"));
    free(why);
    decree_hub_free(options.node.hub);
    decree_transport_free(member.transport);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_deliver_the_same_over_a_bad_transport),
        cmocka_unit_test(a_node_is_on_one_medium_and_a_transport_serves_one_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
