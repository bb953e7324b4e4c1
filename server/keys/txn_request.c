/* SPDX-License-Identifier: MIT */
/* txn_request.c -- reads level by level: count, allocate, fill. */
#include "txn_request.h"

#include <assert.h>

#include "kv_checks.h"
#include "range_sort.h"
#include "txn_duplicates.h"

/* Field numbers of proto/rpc.proto. */
enum txn_field { TXN_COMPARE = 1, TXN_SUCCESS, TXN_FAILURE };
enum op_field { OP_RANGE = 1, OP_PUT, OP_DELETE_RANGE, OP_TXN };
enum compare_field {
    COMPARE_FIELD_RESULT = 1,
    COMPARE_FIELD_TARGET,
    COMPARE_FIELD_KEY,
    COMPARE_FIELD_VERSION,
    COMPARE_FIELD_CREATE,
    COMPARE_FIELD_MOD,
    COMPARE_FIELD_VALUE,
    COMPARE_FIELD_LEASE,
    COMPARE_FIELD_RANGE_END = 64
};

struct reading {
    struct arena *arena;
    enum etcd_error error; /* the first that was found */
    bool malformed;
    size_t ops, tree_ops_max; /* of all levels: so far, and at most */
    size_t depth;
};

static bool failed(const struct reading *reading)
{
    return reading->error != ETCD_OK || reading->malformed;
}

static void note(struct reading *reading, enum etcd_error error)
{
    if (!failed(reading))
        reading->error = error;
}

static void *allocate(struct reading *reading, size_t count, size_t size)
{
    void *memory = count == 0 ? NULL : arena_alloc(reading->arena, count * size);

    if (memory != NULL)
        memset(memory, 0, count * size);
    else if (count > 0)
        reading->malformed = true;
    return memory;
}

/* ---- compares ---- */

/* The field of target_union that belongs to a target. */
static uint32_t union_field(uint8_t target)
{
    switch (target) {
    case COMPARE_VERSION:
        return COMPARE_FIELD_VERSION;
    case COMPARE_CREATE:
        return COMPARE_FIELD_CREATE;
    case COMPARE_MOD:
        return COMPARE_FIELD_MOD;
    case COMPARE_VALUE:
        return COMPARE_FIELD_VALUE;
    case COMPARE_LEASE:
        return COMPARE_FIELD_LEASE;
    default:
        return 0;
    }
}

static uint8_t enum_byte(uint64_t number)
{
    return number < UINT8_MAX ? (uint8_t)number : UINT8_MAX;
}

static void read_compare_item(struct command_compare *compare, const struct wire_item *item,
                              struct wire_item *set)
{
    if (item->field == COMPARE_FIELD_RESULT)
        compare->result = enum_byte(item->number);
    else if (item->field == COMPARE_FIELD_TARGET)
        compare->target = enum_byte(item->number);
    else if (item->field == COMPARE_FIELD_KEY)
        compare->key = item->bytes;
    else if (item->field == COMPARE_FIELD_RANGE_END)
        compare->range_end = item->bytes;
    else if (item->field >= COMPARE_FIELD_VERSION && item->field <= COMPARE_FIELD_LEASE)
        *set = *item; /* of a oneof the last one counts */
}

static void read_compare(struct reading *reading, struct kv_bytes message,
                         struct command_compare *compare)
{
    struct wire_item item, set = {0};
    struct reader reader;

    reader_init(&reader, message.data, message.size);
    while (wire_next(&reader, &item))
        read_compare_item(compare, &item, &set);
    if (reader.failed)
        reading->malformed = true;
    if (compare->key.size == 0)
        note(reading, ETCD_EMPTY_KEY);
    if (set.field == 0 || set.field != union_field(compare->target))
        return;
    compare->value = set.bytes;
    compare->number = (int64_t)set.number;
}

/* ---- ops ---- */

static struct txn_request *read_txn(struct reading *reading, struct kv_bytes message,
                                    size_t ops_max);

static void read_range(struct reading *reading, struct kv_bytes message, struct command *command,
                       struct range_request *request)
{
    if (!range_request_read(message.data, message.size, request))
        reading->malformed = true;
    note(reading, check_range(request));
    command->op = COMMAND_RANGE;
    command->u.range = (struct command_range){
        .key = request->key,
        .range_end = request->range_end,
        .limit = range_fetch_limit(request),
        .revision = (uint64_t)request->revision,
        .keys_only = request->keys_only && !range_is_sorted(request),
        .count_only = request->count_only,
    };
}

static void read_put(struct reading *reading, struct kv_bytes message, struct command *command)
{
    struct put_request request;

    if (!put_request_read(message.data, message.size, &request))
        reading->malformed = true;
    note(reading, check_put(&request));
    command->op = COMMAND_PUT;
    command->u.put = (struct command_put){request.key,          request.value,
                                          request.lease,        request.prev_kv,
                                          request.ignore_value, request.ignore_lease};
}

static void read_delete_range(struct reading *reading, struct kv_bytes message,
                              struct command *command)
{
    struct delete_range_request request;

    if (!delete_range_request_read(message.data, message.size, &request))
        reading->malformed = true;
    note(reading, check_delete_range(&request));
    command->op = COMMAND_DELETE_RANGE;
    command->u.delete_range = (struct command_delete_range){request.key, request.range_end,
                                                            request.prev_kv};
}

/* The last op that the oneof has. */
static struct wire_item find_op(struct reading *reading, struct kv_bytes message)
{
    struct wire_item item, op = {0};
    struct reader reader;

