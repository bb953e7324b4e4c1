/* SPDX-License-Identifier: MIT */
/* lease_stream.c -- etcdserverpb.Lease.LeaseKeepAlive: a stream of renewals, each with an answer.
 *
 * A stream has a bounded number of renewals under way. An answer that the client has no room for
 * waits, and holds back what he asks next.
 */
#include <assert.h>
#include <stdlib.h>

#include "kv_propose.h"
#include "lessor.h"
#include "rpc.pb-c.h"

#define RENEWALS_MAX 1024u /* of a stream, at a time */

struct keep_alive {
    struct lease_renewal renewal;
    struct list_link link;  /* of the stream: under way, or answers */
    struct grpc_call *call; /* NULL: it is gone */
    int64_t revision;       /* before the renewal */
    int64_t seconds;        /* the answer */
};

struct lease_stream { /* what the call keeps */
    struct list_link under_way, answers;
    uint32_t count;
    bool request_waits, half_closed;
};

_Static_assert(sizeof(struct lease_stream) <= GRPC_STATE_BYTES, "a call has room for its stream");

static struct lease_stream *stream_of(struct grpc_call *call)
{
    return (struct lease_stream *)(void *)call->state;
}

static int answer(const struct keep_alive *keep_alive)
{
    Etcdserverpb__ResponseHeader header = kv_header_message(keep_alive->call, keep_alive->revision);
    Etcdserverpb__LeaseKeepAliveResponse response = ETCDSERVERPB__LEASE_KEEP_ALIVE_RESPONSE__INIT;

    response.header = &header;
    response.id = keep_alive->renewal.id;
    response.ttl = keep_alive->seconds;
    return grpc_stream_send_message(keep_alive->call, &response.base);
}

static void drop(struct keep_alive *keep_alive)
{
    if (keep_alive->call != NULL) {
        list_remove(&keep_alive->link);
        stream_of(keep_alive->call)->count--;
    }
    free(keep_alive);
}

static void send_answers(struct grpc_call *call)
{
    struct lease_stream *stream = stream_of(call);

    while (!list_alone(&stream->answers)) {
        struct keep_alive *first = list_owner(stream->answers.next, struct keep_alive, link);
        int error = answer(first);

        if (error == DECREE_FULL)
            return;
        if (error == DECREE_NOMEM)
            etcd_fail(call, ETCD_NO_MEMORY);
        drop(first);
    }
    if (stream->request_waits) {
        stream->request_waits = false;
        grpc_stream_resume(call);
    } else if (stream->half_closed && stream->count == 0) {
        grpc_stream_end(call, GRPC_OK, "");
    }
}

static void on_done(struct lease_renewal *renewal, int error, int64_t seconds)
{
    struct keep_alive *keep_alive = list_owner(renewal, struct keep_alive, renewal);
    struct grpc_call *call = keep_alive->call;

    if (call == NULL) {
        free(keep_alive);
        return;
    }
    if (error != 0) {
        etcd_fail(call, error == DECREE_NOMEM ? ETCD_NO_MEMORY : ETCD_STOPPED);
        drop(keep_alive);
        return;
    }
    keep_alive->seconds = seconds;
    list_remove(&keep_alive->link);
    list_append(&stream_of(call)->answers, &keep_alive->link);
    send_answers(call);
}

static void on_late(struct lease_renewal *renewal)
{
    const struct keep_alive *keep_alive = list_owner(renewal, struct keep_alive, renewal);

    if (keep_alive->call != NULL)
        grpc_stream_end(keep_alive->call, GRPC_UNAVAILABLE, "etcdserver: request timed out");
}

static void on_open(struct grpc_call *call)
{
    *stream_of(call) = (struct lease_stream){0};
    list_init(&stream_of(call)->under_way);
    list_init(&stream_of(call)->answers);
}

static int on_message(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct lease_stream *stream = stream_of(call);
    struct keep_alive *keep_alive;
    const Etcdserverpb__LeaseKeepAliveRequest *request;

    if (stream->count >= RENEWALS_MAX || !list_alone(&stream->answers)) {
        stream->request_waits = true;
        return DECREE_FULL;
    }
    request = grpc_decode(call, &etcdserverpb__lease_keep_alive_request__descriptor, message, size);
    if (request == NULL)
        return 0;
    keep_alive = calloc(1, sizeof(*keep_alive));
    if (keep_alive == NULL) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return 0;
    }
    keep_alive->call = call;
    keep_alive->revision = kv_revision(call_kv(call));
    keep_alive->renewal.id = request->id;
    keep_alive->renewal.done = on_done;
    keep_alive->renewal.late = on_late;
    list_init(&keep_alive->link);
    list_append(&stream->under_way, &keep_alive->link);
    stream->count++;
    lessor_renew(call_services(call)->lessor, &keep_alive->renewal);
    return 0;
}

static void on_half_close(struct grpc_call *call)
{
    stream_of(call)->half_closed = true;
    send_answers(call);
}

static void on_writable(struct grpc_call *call)
{
    send_answers(call);
}

/* Renewals that are under way come back to nobody. */
static void on_gone(struct grpc_call *call)
{
    struct lease_stream *stream = stream_of(call);

    while (!list_alone(&stream->answers))
        drop(list_owner(stream->answers.next, struct keep_alive, link));
    while (!list_alone(&stream->under_way)) {
        struct keep_alive *first = list_owner(stream->under_way.next, struct keep_alive, link);

        list_remove(&first->link);
        first->call = NULL;
    }
}

static const struct grpc_stream_handler KEEP_ALIVE = {
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .writable = on_writable,
    .gone = on_gone,
};

const struct grpc_stream_route lease_stream_routes[] = {
    {"/etcdserverpb.Lease/LeaseKeepAlive", &KEEP_ALIVE},
    {NULL, NULL},
};
