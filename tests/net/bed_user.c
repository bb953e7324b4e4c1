/* SPDX-License-Identifier: MIT */
/* bed_user.c -- transports of a user: frames that are handed over by a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bed.h"
#include "user_transport.h"

#define PIECES_FRAME_BYTES_MAX 1000u

/* The user's medium: a frame is at its receiver at once. */
static void user_send(void *context, decree_node_id to, const uint8_t *frame, size_t size)
{
    struct bed_node *node = context;
    struct bed_node *peer = &node->bed->nodes[to];

    assert_in_range(to, 1, node->bed->count);
    if (node->bed->kind == &bed_user_pieces)
        assert_true(size <= PIECES_FRAME_BYTES_MAX);
    if (peer->user == NULL || decree_transport_address(peer->user) == 0)
        decree_transport_unreachable(node->user, to);
    else
        decree_transport_deliver(peer->user, frame, size);
}

static void user_set_up(struct bed *bed)
{
    assert_null(bed->hub);
}

static void user_tear_down(struct bed *bed)
{
    for (decree_node_id id = 1; id <= bed->count; id++)
        decree_transport_free(bed->nodes[id].user);
}

static void user_open(struct bed_node *node)
{
    struct decree_transport_options options = {.send = user_send, .context = node};
    struct user_transport_config config = {.self = node->id,
                                           .member_count = node->bed->count,
                                           .cluster_id = 77,
                                           .inbox_bytes_max = node->bed->queue_bytes_max};
    struct transport_sink sink = bed_sink(node);

    if (node->bed->kind == &bed_user_pieces)
        options.frame_bytes_max = PIECES_FRAME_BYTES_MAX;
    if (node->user == NULL)
        assert_int_equal(decree_transport_new(&node->user, &options), 0);
    assert_int_equal(user_transport_open(&node->transport, node->user, &config, &sink), 0);
    assert_int_equal(decree_transport_address(node->user), node->id);
}

static void user_meet(struct bed_node *node, struct bed_node *peer)
{
    assert_ptr_not_equal(node, peer); /* all members are known from the start */
}

static bool user_poll(struct bed_node *node)
{
    return user_transport_poll(node->transport);
}

static struct decree_transport_counters counters_of(struct bed_node *node)
{
    struct decree_transport_counters counters;

    decree_transport_counters(node->user, &counters);
    assert_int_equal(counters.garbage, 0);
    return counters;
}

static uint64_t user_dropped(struct bed_node *node, struct bed_node *peer)
{
    assert_ptr_not_equal(node, peer); /* who receives has the queue */
    return counters_of(peer).dropped;
}

static uint64_t user_writes(struct bed_node *node)
{
    return counters_of(node).frames_sent;
}

const struct bed_kind bed_user = {"user",    user_set_up, user_tear_down, user_open,
                                  user_meet, user_poll,   user_dropped,   user_writes};
const struct bed_kind bed_user_pieces = {"user, in pieces", user_set_up, user_tear_down, user_open,
                                         user_meet,         user_poll,   user_dropped,   NULL};
