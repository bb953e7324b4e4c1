/* SPDX-License-Identifier: MIT */
/* test_host.c -- what the host owes the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "host_inside.h"

static void *apply_nothing(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    (void)context, (void)slot, (void)data, (void)size;
    return NULL;
}

static void note_closed(void *context)
{
    *(bool *)context = true;
}

/* libuv counts milliseconds from the start of an iteration, so a timer may fire before what it was
 * set for is due. A node whose only timer was spent so would sleep for ever. */
static void a_timer_that_fires_early_is_set_again(void **state)
{
    struct host_options options = {.machine = {.apply = apply_nothing}, .self = 1};
    char sentence[SENTENCE_BYTES] = "";
    struct host *host;
    bool closed = false;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(cluster_spec_parse(&options.cluster, "n1,n2", true, sentence), 0);
    options.heartbeat_ms = 3600 * 1000; /* nothing falls due while this test runs */
    options.election_ms = 2 * options.heartbeat_ms;
    assert_int_equal(decree_hub_new(&options.hub), 0);
    assert_int_equal(host_open(&host, &loop, &options, sentence), 0);
    for (int i = 0; i < 10; i++) /* whatever the start has left to do */
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_true(uv_is_active((uv_handle_t *)&host->timer));

    uv_timer_stop(&host->timer);
    host_on_timer(&host->timer);
    host_turn(host);
    assert_true(uv_is_active((uv_handle_t *)&host->timer));

    host_close(host, note_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
    decree_hub_free(options.hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_that_fires_early_is_set_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
