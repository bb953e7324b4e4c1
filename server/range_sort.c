/* SPDX-License-Identifier: MIT */
/* range_sort.c -- see range_sort.h. A pair borrows its bytes from the store, which does not change
 * meanwhile. */
#include "range_sort.h"

struct gathering {
    const struct range_request *request;
    struct byte_buffer *pairs; /* of struct kv_pair */
};

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

static void gather(void *context, const struct kv_pair *pair)
{
    struct gathering *gathering = context;
    const struct range_request *request = gathering->request;

    if (within(pair->mod_revision, request->min_mod_revision, request->max_mod_revision) &&
        within(pair->create_revision, request->min_create_revision, request->max_create_revision))
        byte_buffer_append(gathering->pairs, pair, sizeof(*pair));
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

enum kv_error range_sorted(const struct kv *kv, const struct range_request *request,
                           struct byte_buffer *scratch, kv_visit *visit, void *context,
                           struct kv_range_result *ret_result)
{
    struct gathering gathering = {request, scratch};
    struct kv_range_request all = {
        .key = request->key, .range_end = request->range_end, .revision = request->revision};
    enum kv_error error;
    struct kv_pair *pairs;
    size_t count;

    /* etcd has it so: without an order the limit is that of the keys, which are then ordered among
     * themselves. */
    if (request->sort_order == SORT_NONE && !has_bounds(request) && request->limit > 0)
        all.limit = (uint64_t)request->limit + 1;
    error = kv_range(kv, &all, gather, &gathering, ret_result);
    pairs = (struct kv_pair *)(void *)scratch->data;
    count = scratch->size / sizeof(*pairs);
    if (error != KV_OK || count == 0 || scratch->failed)
        return error;
    qsort_r(pairs, count, sizeof(*pairs), compare_pairs, (void *)(uintptr_t)request);
    ret_result->more = request->limit > 0 && count > (uint64_t)request->limit;
    if (ret_result->more)
        count = (size_t)request->limit;
    for (size_t i = 0; i < count; i++)
        visit(context, &pairs[i]);
    return KV_OK;
}
