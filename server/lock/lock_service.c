/* SPDX-License-Identifier: MIT */
/* lock_service.c -- v3lockpb.Lock.
 *
 * Lock waits for as long as its client does, and gives up with him; so it is served as a stream of one
 * message (grpc_stream_handler.answers_once). In etcd this service is a client of the others, and so
 * errors are bare texts here.
 */
#include <assert.h>

#include "kv_checks.h"
#include "kv_propose.h"
#include "lock.pb-c.h"
#include "lock_call.h"

/* ---- Lock ---- */

static bool on_won(void *context, const struct lock_contender *contender, int64_t revision)
{
    struct kv_bytes key = lock_contender_key(contender);
    Etcdserverpb__ResponseHeader header = kv_header_message(context, revision);
    V3lockpb__LockResponse response = V3LOCKPB__LOCK_RESPONSE__INIT;

    response.header = &header;
    response.key = (ProtobufCBinaryData){key.size, (uint8_t *)(uintptr_t)key.data};
    return lock_call_answer(context, &response.base);
}

static void on_lost(void *context, enum etcd_error error)
{
    lock_call_lost(context, error);
}

static int lock(struct grpc_call *call, const uint8_t *message, size_t size)
{
    static const struct lock_contender_events events = {on_won, on_lost};
    const V3lockpb__LockRequest *request = grpc_decode(call, &v3lockpb__lock_request__descriptor,
                                                       message, size);
    struct lock_wish wish = {0};

    if (request == NULL)
        return 0;
    wish.name = (struct kv_bytes){request->name.data, request->name.len};
    wish.lease = request->lease;
    lock_call_begin(call, size, &wish, &events);
    return 0;
}

static const struct grpc_stream_handler LOCK = {
    .answers_once = true,
    .open = lock_call_open,
    .message = lock,
    .half_close = lock_call_half_close,
    .gone = lock_call_gone,
};

const struct grpc_stream_route lock_stream_routes[] = {
    {"/v3lockpb.Lock/Lock", &LOCK},
    {NULL, NULL},
};

/* ---- Unlock ---- */

static void unlock_done(void *argument, int error, decree_slot slot, void *result)
{
    const struct kv_result *outcome = lock_call_outcome(argument, error, result);

    (void)slot;
    if (outcome != NULL)
        kv_reply(argument, outcome->revision);
}

static int unlock(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const V3lockpb__UnlockRequest *request = grpc_decode(
        call, &v3lockpb__unlock_request__descriptor, message, size);
    struct command command = {.op = COMMAND_DELETE_RANGE};

    if (request == NULL)
        return 0;
    if (request->key.len == 0 || size > call_services(call)->request_bytes_max) {
        etcd_fail_bare(call, request->key.len == 0 ? ETCD_EMPTY_KEY : ETCD_TOO_LARGE);
        return 0;
    }
    command.u.delete_range.key = (struct kv_bytes){request->key.data, request->key.len};
    return kv_propose(call, &command, unlock_done);
}

const struct grpc_route lock_routes[] = {
    {"/v3lockpb.Lock/Unlock", unlock},
    {NULL, NULL},
};
