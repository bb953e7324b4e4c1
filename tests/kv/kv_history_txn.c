/* SPDX-License-Identifier: MIT */
/* kv_history_txn.c -- random txns, nested, and the model's way of performing them.
 *
 * The model first decides every branch and looks for what stands against it, then performs op by op
 * while it reads the results of the store, which has performed them all.
 */
#include <stdlib.h>
#include <string.h>

#include "kv_help.h"
#include "kv_history.h"

#define OPS_MAX 4u
#define DEPTH_MAX 3u

struct txn_op { /* a node of the tree, with room for what its command borrows */
    uint8_t key[MODEL_KEY_BYTES_MAX], end[MODEL_KEY_BYTES_MAX], value[MODEL_VALUE_BYTES_MAX];
    bool succeeded; /* the model's word */
    struct txn_op *within[2][OPS_MAX];
    struct command ops[2][OPS_MAX]; /* those of within */
    struct command_compare compares[2];
    struct {
        uint8_t key[MODEL_KEY_BYTES_MAX], end[MODEL_KEY_BYTES_MAX], value[MODEL_VALUE_BYTES_MAX];
    } rooms[2]; /* of the compares */
};

struct draw { /* no key is written twice in a txn */
    struct history *history;
    uint64_t next_key;
};

/* ---- drawing ---- */

static void draw_compare(struct history *history, struct txn_op *op, size_t at)
{
    struct command_compare *compare = &op->compares[at];
    const struct model_change *now;

    *compare = (struct command_compare){.target = (uint8_t)prng_below(&history->prng, 6),
                                        .result = (uint8_t)prng_below(&history->prng, 5),
                                        .key = random_key(history, op->rooms[at].key)};
    if (once_in(history, 3))
        compare->range_end = random_end(history, op->rooms[at].end);
    now = model_get(&history->model, compare->key, INT64_MAX);
    compare->value = random_value(history, op->rooms[at].value);
    if (compare->target != COMPARE_VALUE)
        compare->value.size = 0;
    compare->number = compare->target == COMPARE_VALUE ? 0 : (int64_t)prng_below(&history->prng, 4);
    if (now != NULL && compare->target == COMPARE_MOD && once_in(history, 2))
        compare->number = now->main;
    if (now != NULL && compare->target == COMPARE_CREATE && once_in(history, 2))
        compare->number = now->create_revision;
}

static struct txn_op *draw_op(struct draw *draw, unsigned depth, struct command *ret_command);

static void draw_txn(struct draw *draw, struct txn_op *op, unsigned depth, struct command *command)
{
    struct history *history = draw->history;
    size_t counts[2];

    command->op = COMMAND_TXN;
    command->u.txn = (struct command_txn){
        .compares = op->compares, .success = op->ops[0], .failure = op->ops[1]};
    command->u.txn.compare_count = prng_below(&history->prng, 3);
    for (size_t i = 0; i < command->u.txn.compare_count; i++)
        draw_compare(history, op, i);
    for (int branch = 0; branch < 2; branch++) {
        counts[branch] = prng_below(&history->prng, OPS_MAX + 1);
        for (size_t i = 0; i < counts[branch]; i++)
            op->within[branch][i] = draw_op(draw, depth + 1, &op->ops[branch][i]);
    }
    command->u.txn.success_count = counts[0];
    command->u.txn.failure_count = counts[1];
}

static void draw_range(struct history *history, struct txn_op *op, struct command_range *range)
{
    *range = (struct command_range){.key = random_key(history, op->key),
                                    .range_end = random_end(history, op->end),
                                    .keys_only = once_in(history, 4),
                                    .count_only = once_in(history, 4)};
    if (once_in(history, 3))
        range->limit = 1 + prng_below(&history->prng, 4);
    if (once_in(history, 3))
        range->revision = prng_below(&history->prng, (uint64_t)history->model.revision + 1);
    if (once_in(history, 50))
        range->revision = (uint64_t)history->model.revision + 1;
}

static struct txn_op *draw_op(struct draw *draw, unsigned depth, struct command *ret_command)
{
    struct history *history = draw->history;
    struct txn_op *op = calloc(1, sizeof(*op));
    uint64_t kinds = depth < DEPTH_MAX ? 4 : 3;

