/* SPDX-License-Identifier: MIT */
/* test_request_queue.c -- order, bounds and wakes, also with many threads that push. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "request_queue.h"

#define THREADS 8u
#define EACH 2000u

static void nothing(void *argument, int error, decree_slot slot, void *result)
{
    (void)argument;
    (void)error;
    (void)slot;
    (void)result;
}

static struct request *make(uintptr_t number, uint32_t size)
{
    struct request *request = request_new(false, size, nothing, (void *)number);

    assert_non_null(request);
    memset(request->bytes, 7, size);
    return request;
}

static uintptr_t pop_number(struct request_queue *queue)
{
    struct request *request = request_queue_pop(queue);
    uintptr_t number = (uintptr_t)request->argument;

    request_drop(request);
    return number;
}

static void comes_out_in_the_order_of_pushing(void **state)
{
    struct request_queue queue;
    bool wake;

    (void)state;
    request_queue_init(&queue, 1 << 20);
    assert_int_equal(request_queue_push(&queue, make(1, 10), &wake), 0);
    assert_true(wake);
    assert_int_equal(request_queue_push(&queue, make(2, 0), &wake), 0);
    assert_false(wake); /* somebody has done it */
    request_queue_collect(&queue);
    assert_int_equal(request_queue_append(&queue, make(3, 5)), 0);
    assert_int_equal(request_queue_push(&queue, make(4, 5), &wake), 0);
    assert_true(wake);
    request_queue_collect(&queue);
    request_queue_collect(&queue);
    for (uintptr_t number = 1; number <= 4; number++)
        assert_int_equal(pop_number(&queue), number);
    assert_null(request_queue_first(&queue));
    assert_int_equal(atomic_load(&queue.bytes), 0);
}

static void is_bounded_by_bytes(void **state)
{
    struct request_queue queue;
    struct request *refused = make(3, 400);
    bool wake;

    (void)state;
    request_queue_init(&queue, 1000);
    assert_int_equal(request_queue_push(&queue, make(1, 5000), &wake),
                     0); /* into an empty one, whatever its size */
    assert_int_equal(request_queue_push(&queue, refused, &wake), DECREE_FULL);
    assert_int_equal(request_queue_append(&queue, refused), DECREE_FULL);
    request_queue_collect(&queue);
    assert_int_equal(pop_number(&queue), 1);
    assert_int_equal(request_queue_push(&queue, refused, &wake), 0);
    request_queue_collect(&queue);
    assert_int_equal(pop_number(&queue), 3);
}

static void a_value_outlives_its_request(void **state)
{
    struct request *request = make(1, 100);
    struct decree_value *value = decree_value_ref(&request->value);

    (void)state;
    request_drop(request);
    assert_int_equal(value->data[99], 7);
    decree_value_unref(value);
}

struct pusher {
    struct request_queue *queue;
    uintptr_t first;
    uv_thread_t thread;
};

static void push_many(void *argument)
{
    struct pusher *pusher = argument;
    bool wake;

    for (uintptr_t i = 0; i < EACH; i++) {
        struct request *request = request_new(false, 8, nothing, (void *)(pusher->first + i));

        while (request_queue_push(pusher->queue, request, &wake) != 0)
            sched_yield();
    }
}

static void loses_nothing_among_threads(void **state)
{
    struct request_queue queue;
    struct pusher pushers[THREADS];
    uintptr_t next[THREADS] = {0};

    (void)state;
    request_queue_init(&queue, 64 << 10);
    for (unsigned i = 0; i < THREADS; i++) {
        pushers[i] = (struct pusher){.queue = &queue, .first = i * EACH};
        assert_int_equal(uv_thread_create(&pushers[i].thread, push_many, &pushers[i]), 0);
    }
    for (unsigned got = 0; got < THREADS * EACH;) {
        request_queue_collect(&queue);
        for (; request_queue_first(&queue) != NULL; got++) {
            uintptr_t number = pop_number(&queue);

            assert_int_equal(number % EACH, next[number / EACH]++); /* each thread's in its order */
        }
    }
    for (unsigned i = 0; i < THREADS; i++)
        uv_thread_join(&pushers[i].thread);
    request_queue_collect(&queue);
    assert_null(request_queue_first(&queue));
    assert_int_equal(atomic_load(&queue.bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_in_the_order_of_pushing),
        cmocka_unit_test(is_bounded_by_bytes),
        cmocka_unit_test(a_value_outlives_its_request),
        cmocka_unit_test(loses_nothing_among_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
