/* SPDX-License-Identifier: MIT */
/* paxoskv_service.c -- paxoskv.PaxosKV: this member's acceptor of registers, for proposers that are
 * no members.
 *
 *     Prepare, Accept    check -> PREPARE, ACCEPT -> backend.call_acceptor -> reply, once durable
 *
 * Nothing is decided here: the client is the proposer and counts the acceptors' replies himself. It
 * takes a reply for a yes if LastBal is not above its own ballot, so a refusal for any other reason
 * (the version is compacted, another value was voted for in the same ballot) is an error of gRPC
 * and not a reply. How things look on either side:
 *
 *     paxoskv                                decree/register.h
 *     Ver 0, 1, ...                          version 1, 2, ...
 *     Vi64                                   its decimal digits: 0, -7, 9223372036854775807
 *     N                                      round
 *     ProposerId 0 to 2^31 - 1, clients      node 2^31 + ProposerId (DECREE_REGISTER_OUTSIDER)
 *     ProposerId -2^31 + 1 ..., members      node 1 ...; in replies only
 *
 * The order of ballots is the same on both sides.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paxoskv.pb-c.h"
#include "protobuf_wire.h"
#include "register_errors.h"

#define ROUND_MAX ((INT64_C(1) << 62) - 1) /* leaves the members room to go higher */
#define PROPOSER_MAX INT32_MAX
#define DIGITS_MAX 20u /* of an int64, with its sign */

struct paxoskv_call {
    struct decree_ballot ballot; /* of the request */
};

static struct paxoskv_call *state_of(struct grpc_call *call)
{
    _Static_assert(sizeof(struct paxoskv_call) <= GRPC_STATE_BYTES, "a call has room for it");
    return (struct paxoskv_call *)call->state;
}

/* ---- from one side to the other ---- */

struct ballot_num { /* as it comes */
    int64_t n, proposer_id;
};

static bool read_ballot(const struct ballot_num *wire, struct decree_ballot *ret_ballot)
{
    if (wire->n < 0 || wire->n > ROUND_MAX || wire->proposer_id < 0 ||
        wire->proposer_id > PROPOSER_MAX)
        return false;
    ret_ballot->round = (uint64_t)wire->n;
    ret_ballot->node = DECREE_REGISTER_OUTSIDER | (uint32_t)wire->proposer_id;
    return true;
}

static Paxoskv__BallotNum write_ballot(struct decree_ballot ballot)
{
    Paxoskv__BallotNum wire = PAXOSKV__BALLOT_NUM__INIT;

    if (ballot.round == 0 && ballot.node == 0)
        return wire;
    wire.n = (int64_t)ballot.round;
    wire.proposerid = (int64_t)ballot.node - (int64_t)DECREE_REGISTER_OUTSIDER;
    return wire;
}

static struct decree_value *value_of(int64_t number)
{
    char text[DIGITS_MAX + 1];
    int size = snprintf(text, sizeof(text), "%" PRId64, number);

    assert(size > 0);
    return decree_value_copy(text, (uint32_t)size);
}

/* False: these are not the digits that value_of() writes. */
static bool number_of(const struct decree_value *value, int64_t *ret_number)
{
    char text[DIGITS_MAX + 1], again[DIGITS_MAX + 1];
    int64_t number;

    if (value->size == 0 || value->size > DIGITS_MAX)
        return false;
    memcpy(text, value->data, value->size);
    text[value->size] = '\0';
    number = strtoll(text, NULL, 10); /* whatever it makes of them, it must print the same */
    snprintf(again, sizeof(again), "%" PRId64, number);
    if (strlen(text) != value->size || strcmp(text, again) != 0)
        return false;
    *ret_number = number;
    return true;
}

/* ---- replies ---- */

static void reply(struct grpc_call *call, struct decree_ballot last, struct decree_ballot voted,
                  const int64_t *number)
{
    Paxoskv__Acceptor acceptor = PAXOSKV__ACCEPTOR__INIT;
    Paxoskv__BallotNum last_wire = write_ballot(last), voted_wire = write_ballot(voted);
    Paxoskv__Value value = PAXOSKV__VALUE__INIT;

    acceptor.lastbal = &last_wire;
    acceptor.vbal = &voted_wire;
    if (number != NULL) {
        value.vi64 = *number;
        acceptor.val = &value;
    }
    grpc_reply(call, &acceptor.base);
}

static void reply_with_vote(struct grpc_call *call, struct decree_ballot last,
                            struct decree_ballot voted, const struct decree_value *value)
{
    int64_t number;

    if (value == NULL)
        reply(call, last, (struct decree_ballot){0}, NULL);
    else if (number_of(value, &number))
        reply(call, last, voted, &number);
    else
        grpc_fail(call, GRPC_FAILED_PRECONDITION,
                  "this version has bytes that are no int64 in decimal");
}

/* The acceptor says no. The client can see why only if a higher ballot is the reason. */
static void refuse(struct grpc_call *call, const struct decree_register_message *message)
{
    if (message->first > message->version)
        register_fail(call, DECREE_COMPACTED, false);
    else if (decree_ballot_compare(message->ballot, state_of(call)->ballot) > 0)
        reply_with_vote(call, message->ballot, message->voted, message->value);
    else
        grpc_fail(call, GRPC_FAILED_PRECONDITION,
                  "another value has this version's vote, or is chosen already");
}

