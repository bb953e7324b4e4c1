/* SPDX-License-Identifier: MIT */
/* bed_call.c -- the transports http and grpc, which differ in how they are opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bed.h"
#include "grpc_transport.h"
#include "http_transport.h"

typedef int open_function(struct transport **ret_transport, uv_loop_t *loop,
                          const struct call_config *config, const struct transport_sink *sink,
                          char *sentence);

static void set_up(struct bed *bed)
{
    assert_null(bed->hub);
}

static void tear_down(struct bed *bed)
{
    assert_null(bed->hub);
}

static void open_node(struct bed_node *node, open_function *open)
{
    struct call_config config = {.self = node->id,
                                 .cluster_id = 77,
                                 .listen_host = "127.0.0.1",
                                 .listen_port = node->port,
                                 .queue_bytes_max = node->bed->queue_bytes_max,
                                 .deliver_within_ms = 60000,
                                 .seed = node->id};
    struct transport_sink sink = bed_sink(node);
    char sentence[CALL_SENTENCE_BYTES];

    if (open(&node->transport, &node->loop, &config, &sink, sentence) != 0)
        fail_msg("%s", sentence);
    node->port = call_transport_port(node->transport);
}

static void open_http(struct bed_node *node)
{
    open_node(node, http_transport_open);
}

static void open_grpc(struct bed_node *node)
{
    open_node(node, grpc_transport_open);
}

static void meet(struct bed_node *node, struct bed_node *peer)
{
    assert_int_equal(call_transport_connect(node->transport, peer->id, "127.0.0.1", peer->port), 0);
}

static bool poll_nothing(struct bed_node *node)
{
    assert_non_null(node->transport);
    return false;
}

static uint64_t dropped(struct bed_node *node, struct bed_node *peer)
{
    struct call_counters counters;

    assert_ptr_not_equal(node, peer);
    call_transport_counters(node->transport, &counters);
    return counters.messages_dropped;
}

static uint64_t calls(struct bed_node *node)
{
    struct call_counters counters;

    call_transport_counters(node->transport, &counters);
    return counters.calls;
}

const struct bed_kind bed_http = {"http", set_up,       tear_down, open_http,
                                  meet,   poll_nothing, dropped,   calls};

/* One message is one call: there is nothing to count. */
const struct bed_kind bed_grpc = {"grpc", set_up,       tear_down, open_grpc,
                                  meet,   poll_nothing, dropped,   NULL};