    assert_non_null(op);
    *ret_command = (struct command){0};
    switch (depth == 0 ? 3 : prng_below(&history->prng, kinds)) {
    case 0:
        ret_command->op = COMMAND_PUT;
        ret_command->u.put = random_put(
            history, key_of(history, draw->next_key++ % (history->keys + 64), op->key), op->value);
        break;
    case 1:
        ret_command->op = COMMAND_DELETE_RANGE;
        ret_command->u.delete_range = (struct command_delete_range){
            .key = key_of(history, draw->next_key++ % (history->keys + 64), op->key),
            .prev_kv = once_in(history, 2)};
        break;
    case 2:
        ret_command->op = COMMAND_RANGE;
        draw_range(history, op, &ret_command->u.range);
        break;
    default:
        draw_txn(draw, op, depth, ret_command);
    }
    return op;
}

static void free_op(struct txn_op *op)
{
    for (int branch = 0; branch < 2; branch++)
        for (size_t i = 0; i < OPS_MAX; i++)
            if (op->within[branch][i] != NULL)
                free_op(op->within[branch][i]);
    free(op);
}

/* ---- deciding ---- */

static int order(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_bytes(const uint8_t *a, size_t a_size, struct kv_bytes b)
{
    for (size_t i = 0; i < a_size && i < b.size; i++)
        if (a[i] != b.data[i])
            return a[i] < b.data[i] ? -1 : 1;
    return order((int64_t)a_size, (int64_t)b.size);
}

static bool change_holds(const struct model_change *change, const struct command_compare *compare)
{
    int64_t numbers[] = {change->version, change->create_revision, change->main, 0, change->lease};
    int is = 0;

    if (compare->target == COMPARE_VALUE)
        is = order_bytes(change->value, change->value_size, compare->value);
    else if (compare->target <= COMPARE_LEASE)
        is = order(numbers[compare->target], compare->number);
    switch (compare->result) {
    case COMPARE_EQUAL:
        return is == 0;
    case COMPARE_GREATER:
        return is > 0;
    case COMPARE_LESS:
        return is < 0;
    case COMPARE_NOT_EQUAL:
        return is != 0;
    default:
        return true;
    }
}

static bool model_holds(const struct model *model, const struct command_compare *compare)
{
    static const struct model_change missing = {0};
    size_t count;
    const struct model_change **found = model_range(model, compare->key, compare->range_end,
                                                    INT64_MAX, &count);
    bool holds = true;

    for (size_t i = 0; i < count; i++)
        holds = holds && change_holds(found[i], compare);
    free(found);
    if (count == 0)
        return compare->target != COMPARE_VALUE && change_holds(&missing, compare);
    return holds;
}

static void decide(const struct model *model, struct txn_op *op, const struct command *command,
                   enum kv_error *put_error, enum kv_error *range_error)
{
    const struct command_txn *txn = &command->u.txn;
    int64_t revision = (int64_t)command->u.range.revision;
    size_t branch, count;

    if (command->op == COMMAND_PUT && *put_error == KV_OK) {
        struct command_put put = command->u.put;

        put.lease = 0; /* in a txn the key is looked at first */
        *put_error = model_check_put(model, &put);
        if (*put_error == KV_OK)
            *put_error = model_check_put(model, &command->u.put);
    }
    if (command->op == COMMAND_RANGE && revision > 0 && *range_error == KV_OK)
        *range_error = revision > model->revision    ? KV_FUTURE_REVISION
                       : revision < model->compacted ? KV_COMPACTED
                                                     : KV_OK;
    if (command->op != COMMAND_TXN)
        return;
    op->succeeded = true;
    for (size_t i = 0; i < txn->compare_count; i++)
        op->succeeded = op->succeeded && model_holds(model, &txn->compares[i]);
    branch = op->succeeded ? 0 : 1;
    count = op->succeeded ? txn->success_count : txn->failure_count;
    for (size_t i = 0; i < count; i++)
        decide(model, op->within[branch][i], &op->ops[branch][i], put_error, range_error);
}

/* ---- performing ---- */

struct performance {
    struct history *history;
    const struct kv_result *result;
    size_t at; /* the next of its ops */
};

static void perform_put(struct performance *performance, const struct command_put *put,
                        const struct kv_op_result *op)
{
    struct history *history = performance->history;
    const struct model_change *before = model_get(&history->model, put->key, INT64_MAX);

    CHECK(history, op->pair_count == (put->prev_kv && before != NULL));
    CHECK(history, op->pair_count == 0 ||
                       matches(&performance->result->pairs[op->first_pair], before, false));
    model_put(&history->model, put);
}

static void perform_delete(struct performance *performance,
                           const struct command_delete_range *delete_range,
                           const struct kv_op_result *op)
{
    struct history *history = performance->history;
    const struct model_change *before = model_get(&history->model, delete_range->key, INT64_MAX);

    CHECK(history, op->count == (before != NULL));
    CHECK(history, op->pair_count == (delete_range->prev_kv && before != NULL));
    CHECK(history, op->pair_count == 0 ||
                       matches(&performance->result->pairs[op->first_pair], before, false));
    (void)model_delete_range(&history->model, delete_range->key, delete_range->range_end);
}

static void perform_range(struct performance *performance, const struct command_range *range,
                          const struct kv_op_result *op)
{
    struct history *history = performance->history;
    int64_t revision = range->revision > 0 ? (int64_t)range->revision : INT64_MAX;
    size_t count, handed_out;
    const struct model_change **found = model_range(&history->model, range->key, range->range_end,
                                                    revision, &count);

    handed_out = range->limit > 0 && range->limit < count ? (size_t)range->limit : count;
    CHECK(history, op->count == count);
    CHECK(history, op->pair_count == (range->count_only ? 0 : handed_out));
    CHECK(history, op->more == (!range->count_only && handed_out < count));
    for (size_t i = 0; i < op->pair_count; i++)
        CHECK(history,
              matches(&performance->result->pairs[op->first_pair + i], found[i], range->keys_only));
    free(found);
}

static void perform_branch(struct performance *performance, const struct txn_op *txn, size_t count);

static void perform(struct performance *performance, const struct txn_op *op,
                    const struct command *command)
{
    struct history *history = performance->history;
    const struct kv_op_result *result = &performance->result->ops[performance->at++];

    CHECK(history, result->op == command->op);
    switch (command->op) {
    case COMMAND_PUT:
        perform_put(performance, &command->u.put, result);
        break;
    case COMMAND_DELETE_RANGE:
        perform_delete(performance, &command->u.delete_range, result);
        break;
    case COMMAND_RANGE:
        perform_range(performance, &command->u.range, result);
        break;
    default:
        CHECK(history, result->succeeded == op->succeeded);
        perform_branch(performance, op, result->op_count);
    }
    CHECK(history, result->revision == history->model.revision + (history->model.sub > 0));
}

static void perform_branch(struct performance *performance, const struct txn_op *txn, size_t count)
{
    size_t branch = txn->succeeded ? 0 : 1;

    for (size_t i = 0; i < count; i++)
        perform(performance, txn->within[branch][i], &txn->ops[branch][i]);
    CHECK(performance->history, count == OPS_MAX || txn->within[branch][count] == NULL);
}

void step_txn(struct history *history)
{
    struct draw draw = {history, prng_below(&history->prng, history->keys)};
    struct command command;
    struct txn_op *op = draw_op(&draw, 0, &command);
    enum kv_error put_error = KV_OK, range_error = KV_OK;
    struct kv_result result;
    struct performance performance = {history, &result, 0};

    decide(&history->model, op, &command, &put_error, &range_error);
    apply_both(history, &command, &result);
    CHECK(history, result.error == (put_error != KV_OK ? put_error : range_error));
    if (result.error == KV_OK) {
        CHECK(history, result.succeeded == op->succeeded);
        perform_branch(&performance, op, result.op_count);
        model_end(&history->model);
    }
    CHECK(history, result.revision == history->model.revision);
    free_op(op);
}
