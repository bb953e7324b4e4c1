/* SPDX-License-Identifier: MIT */
/* broadcast.c -- the public face of total order broadcast: a node with broadcast/ as its machine.
 *
 *     any thread                                 loop thread
 *     decree_broadcast_send: name it, propose -> ... decided ... -> apply: hold back, deliver,
 *         keep who waits, in that order                             complete the oldest if it is ours
 *
 * One lock guards the names and who waits: it is held while a message is handed to the node, so that
 * messages are proposed in the order of their names, and never during a callback. Own messages are
 * delivered in the order of their names, so who waits is a queue.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <decree/broadcast.h>
#include <uv.h>

#include "holdback.h"
#include "sender.h"

struct waiting { /* for the delivery of a message of this member */
    struct waiting *next;
    decree_delivered *delivered; /* may be NULL */
    void *argument;
};

struct decree_broadcast {
    struct decree_node *node;
    decree_deliver *deliver;
    void *context;
    struct holdback holdback; /* the loop thread's */
    uv_mutex_t lock;
    /* Under the lock: */
    struct sender sender;
    struct waiting *first, **last;
};

/* ---- the loop thread ---- */

/* Who waits for this message, taken off the queue; NULL when it is not of this run of this member. */
static struct waiting *waiting_for(struct decree_broadcast *broadcast,
                                   const struct envelope *message)
{
    struct waiting *waiting = NULL;

    uv_mutex_lock(&broadcast->lock);
    if (sender_delivered(&broadcast->sender, message)) {
        waiting = broadcast->first;
        assert(waiting != NULL);
        broadcast->first = waiting->next;
        if (broadcast->first == NULL)
            broadcast->last = &broadcast->first;
    }
    uv_mutex_unlock(&broadcast->lock);
    return waiting;
}

static void complete(struct waiting *waiting, int error)
{
    if (waiting->delivered != NULL)
        waiting->delivered(waiting->argument, error);
    free(waiting);
}

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct decree_broadcast *broadcast = context;
    struct envelope message;

    assert(slot > 0);
    holdback_take_in(&broadcast->holdback, data, size);
    while (holdback_next(&broadcast->holdback, &message)) {
        struct waiting *waiting;

        broadcast->deliver(broadcast->context, message.origin, message.message, message.size);
        waiting = waiting_for(broadcast, &message);
        if (waiting != NULL)
            complete(waiting, 0);
    }
    return NULL;
}

/* That a message was decided completes nothing: it may be held back. */
static void decided(void *argument, int error, decree_slot slot, void *result)
{
    assert(error != 0 || slot > 0);
    assert(result == NULL);
    (void)argument;
}

/* ---- any thread ---- */

/* Under the lock. */
static int propose(struct decree_broadcast *broadcast, const void *message, uint32_t size)
{
    struct envelope envelope = {0};
    uint32_t head_size;
    uint8_t *command;
    int error = sender_name(&broadcast->sender, size, &envelope);

    if (error != 0)
        return error;
    command = malloc(ENVELOPE_BYTES_MAX + (size_t)size);
    if (command == NULL)
        return DECREE_NOMEM;
    head_size = envelope_write(&envelope, command);
    if (size > 0)
        memcpy(command + head_size, message, size);
    error = decree_node_propose(broadcast->node, command, (size_t)head_size + size, decided,
                                broadcast);
    free(command);
    return error;
}

int decree_broadcast_send(struct decree_broadcast *broadcast, const void *message, size_t size,
                          decree_delivered *delivered, void *argument)
{
    struct waiting *waiting;
    int error;

    assert(message != NULL || size == 0);
    if (size > UINT32_MAX - ENVELOPE_BYTES_MAX)
        return DECREE_TOO_LARGE;
    waiting = malloc(sizeof(*waiting));
    if (waiting == NULL)
        return DECREE_NOMEM;
    *waiting = (struct waiting){.delivered = delivered, .argument = argument};
    uv_mutex_lock(&broadcast->lock);
    error = propose(broadcast, message, (uint32_t)size);
    if (error == 0) {
        sender_sent(&broadcast->sender, (uint32_t)size);
        *broadcast->last = waiting;
        broadcast->last = &waiting->next;
    }
    uv_mutex_unlock(&broadcast->lock);
    if (error != 0)
        free(waiting);
    return error;
}

int decree_broadcast_read(struct decree_broadcast *broadcast, decree_done *done, void *argument)
{
    return decree_node_read(broadcast->node, done, argument);
}

decree_node_id decree_broadcast_self(const struct decree_broadcast *broadcast)
{
    return decree_node_self(broadcast->node);
}

void decree_broadcast_status(struct decree_broadcast *broadcast, struct decree_status *ret_status)
{
    decree_node_status(broadcast->node, ret_status);
}

/* ---- open and close ---- */

/* The names of this run can be given out: the node knows its incarnation. */
static void start_sender(struct decree_broadcast *broadcast)
{
    struct decree_status status;

    decree_node_status(broadcast->node, &status);
    assert(status.incarnation > 0);
    uv_mutex_lock(&broadcast->lock);
    sender_init(&broadcast->sender, decree_node_self(broadcast->node), status.incarnation);
    uv_mutex_unlock(&broadcast->lock);
}

static void release(struct decree_broadcast *broadcast)
{
    holdback_release(&broadcast->holdback);
    uv_mutex_destroy(&broadcast->lock);
    free(broadcast);
}

int decree_broadcast_open(struct decree_broadcast **ret_broadcast,
                          const struct decree_broadcast_options *options, char **ret_error_text)
{
    struct decree_broadcast *broadcast;
    struct decree_node_options node;
    int error;

    assert(ret_broadcast != NULL);
    assert(options != NULL && options->deliver != NULL);
    if (ret_error_text != NULL)
        *ret_error_text = NULL;
    broadcast = calloc(1, sizeof(*broadcast));
    if (broadcast == NULL || uv_mutex_init(&broadcast->lock) != 0) {
        free(broadcast);
        return DECREE_NOMEM;
    }
    broadcast->deliver = options->deliver;
    broadcast->context = options->context;
    broadcast->last = &broadcast->first;
    holdback_init(&broadcast->holdback);
    node = options->node;
    node.machine = (struct decree_machine){.context = broadcast, .apply = apply};
    error = decree_node_open(&broadcast->node, &node, ret_error_text);
    if (error != 0) {
        release(broadcast);
        return error;
    }
    start_sender(broadcast);
    *ret_broadcast = broadcast;
    return 0;
}

void decree_broadcast_close(struct decree_broadcast *broadcast)
{
    if (broadcast == NULL)
        return;
    decree_node_close(broadcast->node);
    while (broadcast->first != NULL) {
        struct waiting *waiting = broadcast->first;

        broadcast->first = waiting->next;
        complete(waiting, DECREE_LOST);
    }
    release(broadcast);
}
