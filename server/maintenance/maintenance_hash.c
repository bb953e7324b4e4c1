/* SPDX-License-Identifier: MIT */
/* maintenance_hash.c -- etcdserverpb.Maintenance/Hash and HashKV: of this member's own store, as it
 * is at one moment, read in slices while the store goes on; to be compared between members.
 *
 * The hashes are decree's own function over the changes in the store, cut to 32 bits. They are
 * equal on members that hold the same, and have nothing to do with the hashes of an etcd.
 */
#include <stdlib.h>

#include "errands.h"
#include "kv_checks.h"
#include "maintenance_inside.h"

struct hashing {
    struct errand errand;
    struct kv_hasher *hasher;
    int64_t revision, compacted; /* what it is of */
    bool all;                    /* Hash, not HashKV */
};

static void reply(const struct hashing *hashing)
{
    struct grpc_call *call = hashing->errand.call;
    Etcdserverpb__ResponseHeader header = maintenance_header(call);
    Etcdserverpb__HashResponse all = ETCDSERVERPB__HASH_RESPONSE__INIT;
    Etcdserverpb__HashKVResponse response = ETCDSERVERPB__HASH_KVRESPONSE__INIT;

    all.header = response.header = &header;
    all.hash = response.hash = (uint32_t)kv_hasher_sum(hashing->hasher);
    response.compact_revision = hashing->compacted;
    response.hash_revision = hashing->revision;
    grpc_reply(call, hashing->all ? &all.base : &response.base);
}

static enum errand_state step(struct errand *errand, bool stop)
{
    struct hashing *hashing = list_owner(errand, struct hashing, errand);

    if (!stop && kv_hasher_step(hashing->hasher))
        return ERRAND_WORKS;
    if (errand_resume(errand, stop))
        reply(hashing);
    kv_hasher_free(hashing->hasher);
    free(hashing);
    return ERRAND_OVER;
}

/* Revision 0: the newest. */
static void begin(struct grpc_call *call, int64_t revision, bool all)
{
    const struct kv *kv = call_kv(call);
    struct hashing *hashing = calloc(1, sizeof(*hashing));
    struct kv_hasher *hasher = NULL;
    enum kv_error error = hashing == NULL ? KV_OK : kv_hasher_new(kv, revision, &hasher);

    if (hasher == NULL) {
        etcd_fail(call, error == KV_OK ? ETCD_NO_MEMORY : etcd_error_of_kv(error));
        free(hashing);
        return;
    }
    *hashing = (struct hashing){.errand = {.call = call, .step = step},
                                .hasher = hasher,
                                .revision = revision > 0 ? revision : kv_revision(kv),
                                .compacted = kv_compacted(kv),
                                .all = all};
    grpc_keep(call);
    errands_add(call_services(call)->errands, &hashing->errand);
}

int maintenance_hash(struct grpc_call *call, const uint8_t *message, size_t size)
{
    if (grpc_decode(call, &etcdserverpb__hash_request__descriptor, message, size) != NULL)
        begin(call, 0, true);
    return 0;
}

/* Members are to be compared at one revision, and with one compact_revision, for what was given up is
 * not hashed. */
int maintenance_hash_kv(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Etcdserverpb__HashKVRequest *request = grpc_decode(
        call, &etcdserverpb__hash_kvrequest__descriptor, message, size);

    if (request != NULL)
        begin(call, request->revision, false);
    return 0;
}
