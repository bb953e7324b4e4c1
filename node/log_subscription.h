/* SPDX-License-Identifier: MIT */
/* log_subscription.h -- the log as several threads see it, and threads that follow it.
 *
 *     loop thread: apply -> [ board: lock, items ] -- grown --> who waits for an index
 *                                                           --> subscriptions, each a thread
 *
 * Who sleeps is woken only when there is something for somebody: the loop thread makes no system
 * call for a log that nobody waits for.
 */
#ifndef DECREE_NODE_LOG_SUBSCRIPTION_H
#define DECREE_NODE_LOG_SUBSCRIPTION_H

#include <uv.h>

#include "ordered_log.h"

struct log_board {
    uv_mutex_t lock;
    uv_cond_t grown;
    /* Under the lock: */
    struct ordered_log *items;
    uint32_t sleepers;
};

/* The subscriptions of a log; zero-initialised is none. */
struct log_subscriptions {
    struct decree_log_subscription *first; /* under the board's lock */
};

int log_board_init(struct log_board *board);
void log_board_release(struct log_board *board);

/* Enters a decided command and wakes who waits. */
struct ordered_log_result log_board_apply(struct log_board *board, const uint8_t *command,
                                          size_t size);

/* Blocks until the item is there; false: the time has passed. */
bool log_board_wait(struct log_board *board, uint64_t index, uint64_t timeout_ms);

/* As decree_log_subscribe() and decree_log_unsubscribe(). */
int log_subscription_open(struct log_subscriptions *subscriptions, struct log_board *board,
                          uint64_t from, decree_log_deliver *deliver, void *argument,
                          struct decree_log_subscription **ret_subscription);
void log_subscription_close(struct decree_log_subscription *subscription);

/* Ends and frees all. */
void log_subscriptions_close(struct log_subscriptions *subscriptions);

#endif
