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

enum grpc_status client_hash_kv(struct client *client, const Etcdserverpb__HashKVRequest *request,
                                Etcdserverpb__HashKVResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.Maintenance/HashKV",
                                         &etcdserverpb__hash_kvresponse__descriptor, true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_txn(struct client *client, const Etcdserverpb__TxnRequest *request,
                            Etcdserverpb__TxnResponse **ret_response)
{
    static const struct method method = {"/etcdserverpb.KV/Txn",
                                         &etcdserverpb__txn_response__descriptor, false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}
