/* SPDX-License-Identifier: MIT */
/* txn_duplicates.c -- each branch tells what it puts and deletes, those of the txns within
 * included. As in etcd, a put is held against the puts met before and against the deletions of its
 * own level and of the txns before it; levels are gone through deletions first, then txns, then
 * puts.
 *
 * Other than etcd, a deletion "from key on" counts for what it deletes: etcd takes its end by the
 * byte, lets such txns pass, and may fall over them.
 *
 * All keys that are put anywhere are sorted once, and go by their numbers from then on: what a branch
 * puts, or deletes of them, is a set of bits. So the work is in proportion to the ops, however they
 * are nested.
 */
#include "txn_duplicates.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index_leaf.h"

#define WORD_BITS 64u

struct set {          /* of numbers of keys */
    struct set *next; /* of those that are free */
    uint64_t words[];
};

struct branch {
    struct set *puts, *deletes;
};

struct search {
    struct arena *arena;
    struct kv_bytes *keys; /* that are put, in order, each once */
    size_t key_count;
    struct set *free;
    bool found;
};

/* ---- keys ---- */

static size_t count_puts(const struct command *ops, size_t count)
{
    size_t puts = 0;

    for (size_t i = 0; i < count; i++) {
        const struct command_txn *txn = &ops[i].u.txn;

        if (ops[i].op == COMMAND_PUT)
            puts++;
        else if (ops[i].op == COMMAND_TXN)
            puts += count_puts(txn->success, txn->success_count) +
                    count_puts(txn->failure, txn->failure_count);
    }
    return puts;
}

static void gather_keys(struct search *search, const struct command *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct command_txn *txn = &ops[i].u.txn;

        if (ops[i].op == COMMAND_PUT) {
            search->keys[search->key_count++] = ops[i].u.put.key;
        } else if (ops[i].op == COMMAND_TXN) {
            gather_keys(search, txn->success, txn->success_count);
            gather_keys(search, txn->failure, txn->failure_count);
        }
    }
}

static int compare(const void *a, const void *b)
{
    return key_compare(*(const struct kv_bytes *)a, *(const struct kv_bytes *)b);
}

static void sort_keys(struct search *search)
{
    size_t kept = 0;

    qsort(search->keys, search->key_count, sizeof(search->keys[0]), compare);
    for (size_t i = 0; i < search->key_count; i++)
        if (kept == 0 || key_compare(search->keys[kept - 1], search->keys[i]) != 0)
            search->keys[kept++] = search->keys[i];
    search->key_count = kept;
}

