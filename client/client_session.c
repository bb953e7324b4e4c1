/* SPDX-License-Identifier: MIT */
/* client_session.c -- see client_session.h. */
#include "client_session.h"

#include <assert.h>

#include "client_inside.h"
#include "client_lease.h"

enum grpc_status client_lease_grant(struct client *client, int64_t seconds, int64_t *ret_lease)
{
    Etcdserverpb__LeaseGrantRequest request = ETCDSERVERPB__LEASE_GRANT_REQUEST__INIT;
    Etcdserverpb__LeaseGrantResponse *response;
    enum grpc_status code;

    request.ttl = seconds;
    code = client_grant(client, &request, &response);
    if (code != GRPC_OK)
        return code;
    *ret_lease = response->id;
    etcdserverpb__lease_grant_response__free_unpacked(response, NULL);
    return code;
}

/* A lease that is gone already was revoked, too: so it may be asked for twice. */
enum grpc_status client_lease_revoke(struct client *client, int64_t lease)
{
    static const struct method method = {"/etcdserverpb.Lease/LeaseRevoke",
                                         &etcdserverpb__lease_revoke_response__descriptor, true};
    Etcdserverpb__LeaseRevokeRequest request = ETCDSERVERPB__LEASE_REVOKE_REQUEST__INIT;
    Etcdserverpb__LeaseRevokeResponse *response;
    enum grpc_status code;

    request.id = lease;
    code = client_call(client, &method, &request.base, (ProtobufCMessage **)&response);
    if (code == GRPC_OK)
        etcdserverpb__lease_revoke_response__free_unpacked(response, NULL);
    return code == GRPC_NOT_FOUND ? GRPC_OK : code;
}

enum grpc_status client_lease_keep_alive(struct client *client, int64_t lease, uint64_t timeout_ms,
                                         int64_t *ret_seconds)
{
    Etcdserverpb__LeaseKeepAliveResponse *response;
    enum grpc_status code = client_renew(client, lease, timeout_ms, &response);

    if (code != GRPC_OK)
        return code;
    *ret_seconds = response->ttl;
    etcdserverpb__lease_keep_alive_response__free_unpacked(response, NULL);
    return GRPC_OK;
}

struct observation {
    bool (*take)(void *context, const V3electionpb__LeaderResponse *response);
    void *context;
};

static bool take_leader(void *context, const uint8_t *message, size_t size)
{
    const struct observation *observation = context;
    V3electionpb__LeaderResponse *response = v3electionpb__leader_response__unpack(NULL, size,
                                                                                   message);
    bool more = false;

    if (response != NULL && response->kv != NULL)
        more = observation->take(observation->context, response);
    v3electionpb__leader_response__free_unpacked(response, NULL);
    return more;
}

enum grpc_status client_observe(
    struct client *client, const V3electionpb__LeaderRequest *request, uint64_t timeout_ms,
    bool (*take)(void *context, const V3electionpb__LeaderResponse *response), void *context)
{
    struct observation observation = {take, context};

    assert(take != NULL);
    return client_stream(client, "/v3electionpb.Election/Observe", &request->base, timeout_ms,
                         take_leader, &observation);
}
