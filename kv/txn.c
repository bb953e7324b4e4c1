/* SPDX-License-Identifier: MIT */
/* txn.c -- if all of these hold, do this, else that; all at one revision, or nothing.
 *
 * As in etcd, everything is judged by the state before the txn, those within it too: a first walk
 * evaluates the compares, notes which branch each txn takes, and checks the ops of these branches.
 * Only if nothing stands against any of them does a second walk perform them, in order; there a
 * range sees what the ops before it have written.
 */
#include <assert.h>

#include "kv_inside.h"

/* ---- compares ---- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* The target of the pair against what the compare has: less, equal or more than 0. */
static int order_of(const struct kv_pair *pair, const struct command_compare *compare)
{
    switch (compare->target) {
    case COMPARE_VERSION:
        return compare_numbers(pair->version, compare->number);
    case COMPARE_CREATE:
        return compare_numbers(pair->create_revision, compare->number);
    case COMPARE_MOD:
        return compare_numbers(pair->mod_revision, compare->number);
    case COMPARE_VALUE:
        return key_compare(pair->value, compare->value);
    case COMPARE_LEASE:
        return compare_numbers(pair->lease, compare->number);
    default: /* a client's own invention */
        return 0;
    }
}

static bool pair_holds(const struct kv_pair *pair, const struct command_compare *compare)
{
    int order = order_of(pair, compare);

    switch (compare->result) {
    case COMPARE_EQUAL:
        return order == 0;
    case COMPARE_GREATER:
        return order > 0;
    case COMPARE_LESS:
        return order < 0;
    case COMPARE_NOT_EQUAL:
        return order != 0;
    default:
        return true;
    }
}

/* A key that is not there has zeros for numbers, and no value that anything could be said of. */
static bool compare_holds(const struct kv *kv, const struct command_compare *compare)
{
    static const struct kv_pair missing = {0};
    struct key_index *key_index;
    struct record record;
    struct kv_pair pair;
    struct span span;
    bool any = false;

    if (!span_find(kv, compare->key, compare->range_end, &span))
        return compare->target != COMPARE_VALUE && pair_holds(&missing, compare);
    for (; (key_index = span_at(kv, &span)) != NULL; index_next(&span.from)) {
        if (!key_index_alive(*key_index))
            continue;
        store_read(&kv->store, key_index_last(*key_index), &record);
        pair = kv_pair_of(&record);
        if (!pair_holds(&pair, compare))
            return false;
        any = true;
    }
    return any || (compare->target != COMPARE_VALUE && pair_holds(&missing, compare));
}

/* ---- the first walk: which way, and may it be gone ---- */

static void note_branch(struct kv *kv, bool succeeded)
{
    if (kv->path_count == kv->path_capacity)
        kv->path = kv_grow(kv, kv->path, &kv->path_capacity, sizeof(kv->path[0]));
    kv->path[kv->path_count++] = succeeded;
}

/* The first that stands against a put, and against a range: of both, etcd names the former. (And of
 * a put's key and lease, the key; of one outside of a txn, the lease.) */
struct objections {
    enum kv_error put, range;
};

static void check_txn(struct kv *kv, const struct command_txn_body *body,
                      struct objections *objections);

/* As in etcd, where only a range of its own may name a negative revision and mean the current one. */
static enum kv_error check_range(const struct kv *kv, int64_t revision)
{
    return revision < 0 && revision < kv->compacted ? KV_COMPACTED
                                                    : kv_check_revision(kv, revision);
}

static void check_op(struct kv *kv, const struct command *op, struct objections *objections)
{
    switch (op->op) {
    case COMMAND_PUT:
        if (objections->put == KV_OK)
            objections->put = kv_check_key(kv, &op->u.put);
        if (objections->put == KV_OK)
            objections->put = kv_check_lease(kv, &op->u.put);
        return;
    case COMMAND_RANGE:
        if (objections->range == KV_OK)
            objections->range = check_range(kv, (int64_t)op->u.range.revision);
        return;
    case COMMAND_TXN:
        check_txn(kv, &op->u.txn_body, objections);
        return;
    case COMMAND_DELETE_RANGE:
        return;
    case COMMAND_COMPACT:
    case COMMAND_LEASE_GRANT:
    case COMMAND_LEASE_REVOKE:
    case COMMAND_LEASE_CHECKPOINT:
    case COMMAND_ALARM:
    case COMMAND_LEASE_RENEW:
    case COMMAND_LEASE_EXPIRE:
    case COMMAND_MEMBER:
    case COMMAND_LEASE_RENEWALS:
    case COMMAND_LEASE_QUESTION:
        break;
    }
    assert(false && "command_decode() lets none of these into a txn");
}

/* The items of a body, compares first; then those of the branch not taken are passed over. */
static void skip_ops(struct reader *reader, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)command_read_op(reader);
}

static void check_txn(struct kv *kv, const struct command_txn_body *body,
                      struct objections *objections)
{
    struct reader reader;
    bool succeeded = true;
    size_t count;

    reader_init(&reader, body->items.data, body->items.size);
    for (size_t i = 0; i < body->compare_count; i++) {
        struct command_compare compare = command_read_compare(&reader);

        succeeded = succeeded && compare_holds(kv, &compare);
    }
    note_branch(kv, succeeded);
    if (!succeeded)
        skip_ops(&reader, body->success_count);
    count = succeeded ? body->success_count : body->failure_count;
    for (size_t i = 0; i < count; i++) {
        struct command op = command_read_op(&reader);

        check_op(kv, &op, objections);
    }
    assert(!reader.failed);
}

