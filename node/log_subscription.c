/* SPDX-License-Identifier: MIT */
/* log_subscription.c -- sleeping until the log has grown, and delivering what is new. */
#include "log_subscription.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define RUN_ITEMS 64u /* looked up at a time */
#define MS_NS UINT64_C(1000000)
#define TIMEOUT_MS_MAX (UINT64_C(1000) * 86400 * 365)

struct decree_log_subscription {
    struct decree_log_subscription *next;
    struct log_subscriptions *siblings;
    struct log_board *board;
    decree_log_deliver *deliver;
    void *argument;
    uv_thread_t thread;
    bool ending;    /* under the board's lock */
    uint64_t index; /* to be delivered next; the thread's, as all below */
    struct decree_log_value *values;
    uint32_t value_capacity;
};

/* ---- the board ---- */

int log_board_init(struct log_board *board)
{
    *board = (struct log_board){.items = ordered_log_new()};
    if (board->items == NULL)
        return DECREE_NOMEM;
    if (uv_mutex_init(&board->lock) != 0) {
        ordered_log_free(board->items);
        return DECREE_NOMEM;
    }
    if (uv_cond_init(&board->grown) != 0) {
        uv_mutex_destroy(&board->lock);
        ordered_log_free(board->items);
        return DECREE_NOMEM;
    }
    return 0;
}

void log_board_release(struct log_board *board)
{
    assert(board->sleepers == 0);
    uv_cond_destroy(&board->grown);
    uv_mutex_destroy(&board->lock);
    ordered_log_free(board->items);
}

struct ordered_log_result log_board_apply(struct log_board *board, const uint8_t *command,
                                          size_t size)
{
    struct ordered_log_result result;

    uv_mutex_lock(&board->lock);
    result = ordered_log_apply(board->items, command, size);
    if (result.entered && board->sleepers > 0)
        uv_cond_broadcast(&board->grown);
    uv_mutex_unlock(&board->lock);
    return result;
}

/* Under the lock. */
static void sleep_until_grown(struct log_board *board)
{
    board->sleepers++;
    uv_cond_wait(&board->grown, &board->lock);
    board->sleepers--;
}

bool log_board_wait(struct log_board *board, uint64_t index, uint64_t timeout_ms)
{
    bool forever = timeout_ms > TIMEOUT_MS_MAX;
    uint64_t until_ns = forever ? 0 : uv_hrtime() + timeout_ms * MS_NS;
    bool there;

    uv_mutex_lock(&board->lock);
    while (ordered_log_last(board->items) < index) {
        uint64_t now_ns = uv_hrtime();

        if (forever) {
            sleep_until_grown(board);
            continue;
        }
        if (now_ns >= until_ns)
            break;
        board->sleepers++;
        (void)uv_cond_timedwait(&board->grown, &board->lock, until_ns - now_ns);
        board->sleepers--;
    }
    there = ordered_log_last(board->items) >= index;
    uv_mutex_unlock(&board->lock);
    return there;
}

/* ---- the thread of a subscription ---- */

/* Sleeps until there are items, or the end: then there are none. */
static uint32_t next_run(struct decree_log_subscription *subscription, struct log_command *commands)
{
    struct log_board *board = subscription->board;
    uint32_t count = 0;

    uv_mutex_lock(&board->lock);
    while (!subscription->ending && ordered_log_last(board->items) < subscription->index)
        sleep_until_grown(board);
    while (!subscription->ending && count < RUN_ITEMS &&
           subscription->index + count <= ordered_log_last(board->items)) {
        commands[count] = ordered_log_item(board->items, subscription->index + count, NULL);
        count++;
    }
    uv_mutex_unlock(&board->lock);
    return count;
}

static bool is_ending(struct decree_log_subscription *subscription)
{
    bool ending;

    uv_mutex_lock(&subscription->board->lock);
    ending = subscription->ending;
    uv_mutex_unlock(&subscription->board->lock);
    return ending;
}

/* Room for the values of an item; false: there is none. */
static bool make_room(struct decree_log_subscription *subscription, uint32_t value_count)
{
    struct decree_log_value *values;

    if (value_count <= subscription->value_capacity)
        return true;
    values = realloc(subscription->values, value_count * sizeof(*values));
    if (values == NULL)
        return false;
    subscription->values = values;
    subscription->value_capacity = value_count;
    return true;
}

static bool deliver(struct decree_log_subscription *subscription, struct log_command *command)
{
    struct decree_log_item item = {.index = subscription->index,
                                   .origin = command->origin,
                                   .request_id = command->request_id,
                                   .value_count = command->value_count};
    bool room = make_room(subscription, command->value_count);

    assert(room && "out of memory: an item cannot be left out");
    (void)room;
    for (uint32_t i = 0; i < item.value_count; i++)
        subscription->values[i] = log_command_next(command);
    item.values = subscription->values;
    subscription->index++;
    return subscription->deliver(subscription->argument, &item) == 0;
}

static void run(void *argument)
{
    struct decree_log_subscription *subscription = argument;
    struct log_command commands[RUN_ITEMS];
    sigset_t all;
    uint32_t count;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while ((count = next_run(subscription, commands)) > 0)
        for (uint32_t i = 0; i < count; i++)
            if (!deliver(subscription, &commands[i]) || is_ending(subscription))
                return;
}

/* ---- open and close ---- */

static void enlist(struct decree_log_subscription *subscription)
{
    uv_mutex_lock(&subscription->board->lock);
    subscription->next = subscription->siblings->first;
    subscription->siblings->first = subscription;
    uv_mutex_unlock(&subscription->board->lock);
}

int log_subscription_open(struct log_subscriptions *subscriptions, struct log_board *board,
                          uint64_t from, decree_log_deliver *deliver_item, void *argument,
                          struct decree_log_subscription **ret_subscription)
{
    struct decree_log_subscription *subscription = calloc(1, sizeof(*subscription));

    assert(from > 0);
    if (subscription == NULL)
        return DECREE_NOMEM;
    subscription->siblings = subscriptions;
    subscription->board = board;
    subscription->deliver = deliver_item;
    subscription->argument = argument;
    subscription->index = from;
    if (uv_thread_create(&subscription->thread, run, subscription) != 0) {
        free(subscription);
        return DECREE_IO;
    }
    enlist(subscription);
    *ret_subscription = subscription;
    return 0;
}

void log_subscription_close(struct decree_log_subscription *subscription)
{
    struct log_board *board = subscription->board;
    struct decree_log_subscription **link = &subscription->siblings->first;

    uv_mutex_lock(&board->lock);
    while (*link != subscription)
        link = &(*link)->next;
    *link = subscription->next;
    subscription->ending = true;
    uv_cond_broadcast(&board->grown);
    uv_mutex_unlock(&board->lock);
    uv_thread_join(&subscription->thread);
    free(subscription->values);
    free(subscription);
}

void log_subscriptions_close(struct log_subscriptions *subscriptions)
{
    while (subscriptions->first != NULL)
        log_subscription_close(subscriptions->first);
}
