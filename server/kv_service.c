/* SPDX-License-Identifier: MIT */
/* kv_service.c -- etcdserverpb.KV: requests to commands and reads, outcomes to responses.
 *
 *     Put, DeleteRange   check -> command -> backend.propose -> kv_result -> response
 *     Range              check -> [backend.read ->] kv_range -> response
 *
 * A serializable Range skips the read in brackets and may show an old state of the store. Which
 * checks come first, and the texts, are etcd's.
 */
#include "services.h"

#include <assert.h>

#include "kv_messages.h"
#include "range_sort.h"

#define PROPOSAL_BYTES_MAX (3u * 512 * 1024)

static struct response_header header_at(struct backend *backend, int64_t revision)
{
    return (struct response_header){backend->cluster_id, backend->member_id, revision,
                                    backend->ops->term(backend)};
}

static enum etcd_error etcd_error_of_kv(enum kv_error error)
{
    switch (error) {
    case KV_OK:
        return ETCD_OK;
    case KV_KEY_NOT_FOUND:
        return ETCD_KEY_NOT_FOUND;
    case KV_LEASE_NOT_FOUND:
        return ETCD_LEASE_NOT_FOUND;
    case KV_FUTURE_REVISION:
        return ETCD_FUTURE_REVISION;
    case KV_COMPACTED:
        return ETCD_COMPACTED;
    case KV_LEASE_EXISTS:
        return ETCD_LEASE_EXISTS;
    case KV_NO_SPACE:
        return ETCD_NO_SPACE;
    case KV_CORRUPT:
        return ETCD_CORRUPT;
    case KV_MALFORMED:
        return ETCD_STOPPED;
    }
    assert(false);
    return ETCD_STOPPED;
}

/* ---- Put and DeleteRange ---- */

static void free_value(struct decree_value *value)
{
    free(value);
}

/* Value and bytes in one piece of memory; NULL when there is none. */
static struct decree_value *value_of_command(const struct command *command)
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

static int propose(struct grpc_call *call, const struct command *command, decree_done *done)
{
    struct backend *backend = call_backend(call);
    struct decree_value *value = value_of_command(command);
    int error = DECREE_NOMEM;

    grpc_keep(call);
    if (value != NULL)
        error = backend->ops->propose(backend, value, done, call);
    decree_value_unref(value);
    return services_after_ask(call, error);
}

static enum etcd_error check_put(const struct put_request *request, size_t size)
{
    if (request->key.size == 0)
        return ETCD_EMPTY_KEY;
    if (request->ignore_value && request->value.size > 0)
        return ETCD_VALUE_PROVIDED;
    if (request->ignore_lease && request->lease != 0)
        return ETCD_LEASE_PROVIDED;
    return size > PROPOSAL_BYTES_MAX ? ETCD_TOO_LARGE : ETCD_OK;
}

static void put_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = result;
    struct response_header header;
    struct byte_buffer *out;

    (void)slot;
    if (!services_resume(call, error))
        return;
    if (outcome->error != KV_OK) {
        etcd_fail(call, etcd_error_of_kv(outcome->error));
        return;
    }
    header = header_at(call_backend(call), outcome->revision);
    out = grpc_reply_begin(call);
    response_header_write(out, &header);
    if (outcome->pair_count > 0)
        pair_write(out, 2, &outcome->pairs[0], false);
    grpc_reply_end(call);
}

static int put(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct put_request request;
    struct command command = {.op = COMMAND_PUT};
    enum etcd_error error;

    if (!put_request_read(message, size, &request)) {
        grpc_fail_malformed(call);
        return 0;
    }
    error = check_put(&request, size);
    if (error != ETCD_OK) {
        etcd_fail(call, error);
        return 0;
    }
    command.u.put = (struct command_put){request.key,          request.value,
                                         request.lease,        request.prev_kv,
                                         request.ignore_value, request.ignore_lease};
    return propose(call, &command, put_done);
}

static void delete_range_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = result;
    struct response_header header;
    struct byte_buffer *out;

    (void)slot;
    if (!services_resume(call, error))
        return;
    if (outcome->error != KV_OK) {
        etcd_fail(call, etcd_error_of_kv(outcome->error));
        return;
    }
    header = header_at(call_backend(call), outcome->revision);
    out = grpc_reply_begin(call);
    response_header_write(out, &header);
    number_write(out, 2, outcome->deleted);
    for (size_t i = 0; i < outcome->pair_count; i++)
        pair_write(out, 3, &outcome->pairs[i], false);
    grpc_reply_end(call);
}

