/* SPDX-License-Identifier: MIT */
/* bed.c -- the kinds of transport, and the loops of all nodes run by one thread. */
#include "bed.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory_hub.h"
#include "tcp.h"

#define PATIENCE_NS (30 * UINT64_C(1000000000))
#define NAP_MS 5

static void on_message(void *context, const struct peer_message *message)
{
    struct bed_node *node = context;

    assert_int_equal(peer_message_to(message), node->id);
    if (node->discard) {
        node->received_count++;
        return;
    }
    if (node->received_count == node->received_max) {
        node->received_max = node->received_max == 0 ? 64 : node->received_max * 2;
        node->received = realloc(node->received, node->received_max * sizeof(*node->received));
        assert_non_null(node->received);
    }
    node->received[node->received_count++] = letter_copy(message);
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct bed_node *node = context;

    assert_in_range(peer, 1, BED_NODES_MAX);
    node->unreachable[peer]++;
}

static void on_closed(void *context)
{
    struct bed_node *node = context;

    assert_false(node->closed);
    node->closed = true;
}

struct transport_sink bed_sink(struct bed_node *node)
{
    return (struct transport_sink){node, on_message, on_unreachable};
}

static void memory_set_up(struct bed *bed)
{
    assert_int_equal(decree_hub_new(&bed->hub), 0);
}

static void memory_tear_down(struct bed *bed)
{
    decree_hub_free(bed->hub);
    bed->hub = NULL;
}

static void memory_open(struct bed_node *node)
{
    struct memory_config config = {.self = node->id, .inbox_bytes_max = node->bed->queue_bytes_max};
    struct transport_sink sink = bed_sink(node);

    assert_int_equal(memory_transport_open(&node->transport, node->bed->hub, &config, &sink), 0);
}

static void memory_meet(struct bed_node *node, struct bed_node *peer)
{
    assert_ptr_not_equal(node, peer); /* the hub knows all */
}

static bool memory_poll(struct bed_node *node)
{
    return memory_transport_poll(node->transport);
}

static uint64_t memory_dropped(struct bed_node *node, struct bed_node *peer)
{
    assert_ptr_not_equal(node, peer); /* who receives has the queue */
    return memory_transport_dropped(peer->transport);
}

const struct bed_kind bed_memory = {"memory",    memory_set_up, memory_tear_down, memory_open,
                                    memory_meet, memory_poll,   memory_dropped,   NULL};

static void tcp_set_up(struct bed *bed)
{
    assert_null(bed->hub);
}

static void tcp_tear_down(struct bed *bed)
{
    assert_null(bed->hub);
}

static void tcp_open_node(struct bed_node *node)
{
    struct tcp_config config = {.self = node->id,
                                .cluster_id = 77,
                                .listen_host = "127.0.0.1",
                                .listen_port = node->port,
                                .queue_bytes_max = node->bed->queue_bytes_max,
                                .deliver_within_ms = 60000,
                                .seed = node->id};
    struct transport_sink sink = bed_sink(node);
    char sentence[TCP_SENTENCE_BYTES];

    if (tcp_open(&node->transport, &node->loop, &config, &sink, sentence) != 0)
        fail_msg("%s", sentence);
    node->port = tcp_port(node->transport);
}

static void tcp_meet(struct bed_node *node, struct bed_node *peer)
{
    assert_int_equal(tcp_connect(node->transport, peer->id, "127.0.0.1", peer->port), 0);
}

static bool tcp_poll(struct bed_node *node)
{
    assert_non_null(node->transport);
    return false;
}

static uint64_t tcp_dropped(struct bed_node *node, struct bed_node *peer)
{
    struct tcp_counters counters;

    assert_ptr_not_equal(node, peer);
    tcp_counters(node->transport, &counters);
    return counters.frames_dropped;
}

static uint64_t tcp_writes(struct bed_node *node)
{
    struct tcp_counters counters;

    tcp_counters(node->transport, &counters);
    return counters.writes;
}

const struct bed_kind bed_tcp = {"tcp",    tcp_set_up, tcp_tear_down, tcp_open_node,
                                 tcp_meet, tcp_poll,   tcp_dropped,   tcp_writes};

static bool node_run(struct bed_node *node)
{
    size_t before = node->received_count;
    bool any = false;

    if (!node->loop_open || node->paused)
        return false;
    if (node->transport != NULL)
        any = node->bed->kind->poll(node);
    (void)uv_run(&node->loop, UV_RUN_NOWAIT);
    return any || node->received_count != before;
}

void bed_turn(struct bed *bed)
{
    struct pollfd fds[BED_NODES_MAX];
    nfds_t count = 0;
    int timeout_ms = NAP_MS;
    bool any = false;

    for (decree_node_id id = 1; id <= bed->count; id++)
        any = node_run(&bed->nodes[id]) || any;
    if (any)
        return;
    for (decree_node_id id = 1; id <= bed->count; id++) {
        struct bed_node *node = &bed->nodes[id];
        int node_ms;

        if (!node->loop_open || node->paused)
            continue;
        uv_update_time(&node->loop);
        node_ms = uv_backend_timeout(&node->loop);
        if (node_ms >= 0 && node_ms < timeout_ms && uv_loop_alive(&node->loop))
            timeout_ms = node_ms;
        fds[count++] = (struct pollfd){.fd = uv_backend_fd(&node->loop), .events = POLLIN};
    }
    (void)poll(fds, count, timeout_ms);
}

