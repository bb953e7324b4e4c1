/* SPDX-License-Identifier: MIT */
/* test_user_transport.c -- frames from anybody, damaged, in the wrong order, from other threads, and
 * without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bed.h"
#include "user_frame.h"
#include "user_transport.h"

#define FRAMES_MAX 4000u
#define FRAME_BYTES_MAX 1000u

/* Two ends, and the frames that the first has sent: they go nowhere by themselves. */
struct ends {
    struct decree_transport *users[2];
    struct transport *ports[2];
    uint8_t *frames[FRAMES_MAX];
    size_t sizes[FRAMES_MAX];
    uint32_t count;
    uint32_t received, unreachable;
    uint64_t last_round;
    uint32_t last_size;
};

static void keep(void *context, decree_node_id to, const uint8_t *frame, size_t size)
{
    struct ends *ends = context;

    assert_int_equal(to, 2);
    assert_true(ends->count < FRAMES_MAX);
    ends->frames[ends->count] = malloc(size);
    assert_non_null(ends->frames[ends->count]);
    memcpy(ends->frames[ends->count], frame, size);
    ends->sizes[ends->count++] = size;
}

static void on_message(void *context, const struct peer_message *message)
{
    struct ends *ends = context;

    assert_int_equal(message->protocol, PEER_PAXOS);
    ends->received++;
    ends->last_round = message->u.paxos->round;
    ends->last_size = message->u.paxos->pvalue_count == 0
                          ? 0
                          : message->u.paxos->pvalues[0].command.value->size;
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct ends *ends = context;

    assert_int_equal(peer, 1);
    ends->unreachable++;
}

static int open_end(struct ends *ends, int index, uint64_t cluster_id)
{
    struct user_transport_config config = {
        .self = (decree_node_id)index + 1, .member_count = 2, .cluster_id = cluster_id};
    struct transport_sink sink = {ends, on_message, on_unreachable};

    return user_transport_open(&ends->ports[index], ends->users[index], &config, &sink);
}

static void open_ends(struct ends *ends, uint32_t frame_bytes_max)
{
    struct decree_transport_options options = {
        .send = keep, .context = ends, .frame_bytes_max = frame_bytes_max};

    *ends = (struct ends){.count = 0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(decree_transport_new(&ends->users[i], &options), 0);
        assert_int_equal(open_end(ends, i, 7), 0);
    }
}

