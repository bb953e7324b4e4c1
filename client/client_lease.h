/* SPDX-License-Identifier: MIT */
/* client_lease.h -- the client's calls of the lease service, with all that the server answers.
 *
 * As those of client.h: GRPC_OK, with a response to be freed by its _free_unpacked(response, NULL); or
 * another code.
 */
#ifndef DECREE_CLIENT_CLIENT_LEASE_H
#define DECREE_CLIENT_CLIENT_LEASE_H

#include "client.h"

enum grpc_status client_grant(struct client *client, const Etcdserverpb__LeaseGrantRequest *request,
                              Etcdserverpb__LeaseGrantResponse **ret_response);
enum grpc_status client_revoke(struct client *client,
                               const Etcdserverpb__LeaseRevokeRequest *request,
                               Etcdserverpb__LeaseRevokeResponse **ret_response);
enum grpc_status client_time_to_live(struct client *client,
                                     const Etcdserverpb__LeaseTimeToLiveRequest *request,
                                     Etcdserverpb__LeaseTimeToLiveResponse **ret_response);
enum grpc_status client_leases(struct client *client,
                               Etcdserverpb__LeaseLeasesResponse **ret_response);

/* One renewal, by one server; a TTL of 0 says that there is no such lease any more. If that server
 * does not answer within the time, the next call goes to the next. */
enum grpc_status client_renew(struct client *client, int64_t lease, uint64_t timeout_ms,
                              Etcdserverpb__LeaseKeepAliveResponse **ret_response);

#endif
