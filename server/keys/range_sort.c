/* SPDX-License-Identifier: MIT */
/* range_sort.c -- see range_sort.h. A pair borrows its bytes from the store, which does not change
 * meanwhile. */
#include "range_sort.h"

static bool has_bounds(const struct range_request *request)
{
    return request->min_mod_revision != 0 || request->max_mod_revision != 0 ||
           request->min_create_revision != 0 || request->max_create_revision != 0;
}

bool range_is_sorted(const struct range_request *request)
{
    /* Keys come in ascending order anyhow. */
    bool by_key = request->sort_target == SORT_KEY && request->sort_order != SORT_DESCEND;

    return !by_key || has_bounds(request);
}

static bool within(int64_t revision, int64_t min, int64_t max)
{
    return (min == 0 || revision >= min) && (max == 0 || revision <= max);
}

static bool is_within(const struct range_request *request, const struct kv_pair *pair)
{
    return within(pair->mod_revision, request->min_mod_revision, request->max_mod_revision) &&
           within(pair->create_revision, request->min_create_revision,
                  request->max_create_revision);
}

static void gather(void *context, const struct kv_pair *pair)
{
    byte_buffer_append(context, pair, sizeof(*pair));
}

static int compare_bytes(struct kv_bytes a, struct kv_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_targets(const struct kv_pair *a, const struct kv_pair *b,
                           enum sort_target target)
{
    switch (target) {
    case SORT_KEY:
        return compare_bytes(a->key, b->key);
    case SORT_VERSION:
        return compare_numbers(a->version, b->version);
    case SORT_CREATE:
        return compare_numbers(a->create_revision, b->create_revision);
    case SORT_MOD:
        return compare_numbers(a->mod_revision, b->mod_revision);
    case SORT_VALUE:
        return compare_bytes(a->value, b->value);
    }
    assert(false);
    return 0;
}

static int compare_pairs(const void *left, const void *right, void *context)
{
    const struct range_request *request = context;
    const struct kv_pair *a = left, *b = right;
    int order = compare_targets(a, b, (enum sort_target)request->sort_target);

    if (request->sort_order == SORT_DESCEND)
        order = -order;
    return order != 0 ? order : compare_bytes(a->key, b->key);
}

uint64_t range_fetch_limit(const struct range_request *request)
{
    uint64_t limit = request->limit > 0 ? (uint64_t)request->limit : 0;

    if (!range_is_sorted(request))
        return limit;
    /* etcd has it so: without an order the limit is that of the keys, which are then ordered among
     * themselves. */
    return request->sort_order == SORT_NONE && !has_bounds(request) && limit > 0 ? limit + 1 : 0;
}

size_t range_arrange(const struct range_request *request, struct kv_pair *pairs, size_t count,
                     bool *ret_more)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (is_within(request, &pairs[i]))
            pairs[kept++] = pairs[i];
    if (kept > 0)
        qsort_r(pairs, kept, sizeof(*pairs), compare_pairs, (void *)(uintptr_t)request);
    *ret_more = request->limit > 0 && kept > (uint64_t)request->limit;
    return *ret_more ? (size_t)request->limit : kept;
}

enum kv_error range_sorted(const struct kv *kv, const struct range_request *request,
                           struct byte_buffer *scratch, kv_visit *visit, void *context,
                           struct kv_range_result *ret_result)
{
    struct kv_range_request all = {.key = request->key,
                                   .range_end = request->range_end,
                                   .limit = range_fetch_limit(request),
                                   .revision = request->revision};
    enum kv_error error = kv_range(kv, &all, gather, scratch, ret_result);
    struct kv_pair *pairs = (struct kv_pair *)(void *)scratch->data;
    size_t count;

    if (error != KV_OK || scratch->failed)
        return error;
    count = range_arrange(request, pairs, scratch->size / sizeof(*pairs), &ret_result->more);
    for (size_t i = 0; i < count; i++)
        visit(context, &pairs[i]);
    return KV_OK;
}