/* ---- the second walk: go ---- */

static size_t add_result(struct kv *kv, enum command_op op)
{
    if (kv->op_count == kv->op_capacity)
        kv->ops = kv_grow(kv, kv->ops, &kv->op_capacity, sizeof(kv->ops[0]));
    kv->ops[kv->op_count] = (struct kv_op_result){.op = op, .first_pair = kv->pair_count};
    return kv->op_count++;
}

static void keep(void *context, const struct kv_pair *pair)
{
    kv_keep_pair(context, pair);
}

static void perform_range(struct kv *kv, const struct command_range *range,
                          struct kv_op_result *result)
{
    struct kv_range_request request = {.key = range->key,
                                       .range_end = range->range_end,
                                       .limit = range->limit,
                                       .revision = (int64_t)range->revision,
                                       .keys_only = range->keys_only,
                                       .count_only = range->count_only};
    struct kv_range_result outcome;
    enum kv_error error = kv_range(kv, &request, keep, kv, &outcome);

    assert(error == KV_OK); /* it was checked before anything was written */
    (void)error;
    kv->counters.ranges++;
    result->count = outcome.count;
    result->more = outcome.more;
}

static size_t perform_txn(struct kv *kv, const struct command_txn_body *body, size_t *path_at,
                          bool *ret_succeeded);

static void perform_op(struct kv *kv, const struct command *op, size_t *path_at)
{
    size_t at = add_result(kv, op->op);
    struct kv_op_result result = kv->ops[at];

    switch (op->op) {
    case COMMAND_PUT:
        kv_put(kv, &op->u.put);
        break;
    case COMMAND_DELETE_RANGE:
        result.count = kv_delete_range(kv, &op->u.delete_range);
        break;
    case COMMAND_RANGE:
        perform_range(kv, &op->u.range, &result);
        break;
    case COMMAND_TXN:
        result.op_count = perform_txn(kv, &op->u.txn_body, path_at, &result.succeeded);
        break;
    case COMMAND_COMPACT:
    case COMMAND_LEASE_GRANT:
    case COMMAND_LEASE_REVOKE:
    case COMMAND_LEASE_CHECKPOINT:
    case COMMAND_ALARM:
    case COMMAND_LEASE_RENEW:
    case COMMAND_LEASE_EXPIRE:
    case COMMAND_MEMBER:
    case COMMAND_LEASE_RENEWALS:
    case COMMAND_LEASE_QUESTION:
        assert(false);
    }
    result.revision = kv_revision_within(kv);
    result.pair_count = op->op == COMMAND_TXN ? 0 : kv->pair_count - result.first_pair;
    kv->ops[at] = result;
}

/* Returns the number of ops of the branch taken. */
static size_t perform_txn(struct kv *kv, const struct command_txn_body *body, size_t *path_at,
                          bool *ret_succeeded)
{
    struct reader reader;
    size_t count;

    assert(*path_at < kv->path_count);
    *ret_succeeded = kv->path[(*path_at)++] != 0;
    reader_init(&reader, body->items.data, body->items.size);
    for (size_t i = 0; i < body->compare_count; i++)
        (void)command_read_compare(&reader);
    if (!*ret_succeeded)
        skip_ops(&reader, body->success_count);
    count = *ret_succeeded ? body->success_count : body->failure_count;
    for (size_t i = 0; i < count; i++) {
        struct command op = command_read_op(&reader);

        perform_op(kv, &op, path_at);
    }
    return count;
}

enum kv_error kv_txn(struct kv *kv, const struct command_txn_body *body,
                     struct kv_result *ret_result)
{
    struct objections objections = {KV_OK, KV_OK};
    size_t path_at = 0;

    check_txn(kv, body, &objections);
    if (objections.put != KV_OK || objections.range != KV_OK)
        return objections.put != KV_OK ? objections.put : objections.range;
    ret_result->op_count = perform_txn(kv, body, &path_at, &ret_result->succeeded);
    assert(path_at == kv->path_count);
    kv->counters.txns++;
    return KV_OK;
}

/* ---- what is in it, whichever way it goes ---- */

static bool any_op(const struct command_txn_body *body, bool (*is)(const struct command *op))
{
    struct reader reader;

    reader_init(&reader, body->items.data, body->items.size);
    for (size_t i = 0; i < body->compare_count; i++)
        (void)command_read_compare(&reader);
    for (size_t i = 0; i < body->success_count + body->failure_count; i++) {
        struct command op = command_read_op(&reader);

        if (op.op == COMMAND_TXN ? any_op(&op.u.txn_body, is) : is(&op))
            return true;
    }
    return false;
}

static bool is_put(const struct command *op)
{
    return op->op == COMMAND_PUT;
}

static bool is_write(const struct command *op)
{
    return op->op != COMMAND_RANGE;
}

bool kv_txn_has_put(const struct command_txn_body *body)
{
    return any_op(body, is_put);
}

bool kv_txn_writes(const struct command_txn_body *body)
{
    return any_op(body, is_write);
}
