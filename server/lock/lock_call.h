/* SPDX-License-Identifier: MIT */
/* lock_call.h -- a call that waits with a contender of its own: what Lock and Campaign share. */
#ifndef DECREE_SERVER_LOCK_CALL_H
#define DECREE_SERVER_LOCK_CALL_H

#include "kv_messages.h"
#include "lock_contender.h"
#include "rpc.pb-c.h"
#include "services.h"

/* For the handler's events; message is the method's own, and comes to lock_call_begin(). */
void lock_call_open(struct grpc_call *call);
void lock_call_half_close(struct grpc_call *call);
void lock_call_gone(struct grpc_call *call);

/* Sends a contender. The events get the call as context. A second message of one call is not looked
 * at, as in etcd. */
void lock_call_begin(struct grpc_call *call, size_t size, const struct lock_wish *wish,
                     const struct lock_contender_events *events);

/* In won. False: the call was ended before, or there is no memory for an answer. */
bool lock_call_answer(struct grpc_call *call, const ProtobufCMessage *response);

/* In lost. */
void lock_call_lost(struct grpc_call *call, enum etcd_error error);

/* As kv_proposed(), with errors as bare texts. */
const struct kv_result *lock_call_outcome(struct grpc_call *call, int error, void *result);

#endif
