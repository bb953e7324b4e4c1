/* SPDX-License-Identifier: MIT */
/* kv_propose.c -- see kv_propose.h. */
#include "kv_propose.h"

#include <assert.h>
#include <stdlib.h>

#include "kv_checks.h"

static void free_value(struct decree_value *value)
{
    free(value);
}

/* Value and bytes in one piece of memory. */
struct decree_value *command_value(const struct command *command)
{
    size_t size = command_size(command);
    struct decree_value *value = malloc(sizeof(*value) + size);
    uint8_t *data;

    assert(size <= COMMAND_BYTES_MAX);
    if (value == NULL)
        return NULL;
    data = (uint8_t *)(value + 1);
    command_encode(command, data, size);
    *value = (struct decree_value){
        .refs = 1, .size = (uint32_t)size, .data = data, .release = free_value};
    return value;
}

static bool takes_room(const struct command *command);

static bool any_takes_room(const struct command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (takes_room(&commands[i]))
            return true;
    return false;
}

/* As deep as txns are nested, which is COMMAND_DEPTH_MAX at most. */
static bool takes_room(const struct command *command)
{
    const struct command_txn *txn = &command->u.txn;

    if (command->op == COMMAND_PUT || command->op == COMMAND_LEASE_GRANT)
        return true;
    return command->op == COMMAND_TXN && (any_takes_room(txn->success, txn->success_count) ||
                                          any_takes_room(txn->failure, txn->failure_count));
}

int kv_offer(struct backend *backend, const struct command *command, decree_done *done,
             void *argument)
{
    struct decree_value *value = command_value(command);
    int error = DECREE_NOMEM;

    if (value != NULL && takes_room(command) && !backend->ops->room(backend, value->size))
        error = BACKEND_NO_SPACE;
    else if (value != NULL)
        error = backend->ops->propose(backend, value, done, argument);
    decree_value_unref(value);
    return error;
}

int kv_ask(struct grpc_call *call, const struct command *command, decree_done *done)
{
    grpc_keep(call);
    return kv_offer(call_backend(call), command, done, call);
}

int kv_propose(struct grpc_call *call, const struct command *command, decree_done *done)
{
    return services_after_ask(call, kv_ask(call, command, done));
}

const struct kv_result *kv_proposed(struct grpc_call *call, int error, void *result)
{
    const struct kv_result *outcome = result;

    if (!services_resume(call, error))
        return NULL;
    if (outcome->error == KV_OK)
        return outcome;
    etcd_fail(call, etcd_error_of_kv(outcome->error));
    return NULL;
}

struct response_header kv_header(const struct grpc_call *call, int64_t revision)
{
    struct backend *backend = call_backend(call);

    return (struct response_header){backend->cluster_id, backend->member_id, revision,
                                    backend->ops->term(backend)};
}

Etcdserverpb__ResponseHeader kv_header_message(const struct grpc_call *call, int64_t revision)
{
    struct response_header from = kv_header(call, revision);
    Etcdserverpb__ResponseHeader header = ETCDSERVERPB__RESPONSE_HEADER__INIT;

    header.cluster_id = from.cluster_id;
    header.member_id = from.member_id;
    header.revision = from.revision;
    header.raft_term = from.term;
    return header;
}

struct byte_buffer *kv_reply_begin(struct grpc_call *call, int64_t revision)
{
    struct response_header header = kv_header(call, revision);
    struct byte_buffer *out = grpc_reply_begin(call);

    response_header_write(out, &header);
    return out;
}

void kv_reply(struct grpc_call *call, int64_t revision)
{
    (void)kv_reply_begin(call, revision);
    grpc_reply_end(call);
}
