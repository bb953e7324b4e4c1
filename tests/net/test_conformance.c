/* SPDX-License-Identifier: MIT */
/* test_conformance.c -- what every transport does, asked of each kind in the same words. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bed.h"

static const struct bed_kind *kind_of(void **state)
{
    return *state;
}

static void send_one(struct bed *bed, const struct decree_message *message)
{
    bed_send(bed, message);
    bed_flush(bed, message->from);
}

struct sending {
    struct bed *bed;
    struct prng *prng;
};

static void send_and_compare(void *context, enum peer_protocol protocol, int type)
{
    struct sending *sending = context;
    struct peer_letter letter = letter_random(sending->prng, protocol, type);
    struct bed *bed = sending->bed;

    bed_send_letter(bed, &letter);
    bed_flush(bed, 1);
    bed_until_received(bed, 2, 1);
    letter_assert_equal(&letter, &bed->nodes[2].received[0]);
    bed_forget(&bed->nodes[2]);
    letter_release(&letter);
}

static void every_message_arrives_as_it_was_sent(void **state)
{
    struct prng prng;
    struct bed bed;
    struct sending sending = {&bed, &prng};

    prng_init(&prng, 11);
    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    for (int round = 0; round < 30; round++)
        letter_each(send_and_compare, &sending);
    bed_close(&bed);
}

static void a_healthy_link_keeps_the_order_and_loses_nothing(void **state)
{
    const uint64_t count = 5000;
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    for (uint64_t i = 1; i <= count; i++) {
        struct decree_message beat = message_beat(1, 2, i);

        bed_send(&bed, &beat);
        if (i % 7 == 0)
            bed_flush(&bed, 1);
    }
    bed_flush(&bed, 1);
    bed_until_received(&bed, 2, count);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(bed.nodes[2].received[i].u.paxos.round, i + 1);
    bed_close(&bed);
}

static void messages_of_all_sizes_mix(void **state)
{
    enum { COUNT = 60 };
    static struct decree_message sent[COUNT];
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    for (uint32_t i = 0; i < COUNT; i++) {
        sent[i] = message_run(i + 1, 1 + i % 5, i * i * i);
        bed_send(&bed, &sent[i]);
    }
    bed_flush(&bed, 1);
    bed_until_received(&bed, 2, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        message_assert_equal(&sent[i], &bed.nodes[2].received[i].u.paxos);
        message_release(&sent[i]);
    }
    bed_close(&bed);
}

static void values_of_five_mebibytes_arrive(void **state)
{
    struct decree_message message = message_run(1, 3, 5u << 20);
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    send_one(&bed, &message);
    send_one(&bed, &message);
    bed_until_received(&bed, 2, 2);
    message_assert_equal(&message, &bed.nodes[2].received[0].u.paxos);
    message_assert_equal(&message, &bed.nodes[2].received[1].u.paxos);
    message_release(&message);
    bed_close(&bed);
}

static void a_run_of_five_thousand_arrives(void **state)
{
    struct decree_message small = message_run(1, 5000, 100), large = message_run(1, 5000, 2000);
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    bed_send(&bed, &small);
    bed_send(&bed, &large);
    bed_flush(&bed, 1);
    bed_until_received(&bed, 2, 2);
    message_assert_equal(&small, &bed.nodes[2].received[0].u.paxos);
    message_assert_equal(&large, &bed.nodes[2].received[1].u.paxos);
    message_release(&small);
    message_release(&large);
    bed_close(&bed);
}

static void all_talk_to_all(void **state)
{
    struct bed bed;

    bed_open(&bed, kind_of(state), 4, 0);
    bed_acquaint(&bed);
    for (decree_node_id from = 1; from <= 4; from++) {
        for (decree_node_id to = 1; to <= 4; to++) {
            struct decree_message beat = message_beat(from, to, from * 10 + to);

            if (from != to)
                bed_send(&bed, &beat);
        }
        bed_flush(&bed, from);
    }
    for (decree_node_id to = 1; to <= 4; to++) {
        bed_until_received(&bed, to, 3);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(bed.nodes[to].received[i].u.paxos.round,
                             bed.nodes[to].received[i].u.paxos.from * 10 + to);
    }
    bed_close(&bed);
}

static void nothing_moves_before_the_flush(void **state)
{
    struct decree_message beat = message_beat(1, 2, 5);
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    bed_send(&bed, &beat);
    for (int i = 0; i < 3; i++)
        bed_turn(&bed);
    assert_int_equal(bed.nodes[2].received_count, 0);
    bed_flush(&bed, 1);
    bed_until_received(&bed, 2, 1);
    bed_close(&bed);
}

static void a_flush_is_one_write(void **state)
{
    struct decree_message run = message_run(1, 10, 1000);
    const struct bed_kind *kind = kind_of(state);
    uint64_t before;
    struct bed bed;

    if (kind->writes ==
        NULL) { /* there is nothing to count in memory; the order of events is tested above */
        assert_true(kind == &bed_memory || kind == &bed_grpc || kind == &bed_user_pieces);
        message_release(&run);
        return;
    }
    bed_open(&bed, kind, 2, 0);
    bed_acquaint(&bed);
    before = kind->writes(&bed.nodes[1]);
    for (int i = 0; i < 20; i++)
        bed_send(&bed, &run);
    bed_flush(&bed, 1);
    assert_int_equal(kind->writes(&bed.nodes[1]), before + 1);
    bed_flush(&bed, 1);
    assert_int_equal(kind->writes(&bed.nodes[1]), before + 1);
    bed_until_received(&bed, 2, 20);
    message_release(&run);
    bed_close(&bed);
}

