/* SPDX-License-Identifier: MIT */
/* log.h -- an ordered log as a service: every member enters items, all have the same items in the
 * same order.
 *
 *     struct decree_log_options options = {
 *         .node = {.name = "n1", .cluster = "n1=127.0.0.1:7001,n2=127.0.0.1:7002", .data_dir = "n1"},
 *     };
 *     decree_log_open(&log, &options, NULL);
 *     decree_log_propose(log, 17, "hello", 5, done, NULL);      done gets the index
 *     decree_log_wait(log, 1, DECREE_LOG_FOREVER);
 *     decree_log_get(log, 1, 100, &batch);                      items 1 to 100, if so many are there
 *     decree_log_subscribe(log, 1, print, NULL, &subscription); these and all that come
 *
 * An item has an index, from 1 and without gaps; the member where it was proposed, its origin; the
 * request id that it was proposed with; and one or several values. No-ops and whatever else the
 * cluster decides for itself are not seen here. What is in the log is decided: it never changes and
 * is never lost while a quorum of disks lives.
 *
 * A request id, when it is not 0, names a request of its origin. Proposed again, because its outcome
 * was not known, it is not entered again: the completion gets the index that it has already, or
 * CONFLICT and that index if the values differ. The log remembers the names of its last
 * DECREE_LOG_WINDOW items; a name that is older is forgotten, and would be entered again.
 *
 * All items are kept in memory, on every member: about their bytes and 24 more each.
 *
 * A log runs the threads of its node (node.h), and one for each subscription. Every function may be
 * called by any thread at any time until decree_log_close(), except where it says otherwise.
 */
#ifndef DECREE_LOG_H
#define DECREE_LOG_H

#include <decree/node.h>

#define DECREE_LOG_WINDOW (UINT64_C(1) << 20) /* items whose request ids are remembered */
#define DECREE_LOG_VALUES_MAX 65536u          /* of one item */
#define DECREE_LOG_FOREVER UINT64_MAX

struct decree_log;
struct decree_log_subscription;

struct decree_log_value {
    const uint8_t *data; /* may be NULL if size is 0 */
    size_t size;
};

struct decree_log_item {
    uint64_t index; /* from 1, without gaps */
    decree_node_id
        origin;          /* the member where it was proposed, from 1 by its place in the cluster */
    uint64_t request_id; /* 0: it has none */
    uint32_t value_count;
    const struct decree_log_value *values;
};

/* Where a request of this member is. */
struct decree_log_place {
    uint64_t request_id;
    uint64_t index;
};

struct decree_log_batch {
    uint32_t item_count;
    const struct decree_log_item *items;
    uint32_t local_count; /* of the items, those of this member that have a request id */
    const struct decree_log_place *local;
    uint64_t last; /* index of the last item that was there */
};

struct decree_log_options {
    struct decree_node_options node; /* machine is not looked at */
};

/* Opens the node and replays its journal: items decided before are there when this returns, as far
 * as this member knew them. Errors, and ret_error_text, as decree_node_open(). */
int decree_log_open(struct decree_log **ret_log, const struct decree_log_options *options,
                    char **ret_error_text);

/* Ends the subscriptions, completes what is open with LOST, closes the node, frees. Not from a
 * completion or a subscription's callback, and no other call may run meanwhile or come later. NULL
 * is fine. */
void decree_log_close(struct decree_log *log);

/* Called once, on the loop thread; must not block, and may call every function here that does not.
 * error: 0; CONFLICT: this request id stands for other values, and index says where; LOST: the log
 * was closed first, and the item may be entered yet. */
typedef void decree_log_done(void *argument, int error, uint64_t index);

/* Proposes an item of one value. done, which may be NULL, is called when the item is decided and
 * in the log of this member. Copies the value. Errors, without a call of done: FULL (wait for
 * completions), TOO_LARGE (the node's value_bytes_max bounds an item, all in all), CLOSED, NOMEM. */
int decree_log_propose(struct decree_log *log, uint64_t request_id, const void *value, size_t size,
                       decree_log_done *done, void *argument);

/* The same with several values, 1 to DECREE_LOG_VALUES_MAX, that become one item. Errors: INVALID
 * too. */
int decree_log_multi_propose(struct decree_log *log, uint64_t request_id,
                             const struct decree_log_value *values, uint32_t value_count,
                             decree_log_done *done, void *argument);

/* The items from index from on, from 1, that this member has: up to count, and up to about 16 MiB,
 * but at least one if it is there. None is no error. The batch is the caller's, to be freed.
 * Errors: INVALID, NOMEM. */
int decree_log_get(struct decree_log *log, uint64_t from, uint32_t count,
                   struct decree_log_batch **ret_batch);
void decree_log_batch_free(struct decree_log_batch *batch); /* NULL is fine */

/* The index of the last item that this member has; 0: none. */
uint64_t decree_log_last(struct decree_log *log);

/* The index of the item that a request of this member has become; 0: none, or forgotten. */
uint64_t decree_log_find(struct decree_log *log, uint64_t request_id);

/* Blocks until this member has the item, for timeout_ms at most. Not on the loop thread. 0, or
 * NOT_FOUND when the time has passed. */
int decree_log_wait(struct decree_log *log, uint64_t index, uint64_t timeout_ms);

/* Calls done when this member has whatever any member had when this was called, with the index of
 * the last item: a majority was asked. Errors as for propose. */
int decree_log_read(struct decree_log *log, decree_log_done *done, void *argument);

/* Called for each item, in order, on a thread of the subscription: it may block, and whoever blocks
 * delays nobody else, since the log itself is the queue. item is borrowed for the call. Not 0: no
 * more. */
typedef int decree_log_deliver(void *argument, const struct decree_log_item *item);

/* Delivers the items from index from on, those that are there and those that come. Errors: INVALID,
 * NOMEM, IO (no thread could be started). */
int decree_log_subscribe(struct decree_log *log, uint64_t from, decree_log_deliver *deliver,
                         void *argument, struct decree_log_subscription **ret_subscription);

/* Ends the subscription, waits until its callback has returned, and frees it. Not from the callback
 * itself, nor for a log that is closed: closing it frees its subscriptions. */
void decree_log_unsubscribe(struct decree_log_subscription *subscription);

/* This member's id, the origin of its items. */
decree_node_id decree_log_self(const struct decree_log *log);

/* As decree_node_status(). */
void decree_log_status(struct decree_log *log, struct decree_status *ret_status);

#endif