static void replied(void *argument, int error, const struct decree_register_message *message)
{
    struct grpc_call *call = argument;

    if (!register_resume(call, error, true))
        return;
    switch (message->type) {
    case DECREE_REGISTER_PROMISE:
        reply_with_vote(call, message->ballot, message->voted, message->value);
        break;
    case DECREE_REGISTER_DECIDED: /* a vote that all others will join */
        reply_with_vote(call, state_of(call)->ballot, message->ballot, message->value);
        break;
    case DECREE_REGISTER_ACCEPTED:
        reply(call, message->ballot, (struct decree_ballot){0}, NULL);
        break;
    case DECREE_REGISTER_REFUSED:
        refuse(call, message);
        break;
    case DECREE_REGISTER_NONE:
    case DECREE_REGISTER_QUERY:
    case DECREE_REGISTER_STATE:
    case DECREE_REGISTER_PREPARE:
    case DECREE_REGISTER_ACCEPT:
    case DECREE_REGISTER_COMPACT:
    case DECREE_REGISTER_MESSAGE_TYPES:
        grpc_fail(call, GRPC_INTERNAL, "the acceptor answered something else");
        break;
    }
}

/* ---- requests ---- */

/* Read without protobuf-c, for which a string ends at its first zero byte. */
struct proposer {
    struct kv_bytes id, bal, val;
};

struct instance_id {
    struct kv_bytes key;
    int64_t ver;
};

static const struct wire_field PROPOSER_FIELDS[] = {
    {WIRE_BYTES, offsetof(struct proposer, id)},
    {WIRE_BYTES, offsetof(struct proposer, bal)},
    {WIRE_BYTES, offsetof(struct proposer, val)},
};

static const struct wire_field INSTANCE_ID_FIELDS[] = {
    {WIRE_BYTES, offsetof(struct instance_id, key)},
    {WIRE_INT64, offsetof(struct instance_id, ver)},
};

static const struct wire_field BALLOT_FIELDS[] = {
    {WIRE_INT64, offsetof(struct ballot_num, n)},
    {WIRE_INT64, offsetof(struct ballot_num, proposer_id)},
};

static const struct wire_field VALUE_FIELDS[] = {{WIRE_INT64, 0}};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define READ(bytes, fields, ret) wire_read((bytes).data, (bytes).size, fields, COUNT(fields), ret)

static const char *check(const struct instance_id *id, const struct ballot_num *ballot,
                         struct decree_register_message *message)
{
    if (id->key.size == 0 || id->key.size > DECREE_REGISTER_KEY_BYTES_MAX)
        return "Id.Key must have 1 to 4096 bytes";
    if (id->ver < 0 || (uint64_t)id->ver >= DECREE_REGISTER_VERSION_MAX)
        return "Id.Ver must be 0 or more and below 2 to the power of 62";
    if (!read_ballot(ballot, &message->ballot))
        return "Bal.N must be 0 or more and below 2 to the power of 62, and Bal.ProposerId from 0 "
               "to 2147483647";
    message->key = (struct decree_register_key){id->key.data, (uint32_t)id->key.size};
    message->version = (uint64_t)id->ver + 1;
    return NULL;
}

/* The request in plain form, but for its value. False: the call is answered. */
static bool decode(struct grpc_call *call, const uint8_t *bytes, size_t size,
                   struct proposer *proposer, struct decree_register_message *ret_message)
{
    struct kv_bytes all = {bytes, size};
    struct ballot_num ballot = {0};
    struct instance_id id = {0};
    const char *wrong;

    *proposer = (struct proposer){0};
    if (!READ(all, PROPOSER_FIELDS, proposer) || !READ(proposer->id, INSTANCE_ID_FIELDS, &id) ||
        !READ(proposer->bal, BALLOT_FIELDS, &ballot)) {
        grpc_fail_malformed(call);
        return false;
    }
    wrong = check(&id, &ballot, ret_message);
    if (wrong != NULL)
        grpc_fail(call, GRPC_INVALID_ARGUMENT, wrong);
    return wrong == NULL;
}

static int ask(struct grpc_call *call, const struct decree_register_message *message)
{
    struct backend *backend = call_backend(call);
    int error = DECREE_MISUSE;

    state_of(call)->ballot = message->ballot;
    grpc_keep(call);
    if (backend->ops->call_acceptor != NULL)
        error = backend->ops->call_acceptor(backend, message, replied, call);
    return register_after_ask(call, error);
}

static int prepare(struct grpc_call *call, const uint8_t *bytes, size_t size)
{
    struct decree_register_message message = {.type = DECREE_REGISTER_PREPARE};
    struct proposer proposer;

    return decode(call, bytes, size, &proposer, &message) ? ask(call, &message) : 0;
}

static int accept_value(struct grpc_call *call, const uint8_t *bytes, size_t size)
{
    struct decree_register_message message = {.type = DECREE_REGISTER_ACCEPT};
    struct proposer proposer;
    int64_t number = 0;
    int error;

    if (!decode(call, bytes, size, &proposer, &message))
        return 0;
    if (proposer.val.data == NULL) {
        grpc_fail(call, GRPC_INVALID_ARGUMENT, "Val is missing: there is nothing to vote for");
        return 0;
    }
    if (!READ(proposer.val, VALUE_FIELDS, &number)) {
        grpc_fail_malformed(call);
        return 0;
    }
    message.value = value_of(number);
    if (message.value == NULL) {
        register_fail(call, DECREE_NOMEM, false);
        return 0;
    }
    error = ask(call, &message);
    decree_value_unref(message.value);
    return error;
}

const struct grpc_route paxoskv_routes[] = {
    {"/paxoskv.PaxosKV/Prepare", prepare},
    {"/paxoskv.PaxosKV/Accept", accept_value},
    {NULL, NULL},
};