    reader_init(&reader, message.data, message.size);
    while (wire_next(&reader, &item))
        if (item.field >= OP_RANGE && item.field <= OP_TXN && item.is_bytes)
            op = item;
    if (reader.failed)
        reading->malformed = true;
    return op;
}

static void read_op(struct reading *reading, struct kv_bytes message, size_t ops_max,
                    struct command *command, struct txn_op *op)
{
    struct wire_item item = find_op(reading, message);

    switch (item.field) {
    case OP_RANGE:
        read_range(reading, item.bytes, command, &op->range);
        break;
    case OP_PUT:
        read_put(reading, item.bytes, command);
        break;
    case OP_DELETE_RANGE:
        read_delete_range(reading, item.bytes, command);
        break;
    case OP_TXN:
        op->txn = read_txn(reading, item.bytes, ops_max);
        if (op->txn != NULL)
            *command = op->txn->command;
        break;
    default: /* an op that is nothing */
        note(reading, ETCD_KEY_NOT_FOUND);
    }
}

/* ---- txns ---- */

struct counts {
    size_t compares, success, failure;
};

static struct counts count_items(struct reading *reading, struct kv_bytes message)
{
    struct counts counts = {0};
    struct wire_item item;
    struct reader reader;

    reader_init(&reader, message.data, message.size);
    while (wire_next(&reader, &item)) {
        counts.compares += item.field == TXN_COMPARE;
        counts.success += item.field == TXN_SUCCESS;
        counts.failure += item.field == TXN_FAILURE;
        if (item.field <= TXN_FAILURE && !item.is_bytes)
            reading->malformed = true;
    }
    if (reader.failed)
        reading->malformed = true;
    return counts;
}

static size_t most(const struct counts *counts)
{
    size_t ops = counts->success > counts->failure ? counts->success : counts->failure;

    return ops > counts->compares ? ops : counts->compares;
}

/* One kind of items, in order; compares come before ops as in etcd's checks. */
static void read_compares(struct reading *reading, struct kv_bytes message,
                          struct command_compare *compares)
{
    struct wire_item item;
    struct reader reader;

    reader_init(&reader, message.data, message.size);
    while (!failed(reading) && wire_next(&reader, &item))
        if (item.field == TXN_COMPARE)
            read_compare(reading, item.bytes, compares++);
}

static void read_ops(struct reading *reading, struct kv_bytes message, enum txn_field branch,
                     size_t ops_max, struct command *commands, struct txn_op *ops)
{
    struct wire_item item;
    struct reader reader;

    reader_init(&reader, message.data, message.size);
    while (!failed(reading) && wire_next(&reader, &item))
        if (item.field == (uint32_t)branch)
            read_op(reading, item.bytes, ops_max, commands++, ops++);
}

static void judge(struct txn_request *txn, const struct command *commands, const struct txn_op *ops,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        txn->read_only = txn->read_only && commands[i].op == COMMAND_RANGE;
        txn->serializable = txn->serializable && txn->read_only && ops[i].range.serializable;
    }
}

static struct txn_request *read_txn(struct reading *reading, struct kv_bytes message,
                                    size_t ops_max)
{
    struct counts counts = count_items(reading, message);
    struct txn_request *txn;
    struct command_compare *compares;
    struct command *success, *failure;

    reading->ops += counts.compares + counts.success + counts.failure;
    if (most(&counts) > ops_max || reading->ops > reading->tree_ops_max ||
        reading->depth >= COMMAND_DEPTH_MAX - 1)
        note(reading, ETCD_TOO_MANY_OPS);
    if (failed(reading))
        return NULL;
    txn = allocate(reading, 1, sizeof(*txn));
    compares = allocate(reading, counts.compares, sizeof(*compares));
    success = allocate(reading, counts.success, sizeof(*success));
    failure = allocate(reading, counts.failure, sizeof(*failure));
    if (txn != NULL) {
        txn->success = allocate(reading, counts.success, sizeof(*txn->success));
        txn->failure = allocate(reading, counts.failure, sizeof(*txn->failure));
    }
    if (failed(reading))
        return NULL;
    read_compares(reading, message, compares);
    ops_max -= most(&counts);
    reading->depth++;
    read_ops(reading, message, TXN_SUCCESS, ops_max, success, txn->success);
    read_ops(reading, message, TXN_FAILURE, ops_max, failure, txn->failure);
    reading->depth--;
    txn->command = (struct command){
        .op = COMMAND_TXN,
        .u.txn = {compares, success, failure, counts.compares, counts.success, counts.failure}};
    txn->read_only = true;
    /* etcd takes a txn of compares alone for serializable; nobody asked for an old answer. */
    txn->serializable = counts.success + counts.failure > 0;
    judge(txn, success, txn->success, counts.success);
    judge(txn, failure, txn->failure, counts.failure);
    return txn;
}

enum etcd_error txn_request_read(struct arena *arena, size_t ops_max, const uint8_t *message,
                                 size_t size, struct txn_request **ret_txn)
{
    struct reading reading = {.arena = arena,
                              .tree_ops_max = 2 * ops_max > TXN_TREE_OPS_MIN ? 2 * ops_max
                                                                             : TXN_TREE_OPS_MIN};
    struct txn_request *txn = read_txn(&reading, (struct kv_bytes){message, size}, ops_max);

    *ret_txn = NULL;
    if (reading.malformed)
        return ETCD_OK;
    if (reading.error == ETCD_OK && txn_has_duplicates(arena, &txn->command.u.txn))
        reading.error = ETCD_DUPLICATE_KEY;
    if (reading.error == ETCD_OK)
        *ret_txn = arena->exhausted ? NULL : txn;
    return reading.error;
}
