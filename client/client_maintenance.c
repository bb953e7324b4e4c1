/* SPDX-License-Identifier: MIT */
/* client_maintenance.c -- the calls that keep a store in order: compaction, alarms, hashes, and the
 * txn, which fits nowhere better. */
#include "client_inside.h"

enum grpc_status client_compact(struct client *client,
                                const Etcdserverpb__CompactionRequest *request,
                                Etcdserverpb__CompactionResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.KV/Compact",
                                         &etcdserverpb__compaction_response__descriptor, false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

/* To raise or disarm twice is the same as once. */
enum grpc_status client_alarm(struct client *client, const Etcdserverpb__AlarmRequest *request,
                              Etcdserverpb__AlarmResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Maintenance/Alarm",
                                         &etcdserverpb__alarm_response__descriptor, true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

struct snapshot_taker {
    client_blob *take;
    void *context;
    bool is_malformed;
};

static bool take_blob(void *context, const uint8_t *message, size_t size)
{
    struct snapshot_taker *taker = context;
    Etcdserverpb__SnapshotResponse *response = etcdserverpb__snapshot_response__unpack(NULL, size,
                                                                                       message);
    bool more;

    taker->is_malformed = response == NULL;
    if (response == NULL)
        return false;
    more = taker->take(taker->context, response->remaining_bytes, response->blob.data,
                       response->blob.len);
    etcdserverpb__snapshot_response__free_unpacked(response, NULL);
    return more;
}

enum grpc_status client_snapshot(struct client *client, uint64_t timeout_ms, client_blob *take,
                                 void *context)
{
    Etcdserverpb__SnapshotRequest request = ETCDSERVERPB__SNAPSHOT_REQUEST__INIT;
    struct snapshot_taker taker = {.take = take, .context = context};
    enum grpc_status code = client_stream(client, "/etcdserverpb.Maintenance/Snapshot",
                                          &request.base, timeout_ms, take_blob, &taker);

    return taker.is_malformed ? GRPC_INTERNAL : code;
}

enum grpc_status client_hash_kv(struct client *client, const Etcdserverpb__HashKVRequest *request,
                                Etcdserverpb__HashKVResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Maintenance/HashKV",
                                         &etcdserverpb__hash_kvresponse__descriptor, true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_move_leader(struct client *client,
                                    const Etcdserverpb__MoveLeaderRequest *request,
                                    Etcdserverpb__MoveLeaderResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Maintenance/MoveLeader",
                                         &etcdserverpb__move_leader_response__descriptor, false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_txn(struct client *client, const Etcdserverpb__TxnRequest *request,
                            Etcdserverpb__TxnResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.KV/Txn",
                                         &etcdserverpb__txn_response__descriptor, false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}
