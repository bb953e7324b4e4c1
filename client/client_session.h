/* SPDX-License-Identifier: MIT */
/* client_session.h -- the client's calls of leases, locks and elections.
 *
 * As those of client.h: GRPC_OK, with a response to be freed by its _free_unpacked(response, NULL); or
 * another code. To ask twice for a lock, or for leadership, with one lease is the same as once, so they
 * may go to the next server; they wait as long as the client's timeout lets them.
 */
#ifndef DECREE_CLIENT_CLIENT_SESSION_H
#define DECREE_CLIENT_CLIENT_SESSION_H

#include "client.h"
#include "election.pb-c.h"
#include "lock.pb-c.h"

enum grpc_status client_lease_grant(struct client *client, int64_t seconds, int64_t *ret_lease);
enum grpc_status client_lease_revoke(struct client *client, int64_t lease);

/* One renewal. ret_seconds: what is left, 0 if there is no such lease any more. */
enum grpc_status client_lease_keep_alive(struct client *client, int64_t lease, uint64_t timeout_ms,
                                         int64_t *ret_seconds);

enum grpc_status client_lock(struct client *client, const V3lockpb__LockRequest *request,
                             V3lockpb__LockResponse **ret_response);
enum grpc_status client_campaign(struct client *client,
                                 const V3electionpb__CampaignRequest *request,
                                 V3electionpb__CampaignResponse **ret_response);

/* Hands on what leaders proclaim, a V3electionpb__LeaderResponse that is borrowed for the call, until
 * take is false (GRPC_CANCELLED) or the stream ends. */
enum grpc_status client_observe(
    struct client *client, const V3electionpb__LeaderRequest *request, uint64_t timeout_ms,
    bool (*take)(void *context, const V3electionpb__LeaderResponse *response), void *context);

#endif