static void forget_frames(struct ends *ends)
{
    while (ends->count > 0)
        free(ends->frames[--ends->count]);
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static void close_end(struct ends *ends, int index)
{
    bool closed = false;

    ends->ports[index]->ops->close(ends->ports[index], on_closed, &closed);
    assert_true(closed);
}

static void close_ends(struct ends *ends)
{
    for (int i = 0; i < 2; i++) {
        close_end(ends, i);
        decree_transport_free(ends->users[i]);
    }
    forget_frames(ends);
}

static void send_message(struct ends *ends, uint64_t round, uint32_t value_size)
{
    struct decree_message message = message_run(1, value_size == 0 ? 0 : 1, value_size);
    struct peer_message any = {.protocol = PEER_PAXOS, .u.paxos = &message};

    message.round = round;
    ends->ports[0]->ops->send(ends->ports[0], &any);
    message_release(&message);
}

static void flush(struct ends *ends)
{
    ends->ports[0]->ops->flush(ends->ports[0]);
}

static void deliver(struct ends *ends, uint32_t index)
{
    assert_true(index < ends->count);
    decree_transport_deliver(ends->users[1], ends->frames[index], ends->sizes[index]);
    (void)user_transport_poll(ends->ports[1]);
}

static struct decree_transport_counters counters_of(struct ends *ends, int index)
{
    struct decree_transport_counters counters;

    decree_transport_counters(ends->users[index], &counters);
    return counters;
}

static void a_frame_with_any_bit_changed_is_dropped_and_counted(void **state)
{
    struct ends ends;
    uint64_t bad = 0;

    (void)state;
    open_ends(&ends, 0);
    send_message(&ends, 5, 100);
    flush(&ends);
    assert_int_equal(ends.count, 1);
    for (size_t bit = 0; bit < 8 * ends.sizes[0]; bit++) {
        ends.frames[0][bit / 8] ^= (uint8_t)(1u << (bit % 8));
        deliver(&ends, 0);
        ends.frames[0][bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(counters_of(&ends, 1).garbage, ++bad);
    }
    for (size_t size = 0; size < ends.sizes[0]; size++) {
        decree_transport_deliver(ends.users[1], ends.frames[0], size);
        assert_int_equal(counters_of(&ends, 1).garbage, ++bad);
    }
    assert_int_equal(ends.received, 0);
    deliver(&ends, 0);
    assert_int_equal(ends.received, 1);
    assert_int_equal(ends.last_round, 5);
    close_ends(&ends);
}

static void what_is_for_somebody_else_is_dropped_and_counted(void **state)
{
    struct ends ends;

    (void)state;
    open_ends(&ends, 0);
    send_message(&ends, 1, 10);
    flush(&ends);
    decree_transport_deliver(ends.users[0], ends.frames[0], ends.sizes[0]); /* not for node 1 */
    assert_int_equal(counters_of(&ends, 0).foreign, 1);
    close_end(&ends, 1);
    assert_int_equal(decree_transport_address(ends.users[1]), 0);
    decree_transport_deliver(ends.users[1], ends.frames[0], ends.sizes[0]); /* nobody is there */
    assert_int_equal(counters_of(&ends, 1).foreign, 1);
    decree_transport_unreachable(ends.users[1], 1);
    assert_int_equal(open_end(&ends, 1, 8), 0);
    deliver(&ends, 0); /* another cluster */
    assert_int_equal(counters_of(&ends, 1).foreign, 2);
    assert_int_equal(ends.received + ends.unreachable, 0);
    close_ends(&ends);
}

/* A sound frame whose sender is no member, or the receiver itself; and one with nonsense inside. */
static void a_stranger_with_a_good_checksum_is_dropped(void **state)
{
    static const decree_node_id senders[] = {0, 2, 3, UINT32_MAX};
    uint8_t frame[USER_FRAME_HEAD_BYTES + 20] = {0};
    struct user_frame_head head = {.to = 2, .batch_size = 20, .cluster_id = 7, .number = 1};
    struct ends ends;

    (void)state;
    open_ends(&ends, 0);
    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        head.from = senders[i];
        user_frame_write(&head, frame, sizeof(frame));
        decree_transport_deliver(ends.users[1], frame, sizeof(frame));
        assert_int_equal(counters_of(&ends, 1).foreign, i + 1);
    }
    head.from = 1;
    user_frame_write(&head, frame, sizeof(frame));
    decree_transport_deliver(ends.users[1], frame, sizeof(frame));
    assert_true(user_transport_poll(ends.ports[1]));
    assert_int_equal(counters_of(&ends, 1).garbage, 1);
    assert_int_equal(ends.received, 0);
    close_ends(&ends);
}

static void a_long_message_goes_in_pieces(void **state)
{
    struct ends ends;

    (void)state;
    open_ends(&ends, FRAME_BYTES_MAX);
    send_message(&ends, 1, 0);
    send_message(&ends, 2, 100000);
    send_message(&ends, 3, 0);
    flush(&ends);
    assert_int_equal(ends.count, 1 + 100000 / (FRAME_BYTES_MAX - USER_FRAME_HEAD_BYTES) + 1 + 1);
    for (uint32_t i = 0; i < ends.count; i++) {
        assert_true(ends.sizes[i] <= FRAME_BYTES_MAX);
        deliver(&ends, i);
        deliver(&ends, i); /* a copy changes nothing, once the message has begun */
    }
    assert_int_equal(ends.last_round, 3);
    assert_int_equal(counters_of(&ends, 1).garbage, 0);
    close_ends(&ends);
}

static void a_message_that_misses_a_piece_is_lost_and_the_next_is_not(void **state)
{
    uint32_t first;
    struct ends ends;

    (void)state;
    open_ends(&ends, FRAME_BYTES_MAX);
    send_message(&ends, 1, 5000);
    flush(&ends);
    first = ends.count;
    send_message(&ends, 2, 6000);
    flush(&ends);
    for (uint32_t missed = 0; missed < first; missed++) {
        for (uint32_t i = 0; i < ends.count; i++)
            if (i != missed)
                deliver(&ends, i);
        assert_int_equal(ends.received, missed + 1);
        assert_int_equal(ends.last_round, 2);
        assert_int_equal(ends.last_size, 6000);
    }
    for (uint32_t i = ends.count; i > first; i--) /* the wrong way round */
        deliver(&ends, i - 1);
    assert_int_equal(ends.received, first);
    close_ends(&ends);
}

static void a_transport_serves_one_node_at_a_time(void **state)
{
    struct decree_transport_options options = {.send = keep, .frame_bytes_max = 255};
    struct decree_transport *user = NULL;
    struct ends ends;

    (void)state;
    assert_int_equal(decree_transport_new(&user, &options), DECREE_INVALID);
    options = (struct decree_transport_options){.frame_bytes_max = 256};
    assert_int_equal(decree_transport_new(&user, &options), DECREE_INVALID);
    assert_null(user);
    decree_transport_free(NULL);
    open_ends(&ends, 0);
    assert_int_equal(open_end(&ends, 1, 7), DECREE_INVALID);
    close_end(&ends, 1);
    assert_int_equal(open_end(&ends, 1, 7), 0);
    decree_transport_unreachable(ends.users[1], 1);
    decree_transport_unreachable(ends.users[1], 0);
    decree_transport_unreachable(ends.users[1], 2);
    decree_transport_unreachable(ends.users[1], UINT32_MAX);
    assert_true(user_transport_poll(ends.ports[1]));
    assert_false(user_transport_poll(ends.ports[1]));
    assert_int_equal(ends.unreachable, 1);
    close_ends(&ends);
}

struct pouring {
    struct ends *ends;
    uv_thread_t thread;
};

static void pour(void *argument)
{
    struct ends *ends = ((struct pouring *)argument)->ends;

    for (int round = 0; round < 20; round++)
        for (uint32_t i = 0; i < ends->count; i++)
            decree_transport_deliver(ends->users[1], ends->frames[i], ends->sizes[i]);
}

static void threads_may_deliver_while_the_node_comes_and_goes(void **state)
{
    struct pouring pourings[3];
    struct ends ends;

    (void)state;
    open_ends(&ends, 0);
    for (uint64_t i = 1; i <= 50; i++) {
        send_message(&ends, i, 300);
        flush(&ends);
    }
    for (int i = 0; i < 3; i++) {
        pourings[i].ends = &ends;
        assert_int_equal(uv_thread_create(&pourings[i].thread, pour, &pourings[i]), 0);
    }
    for (int i = 0; i < 200; i++) {
        (void)user_transport_poll(ends.ports[1]);
        if (i % 10 == 0) {
            close_end(&ends, 1);
            assert_int_equal(open_end(&ends, 1, 7), 0);
        }
    }
    for (int i = 0; i < 3; i++)
        uv_thread_join(&pourings[i].thread);
    (void)user_transport_poll(ends.ports[1]);
    assert_true(counters_of(&ends, 1).frames_received + counters_of(&ends, 1).foreign == 3000);
    close_ends(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_with_any_bit_changed_is_dropped_and_counted),
        cmocka_unit_test(what_is_for_somebody_else_is_dropped_and_counted),
        cmocka_unit_test(a_stranger_with_a_good_checksum_is_dropped),
        cmocka_unit_test(a_long_message_goes_in_pieces),
        cmocka_unit_test(a_message_that_misses_a_piece_is_lost_and_the_next_is_not),
        cmocka_unit_test(a_transport_serves_one_node_at_a_time),
        cmocka_unit_test(threads_may_deliver_while_the_node_comes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
