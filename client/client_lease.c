/* SPDX-License-Identifier: MIT */
/* client_lease.c -- one renewal; the other calls of leases are in client_calls.c. */
#include "client_lease.h"

#include <assert.h>

#include "client_inside.h"

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
