/* SPDX-License-Identifier: MIT */
/* kv_propose.h -- the way of a change from a service to the log, and of what came of it to the client. */
#ifndef DECREE_SERVER_KV_PROPOSE_H
#define DECREE_SERVER_KV_PROPOSE_H

#include "kv_messages.h"
#include "rpc.pb-c.h"
#include "services.h"

/* The command as a value with one reference; NULL when there is no memory. */
struct decree_value *command_value(const struct command *command);

/* Proposes the command, if the store has room for it. Errors, without a call of done: those of
 * backend_ops.propose, and BACKEND_NO_SPACE. */
int kv_offer(struct backend *backend, const struct command *command, decree_done *done,
             void *argument);

/* Keeps the call and proposes the command; what became of it goes to services_after_ask(), and
 * unless it is 0, done is not called. */
int kv_ask(struct grpc_call *call, const struct command *command, decree_done *done);

/* Keeps the call and proposes the command; done is a decree_done whose result is a struct
 * kv_result. What is to be handed back by the handler: 0, or FULL with nothing done. */
int kv_propose(struct grpc_call *call, const struct command *command, decree_done *done);

/* In such a done: the outcome, if the call is to be answered with it now. NULL: nobody waits, or
 * the call was answered with what went wrong. */
const struct kv_result *kv_proposed(struct grpc_call *call, int error, void *result);

/* The head of a response that shows the store as of a revision; also for responses that are not written
 * field by field. */
struct response_header kv_header(const struct grpc_call *call, int64_t revision);
Etcdserverpb__ResponseHeader kv_header_message(const struct grpc_call *call, int64_t revision);

/* Begins a reply with its head; see grpc_reply_begin(). */
struct byte_buffer *kv_reply_begin(struct grpc_call *call, int64_t revision);

/* A reply that is a head alone. */
void kv_reply(struct grpc_call *call, int64_t revision);

#endif
