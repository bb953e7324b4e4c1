/* SPDX-License-Identifier: MIT */
/* snapshot_load.c -- the loader: a store from what the reader hands out.
 *
 * The records come in the order in which the store keeps them. Each is held against what there is of
 * its key: a store that contradicts itself would fall over it later. Which keys hang on which lease
 * is told by the latest record of each key, at the end.
 */
#include <stdlib.h>

#include "kv_inside.h"
#include "snapshot.h"

struct snapshot_loader {
    struct snapshot_reader *reader;
    struct kv *kv;
    const char *reason; /* of what only the whole shows; NULL: none */
};

static const char *take_header(void *context, const struct snapshot_header *header)
{
    struct kv *kv = ((struct snapshot_loader *)context)->kv;

    kv->revision = header->revision;
    kv->compacted = header->compacted;
    kv->trimmed = header->compacted + 1;
    kv->lease_stamp = header->lease_stamp;
    kv->leases_begun = header->leases_begun;
    return NULL;
}

static const char *take_member(void *context, const struct command_member *member)
{
    struct kv *kv = ((struct snapshot_loader *)context)->kv;

    members_set(&kv->members, member);
    return NULL;
}

static const char *take_alarm(void *context, const struct kv_alarm *alarm)
{
    struct kv *kv = ((struct snapshot_loader *)context)->kv;
    struct command command = {.op = COMMAND_ALARM, .u.alarm = {alarm->member, alarm->type, true}};
    uint8_t room[64];
    size_t size = command_size(&command), count = kv->alarm_count;
    struct kv_result result;

    assert(size <= sizeof(room));
    command_encode(&command, room, size);
    kv_apply(kv, room, size, &result);
    assert(result.error == KV_OK);
    return kv->alarm_count == count + 1 ? NULL : "an alarm is there twice";
}

static const char *take_lease(void *context, const struct snapshot_lease *lease)
{
    struct kv *kv = ((struct snapshot_loader *)context)->kv;
    struct lease *added = leases_add(&kv->leases, lease->id, lease->granted);

    added->remaining = lease->remaining;
    added->stamp = lease->stamp;
    return NULL;
}

/* ---- records ---- */

static struct record record_of(const struct kv_change *change)
{
    return (struct record){.revision = {.main = change->pair.mod_revision, .sub = change->sub},
                           .key = change->pair.key,
                           .value = change->pair.value,
                           .create_revision = change->pair.create_revision,
                           .version = change->pair.version,
                           .lease = change->pair.lease,
                           .tombstone = change->deleted};
}

/* The first that is known of its key. What came before it may have been given up; not so after the
 * compaction. */
static const char *add_first(struct kv *kv, struct index_cursor *cursor,
                             const struct record *record)
{
    bool created = record->version == 1 && !record->tombstone;

    if (!created && record->revision.main > kv->compacted)
        return "a record follows on one that is not there";
    if (record->tombstone && record->revision.main < kv->compacted)
        return "a record is of no use to anybody";
    index_insert(&kv->index, cursor, record->key, key_index_make(store_append(&kv->store, record)));
    if (record->tombstone) {
        (void)index_seek(&kv->index, record->key, cursor);
        key_index_bury(index_at(&kv->index, cursor));
        index_died(&kv->index, cursor);
    }
    return NULL;
}

static const char *add_next(struct kv *kv, struct index_cursor *cursor, const struct record *record)
{
    struct key_index *key_index = index_at(&kv->index, cursor);
    bool alive = key_index_alive(*key_index);
    struct record before = {0};

    if (record->revision.main <= kv->compacted)
        return "a record is of no use to anybody";
    if (alive)
        store_read(&kv->store, key_index_last(*key_index), &before);
    if (record->tombstone ? !alive
                          : record->version != before.version + 1 ||
                                (alive && record->create_revision != before.create_revision))
        return "a record contradicts the one before of its key";
    key_index_append(key_index, &kv->allocator, store_append(&kv->store, record),
                     record->tombstone);
    if (alive && record->tombstone)
        index_died(&kv->index, cursor);
    if (!alive)
        index_revived(&kv->index, cursor);
    return NULL;
}

static const char *take_change(void *context, const struct kv_change *change)
{
    struct kv *kv = ((struct snapshot_loader *)context)->kv;
    struct record record = record_of(change);
    struct index_cursor cursor;

    kv_shelve(kv);
    return index_seek(&kv->index, record.key, &cursor) ? add_next(kv, &cursor, &record)
                                                       : add_first(kv, &cursor, &record);
}

/* ---- the whole ---- */

static bool attach_leases(struct kv *kv)
{
    static const uint8_t lowest[] = {0};
    struct index_cursor cursor;
    struct key_index *key_index;
    struct record record;

    (void)index_seek(&kv->index, (struct kv_bytes){lowest, 1}, &cursor);
    for (; (key_index = index_at(&kv->index, &cursor)) != NULL; index_next(&cursor)) {
        struct lease *lease;

        if (!key_index_alive(*key_index))
            continue;
        index_prefetch(&kv->index, &cursor);
        store_read(&kv->store, key_index_last(*key_index), &record);
        lease = record.lease != 0 ? leases_find(&kv->leases, record.lease) : NULL;
        if (record.lease != 0 && lease == NULL)
            return false;
        if (lease != NULL)
            lease_keys_add(&lease->keys, &kv->allocator, record.key);
    }
    return true;
}

struct snapshot_loader *snapshot_loader_new(const struct kv_options *options)
{
    struct snapshot_loader *loader = calloc(1, sizeof(*loader));
    struct snapshot_visitor visitor = {loader,     take_header, take_member,
                                       take_alarm, take_lease,  take_change};

    if (loader == NULL)
        return NULL;
    loader->reader = snapshot_reader_new(&visitor);
    loader->kv = kv_new(options);
    if (loader->reader == NULL || loader->kv == NULL) {
        snapshot_loader_free(loader);
        return NULL;
    }
    return loader;
}

void snapshot_loader_free(struct snapshot_loader *loader)
{
    if (loader == NULL)
        return;
    snapshot_reader_free(loader->reader);
    kv_free(loader->kv);
    free(loader);
}

enum snapshot_error snapshot_loader_add(struct snapshot_loader *loader, const uint8_t *data,
                                        size_t size)
{
    return snapshot_reader_add(loader->reader, data, size);
}

enum snapshot_error snapshot_loader_finish(struct snapshot_loader *loader, struct kv **ret_kv)
{
    enum snapshot_error error = snapshot_reader_finish(loader->reader);

    assert(loader->kv != NULL);
    if (error != SNAPSHOT_OK)
        return error;
    if (!attach_leases(loader->kv)) {
        loader->reason = "a key hangs on a lease that is not there";
        return SNAPSHOT_DAMAGED;
    }
    *ret_kv = loader->kv;
    loader->kv = NULL;
    return SNAPSHOT_OK;
}

const char *snapshot_loader_reason(const struct snapshot_loader *loader, uint64_t *ret_offset)
{
    const char *reason = snapshot_reader_reason(loader->reader, ret_offset);

    return loader->reason != NULL ? loader->reason : reason;
}

const struct snapshot_header *snapshot_loader_header(const struct snapshot_loader *loader)
{
    return snapshot_reader_header(loader->reader);
}
