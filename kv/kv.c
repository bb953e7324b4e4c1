/* SPDX-License-Identifier: MIT */
/* kv.c -- from commands to changes.
 *
 * A command's changes are written one by one, each with the next revision <main, sub>, and main
 * moves on when the command is over if there were any.
 */
#include <assert.h>
#include <stdlib.h>

#include "kv_inside.h"

#define KEPT 64u /* elements; room for more is given back before the next command */

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
    *kv = (struct kv){.allocator = allocator, .revision = 1, .compacted = -1};
    kv->allocator.bytes = sizeof(*kv);
    store_init(&kv->store, &kv->allocator, options != NULL ? options->shelf : NULL);
    index_init(&kv->index, &kv->allocator, &kv->store);
    leases_init(&kv->leases, &kv->allocator, options != NULL ? options->seed : 0);
    members_init(&kv->members, &kv->allocator);
    return kv;
}

void *kv_grow(struct kv *kv, void *array, size_t *capacity, size_t element_size)
{
    size_t before = *capacity;

    *capacity = before == 0 ? 4 : 2 * before;
    return allocator_resize(&kv->allocator, array, before * element_size, *capacity * element_size);
}

static void free_pairs(struct kv *kv)
{
    allocator_free(&kv->allocator, kv->pairs, kv->pair_capacity * sizeof(kv->pairs[0]));
    kv->pairs = NULL;
    kv->pair_capacity = 0;
}

static void free_ops(struct kv *kv)
{
    allocator_free(&kv->allocator, kv->ops, kv->op_capacity * sizeof(kv->ops[0]));
    allocator_free(&kv->allocator, kv->path, kv->path_capacity * sizeof(kv->path[0]));
    kv->ops = NULL;
    kv->path = NULL;
    kv->op_capacity = kv->path_capacity = 0;
}

void kv_free(struct kv *kv)
{
    if (kv == NULL)
        return;
    free_pairs(kv);
    free_ops(kv);
    allocator_free(&kv->allocator, kv->alarms, kv->alarm_capacity * sizeof(kv->alarms[0]));
    members_release(&kv->members);
    leases_release(&kv->leases);
    index_release(&kv->index);
    store_release(&kv->store);
    assert(kv->allocator.bytes == sizeof(*kv));
    (void)kv->allocator.resize(kv->allocator.context, kv, 0);
}

struct kv_pair kv_pair_of(const struct record *record)
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

void kv_keep_pair(struct kv *kv, const struct kv_pair *pair)
{
    if (kv->pair_count == kv->pair_capacity)
        kv->pairs = kv_grow(kv, kv->pairs, &kv->pair_capacity, sizeof(kv->pairs[0]));
    kv->pairs[kv->pair_count++] = *pair;
}

static void keep_record(struct kv *kv, const struct record *record)
{
    struct kv_pair pair = kv_pair_of(record);

    kv_keep_pair(kv, &pair);
}

/* ---- changes ---- */

static void begin(struct kv *kv)
{
    assert(kv->sub == 0);
    kv->pair_count = kv->op_count = kv->path_count = 0;
    if (kv->pair_capacity > KEPT)
        free_pairs(kv);
    if (kv->op_capacity > KEPT || kv->path_capacity > KEPT)
        free_ops(kv);
    kv_shelve(kv);
}

static void end(struct kv *kv, struct kv_result *ret_result)
{
    if (kv->sub > 0)
        kv->revision++;
    kv->sub = 0;
    ret_result->revision = kv->revision;
    ret_result->pairs = kv->pairs;
    ret_result->pair_count = kv->pair_count;
    ret_result->ops = kv->ops;
}

int64_t kv_revision_within(const struct kv *kv)
{
    return kv->sub > 0 ? kv->revision + 1 : kv->revision;
}

/* Adds the record with the next revision. */
static uint64_t append(struct kv *kv, struct record *record)
{
    record->revision = (struct revision){.main = kv->revision + 1, .sub = kv->sub++};
    if (record->version == 1)
        record->create_revision = record->revision.main;
    return store_append(&kv->store, record);
}

static void put_known(struct kv *kv, struct index_cursor *cursor, struct record *record)
{
    struct key_index *key_index = index_at(&kv->index, cursor);
    bool alive = key_index_alive(*key_index);

    key_index_append(key_index, &kv->allocator, append(kv, record), false);
    if (!alive)
        index_revived(&kv->index, cursor);
}

static void change_lease(struct kv *kv, struct kv_bytes key, int64_t before, int64_t after)
{
    if (before == after)
        return;
    if (before != 0)
        lease_keys_remove(&leases_find(&kv->leases, before)->keys, &kv->allocator, key);
    if (after != 0)
        lease_keys_add(&leases_find(&kv->leases, after)->keys, &kv->allocator, key);
}