/* More is sent than the queues and the kernel hold. */
static void the_oldest_are_dropped_when_the_peer_does_not_read(void **state)
{
    const uint64_t count = 4000;
    struct decree_message message = message_run(1, 1, 16000);
    const struct decree_message *received;
    uint64_t last = 0;
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 1u << 20);
    bed_acquaint(&bed);
    bed.nodes[2].paused = true;
    for (uint64_t i = 1; i <= count; i++) {
        message.round = i;
        send_one(&bed, &message);
        if (i % 100 == 0)
            bed_turn(&bed);
    }
    assert_true(bed.kind->dropped(&bed.nodes[1], &bed.nodes[2]) > 0);
    bed.nodes[2].paused = false;
    do {
        bed_until_received(&bed, 2, 1);
        for (size_t i = 0; i < bed.nodes[2].received_count; i++) {
            received = &bed.nodes[2].received[i].u.paxos;
            assert_true(received->round > last);
            last = received->round;
            message.round = last;
            message_assert_equal(&message, received);
        }
        bed_forget(&bed.nodes[2]);
    } while (last < count); /* the newest is kept */
    message_release(&message);
    bed_close(&bed);
}

struct pinging {
    decree_node_id from, to;
    size_t count; /* until so many were received */
};

static bool ping_until(struct bed *bed, void *argument)
{
    const struct pinging *pinging = argument;
    struct decree_message beat = message_beat(pinging->from, pinging->to, 1);

    if (bed->nodes[pinging->to].received_count >= pinging->count)
        return true;
    send_one(bed, &beat);
    return false;
}

static void a_peer_that_comes_back_is_talked_to_again(void **state)
{
    struct bed bed;

    bed_open(&bed, kind_of(state), 3, 0);
    bed_acquaint(&bed);
    for (int i = 0; i < 3; i++) {
        bed_node_close(&bed, 2);
        bed_forget(&bed.nodes[2]);
        bed_until(&bed, ping_until, &(struct pinging){1, 3, (size_t)(i + 1) * 5});
        bed_node_open(&bed, 2);
        bed_until(&bed, ping_until, &(struct pinging){1, 2, 1});
        bed_forget(&bed.nodes[1]);
        bed_until(&bed, ping_until, &(struct pinging){2, 1, 1});
    }
    bed_close(&bed);
}

