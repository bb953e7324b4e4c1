/* SPDX-License-Identifier: MIT */
/* kv_lease.c -- what commands do to leases, and what is told of them.
 *
 * Grants and renewals are numbered: the number is a stamp. Who wants a lease gone because its time
 * is up says which stamp he had seen; a renewal that came into the log before his wish voids it.
 */
#include <assert.h>

#include "kv_inside.h"

enum kv_error kv_lease_grant(struct kv *kv, const struct command_lease_grant *grant)
{
    if (grant->id == 0)
        return KV_MALFORMED;
    if (leases_find(&kv->leases, grant->id) != NULL)
        return KV_LEASE_EXISTS;
    leases_add(&kv->leases, grant->id, (int64_t)grant->seconds)->stamp = ++kv->lease_stamp;
    return KV_OK;
}

enum kv_error kv_lease_revoke(struct kv *kv, int64_t id, uint64_t *ret_deleted)
{
    struct lease *lease = leases_find(&kv->leases, id);
    struct lease_keys_place place = {0};
    struct kv_bytes key;

    if (lease == NULL)
        return KV_LEASE_NOT_FOUND;
    while (lease_keys_next(&lease->keys, &place, &key)) {
        struct index_cursor cursor;
        bool found = index_seek(&kv->index, key, &cursor);

        assert(found);
        (void)found;
        kv_delete_at(kv, &cursor, index_at(&kv->index, &cursor), key);
    }
    *ret_deleted = lease->keys.count;
    leases_remove(&kv->leases, lease);
    return KV_OK;
}

/* The full time again, whatever was left at the last checkpoint. */
enum kv_error kv_lease_renew(struct kv *kv, int64_t id)
{
    struct lease *lease;

    if (id == 0) {
        kv->leases_begun = ++kv->lease_stamp;
        return KV_OK;
    }
    lease = leases_find(&kv->leases, id);
    if (lease == NULL)
        return KV_LEASE_NOT_FOUND;
    lease->stamp = ++kv->lease_stamp;
    lease->remaining = 0;
    return KV_OK;
}

void kv_lease_renewals(struct kv *kv, const struct command_ids *ids)
{
    struct reader reader;

    reader_init(&reader, ids->items.data, ids->items.size);
    for (size_t i = 0; i < ids->id_count; i++) {
        int64_t id = command_read_id(&reader);

        if (id != 0)
            (void)kv_lease_renew(kv, id);
    }
}

/* Was everything that prolongs the lease known to him who tells this stamp? */
static bool is_known(const struct kv *kv, const struct lease *lease, uint64_t stamp)
{
    return lease->stamp <= stamp && kv->leases_begun <= stamp;
}

enum kv_error kv_lease_expire(struct kv *kv, const struct command_lease_expire *expire,
                              uint64_t *ret_deleted)
{
    const struct lease *lease = leases_find(&kv->leases, expire->id);

    if (lease != NULL && !is_known(kv, lease, expire->stamp))
        return KV_OK;
    return kv_lease_revoke(kv, expire->id, ret_deleted);
}

uint64_t kv_lease_stamp(const struct kv *kv)
{
    return kv->lease_stamp;
}

uint64_t kv_leases_begun(const struct kv *kv)
{
    return kv->leases_begun;
}

/* A lease that is gone by now is passed over; so is one that lives longer than he knew who writes
 * this down: another leader may have renewed it since, and said nothing of it in the log. */
void kv_lease_checkpoint(struct kv *kv, const struct command_checkpoint *checkpoint)
{
    struct reader reader;

    reader_init(&reader, checkpoint->items.data, checkpoint->items.size);
    for (size_t i = 0; i < checkpoint->lease_count; i++) {
        struct command_lease_grant written = command_read_lease(&reader);
        struct lease *lease = leases_find(&kv->leases, written.id);

        if (lease != NULL && is_known(kv, lease, checkpoint->stamp))
            lease->remaining = (int64_t)written.seconds;
    }
}

static struct kv_lease describe(const struct lease *lease)
{
    return (struct kv_lease){.id = lease->id,
                             .granted = lease->granted,
                             .remaining = lease->remaining,
                             .stamp = lease->stamp,
                             .key_count = lease->keys.count};
}

bool kv_lease(const struct kv *kv, int64_t id, struct kv_lease *ret_lease)
{
    const struct lease *lease = leases_find(&kv->leases, id);

    if (lease != NULL)
        *ret_lease = describe(lease);
    return lease != NULL;
}

void kv_lease_keys(const struct kv *kv, int64_t id,
                   void (*visit)(void *context, struct kv_bytes key), void *context)
{
    const struct lease *lease = leases_find(&kv->leases, id);
    struct lease_keys_place place = {0};
    struct kv_bytes key;

    while (lease != NULL && lease_keys_next(&lease->keys, &place, &key))
        visit(context, key);
}

bool kv_next_lease(const struct kv *kv, size_t *at, struct kv_lease *ret_lease)
{
    const struct lease *lease = leases_next(&kv->leases, at);

    if (lease != NULL)
        *ret_lease = describe(lease);
    return lease != NULL;
}
