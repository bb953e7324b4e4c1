/* SPDX-License-Identifier: MIT */
/* client_calls.c -- the calls with one request and one answer, a line each. To repeat is said of those
 * where twice is the same as once. */
#include "client_inside.h"
#include "client_lease.h"
#include "client_register.h"
#include "client_session.h"

#define REPEAT true
#define ONCE false

/* X(name, path, type of request and response without these words, name of the response, repeatable) */
#define CLIENT_CALLS(X)                                                                            \
    X(range, "/etcdserverpb.KV/Range", Etcdserverpb__Range, etcdserverpb__range_response, REPEAT)  \
    X(put, "/etcdserverpb.KV/Put", Etcdserverpb__Put, etcdserverpb__put_response, ONCE)            \
    X(delete_range, "/etcdserverpb.KV/DeleteRange", Etcdserverpb__DeleteRange,                     \
      etcdserverpb__delete_range_response, ONCE)                                                   \
    X(txn, "/etcdserverpb.KV/Txn", Etcdserverpb__Txn, etcdserverpb__txn_response, ONCE)            \
    X(compact, "/etcdserverpb.KV/Compact", Etcdserverpb__Compaction,                               \
      etcdserverpb__compaction_response, ONCE)                                                     \
    X(grant, "/etcdserverpb.Lease/LeaseGrant", Etcdserverpb__LeaseGrant,                           \
      etcdserverpb__lease_grant_response, ONCE)                                                    \
    X(revoke, "/etcdserverpb.Lease/LeaseRevoke", Etcdserverpb__LeaseRevoke,                        \
      etcdserverpb__lease_revoke_response, ONCE)                                                   \
    X(time_to_live, "/etcdserverpb.Lease/LeaseTimeToLive", Etcdserverpb__LeaseTimeToLive,          \
      etcdserverpb__lease_time_to_live_response, REPEAT)                                           \
    X(member_list, "/etcdserverpb.Cluster/MemberList", Etcdserverpb__MemberList,                   \
      etcdserverpb__member_list_response, REPEAT)                                                  \
    X(alarm, "/etcdserverpb.Maintenance/Alarm", Etcdserverpb__Alarm, etcdserverpb__alarm_response, \
      REPEAT)                                                                                      \
    X(hash_kv, "/etcdserverpb.Maintenance/HashKV", Etcdserverpb__HashKV,                           \
      etcdserverpb__hash_kvresponse, REPEAT)                                                       \
    X(move_leader, "/etcdserverpb.Maintenance/MoveLeader", Etcdserverpb__MoveLeader,               \
      etcdserverpb__move_leader_response, ONCE)                                                    \
    X(lock, "/v3lockpb.Lock/Lock", V3lockpb__Lock, v3lockpb__lock_response, REPEAT)                \
    X(campaign, "/v3electionpb.Election/Campaign", V3electionpb__Campaign,                         \
      v3electionpb__campaign_response, REPEAT)                                                     \
    X(register_get, "/decree.v1.Register/Get", Decree__V1__RegisterGet,                            \
      decree__v1__register_get_response, REPEAT)                                                   \
    X(register_compare_and_set, "/decree.v1.Register/CompareAndSet",                               \
      Decree__V1__RegisterCompareAndSet, decree__v1__register_compare_and_set_response, ONCE)      \
    X(register_history, "/decree.v1.Register/History", Decree__V1__RegisterHistory,                \
      decree__v1__register_history_response, REPEAT)                                               \
    X(register_compact, "/decree.v1.Register/Compact", Decree__V1__RegisterCompact,                \
      decree__v1__register_compact_response, REPEAT)

#define CLIENT_CALL(name, path, type, response, repeatable)                                     \
    enum grpc_status client_##name(struct client *client, const type##Request *request,         \
                                   type##Response **ret_response)                               \
    {                                                                                           \
        static const struct method method = {path, &response##__descriptor, repeatable};        \
                                                                                                \
        return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response); \
    }

CLIENT_CALLS(CLIENT_CALL)

enum grpc_status client_status(struct client *client, Etcdserverpb__StatusResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Maintenance/Status",
                                         &etcdserverpb__status_response__descriptor, REPEAT};
    Etcdserverpb__StatusRequest request = ETCDSERVERPB__STATUS_REQUEST__INIT;

    return client_call(client, &method, &request.base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_leases(struct client *client,
                               Etcdserverpb__LeaseLeasesResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Lease/LeaseLeases",
                                         &etcdserverpb__lease_leases_response__descriptor, REPEAT};
    Etcdserverpb__LeaseLeasesRequest request = ETCDSERVERPB__LEASE_LEASES_REQUEST__INIT;

    return client_call(client, &method, &request.base, (ProtobufCMessage **)ret_response);
}

/* One that names its version does no harm when done twice. */
enum grpc_status client_register_set(struct client *client,
                                     const Decree__V1__RegisterSetRequest *request,
                                     Decree__V1__RegisterSetResponse **ret_response)
{
    const struct method method = {
        "/decree.v1.Register/Set", &decree__v1__register_set_response__descriptor,
        request->named_case == DECREE__V1__REGISTER_SET_REQUEST__NAMED_VERSION};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}
