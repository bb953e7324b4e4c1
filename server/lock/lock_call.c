/* SPDX-License-Identifier: MIT */
/* lock_call.c -- see lock_call.h. */
#include "lock_call.h"

#include <assert.h>

#include "kv_checks.h"
#include "kv_propose.h"

struct lock_call {                    /* what the call keeps */
    struct lock_contender *contender; /* NULL: none yet, or no more */
    bool asked;
};

_Static_assert(sizeof(struct lock_call) <= GRPC_STATE_BYTES, "a call has room for it");

static struct lock_call *state_of(struct grpc_call *call)
{
    return (struct lock_call *)(void *)call->state;
}

void lock_call_open(struct grpc_call *call)
{
    *state_of(call) = (struct lock_call){0};
}

void lock_call_half_close(struct grpc_call *call)
{
    if (!state_of(call)->asked)
        grpc_fail(call, GRPC_INTERNAL, "unexpected EOF");
}

void lock_call_gone(struct grpc_call *call)
{
    struct lock_call *state = state_of(call);

    if (state->contender != NULL)
        lock_contender_leave(state->contender);
    state->contender = NULL;
}

void lock_call_begin(struct grpc_call *call, size_t size, const struct lock_wish *wish,
                     const struct lock_contender_events *events)
{
    const struct services *services = call_services(call);
    struct lock_call *state = state_of(call);

    if (state->asked)
        return;
    state->asked = true;
    if (size > services->request_bytes_max) {
        etcd_fail_bare(call, ETCD_TOO_LARGE);
        return;
    }
    state->contender = lock_contender_new(services->lock_hall, wish, events, call);
    if (state->contender == NULL)
        etcd_fail_bare(call, ETCD_NO_MEMORY);
}

bool lock_call_answer(struct grpc_call *call, const ProtobufCMessage *response)
{
    int error;

    assert(state_of(call)->contender != NULL);
    state_of(call)->contender = NULL;
    error = grpc_stream_send_message(call, response);
    assert(error != DECREE_FULL);
    if (error == 0)
        grpc_stream_end(call, GRPC_OK, "");
    else
        etcd_fail_bare(call, ETCD_NO_MEMORY);
    return error == 0;
}

void lock_call_lost(struct grpc_call *call, enum etcd_error error)
{
    assert(state_of(call)->contender != NULL);
    state_of(call)->contender = NULL;
    etcd_fail_bare(call, error);
}

const struct kv_result *lock_call_outcome(struct grpc_call *call, int error, void *result)
{
    const struct kv_result *outcome = result;

    if (!services_resume(call, error))
        return NULL;
    if (outcome->error == KV_OK)
        return outcome;
    etcd_fail_bare(call, etcd_error_of_kv(outcome->error));
    return NULL;
}