/* What the key is now; false if it is not there. */
static bool find_now(const struct kv *kv, struct index_cursor *cursor, bool known,
                     struct record *ret_record)
{
    const struct key_index *key_index = known ? index_at(&kv->index, cursor) : NULL;

    if (key_index == NULL || !key_index_alive(*key_index))
        return false;
    store_read(&kv->store, key_index_last(*key_index), ret_record);
    return true;
}

enum kv_error kv_check_lease(const struct kv *kv, const struct command_put *put)
{
    return put->lease != 0 && leases_find(&kv->leases, put->lease) == NULL ? KV_LEASE_NOT_FOUND
                                                                           : KV_OK;
}

enum kv_error kv_check_key(const struct kv *kv, const struct command_put *put)
{
    struct index_cursor cursor;
    struct record before;

    if (!put->ignore_value && !put->ignore_lease)
        return KV_OK;
    return find_now(kv, &cursor, index_seek(&kv->index, put->key, &cursor), &before)
               ? KV_OK
               : KV_KEY_NOT_FOUND;
}

void kv_put(struct kv *kv, const struct command_put *put)
{
    struct record record = {
        .key = put->key, .value = put->value, .lease = put->lease, .version = 1};
    struct record before = {0};
    struct index_cursor cursor;
    bool known = index_seek(&kv->index, put->key, &cursor);

    if (find_now(kv, &cursor, known, &before)) {
        record.create_revision = before.create_revision;
        record.version = before.version + 1;
        if (put->prev_kv)
            keep_record(kv, &before);
    }
    if (put->ignore_value)
        record.value = before.value;
    if (put->ignore_lease)
        record.lease = before.lease;
    kv->counters.puts++;
    kv->counters.put_bytes += put->key.size + record.value.size;
    change_lease(kv, put->key, before.lease, record.lease);
    if (known)
        put_known(kv, &cursor, &record);
    else
        index_insert(&kv->index, &cursor, put->key, key_index_make(append(kv, &record)));
}

void kv_delete_at(struct kv *kv, struct index_cursor *cursor, struct key_index *key_index,
                  struct kv_bytes key)
{
    struct record record = {.key = key, .tombstone = true};

    key_index_append(key_index, &kv->allocator, append(kv, &record), true);
    index_died(&kv->index, cursor);
}

uint64_t kv_delete_range(struct kv *kv, const struct command_delete_range *delete_range)
{
    struct key_index *key_index;
    struct record record;
    struct span span;
    uint64_t deleted = 0;

    kv->counters.deletes++;
    if (!span_find(kv, delete_range->key, delete_range->range_end, &span))
        return 0;
    for (; (key_index = span_at(kv, &span)) != NULL; index_next(&span.from)) {
        if (!key_index_alive(*key_index))
            continue;
        index_prefetch(&kv->index, &span.from);
        store_read(&kv->store, key_index_last(*key_index), &record);
        if (delete_range->prev_kv)
            keep_record(kv, &record);
        change_lease(kv, record.key, record.lease, 0);
        kv_delete_at(kv, &span.from, key_index, record.key);
        deleted++;
    }
    return deleted;
}

/* ---- alarms ---- */

/* False: there was nothing to silence. */
static bool set_alarm(struct kv *kv, const struct command_alarm *alarm)
{
    size_t at = 0;

    while (at < kv->alarm_count &&
           (kv->alarms[at].member != alarm->member || kv->alarms[at].type != alarm->type))
        at++;
    if (alarm->activate && at == kv->alarm_count) {
        if (kv->alarm_count == kv->alarm_capacity)
            kv->alarms = kv_grow(kv, kv->alarms, &kv->alarm_capacity, sizeof(kv->alarms[0]));
        kv->alarms[kv->alarm_count++] = (struct kv_alarm){alarm->member, alarm->type};
    } else if (!alarm->activate) {
        if (at == kv->alarm_count)
            return false;
        kv->alarm_count--;
        for (; at < kv->alarm_count; at++)
            kv->alarms[at] = kv->alarms[at + 1];
    }
    return true;
}

static bool rings(const struct kv *kv, enum alarm_type type)
{
    for (size_t i = 0; i < kv->alarm_count; i++)
        if (kv->alarms[i].type == type)
            return true;
    return false;
}

const struct kv_alarm *kv_alarms(const struct kv *kv, size_t *ret_count)
{
    *ret_count = kv->alarm_count;
    return kv->alarms;
}

