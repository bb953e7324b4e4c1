/* SPDX-License-Identifier: MIT */
/* register_service.c -- decree.v1.Register: requests to requests of the registers, answers to
 * responses.
 *
 *     Set, Get, CompareAndSet, History, Compact    check -> backend.ask_register -> answer -> response
 *
 * Versions count from 0 here, as paxoskv's do, and from 1 in decree/register.h, where 0 means none:
 * wire_version() and core_version() are the only places that know.
 */
#include <assert.h>
#include <stdio.h>

#include <uv.h>

#include "register.pb-c.h"
#include "register_errors.h"

#define MS_NS UINT64_C(1000000)
#define TIMEOUT_MS_DEFAULT 5000u

static uint64_t core_version(uint64_t on_wire)
{
    return on_wire < DECREE_REGISTER_VERSION_MAX ? on_wire + 1 : DECREE_REGISTER_VERSION_MAX + 1;
}

static uint64_t wire_version(uint64_t in_core)
{
    assert(in_core > 0);
    return in_core - 1;
}

/* ---- asking ---- */

/* A little before the client gives up, so that he hears what was in the way. */
static uint64_t deadline_of(const struct grpc_call *call)
{
    uint64_t timeout_ms = call->has_timeout ? call->timeout_ms : TIMEOUT_MS_DEFAULT;

    return uv_hrtime() + (timeout_ms - timeout_ms / 8) * MS_NS;
}

static struct decree_register_key key_of(ProtobufCBinaryData key)
{
    return (struct decree_register_key){key.data,
                                        key.len > UINT32_MAX ? UINT32_MAX : (uint32_t)key.len};
}

/* Asks with a copy of value, which may be NULL, in place of the request's. */
static int ask(struct grpc_call *call, struct decree_register_request *request,
               const ProtobufCBinaryData *value, decree_register_done *done)
{
    struct backend *backend = call_backend(call);
    int error = backend->ops->ask_register == NULL ? DECREE_MISUSE : 0;

    if (request->key.size == 0 || request->key.size > DECREE_REGISTER_KEY_BYTES_MAX) {
        grpc_fail(call, GRPC_INVALID_ARGUMENT, "a register's key has 1 to 4096 bytes");
        return 0;
    }
    request->deadline_ns = deadline_of(call);
    if (value != NULL && error == 0) {
        request->value = decree_value_copy(value->data, (uint32_t)value->len);
        error = request->value == NULL ? DECREE_NOMEM : 0;
    }
    grpc_keep(call);
    if (error == 0)
        error = backend->ops->ask_register(backend, request, done, call);
    decree_value_unref(request->value);
    return register_after_ask(call, error);
}

/* ---- large answers ---- */

/* What a client reads is not kept for him if he does not read it: when too many answers before this
 * one are unread, this one is forgotten, and asked for again when its turn comes. The request's
 * bytes are there until the call is answered. */
struct read_call {
    grpc_handle *handle;
    const uint8_t *message;
    size_t size;
};

static struct read_call *read_call_of(struct grpc_call *call)
{
    _Static_assert(sizeof(struct read_call) <= GRPC_STATE_BYTES, "a call has room for it");
    return (struct read_call *)(void *)call->state;
}

static void ask_again(struct grpc_call *call)
{
    const struct read_call *read_call = read_call_of(call);

    if (read_call->handle(call, read_call->message, read_call->size) == DECREE_FULL)
        register_fail(call, DECREE_FULL, false);
}

/* For completions of reads: true if the answer is to be written now. */
static bool resume_read(struct grpc_call *call, int error)
{
    if (!register_resume(call, error, false))
        return false;
    if (http2_may_answer(&call->stream))
        return true;
    grpc_answer_in_turn(call, ask_again);
    return false;
}

static Decree__V1__RegisterVersion version_message(const struct decree_register_version *version)
{
    Decree__V1__RegisterVersion message = DECREE__V1__REGISTER_VERSION__INIT;

    message.version = wire_version(version->version);
    if (version->value != NULL) {
        message.value.len = version->value->size;
        message.value.data = (uint8_t *)(uintptr_t)version->value->data;
    }
    return message;
}

/* ---- Set ---- */

static void set_done(void *argument, const struct decree_register_answer *answer)
{
    Decree__V1__RegisterSetResponse response = DECREE__V1__REGISTER_SET_RESPONSE__INIT;
    struct grpc_call *call = argument;

    if (!register_resume(call, answer->error, true))
        return;
    assert(answer->version_count == 1);
    response.version = wire_version(answer->versions[0].version);
    response.rounds = answer->rounds;
    grpc_reply(call, &response.base);
}

static int set(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_SET};
    const Decree__V1__RegisterSetRequest *wire = grpc_decode(
        call, &decree__v1__register_set_request__descriptor, message, size);

    if (wire == NULL)
        return 0;
    request.key = key_of(wire->key);
    if (wire->named_case == DECREE__V1__REGISTER_SET_REQUEST__NAMED_VERSION)
        request.version = core_version(wire->version);
    return ask(call, &request, &wire->value, set_done);
}

