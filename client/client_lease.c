/* SPDX-License-Identifier: MIT */
/* client_lease.c -- see client_lease.h. */
#include "client_lease.h"

#include <assert.h>

#include "client_inside.h"

enum grpc_status client_grant(struct client *client, const Etcdserverpb__LeaseGrantRequest *request,
                              Etcdserverpb__LeaseGrantResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Lease/LeaseGrant",
                                         &etcdserverpb__lease_grant_response__descriptor, false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

/* Not repeated: the second answer would say that there is no such lease. */
enum grpc_status client_revoke(struct client *client,
                               const Etcdserverpb__LeaseRevokeRequest *request,
                               Etcdserverpb__LeaseRevokeResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Lease/LeaseRevoke",
                                         &etcdserverpb__lease_revoke_response__descriptor, false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_time_to_live(struct client *client,
                                     const Etcdserverpb__LeaseTimeToLiveRequest *request,
                                     Etcdserverpb__LeaseTimeToLiveResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Lease/LeaseTimeToLive",
                                         &etcdserverpb__lease_time_to_live_response__descriptor,
                                         true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_leases(struct client *client,
                               Etcdserverpb__LeaseLeasesResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Lease/LeaseLeases",
                                         &etcdserverpb__lease_leases_response__descriptor, true};
    Etcdserverpb__LeaseLeasesRequest request = ETCDSERVERPB__LEASE_LEASES_REQUEST__INIT;

    return client_call(client, &method, &request.base, (ProtobufCMessage **)ret_response);
}

static bool take(void *context, const uint8_t *message, size_t size)
{
    Etcdserverpb__LeaseKeepAliveResponse **response = context;

    if (*response == NULL)
        *response = etcdserverpb__lease_keep_alive_response__unpack(NULL, size, message);
    return *response != NULL;
}

enum grpc_status client_renew(struct client *client, int64_t lease, uint64_t timeout_ms,
                              Etcdserverpb__LeaseKeepAliveResponse **ret_response)
{
    Etcdserverpb__LeaseKeepAliveRequest request = ETCDSERVERPB__LEASE_KEEP_ALIVE_REQUEST__INIT;
    Etcdserverpb__LeaseKeepAliveResponse *response = NULL;
    enum grpc_status code;

    assert(timeout_ms > 0);
    request.id = lease;
    code = client_stream(client, "/etcdserverpb.Lease/LeaseKeepAlive", &request.base, timeout_ms,
                         take, &response);
    if (response != NULL) {
        *ret_response = response;
        return GRPC_OK;
    }
    if (code == GRPC_UNAVAILABLE || code == GRPC_DEADLINE_EXCEEDED)
        client_next(client);
    return code == GRPC_OK ? GRPC_INTERNAL : code;
}
