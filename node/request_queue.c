/* SPDX-License-Identifier: MIT */
/* request_queue.c -- a stack that any thread pushes to and the loop empties at once.
 *
 * A push is one compare-and-swap; taking the whole stack is one exchange, so no element is ever
 * popped alone and the ABA problem cannot arise. Who pushes onto an empty stack wakes the loop; the
 * others know that somebody did. The loop turns the stack over to get the order of pushing.
 */
#include "request_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t charge_of(const struct request *request)
{
    return sizeof(*request) + request->size;
}

static void release_request(struct decree_value *value)
{
    free((char *)value - offsetof(struct request, value));
}

static struct request *allocate(enum request_kind kind, size_t size, uint32_t value_size)
{
    struct request *request = malloc(sizeof(*request) + size);

    assert(size >= value_size);
    if (request == NULL)
        return NULL;
    request->next = NULL;
    request->kind = kind;
    request->size = size;
    request->value = (struct decree_value){
        .refs = 1, .size = value_size, .data = request->bytes, .release = release_request};
    return request;
}

struct request *request_new(bool is_read, uint32_t size, decree_done *done, void *argument)
{
    struct request *request = allocate(is_read ? REQUEST_READ : REQUEST_PROPOSE, size, size);

    assert(!is_read || size == 0);
    assert(done != NULL);
    if (request == NULL)
        return NULL;
    request->done = done;
    request->argument = argument;
    return request;
}

struct request *request_new_register(const struct decree_register_request *given,
                                     decree_register_done *answered, void *argument)
{
    uint32_t value_size = given->value == NULL ? 0 : given->value->size;
    size_t size = (size_t)value_size + given->key.size;
    struct request *request = allocate(REQUEST_REGISTER, size, value_size);
    struct decree_register_request *copy;

    assert(answered != NULL);
    if (request == NULL)
        return NULL;
    request->answered = answered;
    request->argument = argument;
    if (value_size > 0)
        memcpy(request->bytes, given->value->data, value_size);
    memcpy(request->bytes + value_size, given->key.data, given->key.size);
    copy = &request->of_register;
    *copy = *given;
    copy->key.data = request->bytes + value_size;
    copy->value = given->value == NULL ? NULL : &request->value;
    return request;
}

void request_fail(const struct request *request, int error)
{
    struct decree_register_answer answer = {.error = error};

    assert(error < 0);
    if (request->kind == REQUEST_REGISTER)
        request->answered(request->argument, &answer);
    else
        request->done(request->argument, error, 0, NULL);
}

void request_drop(struct request *request)
{
    decree_value_unref(&request->value);
}

void request_queue_init(struct request_queue *queue, size_t bytes_max)
{
    assert(bytes_max > 0);
    atomic_init(&queue->shared, NULL);
    atomic_init(&queue->bytes, 0);
    queue->bytes_max = bytes_max;
    queue->first = NULL;
    queue->last = &queue->first;
}

/* One request may always enter an empty queue, however large. */
static bool charge(struct request_queue *queue, size_t bytes)
{
    size_t before = atomic_fetch_add_explicit(&queue->bytes, bytes, memory_order_relaxed);

    if (before == 0 || before + bytes <= queue->bytes_max)
        return true;
    atomic_fetch_sub_explicit(&queue->bytes, bytes, memory_order_relaxed);
    return false;
}

int request_queue_push(struct request_queue *queue, struct request *request, bool *ret_wake)
{
    struct request *top;

    assert(request->next == NULL);
    if (!charge(queue, charge_of(request)))
        return DECREE_FULL;
    top = atomic_load_explicit(&queue->shared, memory_order_relaxed);
    do
        request->next = top;
    while (!atomic_compare_exchange_weak_explicit(&queue->shared, &top, request,
                                                  memory_order_release, memory_order_relaxed));
    *ret_wake = top == NULL;
    return 0;
}

int request_queue_append(struct request_queue *queue, struct request *request)
{
    assert(request->next == NULL);
    if (!charge(queue, charge_of(request)))
        return DECREE_FULL;
    *queue->last = request;
    queue->last = &request->next;
    return 0;
}

void request_queue_collect(struct request_queue *queue)
{
    struct request *newest, *list = NULL;

    if (atomic_load_explicit(&queue->shared, memory_order_relaxed) == NULL)
        return;
    newest = atomic_exchange_explicit(&queue->shared, NULL, memory_order_acquire);
    if (newest == NULL)
        return;
    for (struct request *request = newest, *older; request != NULL; request = older) {
        older = request->next;
        request->next = list;
        list = request;
    }
    *queue->last = list;
    queue->last = &newest->next;
    assert(newest->next == NULL);
}

struct request *request_queue_first(const struct request_queue *queue)
{
    return queue->first;
}

struct request *request_queue_pop(struct request_queue *queue)
{
    struct request *request = queue->first;

    assert(request != NULL);
    queue->first = request->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    request->next = NULL;
    atomic_fetch_sub_explicit(&queue->bytes, charge_of(request), memory_order_relaxed);
    return request;
}
