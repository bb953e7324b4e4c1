/* SPDX-License-Identifier: MIT */
/* txn_response.c -- the outcomes lie in one row, those of a txn within right behind its own; the
 * request is gone through alongside, for what was asked of ranges beyond what the store does.
 *
 * The heads within have nothing but a revision, and that of a txn within not even this, as etcd's.
 */
#include "txn_response.h"

#include <assert.h>

#include "range_sort.h"

enum response_field { RESPONSE_HEADER = 1, RESPONSE_SUCCEEDED, RESPONSE_RESPONSES };
enum op_field { OP_RANGE = 1, OP_PUT, OP_DELETE_RANGE, OP_TXN };

struct writing {
    struct byte_buffer *out;
    const struct kv_result *result;
    size_t at; /* the next outcome */
};

static void write_revision(struct byte_buffer *out, int64_t revision)
{
    size_t begun = message_begin(out, RESPONSE_HEADER);

    number_write(out, 3, (uint64_t)revision);
    message_end(out, begun);
}

static void write_range(struct writing *writing, const struct kv_op_result *op,
                        const struct range_request *request)
{
    const struct kv_pair *pairs = &writing->result->pairs[op->first_pair];
    struct byte_buffer sorted = {0};
    size_t count = op->pair_count;
    bool more = op->more;

    if (range_is_sorted(request) && !request->count_only) {
        byte_buffer_append(&sorted, pairs, count * sizeof(*pairs));
        writing->out->failed = writing->out->failed || sorted.failed;
        pairs = (const struct kv_pair *)(const void *)sorted.data;
        if (!sorted.failed)
            count = range_arrange(request, (struct kv_pair *)(void *)sorted.data, count, &more);
    }
    write_revision(writing->out, op->revision);
    for (size_t i = 0; i < count && !writing->out->failed; i++)
        pair_write(writing->out, 2, &pairs[i], request->keys_only);
    number_write(writing->out, 3, more ? 1 : 0);
    number_write(writing->out, 4, op->count);
    byte_buffer_release(&sorted);
}

static void write_put(struct writing *writing, const struct kv_op_result *op)
{
    write_revision(writing->out, op->revision);
    if (op->pair_count > 0)
        pair_write(writing->out, 2, &writing->result->pairs[op->first_pair], false);
}

static void write_delete_range(struct writing *writing, const struct kv_op_result *op)
{
    write_revision(writing->out, op->revision);
    number_write(writing->out, 2, op->count);
    for (size_t i = 0; i < op->pair_count; i++)
        pair_write(writing->out, 3, &writing->result->pairs[op->first_pair + i], false);
}

static void write_branch(struct writing *writing, const struct txn_request *txn, bool succeeded,
                         size_t count);

static uint32_t field_of(enum command_op op)
{
    switch (op) {
    case COMMAND_RANGE:
        return OP_RANGE;
    case COMMAND_PUT:
        return OP_PUT;
    case COMMAND_DELETE_RANGE:
        return OP_DELETE_RANGE;
    default:
        assert(op == COMMAND_TXN);
        return OP_TXN;
    }
}

static void write_op(struct writing *writing, const struct txn_op *request)
{
    const struct kv_op_result *op = &writing->result->ops[writing->at++];
    size_t response = message_begin(writing->out, RESPONSE_RESPONSES);
    size_t begun = message_begin(writing->out, field_of(op->op));

    if (op->op == COMMAND_RANGE) {
        write_range(writing, op, &request->range);
    } else if (op->op == COMMAND_PUT) {
        write_put(writing, op);
    } else if (op->op == COMMAND_DELETE_RANGE) {
        write_delete_range(writing, op);
    } else {
        message_end(writing->out, message_begin(writing->out, RESPONSE_HEADER));
        number_write(writing->out, RESPONSE_SUCCEEDED, op->succeeded ? 1 : 0);
        write_branch(writing, request->txn, op->succeeded, op->op_count);
    }
    message_end(writing->out, begun);
    message_end(writing->out, response);
}

static void write_branch(struct writing *writing, const struct txn_request *txn, bool succeeded,
                         size_t count)
{
    const struct txn_op *ops = succeeded ? txn->success : txn->failure;

    assert(count ==
           (succeeded ? txn->command.u.txn.success_count : txn->command.u.txn.failure_count));
    for (size_t i = 0; i < count; i++)
        write_op(writing, &ops[i]);
}

void txn_response_write(struct byte_buffer *out, const struct txn_request *txn,
                        const struct kv_result *result)
{
    struct writing writing = {.out = out, .result = result};

    number_write(out, RESPONSE_SUCCEEDED, result->succeeded ? 1 : 0);
    write_branch(&writing, txn, result->succeeded, result->op_count);
}
