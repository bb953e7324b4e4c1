/* SPDX-License-Identifier: MIT */
/* client_snapshot.c -- the store of one server as a stream of blobs. */
#include "client_inside.h"

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
