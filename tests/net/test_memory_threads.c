/* SPDX-License-Identifier: MIT */
/* test_memory_threads.c -- nodes of one process, each on a thread of its own with a loop that the
 * hub wakes.
 *
 * Each node sends a number of runs to each other one, some each turn, keeps some of the values it
 * receives while more arrive, and is done when it has all that the others sent.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "memory_hub.h"
#include "message_tools.h"

#define NODES 3u
#define MESSAGES 400u
#define KEPT 64u

struct node {
    decree_node_id id;
    struct decree_hub *hub;
    struct transport *transport;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t woken;
    uint32_t sent;
    uint32_t received[NODES + 1]; /* from each; in order */
    struct decree_value *kept[KEPT];
    bool wrong;
};

static pthread_barrier_t barrier;

static void on_message(void *context, const struct peer_message *peer_message)
{
    const struct decree_message *message = peer_message->u.paxos;
    struct node *node = context;

    node->wrong = node->wrong || message->round != node->received[message->from] + 1;
    node->received[message->from]++;
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        struct decree_value *value = message->pvalues[i].command.value;
        struct decree_value **kept = &node->kept[(message->round * 7 + i) % KEPT];

        node->wrong = node->wrong || value->data[0] != value->data[value->size - 1];
        decree_value_unref(*kept);
        *kept = decree_value_ref(value);
    }
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct node *node = context;

    node->wrong = true; /* all are there before the first message */
    (void)peer;
}

static void on_closed(void *context)
{
    ((struct node *)context)->transport = NULL;
}

static void wake(void *context)
{
    (void)uv_async_send(&((struct node *)context)->woken);
}

static void send_next(struct node *node)
{
    uint8_t data[300];
    struct decree_pvalue pvalues[10];

    if (node->sent == MESSAGES)
        return;
    node->sent++;
    memset(data, (int)node->sent, sizeof(data));
    for (uint32_t i = 0; i < 10; i++)
        pvalues[i] = (struct decree_pvalue){
            .slot = i + 1, .command = {node->id, 1, i + 1, decree_value_copy(data, 300 - i)}};
    for (decree_node_id to = 1; to <= NODES; to++) {
        struct decree_message message = {.type = DECREE_P2A,
                                         .from = node->id,
                                         .to = to,
                                         .round = node->sent,
                                         .pvalue_count = 10,
                                         .pvalues = pvalues};
        struct peer_message peer_message = {PEER_PAXOS, {.paxos = &message}};

        if (to != node->id)
            node->transport->ops->send(node->transport, &peer_message);
    }
    for (uint32_t i = 0; i < 10; i++)
        decree_value_unref(pvalues[i].command.value);
    node->transport->ops->flush(node->transport);
}

static void on_woken(uv_async_t *async)
{
    struct node *node = async->data;
    bool all;

    (void)memory_transport_poll(node->transport);
    send_next(node);
    if (node->sent < MESSAGES)
        (void)uv_async_send(async);
    all = node->sent == MESSAGES;
    for (decree_node_id from = 1; from <= NODES; from++)
        all = all && (from == node->id || node->received[from] == MESSAGES);
    if (all || node->wrong)
        uv_stop(async->loop);
}

static void *run(void *argument)
{
    struct node *node = argument;
    struct transport_sink sink = {node, on_message, on_unreachable};
    struct memory_config config = {.self = node->id, .wake = wake, .wake_context = node};

    if (uv_loop_init(&node->loop) != 0 || uv_async_init(&node->loop, &node->woken, on_woken) != 0)
        abort();
    node->woken.data = node;
    if (memory_transport_open(&node->transport, node->hub, &config, &sink) != 0)
        abort();
    (void)pthread_barrier_wait(&barrier);
    (void)uv_async_send(&node->woken);
    (void)uv_run(&node->loop, UV_RUN_DEFAULT);
    (void)pthread_barrier_wait(&barrier); /* nobody leaves while another still sends to it */
    node->transport->ops->close(node->transport, on_closed, node);
    for (uint32_t i = 0; i < KEPT; i++)
        decree_value_unref(node->kept[i]);
    uv_close((uv_handle_t *)&node->woken, NULL);
    (void)uv_run(&node->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void threads_exchange_messages(void **state)
{
    struct decree_hub *hub;
    static struct node nodes[NODES];

    (void)state;
    assert_int_equal(decree_hub_new(&hub), 0);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, NODES), 0);
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[i] = (struct node){.id = i + 1, .hub = hub};
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, run, &nodes[i]), 0);
    }
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_false(nodes[i].wrong);
        assert_null(nodes[i].transport);
        for (uint32_t from = 1; from <= NODES; from++)
            assert_int_equal(nodes[i].received[from], from == i + 1 ? 0 : MESSAGES);
        assert_int_equal(uv_loop_close(&nodes[i].loop), 0);
    }
    (void)pthread_barrier_destroy(&barrier);
    decree_hub_free(hub);
}

static void an_id_is_taken_once(void **state)
{
    struct node node = {0};
    struct transport_sink sink = {&node, on_message, on_unreachable};
    struct memory_config config = {.self = 1};
    struct transport *second;
    struct decree_hub *hub;

    (void)state;
    assert_int_equal(decree_hub_new(&hub), 0);
    assert_int_equal(memory_transport_open(&node.transport, hub, &config, &sink), 0);
    assert_int_equal(memory_transport_open(&second, hub, &config, &sink), DECREE_INVALID);
    node.transport->ops->close(node.transport, on_closed, &node);
    assert_int_equal(memory_transport_open(&node.transport, hub, &config, &sink), 0);
    node.transport->ops->close(node.transport, on_closed, &node);
    decree_hub_free(hub);
    decree_hub_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_exchange_messages),
        cmocka_unit_test(an_id_is_taken_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
