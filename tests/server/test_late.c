/* SPDX-License-Identifier: MIT */
/* test_late.c -- what the backend completes when the port for clients is closed already: the calls are
 * gone, and nothing is to be begun for them any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "etcd_front.h"
#include "memory_backend.h"

#define HOST "127.0.0.1"

struct world {
    uv_loop_t loop;
    struct memory_backend backend;
    struct etcd_front *front;
    uv_tcp_t client;
    uv_connect_t connect;
    uv_write_t write;
    char request[256];
    bool written, front_closed;
};

static void on_written(uv_write_t *write, int status)
{
    struct world *world = write->data;

    assert_int_equal(status, 0);
    world->written = true;
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct world *world = connect->data;
    uv_buf_t buffer = uv_buf_init(world->request, (unsigned)strlen(world->request));

    assert_int_equal(status, 0);
    world->write.data = world;
    assert_int_equal(uv_write(&world->write, (uv_stream_t *)&world->client, &buffer, 1, on_written),
                     0);
}

static void on_front_closed(void *context)
{
    struct world *world = context;

    world->front_closed = true;
}

static void run_until(struct world *world, const bool *flag)
{
    while (!*flag)
        uv_run(&world->loop, UV_RUN_ONCE);
}

/* A request whose operation the backend holds until the front is closed, and then does. */
static void complete_late(const char *path, const char *body)
{
    struct world *world = test_calloc(1, sizeof(*world));
    struct etcd_front_options options = {.backend = &world->backend.base};
    struct sockaddr_in address;
    uint16_t port;

    assert_int_equal(uv_loop_init(&world->loop), 0);
    memory_backend_init(&world->backend, &world->loop, NULL);
    world->backend.held = true;
    world->backend.leader_id = 2; /* else the lessor here has something to say, too */
    assert_int_equal(etcd_front_open(&world->front, &world->loop, &options), 0);
    assert_int_equal(etcd_front_listen(world->front, HOST, 0, &port), 0);
    snprintf(world->request, sizeof(world->request),
             "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", path, strlen(body),
             body);
    uv_ip4_addr(HOST, port, &address);
    uv_tcp_init(&world->loop, &world->client);
    world->connect.data = world;
    assert_int_equal(uv_tcp_connect(&world->connect, &world->client,
                                    (const struct sockaddr *)&address, on_connected),
                     0);
    run_until(world, &world->written);
    while (world->backend.count == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&world->client, NULL);
    etcd_front_close(world->front, 1, on_front_closed, world);
    run_until(world, &world->front_closed);
    world->backend.held = false;
    while (world->backend.count > 0)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    memory_backend_close(&world->backend);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    etcd_front_free(world->front);
    memory_backend_release(&world->backend);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    test_free(world);
}

static void test_compaction(void **state)
{
    (void)state;
    complete_late("/v3/kv/compaction", "{\"revision\":1,\"physical\":true}");
}

static void test_time_to_live(void **state)
{
    (void)state;
    complete_late("/v3/lease/timetolive", "{\"ID\":7}");
}

static void test_range(void **state)
{
    (void)state;
    complete_late("/v3/kv/range", "{\"key\":\"YQ==\"}");
}

static void test_lock(void **state)
{
    (void)state;
    complete_late("/v3/lock/lock", "{\"name\":\"YQ==\"}");
}

static void test_observation(void **state)
{
    (void)state;
    complete_late("/v3/election/observe", "{\"name\":\"YQ==\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compaction),  cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_range),       cmocka_unit_test(test_lock),
        cmocka_unit_test(test_observation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
