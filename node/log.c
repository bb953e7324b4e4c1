/* SPDX-License-Identifier: MIT */
/* log.c -- the public face of the ordered log: a node with log/ as its machine.
 *
 *     any thread                                  loop thread
 *     decree_log_propose: encode, propose  -> ... decided ... -> apply: enter, under the lock
 *     decree_log_get: copy, under the lock                       done: the index
 *     decree_log_wait, subscriptions: sleep  <--- wake -----------|
 *
 * One lock guards the log. It is held for moments: while an item is entered, while a batch is looked
 * up; never during a callback, and not while bytes are copied, for items stay where they are.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <decree/log.h>
#include <uv.h>

#include "log_subscription.h"
#include "machines.h"

#define SMALL_BYTES 1024u                   /* encoded on the stack */
#define BATCH_BYTES_MAX (16u * 1024 * 1024) /* of a batch, and one item more */
#define BATCH_ITEMS_MAX 65536u

struct decree_log {
    struct decree_node *node;
    struct machines machines;
    struct log_board board;
    struct ordered_log_result result; /* of the last command; the loop thread's */
    struct log_subscriptions subscriptions;
};

struct proposal { /* under way */
    decree_log_done *done;
    void *argument;
    struct decree_log *log;
};

/* ---- the loop thread ---- */

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct decree_log *log = context;

    assert(slot > 0);
    log->result = log_board_apply(&log->board, data, size);
    return &log->result;
}

static void proposed(void *argument, int error, decree_slot slot, void *result)
{
    struct proposal proposal = *(struct proposal *)argument;
    const struct ordered_log_result *entered = result;

    assert(error != 0 || slot > 0);
    free(argument);
    if (proposal.done == NULL)
        return;
    if (error == 0)
        proposal.done(proposal.argument, entered->error, entered->index);
    else
        proposal.done(proposal.argument, error, 0);
}

static void has_read(void *argument, int error, decree_slot slot, void *result)
{
    struct proposal proposal = *(struct proposal *)argument;

    assert(result == NULL);
    (void)slot;
    free(argument);
    if (proposal.done != NULL)
        proposal.done(proposal.argument, error, error == 0 ? decree_log_last(proposal.log) : 0);
}

/* ---- proposing ---- */

static struct proposal *proposal_new(struct decree_log *log, decree_log_done *done, void *argument)
{
    struct proposal *proposal = malloc(sizeof(*proposal));

    if (proposal != NULL)
        *proposal = (struct proposal){.done = done, .argument = argument, .log = log};
    return proposal;
}

int decree_log_multi_propose(struct decree_log *log, uint64_t request_id,
                             const struct decree_log_value *values, uint32_t value_count,
                             decree_log_done *done, void *argument)
{
    struct log_command command = {.origin = decree_node_self(log->node),
                                  .request_id = request_id,
                                  .value_count = value_count};
    uint8_t small[SMALL_BYTES], *data = small;
    struct proposal *proposal;
    size_t size;
    int error = DECREE_NOMEM;

    if (value_count == 0 || value_count > DECREE_LOG_VALUES_MAX)
        return DECREE_INVALID;
    size = log_command_size(&command, values);
    if (size > LOG_COMMAND_BYTES_MAX)
        return DECREE_TOO_LARGE;
    proposal = proposal_new(log, done, argument);
    if (size > sizeof(small))
        data = malloc(size);
    if (proposal != NULL && data != NULL) {
        log_command_encode(&command, values, data, size);
        error = decree_node_propose(log->node, data, size, proposed, proposal);
    }
    if (error != 0)
        free(proposal);
    if (data != small)
        free(data);
    return error;
}

int decree_log_propose(struct decree_log *log, uint64_t request_id, const void *value, size_t size,
                       decree_log_done *done, void *argument)
{
    struct decree_log_value values[] = {{value, size}};

    assert(value != NULL || size == 0);
    return decree_log_multi_propose(log, request_id, values, 1, done, argument);
}

int decree_log_read(struct decree_log *log, decree_log_done *done, void *argument)
{
    struct proposal *proposal = proposal_new(log, done, argument);
    int error;

    if (proposal == NULL)
        return DECREE_NOMEM;
    error = decree_node_read(log->node, has_read, proposal);
    if (error != 0)
        free(proposal);
    return error;
}

/* ---- batches ---- */

struct batch_size {
    uint32_t items, local;
    size_t values, bytes;
};

/* Looks up items, and what a copy of them needs. */
static void look_up(struct decree_log *log, uint64_t from, uint32_t count,
                    struct log_command *commands, struct batch_size *ret_size)
{
    struct batch_size size = {0};

    uv_mutex_lock(&log->board.lock);
    while (size.items < count && (size.items == 0 || size.bytes < BATCH_BYTES_MAX)) {
        struct log_command *command = &commands[size.items];
        size_t bytes;

        *command = ordered_log_item(log->board.items, from + size.items, &bytes);
        size.items++;
        size.values += command->value_count;
        size.bytes += bytes;
        if (command->origin == decree_node_self(log->node) && command->request_id != 0)
            size.local++;
    }
    uv_mutex_unlock(&log->board.lock);
    *ret_size = size;
}

/* One allocation holds it all: the struct, items, places, values, bytes. */
struct whole_batch {
    struct decree_log_batch batch;
    uint8_t rest[];
};

