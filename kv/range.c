/* SPDX-License-Identifier: MIT */
/* range.c -- what readers see: keys between two ends, now or at a revision of the past. */
#include <assert.h>

#include "kv_inside.h"

enum kv_error kv_check_revision(const struct kv *kv, int64_t revision)
{
    if (revision <= 0)
        return KV_OK;
    if (revision > kv->revision)
        return KV_FUTURE_REVISION;
    return revision < kv->compacted ? KV_COMPACTED : KV_OK;
}

static bool from_key_on(struct kv_bytes range_end)
{
    return range_end.size == 1 && range_end.data[0] == 0;
}

bool span_find(const struct kv *kv, struct kv_bytes key, struct kv_bytes range_end,
               struct span *ret_span)
{
    bool found = index_seek(&kv->index, key, &ret_span->from);

    (void)index_at(&kv->index, &ret_span->from);
    if (range_end.size == 0) {
        ret_span->to = ret_span->from;
        if (found)
            index_next(&ret_span->to);
    } else if (from_key_on(range_end)) {
        index_end(&kv->index, &ret_span->to);
    } else {
        if (key_compare(key, range_end) >= 0)
            return false;
        (void)index_seek(&kv->index, range_end, &ret_span->to);
    }
    (void)index_at(&kv->index, &ret_span->to);
    return true;
}

struct key_index *span_at(const struct kv *kv, struct span *span)
{
    struct key_index *key_index = index_at(&kv->index, &span->from);

    return key_index == NULL || index_same(&span->from, &span->to) ? NULL : key_index;
}

static void show(const struct kv *kv, const struct kv_range_request *request, uint64_t position,
                 kv_visit *visit, void *context)
{
    struct record record;
    struct kv_pair pair;

    store_read(&kv->store, position, &record);
    pair = kv_pair_of(&record);
    if (request->keys_only)
        pair.value = (struct kv_bytes){NULL, 0};
    visit(context, &pair);
}

/* The number of pairs to hand out. */
static uint64_t wanted(const struct kv_range_request *request)
{
    if (request->count_only)
        return 0;
    return request->limit > 0 ? request->limit : UINT64_MAX;
}

/* Hands out what is there now; returns the count, which takes no walk past the last pair handed
 * out. */
static uint64_t range_now(const struct kv *kv, const struct kv_range_request *request,
                          struct span *span, kv_visit *visit, void *context)
{
    uint64_t count = 0, left = wanted(request);
    struct key_index *key_index;

    for (; left > 0 && (key_index = span_at(kv, span)) != NULL; index_next(&span->from)) {
        if (!key_index_alive(*key_index))
            continue;
        index_prefetch(&kv->index, &span->from);
        show(kv, request, key_index_last(*key_index), visit, context);
        count++;
        left--;
    }
    if (span_at(kv, span) != NULL)
        count += index_alive_before(&kv->index, &span->to) -
                 index_alive_before(&kv->index, &span->from);
    return count;
}

static uint64_t range_past(const struct kv *kv, const struct kv_range_request *request,
                           struct span *span, kv_visit *visit, void *context)
{
    struct horizon horizon = store_horizon(&kv->store, request->revision);
    uint64_t count = 0, position;
    uint64_t left = wanted(request);
    struct key_index *key_index;

    for (; (key_index = span_at(kv, span)) != NULL; index_next(&span->from)) {
        if (!key_index_get(*key_index, &kv->store, &horizon, &position))
            continue;
        if (count++ < left)
            show(kv, request, position, visit, context);
    }
    return count;
}

/* In the midst of a txn, the present has changes that its own revision has not. */
static bool is_now(const struct kv *kv, int64_t revision)
{
    return revision <= 0 || (revision == kv->revision && kv->sub == 0);
}

enum kv_error kv_range(const struct kv *kv, const struct kv_range_request *request, kv_visit *visit,
                       void *context, struct kv_range_result *ret_result)
{
    enum kv_error error = kv_check_revision(kv, request->revision);
    struct span span;
    uint64_t count = 0;

    assert(request->count_only || visit != NULL);
    if (error != KV_OK)
        return error;
    if (span_find(kv, request->key, request->range_end, &span)) {
        if (is_now(kv, request->revision))
            count = range_now(kv, request, &span, visit, context);
        else
            count = range_past(kv, request, &span, visit, context);
    }
    *ret_result = (struct kv_range_result){
        .count = count,
        .more = !request->count_only && request->limit > 0 && count > request->limit,
    };
    return KV_OK;
}
