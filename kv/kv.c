/* SPDX-License-Identifier: MIT */
/* kv.c -- from commands to changes, and from the index to what readers see.
 *
 * A command's changes are written one by one, each with the next revision <main, sub>, and main
 * moves on when the command is over if there were any.
 */
#include "kv.h"

#include <assert.h>
#include <stdlib.h>

#include "allocator.h"
#include "checksum.h"
#include "index.h"
#include "key_index.h"
#include "store.h"

#define PREV_KVS_KEPT 64u /* room for more is given back before the next command */

struct kv {
    struct allocator allocator;
    struct store store;
    struct index index;
    int64_t revision; /* main, of the last command that changed something */
    int64_t sub;      /* changes made by the command under way */
    struct kv_pair *prev_kvs;
    size_t prev_kv_count, prev_kv_capacity;
};

/* The keys between two cursors. */
struct span {
    struct index_cursor from, to;
};

static void *libc_resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

struct kv *kv_new(const struct kv_options *options)
{
    struct allocator allocator = {.resize = libc_resize};
    struct kv *kv;

    if (options != NULL) {
        allocator.context = options->context;
        allocator.resize = options->resize != NULL ? options->resize : libc_resize;
        allocator.out_of_memory = options->out_of_memory;
    }
    kv = allocator.resize(allocator.context, NULL, sizeof(*kv));
    if (kv == NULL)
        return NULL;
    *kv = (struct kv){.allocator = allocator, .revision = 1};
    kv->allocator.bytes = sizeof(*kv);
    store_init(&kv->store, &kv->allocator);
    index_init(&kv->index, &kv->allocator, &kv->store);
    return kv;
}

static void free_prev_kvs(struct kv *kv)
{
    allocator_free(&kv->allocator, kv->prev_kvs, kv->prev_kv_capacity * sizeof(struct kv_pair));
    kv->prev_kvs = NULL;
    kv->prev_kv_capacity = 0;
}

void kv_free(struct kv *kv)
{
    if (kv == NULL)
        return;
    free_prev_kvs(kv);
    index_release(&kv->index);
    store_release(&kv->store);
    assert(kv->allocator.bytes == sizeof(*kv));
    (void)kv->allocator.resize(kv->allocator.context, kv, 0);
}

static struct kv_pair pair_of(const struct record *record)
{
    return (struct kv_pair){
        .key = record->key,
        .value = record->value,
        .create_revision = record->create_revision,
        .mod_revision = record->revision.main,
        .version = record->version,
        .lease = record->lease,
    };
}

static void keep_prev_kv(struct kv *kv, const struct record *record)
{
    if (kv->prev_kv_count == kv->prev_kv_capacity) {
        size_t capacity = kv->prev_kv_capacity == 0 ? 4 : 2 * kv->prev_kv_capacity;

        kv->prev_kvs = allocator_resize(&kv->allocator, kv->prev_kvs,
                                        kv->prev_kv_capacity * sizeof(struct kv_pair),
                                        capacity * sizeof(struct kv_pair));
        kv->prev_kv_capacity = capacity;
    }
    kv->prev_kvs[kv->prev_kv_count++] = pair_of(record);
}

/* Adds the record with the next revision. */
static uint64_t append(struct kv *kv, struct record *record)
{
    record->revision = (struct revision){.main = kv->revision + 1, .sub = kv->sub++};
    if (record->version == 1)
        record->create_revision = record->revision.main;
    return store_append(&kv->store, record);
}

static void begin(struct kv *kv)
{
    kv->prev_kv_count = 0;
    if (kv->prev_kv_capacity > PREV_KVS_KEPT)
        free_prev_kvs(kv);
    assert(kv->sub == 0);
}

static void end(struct kv *kv)
{
    if (kv->sub > 0)
        kv->revision++;
    kv->sub = 0;
}

static void put_known(struct kv *kv, struct index_cursor *cursor, struct record *record)
{
    struct key_index *key_index = index_at(&kv->index, cursor);
    bool alive = key_index_alive(*key_index);

    key_index_append(key_index, &kv->allocator, append(kv, record), false);
    if (!alive)
        index_revived(&kv->index, cursor);
}

static enum kv_error apply_put(struct kv *kv, const struct command_put *put)
{
    struct record record = {.key = put->key, .value = put->value, .version = 1};
    struct record before = {0};
    struct index_cursor cursor;
    bool known = index_seek(&kv->index, put->key, &cursor);
    bool alive = known && key_index_alive(*index_at(&kv->index, &cursor));

    if (put->lease != 0)
        return KV_LEASE_NOT_FOUND; /* none was ever granted */
    if ((put->ignore_value || put->ignore_lease) && !alive)
        return KV_KEY_NOT_FOUND;
    if (alive) {
        store_read(&kv->store, key_index_last(*index_at(&kv->index, &cursor)), &before);
        record.create_revision = before.create_revision;
        record.version = before.version + 1;
    }
    if (alive && put->prev_kv)
        keep_prev_kv(kv, &before);
    if (put->ignore_value)
        record.value = before.value;
    if (put->ignore_lease)
        record.lease = before.lease;
    if (known)
        put_known(kv, &cursor, &record);
    else
        index_insert(&kv->index, &cursor, put->key, key_index_make(append(kv, &record)));
    return KV_OK;
}