static bool is_told_unreachable(struct bed *bed, void *argument)
{
    decree_node_id peer = *(const decree_node_id *)argument;
    struct decree_message beat = message_beat(1, peer, 1);

    send_one(bed, &beat);
    return bed->nodes[1].unreachable[peer] > 0;
}

static void a_peer_that_is_gone_is_reported(void **state)
{
    decree_node_id peer = 2;
    struct bed bed;

    bed_open(&bed, kind_of(state), 3, 0);
    bed_acquaint(&bed);
    bed.nodes[1].unreachable[2] = 0; /* all may have been dialled before they listened */
    bed.nodes[1].unreachable[3] = 0;
    bed_node_close(&bed, peer);
    bed_until(&bed, is_told_unreachable, &peer);
    assert_int_equal(bed.nodes[1].unreachable[3], 0);
    bed_close(&bed);
}

static void closing_in_the_middle_of_sending_leaves_nothing(void **state)
{
    struct decree_message large = message_run(1, 2, 3u << 20), small = message_run(1, 50, 300);
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    bed.nodes[2].paused = true;
    for (int i = 0; i < 5; i++) {
        send_one(&bed, &large);
        send_one(&bed, &small);
    }
    bed_send(&bed, &small);
    bed_node_close(&bed, 1);
    assert_int_equal(large.pvalues[0].command.value->refs, 1);
    assert_int_equal(small.pvalues[0].command.value->refs, 1);
    message_release(&large);
    message_release(&small);
    bed_close(&bed);
}

static void values_outlive_the_transport_that_received_them(void **state)
{
    struct decree_message sent = message_run(1, 100, 700);
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_acquaint(&bed);
    send_one(&bed, &sent);
    bed_until_received(&bed, 2, 1);
    bed_node_close(&bed, 2);
    message_assert_equal(&sent, &bed.nodes[2].received[0].u.paxos);
    message_release(&sent);
    bed_close(&bed);
}

static void a_closed_transport_is_not_heard_of_again(void **state)
{
    struct bed bed;

    bed_open(&bed, kind_of(state), 2, 0);
    bed_node_close(&bed, 1); /* in the middle of the first connections */
    bed_node_close(&bed, 2);
    bed_close(&bed);
}

#define OF_KIND(name, kind, test)                                   \
    {                                                               \
        name ": " #test, test, NULL, NULL, (void *)(uintptr_t)&kind \
    }
#define OF_EACH(test)                                                     \
    OF_KIND("memory", bed_memory, test), OF_KIND("tcp", bed_tcp, test),   \
        OF_KIND("http", bed_http, test), OF_KIND("grpc", bed_grpc, test), \
        OF_KIND("user", bed_user, test), OF_KIND("user, in pieces", bed_user_pieces, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF_EACH(every_message_arrives_as_it_was_sent),
        OF_EACH(a_healthy_link_keeps_the_order_and_loses_nothing),
        OF_EACH(messages_of_all_sizes_mix),
        OF_EACH(values_of_five_mebibytes_arrive),
        OF_EACH(a_run_of_five_thousand_arrives),
        OF_EACH(all_talk_to_all),
        OF_EACH(nothing_moves_before_the_flush),
        OF_EACH(a_flush_is_one_write),
        OF_EACH(the_oldest_are_dropped_when_the_peer_does_not_read),
        OF_EACH(a_peer_that_comes_back_is_talked_to_again),
        OF_EACH(a_peer_that_is_gone_is_reported),
        OF_EACH(closing_in_the_middle_of_sending_leaves_nothing),
        OF_EACH(values_outlive_the_transport_that_received_them),
        OF_EACH(a_closed_transport_is_not_heard_of_again),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