/* ---- Get ---- */

static void get_done(void *argument, const struct decree_register_answer *answer)
{
    Decree__V1__RegisterGetResponse response = DECREE__V1__REGISTER_GET_RESPONSE__INIT;
    Decree__V1__RegisterVersion found;
    struct grpc_call *call = argument;

    if (!resume_read(call, answer->error))
        return;
    assert(answer->version_count == 1);
    found = version_message(&answer->versions[0]);
    response.found = &found;
    response.latest = wire_version(answer->latest > 0 ? answer->latest
                                                      : answer->versions[0].version);
    response.rounds = answer->rounds;
    grpc_reply(call, &response.base);
}

static int get(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_GET};
    const Decree__V1__RegisterGetRequest *wire = grpc_decode(
        call, &decree__v1__register_get_request__descriptor, message, size);

    if (wire == NULL)
        return 0;
    request.key = key_of(wire->key);
    if (wire->named_case == DECREE__V1__REGISTER_GET_REQUEST__NAMED_VERSION)
        request.version = core_version(wire->version);
    *read_call_of(call) = (struct read_call){get, message, size};
    return ask(call, &request, NULL, get_done);
}

/* ---- CompareAndSet ---- */

static void compare_and_set_done(void *argument, const struct decree_register_answer *answer)
{
    Decree__V1__RegisterCompareAndSetResponse response =
        DECREE__V1__REGISTER_COMPARE_AND_SET_RESPONSE__INIT;
    Decree__V1__RegisterVersion present;
    struct grpc_call *call = argument;
    bool conflict = answer->error == DECREE_CONFLICT;

    if (!register_resume(call, conflict ? 0 : answer->error, true))
        return;
    response.succeeded = !conflict;
    response.rounds = answer->rounds;
    if (conflict && answer->version_count > 0) {
        present = version_message(&answer->versions[0]);
        response.present = &present;
    }
    if (!conflict) {
        assert(answer->version_count == 1);
        response.version = wire_version(answer->versions[0].version);
    }
    grpc_reply(call, &response.base);
}

static int compare_and_set(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_CAS};
    const Decree__V1__RegisterCompareAndSetRequest *wire = grpc_decode(
        call, &decree__v1__register_compare_and_set_request__descriptor, message, size);

    if (wire == NULL)
        return 0;
    request.key = key_of(wire->key);
    if (wire->latest_case == DECREE__V1__REGISTER_COMPARE_AND_SET_REQUEST__LATEST_EXPECTED)
        request.expected = core_version(wire->expected);
    return ask(call, &request, &wire->value, compare_and_set_done);
}

/* ---- History ---- */

static void history_done(void *argument, const struct decree_register_answer *answer)
{
    Decree__V1__RegisterHistoryResponse response = DECREE__V1__REGISTER_HISTORY_RESPONSE__INIT;
    Decree__V1__RegisterVersion versions[DECREE_REGISTER_HISTORY_MAX];
    Decree__V1__RegisterVersion *pointers[DECREE_REGISTER_HISTORY_MAX];
    struct grpc_call *call = argument;

    if (!resume_read(call, answer->error))
        return;
    assert(answer->version_count <= DECREE_REGISTER_HISTORY_MAX);
    for (uint32_t i = 0; i < answer->version_count; i++) {
        versions[i] = version_message(&answer->versions[i]);
        pointers[i] = &versions[i];
    }
    response.versions = pointers;
    response.n_versions = answer->version_count;
    response.latest = answer->latest > 0 ? wire_version(answer->latest) : 0;
    grpc_reply(call, &response.base);
}

static int history(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_HISTORY};
    const Decree__V1__RegisterHistoryRequest *wire = grpc_decode(
        call, &decree__v1__register_history_request__descriptor, message, size);

    if (wire == NULL)
        return 0;
    request.key = key_of(wire->key);
    request.version = core_version(wire->from);
    request.limit = wire->limit;
    *read_call_of(call) = (struct read_call){history, message, size};
    return ask(call, &request, NULL, history_done);
}

/* ---- Compact ---- */

static void compact_done(void *argument, const struct decree_register_answer *answer)
{
    Decree__V1__RegisterCompactResponse response = DECREE__V1__REGISTER_COMPACT_RESPONSE__INIT;
    struct grpc_call *call = argument;

    if (register_resume(call, answer->error, true))
        grpc_reply(call, &response.base);
}

static int compact(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_FORGET};
    const Decree__V1__RegisterCompactRequest *wire = grpc_decode(
        call, &decree__v1__register_compact_request__descriptor, message, size);

    if (wire == NULL)
        return 0;
    request.key = key_of(wire->key);
    request.version = core_version(wire->version);
    return ask(call, &request, NULL, compact_done);
}

const struct grpc_route register_routes[] = {
    {"/decree.v1.Register/Set", set},
    {"/decree.v1.Register/Get", get},
    {"/decree.v1.Register/CompareAndSet", compare_and_set},
    {"/decree.v1.Register/History", history},
    {"/decree.v1.Register/Compact", compact},
    {NULL, NULL},
};