static bool from_key_on(struct kv_bytes range_end)
{
    return range_end.size == 1 && range_end.data[0] == 0;
}

/* The keys of a range in etcd's way of writing it; false if there can be none. */
static bool find_span(const struct kv *kv, struct kv_bytes key, struct kv_bytes range_end,
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

/* The next key of the span, or NULL. */
static struct key_index *span_at(const struct kv *kv, struct span *span)
{
    struct key_index *key_index = index_at(&kv->index, &span->from);

    return key_index == NULL || index_same(&span->from, &span->to) ? NULL : key_index;
}

static uint64_t apply_delete_range(struct kv *kv, const struct command_delete_range *delete_range)
{
    struct key_index *key_index;
    struct record record;
    struct span span;
    uint64_t deleted = 0;

    if (!find_span(kv, delete_range->key, delete_range->range_end, &span))
        return 0;
    for (; (key_index = span_at(kv, &span)) != NULL; index_next(&span.from)) {
        if (!key_index_alive(*key_index))
            continue;
        index_prefetch(&kv->index, &span.from);
        store_read(&kv->store, key_index_last(*key_index), &record);
        if (delete_range->prev_kv)
            keep_prev_kv(kv, &record);
        record = (struct record){.key = record.key, .tombstone = true};
        key_index_append(key_index, &kv->allocator, append(kv, &record), true);
        index_died(&kv->index, &span.from);
        deleted++;
    }
    return deleted;
}

void kv_apply(struct kv *kv, const uint8_t *data, size_t size, struct kv_result *ret_result)
{
    struct command command;

    *ret_result = (struct kv_result){.error = KV_MALFORMED};
    begin(kv);
    if (command_decode(data, size, &command)) {
        ret_result->error = KV_OK;
        switch (command.op) {
        case COMMAND_PUT:
            ret_result->error = apply_put(kv, &command.u.put);
            break;
        case COMMAND_DELETE_RANGE:
            ret_result->deleted = apply_delete_range(kv, &command.u.delete_range);
            break;
        }
    }
    end(kv);
    ret_result->revision = kv->revision;
    ret_result->prev_kvs = kv->prev_kvs;
    ret_result->prev_kv_count = kv->prev_kv_count;
}

static void show(const struct kv *kv, const struct kv_range_request *request, uint64_t position,
                 kv_visit *visit, void *context)
{
    struct record record;
    struct kv_pair pair;

    store_read(&kv->store, position, &record);
    pair = pair_of(&record);
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

enum kv_error kv_range(const struct kv *kv, const struct kv_range_request *request, kv_visit *visit,
                       void *context, struct kv_range_result *ret_result)
{
    struct span span;
    uint64_t count = 0;

    assert(request->count_only || visit != NULL);
    if (request->revision > kv->revision)
        return KV_FUTURE_REVISION;
    if (find_span(kv, request->key, request->range_end, &span)) {
        if (request->revision <= 0 || request->revision == kv->revision)
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

int64_t kv_revision(const struct kv *kv)
{
    assert(kv->revision >= 1);
    return kv->revision;
}

void kv_changes(const struct kv *kv, int64_t first_revision, kv_visit_change *visit, void *context)
{
    uint64_t position = store_seek(&kv->store, first_revision);
    struct record record;
    struct kv_change change;

    do {
        if (!store_next(&kv->store, &position, &record, NULL))
            return;
        change = (struct kv_change){
            .pair = pair_of(&record), .sub = record.revision.sub, .deleted = record.tombstone};
    } while (visit(context, &change));
}

uint64_t kv_hash(const struct kv *kv)
{
    uint64_t hash = checksum(NULL, 0, 0), position = 0;
    struct record record;
    struct kv_bytes raw;

    while (store_next(&kv->store, &position, &record, &raw))
        hash = checksum(raw.data, raw.size, hash);
    return hash;
}

void kv_stats(const struct kv *kv, struct kv_stats *ret_stats)
{
    assert(kv->index.alive <= kv->store.record_count);
    *ret_stats = (struct kv_stats){
        .keys = kv->index.alive,
        .changes = kv->store.record_count,
        .record_bytes = kv->store.record_bytes,
        .memory_bytes = kv->allocator.bytes,
    };
}

const char *kv_error_text(enum kv_error error)
{
    switch (error) {
    case KV_OK:
        return "ok";
#define ERROR_CASE(name, code, text) \
    case KV_##name:                  \
        return text;
        KV_ERROR_TABLE(ERROR_CASE)
#undef ERROR_CASE
    }
    return "unknown error";
}
