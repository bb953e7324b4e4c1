/* SPDX-License-Identifier: MIT */
/* watch.c -- an interval tree as a treap: ordered by beginning and end, a heap by a hash of them,
 * so that its shape depends on what is in it and not on how it came there. The hash has a seed, or
 * else who knows it could choose ranges that make a chain of the tree.
 */
#include "watch.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "checksum.h"
#include "index_leaf.h"

/* Where a range ends: before the bytes, just past them, or never. */
enum end_kind { END_BEFORE, END_PAST, END_NEVER };

struct end {
    struct kv_bytes bytes;
    enum end_kind kind;
};

struct watch_range {
    struct watch_range *left, *right;
    const struct watch_range *furthest; /* of this one and those below, the one that ends last */
    struct watch *watches;
    uint64_t priority;
    struct kv_bytes begin;
    struct end end;
    size_t size; /* of the bytes that follow */
    uint8_t bytes[];
};

void watch_set_init(struct watch_set *set, struct allocator *allocator)
{
    *set = (struct watch_set){.allocator = allocator};
}

static struct end end_of(struct kv_bytes key, struct kv_bytes range_end)
{
    if (range_end.size == 0)
        return (struct end){key, END_PAST};
    if (range_end.size == 1 && range_end.data[0] == 0)
        return (struct end){{NULL, 0}, END_NEVER};
    return (struct end){range_end, END_BEFORE};
}

static int compare_ends(const struct end *a, const struct end *b)
{
    int order = 0;

    if (a->kind != END_NEVER && b->kind != END_NEVER)
        order = key_compare(a->bytes, b->bytes);
    return order != 0 ? order : (int)a->kind - (int)b->kind;
}

/* Does a range that ends there leave the key out? */
static bool ends_before(const struct end *end, struct kv_bytes key)
{
    int order = end->kind == END_NEVER ? 1 : key_compare(end->bytes, key);

    return end->kind == END_PAST ? order < 0 : order <= 0;
}

static int compare_ranges(const struct watch_range *range, struct kv_bytes begin,
                          const struct end *end)
{
    int order = key_compare(range->begin, begin);

    return order != 0 ? order : compare_ends(&range->end, end);
}

/* ---- the treap ---- */

static void measure(struct watch_range *range)
{
    const struct watch_range *below[] = {range->left, range->right};

    range->furthest = range;
    for (size_t i = 0; i < 2; i++)
        if (below[i] != NULL && compare_ends(&below[i]->furthest->end, &range->furthest->end) > 0)
            range->furthest = below[i]->furthest;
}

/* Parts a tree at a place where no range is: what is before it, and what comes after. */
static void split(struct watch_range *tree, struct kv_bytes begin, const struct end *end,
                  struct watch_range **ret_before, struct watch_range **ret_after)
{
    if (tree == NULL) {
        *ret_before = *ret_after = NULL;
    } else if (compare_ranges(tree, begin, end) < 0) {
        split(tree->right, begin, end, &tree->right, ret_after);
        *ret_before = tree;
        measure(tree);
    } else {
        split(tree->left, begin, end, ret_before, &tree->left);
        *ret_after = tree;
        measure(tree);
    }
}

/* One tree of two, all of the first before all of the second. */
static struct watch_range *join(struct watch_range *first, struct watch_range *second)
{
    if (first == NULL || second == NULL)
        return first == NULL ? second : first;
    if (first->priority > second->priority) {
        first->right = join(first->right, second);
        measure(first);
        return first;
    }
    second->left = join(first, second->left);
    measure(second);
    return second;
}

static struct watch_range *find(const struct watch_set *set, struct kv_bytes begin,
                                const struct end *end)
{
    struct watch_range *range = set->root;
    int order;

    while (range != NULL && (order = compare_ranges(range, begin, end)) != 0)
        range = order < 0 ? range->right : range->left;
    return range;
}

static struct watch_range *add_range(struct watch_set *set, struct kv_bytes key,
                                     struct kv_bytes range_end)
{
    size_t size = key.size + range_end.size;
    struct watch_range *range = allocator_new(set->allocator, sizeof(*range) + size);
    struct watch_range *before, *after;

    *range = (struct watch_range){.size = size, .begin = {range->bytes, key.size}};
    if (key.size > 0)
        memcpy(range->bytes, key.data, key.size);
    if (range_end.size > 0)
        memcpy(range->bytes + key.size, range_end.data, range_end.size);
    range->end = end_of(range->begin, (struct kv_bytes){range->bytes + key.size, range_end.size});
    range->priority = checksum(range->bytes, size, set->seed + key.size);
    measure(range);
    split(set->root, range->begin, &range->end, &before, &after);
    set->root = join(join(before, range), after);
    set->range_count++;
    return range;
}

/* Takes the range out of the tree below *place, and measures what was above it anew. */
static void unlink_range(struct watch_range **place, struct watch_range *range)
{
    struct watch_range *here = *place;

    assert(here != NULL);
    if (here == range) {
        *place = join(range->left, range->right);
        return;
    }
    unlink_range(compare_ranges(here, range->begin, &range->end) < 0 ? &here->right : &here->left,
                 range);
    measure(here);
}

/* ---- watches ---- */

void watch_add(struct watch_set *set, struct watch *watch, struct kv_bytes key,
               struct kv_bytes range_end)
{
    struct end end = end_of(key, range_end);
    struct watch_range *range = find(set, key, &end);

    assert(!ends_before(&end, key));
    if (range == NULL)
        range = add_range(set, key, range_end);
    *watch = (struct watch){.range = range, .next = range->watches, .link = &range->watches};
    if (range->watches != NULL)
        range->watches->link = &watch->next;
    range->watches = watch;
    set->watch_count++;
}

void watch_remove(struct watch_set *set, struct watch *watch)
{
    struct watch_range *range = watch->range;

    assert(set->watch_count > 0);
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    watch->range = NULL;
    set->watch_count--;
    if (range->watches != NULL)
        return;
    unlink_range(&set->root, range);
    allocator_free(set->allocator, range, sizeof(*range) + range->size);
    set->range_count--;
}

static void visit_range(struct watch_range *range,
                        void (*visit)(void *context, struct watch *watch), void *context)
{
    struct watch *watch = range->watches;

    while (watch != NULL) {
        struct watch *next = watch->next;

        visit(context, watch);
        watch = next;
    }
}

/* Ranges to the right begin no earlier, so that behind one that begins past the key none is. A
 * range is visited after those below it: it may be gone then, and with it the shape of the tree. */
static void visit_below(struct watch_range *range, struct kv_bytes key,
                        void (*visit)(void *context, struct watch *watch), void *context)
{
    bool begun;

    if (range == NULL || ends_before(&range->furthest->end, key))
        return;
    begun = key_compare(range->begin, key) <= 0;
    visit_below(range->left, key, visit, context);
    if (begun)
        visit_below(range->right, key, visit, context);
    if (begun && !ends_before(&range->end, key))
        visit_range(range, visit, context);
}

void watch_visit(const struct watch_set *set, struct kv_bytes key,
                 void (*visit)(void *context, struct watch *watch), void *context)
{
    visit_below(set->root, key, visit, context);
}
