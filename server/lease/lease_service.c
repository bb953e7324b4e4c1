/* SPDX-License-Identifier: MIT */
/* lease_service.c -- etcdserverpb.Lease, but for its stream, which is lease_stream.c. */
#include <assert.h>
#include <stdlib.h>

#include "kv_propose.h"
#include "lessor.h"
#include "random_seed.h"
#include "rpc.pb-c.h"

#define LEASE_SECONDS_MAX INT64_C(9000000000)

/* ---- LeaseGrant ---- */

struct grant { /* what the call keeps */
    int64_t id, seconds;
};

_Static_assert(sizeof(struct grant) <= GRPC_STATE_BYTES, "a call has room for it");

static struct grant *grant_of(struct grpc_call *call)
{
    return (struct grant *)(void *)call->state;
}

static void grant_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    const struct kv_result *outcome = kv_proposed(call, error, result);
    struct byte_buffer *out;

    (void)slot;
    if (outcome == NULL)
        return;
    out = kv_reply_begin(call, outcome->revision);
    number_write(out, 2, (uint64_t)grant_of(call)->id);
    number_write(out, 3, (uint64_t)grant_of(call)->seconds);
    grpc_reply_end(call);
}

int64_t lease_choose_id(const struct kv *kv)
{
    struct kv_lease lease;
    int64_t id = 0;

    while (id == 0 || kv_lease(kv, id, &lease))
        id = (int64_t)(random_seed() & INT64_MAX);
    return id;
}

static int grant(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const struct services *services = grpc_context(call);
    const Etcdserverpb__LeaseGrantRequest *request = grpc_decode(
        call, &etcdserverpb__lease_grant_request__descriptor, message, size);
    struct command command = {.op = COMMAND_LEASE_GRANT};
    int64_t seconds;

    if (request == NULL)
        return 0;
    seconds = request->ttl;
    if (seconds > LEASE_SECONDS_MAX) {
        etcd_fail(call, ETCD_LEASE_TTL_TOO_LARGE);
        return 0;
    }
    if (seconds < services->lease_seconds_min)
        seconds = services->lease_seconds_min;
    *grant_of(call) = (struct grant){
        request->id != 0 ? request->id : lease_choose_id(call_kv(call)), seconds};
    command.u.lease_grant = (struct command_lease_grant){grant_of(call)->id, (uint64_t)seconds};
    return kv_propose(call, &command, grant_done);
}

/* ---- LeaseRevoke ---- */

static void revoke_done(void *argument, int error, decree_slot slot, void *result)
{
    const struct kv_result *outcome = kv_proposed(argument, error, result);

    (void)slot;
    if (outcome != NULL)
        kv_reply(argument, outcome->revision);
}

static int revoke_lease(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Etcdserverpb__LeaseRevokeRequest *request = grpc_decode(
        call, &etcdserverpb__lease_revoke_request__descriptor, message, size);
    struct command command = {.op = COMMAND_LEASE_REVOKE};

    if (request == NULL)
        return 0;
    command.u.lease_revoke = request->id;
    return kv_propose(call, &command, revoke_done);
}

/* ---- LeaseTimeToLive ---- */

struct question { /* what the call keeps */
    int64_t id;
    bool with_keys;
};

_Static_assert(sizeof(struct question) <= GRPC_STATE_BYTES, "a call has room for it");

static struct question *question_of(struct grpc_call *call)
{
    return (struct question *)(void *)call->state;
}

static void write_key(void *context, struct kv_bytes key)
{
    size_t begun = message_begin(context, 5);

    byte_buffer_append(context, key.data, key.size);
    message_end(context, begun);
}

static void reply_time_to_live(struct grpc_call *call, int64_t seconds)
{
    const struct question *question = question_of(call);
    const struct kv *kv = call_kv(call);
    struct byte_buffer *out = kv_reply_begin(call, kv_revision(kv));
    struct kv_lease lease;
    bool found = seconds >= 0 && kv_lease(kv, question->id, &lease);

    number_write(out, 2, (uint64_t)question->id);
    number_write(out, 3, (uint64_t)(found ? seconds : -1));
    if (found)
        number_write(out, 4, (uint64_t)lease.granted);
    if (found && question->with_keys)
        kv_lease_keys(kv, question->id, write_key, out);
    grpc_reply_end(call);
}

