/* SPDX-License-Identifier: MIT */
/* election_service.c -- v3electionpb.Election, but for Observe, which is election_observe.c.
 *
 * An election is a lock whose keys have values (lock_keys.h). Campaign waits as Lock does; Proclaim and
 * Resign show the key that the leader has, and do nothing with any other.
 *
 * Two things are done better than in etcd. A candidate whose key did not outlive the wait is told that he
 * does not lead. And a leader who names no lease when he proclaims keeps the one that his key hangs on;
 * etcd would hang it on a new one that nobody keeps alive.
 */
#include <assert.h>

#include "election.pb-c.h"
#include "kv_propose.h"
#include "lock_call.h"

static struct kv_bytes bytes_of(ProtobufCBinaryData data)
{
    return (struct kv_bytes){data.data, data.len};
}

static ProtobufCBinaryData data_of(struct kv_bytes bytes)
{
    return (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}

/* ---- Campaign ---- */

static bool on_won(void *context, const struct lock_contender *contender, int64_t revision)
{
    Etcdserverpb__ResponseHeader header = kv_header_message(context,
                                                            lock_contender_entered(contender));
    V3electionpb__LeaderKey leader = V3ELECTIONPB__LEADER_KEY__INIT;
    V3electionpb__CampaignResponse response = V3ELECTIONPB__CAMPAIGN_RESPONSE__INIT;

    assert(revision >= lock_contender_entered(contender));
    leader.name = data_of(lock_contender_name(contender));
    leader.key = data_of(lock_contender_key(contender));
    leader.rev = lock_contender_made(contender);
    leader.lease = lock_contender_lease(contender);
    response.header = &header;
    response.leader = &leader;
    return lock_call_answer(context, &response.base);
}

static void on_lost(void *context, enum etcd_error error)
{
    lock_call_lost(context, error == ETCD_SESSION_EXPIRED ? ETCD_NOT_LEADER : error);
}

static int campaign(struct grpc_call *call, const uint8_t *message, size_t size)
{
    static const struct lock_contender_events events = {on_won, on_lost};
    const V3electionpb__CampaignRequest *request = grpc_decode(
        call, &v3electionpb__campaign_request__descriptor, message, size);
    struct lock_wish wish = {.sets_value = true};

    if (request == NULL)
        return 0;
    wish.name = bytes_of(request->name);
    wish.value = bytes_of(request->value);
    wish.lease = request->lease;
    lock_call_begin(call, size, &wish, &events);
    return 0;
}

static const struct grpc_stream_handler CAMPAIGN = {
    .answers_once = true,
    .open = lock_call_open,
    .message = campaign,
    .half_close = lock_call_half_close,
    .gone = lock_call_gone,
};

const struct grpc_stream_route election_stream_routes[] = {
    {"/v3electionpb.Election/Campaign", &CAMPAIGN},
    {NULL, NULL},
};

/* ---- Proclaim and Resign ---- */

/* What is wrong with the leader that a request shows. */
static enum etcd_error check_leader(const struct grpc_call *call,
                                    const V3electionpb__LeaderKey *leader, size_t size)
{
    if (leader == NULL)
        return ETCD_LEADER_MISSING;
    if (leader->key.len == 0)
        return ETCD_EMPTY_KEY;
    return size > call_services(call)->request_bytes_max ? ETCD_TOO_LARGE : ETCD_OK;
}

static void proclaim_done(void *argument, int error, decree_slot slot, void *result)
{
    const struct kv_result *outcome = lock_call_outcome(argument, error, result);

    (void)slot;
    if (outcome == NULL)
        return;
    if (outcome->succeeded)
        kv_reply(argument, outcome->revision);
    else
        etcd_fail_bare(argument, ETCD_NOT_LEADER);
}

static int proclaim(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const V3electionpb__ProclaimRequest *request = grpc_decode(
        call, &v3electionpb__proclaim_request__descriptor, message, size);
    struct lock_entry entry = {0};
    enum etcd_error error;

    if (request == NULL)
        return 0;
    error = check_leader(call, request->leader, size);
    if (error != ETCD_OK) {
        etcd_fail_bare(call, error);
        return 0;
    }
    entry.key = bytes_of(request->leader->key);
    entry.value = bytes_of(request->value);
    entry.lease = request->leader->lease;
    grpc_keep(call);
    return services_after_ask(
        call, lock_proclaim(call_backend(call), &entry, request->leader->rev, proclaim_done, call));
}

static void resign_done(void *argument, int error, decree_slot slot, void *result)
{
    const struct kv_result *outcome = lock_call_outcome(argument, error, result);

    (void)slot;
    if (outcome != NULL)
        kv_reply(argument, outcome->revision);
}

static int resign(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const V3electionpb__ResignRequest *request = grpc_decode(
        call, &v3electionpb__resign_request__descriptor, message, size);
    enum etcd_error error;

    if (request == NULL)
        return 0;
    error = check_leader(call, request->leader, size);
    if (error != ETCD_OK) {
        etcd_fail_bare(call, error);
        return 0;
    }
    grpc_keep(call);
    return services_after_ask(call, lock_release(call_backend(call), bytes_of(request->leader->key),
                                                 request->leader->rev, resign_done, call));
}

/* ---- Leader ---- */

struct question { /* what the call keeps: the name, borrowed from the request */
    struct kv_bytes name;
};

static struct question *question_of(struct grpc_call *call)
{
    _Static_assert(sizeof(struct question) <= GRPC_STATE_BYTES, "a call has room for it");
    return (struct question *)(void *)call->state;
}

static void answer_leader(struct grpc_call *call, const struct lock_prefix *prefix)
{
    const struct kv *kv = call_kv(call);
    struct kv_pair pair;

    if (!lock_first(kv, prefix, &pair)) {
        etcd_fail_bare(call, ETCD_ELECTION_NO_LEADER);
        return;
    }
    pair_write(kv_reply_begin(call, kv_revision(kv)), 2, &pair, false);
    grpc_reply_end(call);
}

static void leader_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    struct kv_bytes name = question_of(call)->name;
    struct lock_prefix prefix;
    uint8_t *bytes;

    (void)slot;
    (void)result;
    if (!services_resume(call, error))
        return;
    bytes = malloc(2 * (name.size + 1));
    if (bytes == NULL) {
        etcd_fail_bare(call, ETCD_NO_MEMORY);
        return;
    }
    prefix = lock_prefix_write(bytes, name);
    answer_leader(call, &prefix);
    free(bytes);
}

static int leader(struct grpc_call *call, const uint8_t *message, size_t size)
{
    static const struct wire_field fields[] = {{WIRE_BYTES, offsetof(struct question, name)}};

    *question_of(call) = (struct question){{NULL, 0}};
    if (!wire_read(message, size, fields, 1, question_of(call))) {
        grpc_fail_malformed(call);
        return 0;
    }
    return services_read(call, leader_done);
}

const struct grpc_route election_routes[] = {
    {"/v3electionpb.Election/Proclaim", proclaim},
    {"/v3electionpb.Election/Resign", resign},
    {"/v3electionpb.Election/Leader", leader},
    {NULL, NULL},
};
