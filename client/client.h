/* SPDX-License-Identifier: MIT */
/* client.h -- a blocking client of the etcd v3 API: one call at a time, over several servers.
 *
 * A call goes to the server that answered last. When that one cannot be reached, or answers
 * UNAVAILABLE, the next of the list is tried, each once. What may have been done already is not
 * sent again: a read may always be; a write only when the server surely did not see it. A read
 * shares its time among the servers not yet tried, so that a stopped one does not eat it all.
 *
 * A client belongs to one thread.
 */
#ifndef DECREE_CLIENT_CLIENT_H
#define DECREE_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "grpc_status.h"
#include "rpc.pb-c.h"

struct client;

struct client_options {       /* 0 takes the default */
    const char *endpoints;    /* "host:port,..."; default 127.0.0.1:2379 */
    uint64_t timeout_ms;      /* of a call; default 5000 */
    uint64_t dial_timeout_ms; /* of one connection; default 2000 */
};

/* Opens no connection yet. 0, or INVALID or NOMEM with a static sentence in ret_reason. The process
 * is to ignore SIGPIPE: a server may go while it is written to. */
int client_new(struct client **ret_client, const struct client_options *options,
               const char **ret_reason);

/* NULL is fine. */
void client_free(struct client *client);

/* The calls. GRPC_OK, with a response to be freed by its _free_unpacked(response, NULL); or
 * another code, and client_error_text() says more. */
enum grpc_status client_range(struct client *client, const Etcdserverpb__RangeRequest *request,
                              Etcdserverpb__RangeResponse **ret_response);
enum grpc_status client_put(struct client *client, const Etcdserverpb__PutRequest *request,
                            Etcdserverpb__PutResponse **ret_response);
enum grpc_status client_delete_range(struct client *client,
                                     const Etcdserverpb__DeleteRangeRequest *request,
                                     Etcdserverpb__DeleteRangeResponse **ret_response);
enum grpc_status client_status(struct client *client, Etcdserverpb__StatusResponse **ret_response);
enum grpc_status client_member_list(struct client *client,
                                    const Etcdserverpb__MemberListRequest *request,
                                    Etcdserverpb__MemberListResponse **ret_response);
enum grpc_status client_compact(struct client *client,
                                const Etcdserverpb__CompactionRequest *request,
                                Etcdserverpb__CompactionResponse **ret_response);
enum grpc_status client_txn(struct client *client, const Etcdserverpb__TxnRequest *request,
                            Etcdserverpb__TxnResponse **ret_response);
enum grpc_status client_alarm(struct client *client, const Etcdserverpb__AlarmRequest *request,
                              Etcdserverpb__AlarmResponse **ret_response);
enum grpc_status client_hash_kv(struct client *client, const Etcdserverpb__HashKVRequest *request,
                                Etcdserverpb__HashKVResponse **ret_response);
enum grpc_status client_move_leader(struct client *client,
                                    const Etcdserverpb__MoveLeaderRequest *request,
                                    Etcdserverpb__MoveLeaderResponse **ret_response);

/* A blob of a snapshot, borrowed, and how many bytes are to come before the sum, which is the last blob.
 * False: no more of it. */
typedef bool client_blob(void *context, uint64_t left, const uint8_t *data, size_t size);

/* Takes a snapshot of the store of one server. timeout_ms: how long there may be silence. */
enum grpc_status client_snapshot(struct client *client, uint64_t timeout_ms, client_blob *take,
                                 void *context);

/* The last failed call's sentence, and the server that it is about; borrowed until the next
 * call. */
const char *client_error_text(const struct client *client);
const char *client_endpoint(const struct client *client);

/* How many servers there are to try. */
size_t client_endpoint_count(const struct client *client);

#endif