struct asked { /* of the lessor; the call is kept */
    struct lease_question question;
    struct grpc_call *call;
};

static void on_told(struct lease_question *question, int error, int64_t seconds)
{
    struct asked *asked = list_owner(question, struct asked, question);

    if (error == LESSOR_LATE) {
        if (grpc_resume(asked->call))
            etcd_fail(asked->call, ETCD_TIMEOUT);
    } else if (services_resume(asked->call, error)) {
        reply_time_to_live(asked->call, seconds);
    }
    free(asked);
}

/* The store shows all that was decided when the call came; who leads knows how much time is left. */
static void time_to_live_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    struct asked *asked = error == 0 ? calloc(1, sizeof(*asked)) : NULL;

    (void)slot;
    (void)result;
    if (asked == NULL) {
        (void)services_resume(call, error != 0 ? error : DECREE_NOMEM);
        return;
    }
    *asked = (struct asked){.question = {.id = question_of(call)->id, .done = on_told},
                            .call = call};
    lessor_ask(call_services(call)->lessor, &asked->question);
}

static int time_to_live(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Etcdserverpb__LeaseTimeToLiveRequest *request = grpc_decode(
        call, &etcdserverpb__lease_time_to_live_request__descriptor, message, size);

    if (request == NULL)
        return 0;
    *question_of(call) = (struct question){request->id, request->keys};
    return services_read(call, time_to_live_done);
}

/* ---- LeaseLeases ---- */

struct listed {
    int64_t id;
    uint64_t ends_ms, stamp;
};

/* The one that ends first comes first, as in etcd; of those that end together, the older one. */
static int compare_listed(const void *a, const void *b)
{
    const struct listed *one = a, *other = b;

    if (one->ends_ms != other->ends_ms)
        return one->ends_ms < other->ends_ms ? -1 : 1;
    return (one->stamp > other->stamp) - (one->stamp < other->stamp);
}

/* NULL: no memory. */
static struct listed *list_leases(struct grpc_call *call, size_t *ret_count)
{
    const struct kv *kv = call_kv(call);
    struct kv_stats stats;
    struct listed *list;
    struct kv_lease lease;
    size_t at = 0, count = 0;

    kv_stats(kv, &stats);
    list = malloc((stats.leases + 1) * sizeof(*list));
    if (list == NULL)
        return NULL;
    while (kv_next_lease(kv, &at, &lease))
        list[count++] = (struct listed){
            lease.id, lessor_ends_ms(call_services(call)->lessor, lease.id), lease.stamp};
    assert(count == stats.leases);
    qsort(list, count, sizeof(*list), compare_listed);
    *ret_count = count;
    return list;
}

static void leases_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    struct listed *list;
    struct byte_buffer *out;
    size_t count;

    (void)slot;
    (void)result;
    if (!services_resume(call, error))
        return;
    list = list_leases(call, &count);
    if (list == NULL) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return;
    }
    out = kv_reply_begin(call, kv_revision(call_kv(call)));
    for (size_t i = 0; i < count; i++) {
        size_t begun = message_begin(out, 2);

        number_write(out, 1, (uint64_t)list[i].id);
        message_end(out, begun);
    }
    free(list);
    grpc_reply_end(call);
}

static int leases(struct grpc_call *call, const uint8_t *message, size_t size)
{
    if (grpc_decode(call, &etcdserverpb__lease_leases_request__descriptor, message, size) == NULL)
        return 0;
    return services_read(call, leases_done);
}

const struct grpc_route lease_routes[] = {
    {"/etcdserverpb.Lease/LeaseGrant", grant},
    {"/etcdserverpb.Lease/LeaseRevoke", revoke_lease},
    {"/etcdserverpb.Lease/LeaseTimeToLive", time_to_live},
    {"/etcdserverpb.Lease/LeaseLeases", leases},
    {NULL, NULL},
};