static void fill_item(struct decree_log_item *item, struct log_command *command,
                      struct decree_log_value *values, uint8_t **bytes)
{
    item->origin = command->origin;
    item->request_id = command->request_id;
    item->value_count = command->value_count;
    item->values = values;
    for (uint32_t i = 0; i < item->value_count; i++) {
        struct decree_log_value value = log_command_next(command);

        memcpy(*bytes, value.data, value.size);
        values[i] = (struct decree_log_value){.data = *bytes, .size = value.size};
        *bytes += value.size;
    }
}

static struct decree_log_batch *copy_batch(struct decree_log *log, uint64_t from,
                                           struct log_command *commands,
                                           const struct batch_size *size)
{
    struct decree_log_item *items;
    struct decree_log_place *local;
    struct decree_log_value *values;
    uint8_t *bytes;
    uint32_t local_count = 0;
    struct whole_batch *whole = malloc(sizeof(*whole) + size->items * sizeof(*items) +
                                       size->local * sizeof(*local) +
                                       size->values * sizeof(*values) + size->bytes);

    if (whole == NULL)
        return NULL;
    items = (struct decree_log_item *)(void *)whole->rest;
    local = (struct decree_log_place *)(void *)(items + size->items);
    values = (struct decree_log_value *)(void *)(local + size->local);
    bytes = (uint8_t *)(values + size->values);
    for (uint32_t i = 0; i < size->items; i++) {
        items[i].index = from + i;
        fill_item(&items[i], &commands[i], values, &bytes);
        values += items[i].value_count;
        if (items[i].origin == decree_node_self(log->node) && items[i].request_id != 0)
            local[local_count++] = (struct decree_log_place){items[i].request_id, from + i};
    }
    assert(local_count == size->local);
    whole->batch = (struct decree_log_batch){
        .item_count = size->items, .items = items, .local_count = local_count, .local = local};
    return &whole->batch;
}

int decree_log_get(struct decree_log *log, uint64_t from, uint32_t count,
                   struct decree_log_batch **ret_batch)
{
    uint64_t last = decree_log_last(log);
    uint64_t there = from > last ? 0 : last - from + 1;
    struct batch_size size = {0};
    struct log_command *commands;
    struct decree_log_batch *batch;

    if (from == 0)
        return DECREE_INVALID;
    if (count > there)
        count = (uint32_t)there;
    if (count > BATCH_ITEMS_MAX)
        count = BATCH_ITEMS_MAX;
    commands = malloc((count + 1u) * sizeof(*commands));
    if (commands == NULL)
        return DECREE_NOMEM;
    look_up(log, from, count, commands, &size);
    batch = copy_batch(log, from, commands, &size);
    free(commands);
    if (batch == NULL)
        return DECREE_NOMEM;
    batch->last = last;
    *ret_batch = batch;
    return 0;
}

void decree_log_batch_free(struct decree_log_batch *batch)
{
    free(batch);
}

/* ---- asking ---- */

uint64_t decree_log_last(struct decree_log *log)
{
    uint64_t last;

    uv_mutex_lock(&log->board.lock);
    last = ordered_log_last(log->board.items);
    uv_mutex_unlock(&log->board.lock);
    return last;
}

uint64_t decree_log_find(struct decree_log *log, uint64_t request_id)
{
    uint64_t index;

    uv_mutex_lock(&log->board.lock);
    index = ordered_log_find(log->board.items, decree_node_self(log->node), request_id);
    uv_mutex_unlock(&log->board.lock);
    return index;
}

int decree_log_wait(struct decree_log *log, uint64_t index, uint64_t timeout_ms)
{
    return log_board_wait(&log->board, index, timeout_ms) ? 0 : DECREE_NOT_FOUND;
}

decree_node_id decree_log_self(const struct decree_log *log)
{
    return decree_node_self(log->node);
}

void decree_log_status(struct decree_log *log, struct decree_status *ret_status)
{
    decree_node_status(log->node, ret_status);
}

/* ---- subscribing ---- */

int decree_log_subscribe(struct decree_log *log, uint64_t from, decree_log_deliver *deliver,
                         void *argument, struct decree_log_subscription **ret_subscription)
{
    assert(deliver != NULL);
    if (from == 0)
        return DECREE_INVALID;
    return log_subscription_open(&log->subscriptions, &log->board, from, deliver, argument,
                                 ret_subscription);
}

void decree_log_unsubscribe(struct decree_log_subscription *subscription)
{
    if (subscription != NULL)
        log_subscription_close(subscription);
}

/* ---- open and close ---- */

static void release(struct decree_log *log)
{
    log_board_release(&log->board);
    free(log);
}

int decree_log_open(struct decree_log **ret_log, const struct decree_log_options *options,
                    char **ret_error_text)
{
    struct decree_log *log;
    struct decree_node_options node;
    int error;

    assert(ret_log != NULL);
    assert(options != NULL);
    if (ret_error_text != NULL)
        *ret_error_text = NULL;
    log = calloc(1, sizeof(*log));
    if (log == NULL || log_board_init(&log->board) != 0) {
        free(log);
        return DECREE_NOMEM;
    }
    machines_init(&log->machines);
    machines_add(&log->machines, LOG_MACHINE,
                 &(struct decree_machine){.context = log, .apply = apply});
    node = options->node;
    node.machine = machines_all(&log->machines);
    error = decree_node_open(&log->node, &node, ret_error_text);
    if (error != 0) {
        release(log);
        return error;
    }
    *ret_log = log;
    return 0;
}

void decree_log_close(struct decree_log *log)
{
    if (log == NULL)
        return;
    log_subscriptions_close(&log->subscriptions);
    decree_node_close(log->node);
    release(log);
}
