/* SPDX-License-Identifier: MIT */
/* txn_duplicates.c -- each branch tells what it puts and deletes, those of the txns within
 * included. As in etcd, a put is held against the puts met before and against the deletions of its
 * own level and of the txns before it; levels are gone through deletions first, then txns, then
 * puts.
 *
 * Other than etcd, a deletion "from key on" counts for what it deletes: etcd takes its end by the
 * byte, lets such txns pass, and may fall over them.
 *
 * The lists are searched from end to end: the bound of ops of all levels holds for them.
 */
#include "txn_duplicates.h"

#include <string.h>

#include "index_leaf.h"

struct touched { /* a key that is put, or a range that is deleted */
    struct touched *next;
    struct kv_bytes key, range_end;
};

struct branch {
    struct touched *puts, *deletes;
};

struct search {
    struct arena *arena;
    bool found;
};

static void add(struct search *search, struct touched **list, struct kv_bytes key,
                struct kv_bytes range_end)
{
    struct touched *touched = arena_alloc(search->arena, sizeof(*touched));

    if (touched == NULL)
        return;
    *touched = (struct touched){*list, key, range_end};
    *list = touched;
}

static bool is_put(const struct touched *puts, struct kv_bytes key)
{
    for (; puts != NULL; puts = puts->next)
        if (key_compare(puts->key, key) == 0)
            return true;
    return false;
}

static bool holds(const struct touched *range, struct kv_bytes key)
{
    if (range->range_end.size == 0)
        return key_compare(range->key, key) == 0;
    if (key_compare(range->key, key) > 0)
        return false;
    return (range->range_end.size == 1 && range->range_end.data[0] == 0) ||
           key_compare(key, range->range_end) < 0;
}

static bool is_deleted(const struct touched *deletes, struct kv_bytes key)
{
    for (; deletes != NULL; deletes = deletes->next)
        if (holds(deletes, key))
            return true;
    return false;
}

static struct branch look(struct search *search, const struct command *ops, size_t count);

/* other: what the txn's other branch puts, which may be the same. No key is listed twice. */
static void take_puts(struct search *search, struct branch *branch, const struct touched *puts,
                      const struct touched *other)
{
    for (; puts != NULL; puts = puts->next) {
        bool twice = is_put(branch->puts, puts->key);

        if ((twice && !is_put(other, puts->key)) || is_deleted(branch->deletes, puts->key))
            search->found = true;
        if (!twice)
            add(search, &branch->puts, puts->key, (struct kv_bytes){NULL, 0});
    }
}

static void take_deletes(struct search *search, struct branch *branch,
                         const struct touched *deletes)
{
    for (; deletes != NULL; deletes = deletes->next)
        add(search, &branch->deletes, deletes->key, deletes->range_end);
}

static void look_within(struct search *search, struct branch *branch, const struct command_txn *txn)
{
    struct branch success = look(search, txn->success, txn->success_count);
    struct branch failure = look(search, txn->failure, txn->failure_count);

    take_puts(search, branch, success.puts, NULL);
    take_puts(search, branch, failure.puts, success.puts);
    take_deletes(search, branch, success.deletes);
    take_deletes(search, branch, failure.deletes);
}

static struct branch look(struct search *search, const struct command *ops, size_t count)
{
    struct branch branch = {0};

    for (size_t i = 0; i < count; i++)
        if (ops[i].op == COMMAND_DELETE_RANGE)
            add(search, &branch.deletes, ops[i].u.delete_range.key,
                ops[i].u.delete_range.range_end);
    for (size_t i = 0; i < count && !search->found; i++)
        if (ops[i].op == COMMAND_TXN)
            look_within(search, &branch, &ops[i].u.txn);
    for (size_t i = 0; i < count && !search->found; i++) {
        if (ops[i].op != COMMAND_PUT)
            continue;
        search->found = is_put(branch.puts, ops[i].u.put.key) ||
                        is_deleted(branch.deletes, ops[i].u.put.key);
        add(search, &branch.puts, ops[i].u.put.key, (struct kv_bytes){NULL, 0});
    }
    return branch;
}

bool txn_has_duplicates(struct arena *arena, const struct command_txn *txn)
{
    struct search search = {.arena = arena};

    (void)look(&search, txn->success, txn->success_count);
    if (!search.found)
        (void)look(&search, txn->failure, txn->failure_count);
    return search.found;
}
