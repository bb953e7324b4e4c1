/* SPDX-License-Identifier: MIT */
/* request_queue.h -- proposals, reads and requests of registers on their way from any thread to the loop, in order.
 *
 *     threads --push--> [shared stack] --collect--> [list in order] --first, pop--> engine
 *     loop    ------------------append------------------^
 *
 * A request is one allocation with its bytes at the end; the value in it hands the same bytes to
 * journal, peers and machine. Bounded by bytes, headers counted; the bound is checked where
 * requests come in and freed when they leave for the engine, which has bounds of its own.
 */
#ifndef DECREE_NODE_REQUEST_QUEUE_H
#define DECREE_NODE_REQUEST_QUEUE_H

#include <stdatomic.h>

#include <decree/node.h>

enum request_kind { REQUEST_PROPOSE = 1, REQUEST_READ, REQUEST_REGISTER };

struct request {
    struct request *next;
    enum request_kind kind;
    union {
        decree_done *done;
        decree_register_done *answered; /* of a register */
    };
    void *argument;
    struct decree_register_request of_register;
    /* A reference of it belongs to the request as long as it is queued. */
    struct decree_value value;
    size_t size;     /* of bytes */
    uint8_t bytes[]; /* of the value; then those of a register's key */
};

struct request_queue {
    _Atomic(struct request *) shared; /* newest first */
    atomic_size_t bytes;              /* charged to what is in stack and list */
    size_t bytes_max;
    struct request *first, **last; /* the loop's list */
};

/* A proposal with size bytes to be filled in, or a read with none; NULL when out of memory. */
struct request *request_new(bool is_read, uint32_t size, decree_done *done, void *argument);

/* A copy of a register's request; NULL when out of memory. */
struct request *request_new_register(const struct decree_register_request *request,
                                     decree_register_done *answered, void *argument);

/* Tells who asked that nothing came of it. */
void request_fail(const struct request *request, int error);

/* Drops the queue's reference; the bytes live on as long as others hold the value. */
void request_drop(struct request *request);

void request_queue_init(struct request_queue *queue, size_t bytes_max);

/* Any thread. Takes the request, or FULL. ret_wake: the loop must be woken, as nobody else has done
 * it. */
int request_queue_push(struct request_queue *queue, struct request *request, bool *ret_wake);

/* The loop's thread, like all below. Takes the request to the end of the list, or FULL. */
int request_queue_append(struct request_queue *queue, struct request *request);

/* Moves what was pushed to the list, in the order of pushing. */
void request_queue_collect(struct request_queue *queue);

/* The oldest of the list, or NULL. */
struct request *request_queue_first(const struct request_queue *queue);

/* Takes the first off the list and gives back its room; the caller owns it. */
struct request *request_queue_pop(struct request_queue *queue);

#endif
