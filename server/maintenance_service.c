/* SPDX-License-Identifier: MIT */
/* maintenance_service.c -- etcdserverpb.Maintenance: how this member is. */
#include "rpc.pb-c.h"
#include "services.h"

/* The version that the stored form is said to have: that of the API without its patch number. */
#define STORAGE_VERSION "3.6.0"

static int status(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct backend *backend = call_backend(call);
    struct backend_status now;
    Etcdserverpb__ResponseHeader header = ETCDSERVERPB__RESPONSE_HEADER__INIT;
    Etcdserverpb__StatusResponse response = ETCDSERVERPB__STATUS_RESPONSE__INIT;
    Etcdserverpb__DowngradeInfo downgrade = ETCDSERVERPB__DOWNGRADE_INFO__INIT;
    char *errors[2];

    if (grpc_decode(call, &etcdserverpb__status_request__descriptor, message, size) == NULL)
        return 0;
    backend->ops->status(backend, &now);
    header.cluster_id = backend->cluster_id;
    header.member_id = backend->member_id;
    header.revision = kv_revision(backend->ops->kv(backend));
    header.raft_term = now.term;
    response.header = &header;
    response.version = (char *)(uintptr_t)ETCD_VERSION;
    response.storageversion = (char *)(uintptr_t)STORAGE_VERSION;
    response.dbsize = (int64_t)now.storage_bytes;
    response.dbsizeinuse = (int64_t)now.storage_in_use_bytes;
    response.leader = now.leader_id;
    response.raftindex = now.decided;
    response.raftterm = now.term;
    response.raftappliedindex = now.applied;
    response.downgradeinfo = &downgrade;
    response.errors = errors;
    if (now.leader_id == 0)
        errors[response.n_errors++] = (char *)(uintptr_t) "etcdserver: no leader";
    if (now.trouble != NULL)
        errors[response.n_errors++] = (char *)(uintptr_t)now.trouble;
    grpc_reply(call, &response.base);
    return 0;
}

const struct grpc_route maintenance_routes[] = {
    {"/etcdserverpb.Maintenance/Status", status},
    {NULL, NULL},
};
