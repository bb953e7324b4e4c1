/* SPDX-License-Identifier: MIT */
/* txn_service.c -- etcdserverpb.KV/Txn and /Compact.
 *
 *     Txn   read and check -> writes: command -> backend.propose -> response
 *                             only ranges: [backend.read ->] backend.query -> response
 *
 * What was read of a txn that writes stays in an arena until the answer, which needs it again.
 */
#include <assert.h>
#include <stdlib.h>

#include "errands.h"
#include "kv_checks.h"
#include "kv_propose.h"
#include "txn_request.h"
#include "txn_response.h"

#define TXN_ARENA_BYTES_MAX (16u << 20)

struct pending { /* in the state of a call that writes */
    struct arena *arena;
    struct txn_request *txn;
};

struct request { /* in the state of a call that only reads; borrowed until it is answered */
    const uint8_t *message;
    size_t size;
};

static struct pending *pending_of(struct grpc_call *call)
{
    _Static_assert(sizeof(struct pending) <= GRPC_STATE_BYTES, "a call has room for it");
    return (struct pending *)(void *)call->state;
}

/* ---- Txn ---- */

static void forget(struct pending *pending)
{
    if (pending->arena != NULL)
        arena_release(pending->arena);
    free(pending->arena);
    *pending = (struct pending){0};
}

static void reply(struct grpc_call *call, const struct txn_request *txn,
                  const struct kv_result *result)
{
    txn_response_write(kv_reply_begin(call, result->revision), txn, result);
    grpc_reply_end(call);
}

static void txn_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    struct pending pending = *pending_of(call); /* the call may be gone after the next line */
    const struct kv_result *outcome = kv_proposed(call, error, result);

    (void)slot;
    if (outcome != NULL)
        reply(call, pending.txn, outcome);
    forget(&pending);
}

/* A txn that writes nothing needs no slot. */
static void query(struct grpc_call *call, const struct txn_request *txn)
{
    struct backend *backend = call_backend(call);
    struct decree_value *command = command_value(&txn->command);
    const struct kv_result *outcome;

    if (command == NULL) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return;
    }
    outcome = backend->ops->query(backend, command);
    if (outcome->error == KV_OK)
        reply(call, txn, outcome);
    else
        etcd_fail(call, etcd_error_of_kv(outcome->error));
    decree_value_unref(command);
}

static struct request *request_of(struct grpc_call *call)
{
    _Static_assert(sizeof(struct request) <= GRPC_STATE_BYTES, "a call has room for it");
    return (struct request *)(void *)call->state;
}

/* The request is read once more: it was found good before, and nothing had to be kept but where it
 * is. */
static void answer_query(struct grpc_call *call)
{
    const struct request *request = request_of(call);
    struct pending pending = {.arena = malloc(sizeof(*pending.arena))};

    if (pending.arena == NULL) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return;
    }
    arena_init_small(pending.arena, TXN_ARENA_BYTES_MAX);
    (void)txn_request_read(pending.arena, call_services(call)->txn_ops_max, request->message,
                           request->size, &pending.txn);
    if (pending.txn != NULL)
        query(call, pending.txn);
    else
        etcd_fail(call, ETCD_NO_MEMORY);
    forget(&pending);
}

static void read_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;

    (void)slot;
    (void)result;
    if (services_resume(call, error))
        grpc_answer_in_turn(call, answer_query);
}

static int ask_query(struct grpc_call *call, const struct txn_request *txn)
{
    if (!txn->serializable)
        return services_read(call, read_done);
    query(call, txn);
    return 0;
}

/* What was read is kept only if an answer is to come. */
static int ask_change(struct grpc_call *call, struct pending *pending)
{
    int error, status;

    *pending_of(call) = *pending;
    error = kv_ask(call, &pending->txn->command, txn_done);
    status = services_after_ask(call, error);
    if (error == 0)
        *pending = (struct pending){0};
    return status;
}

static int perform(struct grpc_call *call, const uint8_t *message, size_t size,
                   struct pending *pending)
{
    if (!pending->txn->read_only)
        return ask_change(call, pending);
    *request_of(call) = (struct request){message, size};
    return ask_query(call, pending->txn);
}

static int txn(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct pending pending = {.arena = malloc(sizeof(*pending.arena))};
    const struct services *services = call_services(call);
    enum etcd_error error = size > services->request_bytes_max ? ETCD_TOO_LARGE : ETCD_OK;
    int status = 0;

    if (pending.arena == NULL) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return 0;
    }
    arena_init_small(pending.arena, TXN_ARENA_BYTES_MAX);
    if (error == ETCD_OK)
        error = txn_request_read(pending.arena, services->txn_ops_max, message, size, &pending.txn);
    if (error != ETCD_OK)
        etcd_fail(call, error);
    else if (pending.txn == NULL && pending.arena->exhausted)
        etcd_fail(call, ETCD_NO_MEMORY);
    else if (pending.txn == NULL)
        grpc_fail_malformed(call);
    else
        status = perform(call, message, size, &pending);
    forget(&pending);
    return status;
}

/* ---- Compact ---- */

struct compaction { /* of a call that waits until the store is tidy */
    struct errand errand;
    int64_t revision;
};

static enum errand_state wait_until_tidy(struct errand *errand, bool stop)
{
    struct compaction *compaction = list_owner(errand, struct compaction, errand);

    if (!stop && !kv_is_tidy(call_kv(errand->call)))
        return ERRAND_WAITS;
    if (errand_resume(errand, stop))
        kv_reply(errand->call, compaction->revision);
    free(compaction);
    return ERRAND_OVER;
}

static void compact_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = kv_proposed(call, error, result);

    (void)slot;
    if (outcome != NULL)
        kv_reply(call, outcome->revision);
}

/* The store is tidied between turns of the loop, whoever waits for it. */
static void physical_compact_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = result;
    struct compaction *compaction = error == 0 && outcome->error == KV_OK
                                        ? calloc(1, sizeof(*compaction))
                                        : NULL;

    if (compaction == NULL) {
        compact_done(argument, error, slot, result);
        return;
    }
    *compaction = (struct compaction){.errand = {.call = call, .step = wait_until_tidy},
                                      .revision = outcome->revision};
    errands_add(call_services(call)->errands, &compaction->errand);
}

static int compact(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct compaction_request request;
    struct command command = {.op = COMMAND_COMPACT};

    if (!compaction_request_read(message, size, &request)) {
        grpc_fail_malformed(call);
        return 0;
    }
    if (request.revision <
        0) { /* the log has no negative ones; these are given up from the first */
        etcd_fail(call, ETCD_COMPACTED);
        return 0;
    }
    command.u.compact = (uint64_t)request.revision;
    return kv_propose(call, &command, request.physical ? physical_compact_done : compact_done);
}

const struct grpc_route txn_routes[] = {
    {"/etcdserverpb.KV/Txn", txn},
    {"/etcdserverpb.KV/Compact", compact},
    {NULL, NULL},
};