void bed_until(struct bed *bed, bool (*done)(struct bed *bed, void *argument), void *argument)
{
    uint64_t begin_ns = uv_hrtime();

    while (!done(bed, argument)) {
        if (uv_hrtime() - begin_ns > PATIENCE_NS)
            fail_msg("%s: it does not come", bed->kind->name);
        bed_turn(bed);
    }
}

struct awaited {
    decree_node_id id;
    size_t count;
};

static bool received_enough(struct bed *bed, void *argument)
{
    const struct awaited *awaited = argument;

    return bed->nodes[awaited->id].received_count >= awaited->count;
}

void bed_until_received(struct bed *bed, decree_node_id id, size_t count)
{
    struct awaited awaited = {id, count};

    bed_until(bed, received_enough, &awaited);
}

static bool is_closed(struct bed *bed, void *argument)
{
    const struct bed_node *node = argument;

    assert_ptr_equal(node->bed, bed);
    return node->closed;
}

void bed_node_close(struct bed *bed, decree_node_id id)
{
    struct bed_node *node = &bed->nodes[id];
    struct transport *transport = node->transport;

    node->transport = NULL;
    node->paused = false;
    transport->ops->close(transport, on_closed, node);
    bed_until(bed, is_closed, node);
    assert_int_equal(uv_loop_close(&node->loop), 0);
    node->loop_open = false;
}

static void node_prepare(struct bed *bed, decree_node_id id)
{
    struct bed_node *node = &bed->nodes[id];

    node->bed = bed;
    node->id = id;
    node->closed = false;
    assert_int_equal(uv_loop_init(&node->loop), 0);
    node->loop_open = true;
    bed->kind->open(node);
}

static void meet_all(struct bed *bed, decree_node_id id)
{
    for (decree_node_id peer = 1; peer <= bed->count; peer++) {
        if (peer != id)
            bed->kind->meet(&bed->nodes[id], &bed->nodes[peer]);
    }
}

void bed_node_open(struct bed *bed, decree_node_id id)
{
    node_prepare(bed, id);
    meet_all(bed, id);
}

void bed_open(struct bed *bed, const struct bed_kind *kind, uint32_t count,
              uint64_t queue_bytes_max)
{
    assert_in_range(count, 1, BED_NODES_MAX);
    *bed = (struct bed){.kind = kind, .count = count, .queue_bytes_max = queue_bytes_max};
    kind->set_up(bed);
    for (decree_node_id id = 1; id <= count; id++)
        node_prepare(bed, id);
    for (decree_node_id id = 1; id <= count; id++)
        meet_all(bed, id);
}

void bed_close(struct bed *bed)
{
    for (decree_node_id id = 1; id <= bed->count; id++) {
        if (bed->nodes[id].transport != NULL)
            bed_node_close(bed, id);
        bed_forget(&bed->nodes[id]);
        free(bed->nodes[id].received);
    }
    bed->kind->tear_down(bed);
}

static void send_from(struct bed *bed, const struct peer_message *message)
{
    struct transport *transport = bed->nodes[peer_message_from(message)].transport;

    transport->ops->send(transport, message);
}

void bed_send(struct bed *bed, const struct decree_message *message)
{
    struct peer_message peer_message = message_of(message);

    send_from(bed, &peer_message);
}

void bed_send_letter(struct bed *bed, const struct peer_letter *letter)
{
    struct peer_message message = peer_letter_message(letter);

    send_from(bed, &message);
}

void bed_flush(struct bed *bed, decree_node_id id)
{
    struct transport *transport = bed->nodes[id].transport;

    transport->ops->flush(transport);
}

static bool all_have_met(struct bed *bed, void *argument)
{
    uint64_t *round = argument;
    bool heard[BED_NODES_MAX + 1][BED_NODES_MAX + 1] = {{false}};
    bool all = true;

    ++*round;
    for (decree_node_id id = 1; id <= bed->count; id++) {
        for (size_t i = 0; i < bed->nodes[id].received_count; i++)
            heard[id][bed->nodes[id].received[i].u.paxos.from] = true;
    }
    for (decree_node_id from = 1; from <= bed->count; from++) {
        for (decree_node_id to = 1; to <= bed->count; to++) {
            struct decree_message beat = message_beat(from, to, *round);

            if (from == to || heard[to][from])
                continue;
            all = false;
            bed_send(bed, &beat);
        }
        bed_flush(bed, from);
    }
    return all;
}

void bed_acquaint(struct bed *bed)
{
    uint64_t round = 0;
    size_t before, after = 0;

    bed_until(bed, all_have_met, &round);
    do { /* what is still on its way */
        before = after;
        after = 0;
        for (int i = 0; i < 3; i++)
            bed_turn(bed);
        for (decree_node_id id = 1; id <= bed->count; id++)
            after += bed->nodes[id].received_count;
    } while (after != before);
    for (decree_node_id id = 1; id <= bed->count; id++)
        bed_forget(&bed->nodes[id]);
}

void bed_forget(struct bed_node *node)
{
    for (size_t i = 0; !node->discard && i < node->received_count; i++)
        letter_release(&node->received[i]);
    node->received_count = 0;
}
