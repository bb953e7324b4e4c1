/* SPDX-License-Identifier: MIT */
/* snapshot_service.c -- etcdserverpb.Maintenance/Snapshot: the store of this member as a stream.
 *
 *     SnapshotResponse{remaining_bytes, blob of 32 KiB, version} ... the last blob may be shorter
 *     SnapshotResponse{0, SHA-256 of all blobs}
 *
 * As in etcd, it asks nobody else: also a member that has lost all others can be saved. Clients
 * take the size of all of it, divided by 512, and expect the sum's 32 bytes to be left over.
 */
#include "services.h"

#include <assert.h>

#include "rpc.pb-c.h"
#include "snapshot_pump.h"

struct asked { /* in the state of a call */
    struct snapshot_stream stream;
    bool begun;
};

_Static_assert(sizeof(struct asked) <= GRPC_STATE_BYTES, "a call has room for it");

static struct asked *asked_of(struct grpc_call *call)
{
    return (struct asked *)(void *)call->state;
}

static struct grpc_call *call_of(struct snapshot_stream *stream)
{
    return list_owner(list_owner(stream, struct asked, stream), struct grpc_call, state);
}

static int send_blob(struct snapshot_stream *stream, uint64_t left, const uint8_t *blob,
                     size_t size)
{
    Etcdserverpb__SnapshotResponse response = ETCDSERVERPB__SNAPSHOT_RESPONSE__INIT;

    response.remaining_bytes = left;
    response.blob.data = (uint8_t *)(uintptr_t)blob;
    response.blob.len = size;
    if (!stream->summed)
        response.version = (char *)(uintptr_t)ETCD_VERSION;
    return grpc_stream_send_message(call_of(stream), &response.base);
}

static void end(struct snapshot_stream *stream, enum grpc_status status, const char *text)
{
    grpc_stream_end(call_of(stream), status, text);
}

static const struct snapshot_sink SINK = {send_blob, end};

static void on_open(struct grpc_call *call)
{
    *asked_of(call) = (struct asked){0};
}

static int on_message(struct grpc_call *call, const uint8_t *message, size_t size)
{
    if (asked_of(call)->begun) {
        grpc_stream_end(call, GRPC_INTERNAL, "decree: one request is enough");
        return 0;
    }
    if (grpc_decode(call, &etcdserverpb__snapshot_request__descriptor, message, size) == NULL)
        return 0;
    asked_of(call)->begun = true;
    snapshot_stream_begin(&asked_of(call)->stream, call_services(call)->snapshots, &SINK);
    return 0;
}

static void on_half_close(struct grpc_call *call)
{
    if (!asked_of(call)->begun)
        grpc_stream_end(call, GRPC_INTERNAL, "decree: there was no request");
}

static void on_writable(struct grpc_call *call)
{
    snapshot_stream_writable(&asked_of(call)->stream);
}

static void on_gone(struct grpc_call *call)
{
    snapshot_stream_close(&asked_of(call)->stream);
}

static const struct grpc_stream_handler SNAPSHOT = {
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .writable = on_writable,
    .gone = on_gone,
};

const struct grpc_stream_route snapshot_routes[] = {
    {"/etcdserverpb.Maintenance/Snapshot", &SNAPSHOT},
    {NULL, NULL},
};