/* What changes neither keys nor what will become of them, or is what silences an alarm. */
static bool is_always_admitted(enum command_op op)
{
    return op == COMMAND_ALARM || op == COMMAND_LEASE_RENEW || op == COMMAND_LEASE_RENEWALS ||
           op == COMMAND_LEASE_QUESTION || op == COMMAND_MEMBER;
}

/* What an alarm forbids: nearly everything if the members disagree, what takes room if there is
 * none. */
static enum kv_error admit(const struct kv *kv, const struct command *command)
{
    if (kv->alarm_count == 0 || is_always_admitted(command->op))
        return KV_OK;
    if (rings(kv, ALARM_CORRUPT))
        return KV_CORRUPT;
    if (command->op == COMMAND_PUT || command->op == COMMAND_LEASE_GRANT ||
        (command->op == COMMAND_TXN && kv_txn_has_put(&command->u.txn_body)))
        return KV_NO_SPACE;
    return KV_OK;
}

/* ---- commands ---- */

static enum kv_error perform(struct kv *kv, const struct command *command,
                             struct kv_result *ret_result)
{
    enum kv_error error;

    switch (command->op) {
    case COMMAND_PUT:
        error = kv_check_lease(kv, &command->u.put);
        if (error == KV_OK)
            error = kv_check_key(kv, &command->u.put);
        if (error == KV_OK)
            kv_put(kv, &command->u.put);
        return error;
    case COMMAND_DELETE_RANGE:
        ret_result->deleted = kv_delete_range(kv, &command->u.delete_range);
        return KV_OK;
    case COMMAND_TXN:
        return kv_txn(kv, &command->u.txn_body, ret_result);
    case COMMAND_COMPACT:
        return kv_compact(kv,
                          command->u.compact > INT64_MAX ? INT64_MAX : (int64_t)command->u.compact);
    case COMMAND_LEASE_GRANT:
        return kv_lease_grant(kv, &command->u.lease_grant);
    case COMMAND_LEASE_REVOKE:
        return kv_lease_revoke(kv, command->u.lease_revoke, &ret_result->deleted);
    case COMMAND_LEASE_CHECKPOINT:
        kv_lease_checkpoint(kv, &command->u.checkpoint);
        return KV_OK;
    case COMMAND_ALARM:
        ret_result->succeeded = set_alarm(kv, &command->u.alarm);
        return KV_OK;
    case COMMAND_LEASE_RENEW:
        return kv_lease_renew(kv, command->u.lease_renew);
    case COMMAND_LEASE_EXPIRE:
        return kv_lease_expire(kv, &command->u.lease_expire, &ret_result->deleted);
    case COMMAND_LEASE_RENEWALS:
        kv_lease_renewals(kv, &command->u.lease_ids);
        return KV_OK;
    case COMMAND_LEASE_QUESTION:
        return KV_OK;
    case COMMAND_MEMBER:
        members_set(&kv->members, &command->u.member);
        return KV_OK;
    case COMMAND_RANGE:
        break;
    }
    return KV_MALFORMED;
}

void kv_apply(struct kv *kv, const uint8_t *data, size_t size, struct kv_result *ret_result)
{
    struct command command;

    *ret_result = (struct kv_result){.error = KV_MALFORMED};
    begin(kv);
    if (command_decode(data, size, &command)) {
        ret_result->error = admit(kv, &command);
        if (ret_result->error == KV_OK)
            ret_result->error = perform(kv, &command, ret_result);
    }
    end(kv, ret_result);
}

void kv_query(struct kv *kv, const uint8_t *data, size_t size, struct kv_result *ret_result)
{
    struct command command;

    *ret_result = (struct kv_result){.error = KV_MALFORMED};
    begin(kv);
    if (command_decode(data, size, &command) && command.op == COMMAND_TXN &&
        !kv_txn_writes(&command.u.txn_body))
        ret_result->error = kv_txn(kv, &command.u.txn_body, ret_result);
    assert(kv->sub == 0);
    end(kv, ret_result);
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
            .pair = kv_pair_of(&record), .sub = record.revision.sub, .deleted = record.tombstone};
    } while (visit(context, &change));
}

const struct kv_member *kv_members(const struct kv *kv, size_t *ret_count)
{
    *ret_count = kv->members.count;
    return kv->members.all;
}

const struct kv_counters *kv_counters(const struct kv *kv)
{
    return &kv->counters;
}

void kv_stats(const struct kv *kv, struct kv_stats *ret_stats)
{
    assert(kv->index.alive <= kv->store.record_count);
    *ret_stats = (struct kv_stats){
        .keys = kv->index.alive,
        .changes = kv->store.record_count,
        .record_bytes = kv->store.record_bytes,
        .memory_bytes = kv->allocator.bytes,
        .shelved_bytes = kv->store.shelved_bytes,
        .leases = kv->leases.count,
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
