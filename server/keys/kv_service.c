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

#include "kv_checks.h"
#include "kv_messages.h"
#include "kv_propose.h"
#include "range_sort.h"

/* ---- Put and DeleteRange ---- */

static void put_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = kv_proposed(call, error, result);
    struct byte_buffer *out;

    (void)slot;
    if (outcome == NULL)
        return;
    out = kv_reply_begin(call, outcome->revision);
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
    error = check_put(&request);
    if (error == ETCD_OK && size > call_services(call)->request_bytes_max)
        error = ETCD_TOO_LARGE;
    if (error != ETCD_OK) {
        etcd_fail(call, error);
        return 0;
    }
    command.u.put = (struct command_put){request.key,          request.value,
                                         request.lease,        request.prev_kv,
                                         request.ignore_value, request.ignore_lease};
    return kv_propose(call, &command, put_done);
}

static void delete_range_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = kv_proposed(call, error, result);
    struct byte_buffer *out;

    (void)slot;
    if (outcome == NULL)
        return;
    out = kv_reply_begin(call, outcome->revision);
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
    if (request.key.size == 0 || size > call_services(call)->request_bytes_max) {
        etcd_fail(call, request.key.size == 0 ? ETCD_EMPTY_KEY : ETCD_TOO_LARGE);
        return 0;
    }
    command.u.delete_range = (struct command_delete_range){request.key, request.range_end,
                                                           request.prev_kv};
    return kv_propose(call, &command, delete_range_done);
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
    const struct kv *kv = call_kv(call);
    struct byte_buffer *out = kv_reply_begin(call, kv_revision(kv));
    struct kv_range_result result;
    enum kv_error error = write_pairs(kv, request, out, &result);

    if (error != KV_OK) {
        etcd_fail(call, etcd_error_of_kv(error));
        return;
    }
    number_write(out, 3, result.more ? 1 : 0);
    number_write(out, 4, result.count);
    grpc_reply_end(call);
}

static void answer_range(struct grpc_call *call)
{
    reply_range(call, (const struct range_request *)(const void *)call->state);
}

static void range_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;

    (void)slot;
    (void)result;
    if (services_resume(call, error))
        grpc_answer_in_turn(call, answer_range);
}

static int range(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct range_request *request = (struct range_request *)(void *)call->state;
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
    return services_read(call, range_done);
}

const struct grpc_route kv_routes[] = {
    {"/etcdserverpb.KV/Range", range},
    {"/etcdserverpb.KV/Put", put},
    {"/etcdserverpb.KV/DeleteRange", delete_range},
    {NULL, NULL},
};