static int delete_range(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct delete_range_request request;
    struct command command = {.op = COMMAND_DELETE_RANGE};

    if (!delete_range_request_read(message, size, &request)) {
        grpc_fail_malformed(call);
        return 0;
    }
    if (request.key.size == 0 || size > PROPOSAL_BYTES_MAX) {
        etcd_fail(call, request.key.size == 0 ? ETCD_EMPTY_KEY : ETCD_TOO_LARGE);
        return 0;
    }
    command.u.delete_range = (struct command_delete_range){request.key, request.range_end,
                                                           request.prev_kv};
    return propose(call, &command, delete_range_done);
}

/* ---- Range ---- */

struct range_output {
    struct byte_buffer *out;
    bool keys_only;
};

static void write_pair(void *context, const struct kv_pair *pair)
{
    struct range_output *output = context;

    pair_write(output->out, 2, pair, output->keys_only);
}

/* The pairs that the request wants, into out; out fails if there is no memory. */
static enum kv_error write_pairs(const struct kv *kv, const struct range_request *request,
                                 struct byte_buffer *out, struct kv_range_result *ret_result)
{
    struct range_output output = {out, request->keys_only};
    struct kv_range_request wanted = {
        .key = request->key,
        .range_end = request->range_end,
        .limit = request->limit > 0 ? (uint64_t)request->limit : 0,
        .revision = request->revision,
        .keys_only = request->keys_only,
        .count_only = request->count_only,
    };
    struct byte_buffer scratch = {0};
    enum kv_error error;

    if (request->count_only || !range_is_sorted(request))
        return kv_range(kv, &wanted, write_pair, &output, ret_result);
    error = range_sorted(kv, request, &scratch, write_pair, &output, ret_result);
    out->failed = out->failed || scratch.failed;
    byte_buffer_release(&scratch);
    return error;
}

static void reply_range(struct grpc_call *call, const struct range_request *request)
{
    struct backend *backend = call_backend(call);
    const struct kv *kv = backend->ops->kv(backend);
    struct response_header header = header_at(backend, kv_revision(kv));
    struct byte_buffer *out = grpc_reply_begin(call);
    struct kv_range_result result;
    enum kv_error error;

    response_header_write(out, &header);
    error = write_pairs(kv, request, out, &result);
    if (error != KV_OK) {
        etcd_fail(call, etcd_error_of_kv(error));
        return;
    }
    number_write(out, 3, result.more ? 1 : 0);
    number_write(out, 4, result.count);
    grpc_reply_end(call);
}

static void range_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;

    (void)slot;
    (void)result;
    if (services_resume(call, error))
        reply_range(call, (const struct range_request *)(const void *)call->state);
}

static enum etcd_error check_range(const struct range_request *request)
{
    if (request->key.size == 0)
        return ETCD_EMPTY_KEY;
    if (request->sort_order < SORT_NONE || request->sort_order > SORT_DESCEND ||
        request->sort_target < SORT_KEY || request->sort_target > SORT_VALUE)
        return ETCD_SORT_OPTION;
    return ETCD_OK;
}

static int range(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct range_request *request = (struct range_request *)(void *)call->state;
    struct backend *backend = call_backend(call);
    enum etcd_error error;

    _Static_assert(sizeof(*request) <= GRPC_STATE_BYTES,
                   "a call has room for the request of a read");
    if (!range_request_read(message, size, request)) {
        grpc_fail_malformed(call);
        return 0;
    }
    error = check_range(request);
    if (error != ETCD_OK) {
        etcd_fail(call, error);
        return 0;
    }
    if (request->serializable) {
        reply_range(call, request);
        return 0;
    }
    grpc_keep(call);
    return services_after_ask(call, backend->ops->read(backend, range_done, call));
}

const struct grpc_route kv_routes[] = {
    {"/etcdserverpb.KV/Range", range},
    {"/etcdserverpb.KV/Put", put},
    {"/etcdserverpb.KV/DeleteRange", delete_range},
    {NULL, NULL},
};