/* How many of the keys are before this one. */
static size_t number_of(const struct search *search, struct kv_bytes key)
{
    size_t low = 0, high = search->key_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (key_compare(search->keys[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- sets ---- */

static size_t word_count(const struct search *search)
{
    return (search->key_count + WORD_BITS - 1) / WORD_BITS;
}

/* An empty one; NULL: the arena is exhausted. */
static struct set *take_set(struct search *search)
{
    struct set *set = search->free;
    size_t size = word_count(search) * sizeof(set->words[0]);

    if (set != NULL)
        search->free = set->next;
    else
        set = arena_alloc(search->arena, sizeof(*set) + size);
    if (set != NULL)
        memset(set->words, 0, size);
    return set;
}

static void give_set(struct search *search, struct set *set)
{
    if (set == NULL)
        return;
    set->next = search->free;
    search->free = set;
}

static void set_add(struct set *set, size_t from, size_t to)
{
    while (from < to) {
        if (from % WORD_BITS == 0 && to - from >= WORD_BITS) {
            set->words[from / WORD_BITS] = UINT64_MAX;
            from += WORD_BITS;
        } else {
            set->words[from / WORD_BITS] |= UINT64_C(1) << from % WORD_BITS;
            from++;
        }
    }
}

static bool set_has(const struct set *set, size_t number)
{
    return (set->words[number / WORD_BITS] >> number % WORD_BITS & 1) != 0;
}

/* ---- branches ---- */

static void add_deletion(const struct search *search, struct branch *branch,
                         const struct command_delete_range *range)
{
    const struct kv_bytes *end = &range->range_end;
    size_t from = number_of(search, range->key), to = search->key_count;

    if (end->size == 0)
        to = from < to && key_compare(search->keys[from], range->key) == 0 ? from + 1 : from;
    else if (end->size > 1 || end->data[0] != 0)
        to = number_of(search, *end);
    set_add(branch->deletes, from, to);
}

static void add_put(struct search *search, struct branch *branch, struct kv_bytes key)
{
    size_t number = number_of(search, key);

    search->found = search->found || set_has(branch->puts, number) ||
                    set_has(branch->deletes, number);
    set_add(branch->puts, number, number + 1);
}

/* other: what the txn's other branch puts, which may be the same; NULL: it was not looked at yet. */
static void add_branch(struct search *search, struct branch *branch, const struct branch *within,
                       const struct branch *other)
{
    for (size_t i = 0; i < word_count(search); i++) {
        uint64_t puts = within->puts->words[i];
        uint64_t twice = puts & branch->puts->words[i];

        if (other != NULL)
            twice &= ~other->puts->words[i];
        if (twice != 0 || (puts & branch->deletes->words[i]) != 0)
            search->found = true;
        branch->puts->words[i] |= puts;
    }
}

static void add_deletes(const struct search *search, struct branch *branch,
                        const struct branch *within)
{
    for (size_t i = 0; i < word_count(search); i++)
        branch->deletes->words[i] |= within->deletes->words[i];
}

static bool is_there(const struct branch *branch)
{
    return branch->puts != NULL && branch->deletes != NULL;
}

static void forget(struct search *search, struct branch *branch)
{
    give_set(search, branch->puts);
    give_set(search, branch->deletes);
}

static struct branch look(struct search *search, const struct command *ops, size_t count);

static void look_within(struct search *search, struct branch *branch, const struct command_txn *txn)
{
    struct branch success = look(search, txn->success, txn->success_count);
    struct branch failure = look(search, txn->failure, txn->failure_count);

    if (is_there(&success) && is_there(&failure)) {
        add_branch(search, branch, &success, NULL);
        add_branch(search, branch, &failure, &success);
        add_deletes(search, branch, &success);
        add_deletes(search, branch, &failure);
    }
    forget(search, &success);
    forget(search, &failure);
}

static struct branch look(struct search *search, const struct command *ops, size_t count)
{
    struct branch branch = {take_set(search), take_set(search)};

    if (!is_there(&branch))
        return branch;
    for (size_t i = 0; i < count; i++)
        if (ops[i].op == COMMAND_DELETE_RANGE)
            add_deletion(search, &branch, &ops[i].u.delete_range);
    for (size_t i = 0; i < count && !search->found; i++)
        if (ops[i].op == COMMAND_TXN)
            look_within(search, &branch, &ops[i].u.txn);
    for (size_t i = 0; i < count && !search->found; i++)
        if (ops[i].op == COMMAND_PUT)
            add_put(search, &branch, ops[i].u.put.key);
    return branch;
}

static void look_at_branch(struct search *search, const struct command *ops, size_t count)
{
    struct branch branch = look(search, ops, count);

    forget(search, &branch);
}

bool txn_has_duplicates(struct arena *arena, const struct command_txn *txn)
{
    struct search search = {.arena = arena};
    size_t puts = count_puts(txn->success, txn->success_count) +
                  count_puts(txn->failure, txn->failure_count);

    if (puts == 0)
        return false;
    search.keys = arena_alloc(arena, puts * sizeof(search.keys[0]));
    if (search.keys == NULL)
        return false;
    gather_keys(&search, txn->success, txn->success_count);
    gather_keys(&search, txn->failure, txn->failure_count);
    assert(search.key_count == puts);
    sort_keys(&search);
    look_at_branch(&search, txn->success, txn->success_count);
    if (!search.found)
        look_at_branch(&search, txn->failure, txn->failure_count);
    return search.found;
}
