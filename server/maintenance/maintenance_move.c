/* SPDX-License-Identifier: MIT */
/* maintenance_move.c -- etcdserverpb.Maintenance/MoveLeader: another member is to lead.
 *
 * Only the leader takes it. It writes down what is left of leases, for only it knows; this is waited for, but not
 * long. Then it asks the other member to begin phase 1, and again from time to time, for the message may
 * be lost; the call is answered when that member is known to lead here.
 */
#include <stdlib.h>

#include "errands.h"
#include "kv_checks.h"
#include "lessor.h"
#include "maintenance_inside.h"

#define WRITE_STEPS_MAX 100u /* of 10 ms */
#define ASK_AGAIN_STEPS 50u

struct move {
    struct errand errand;
    struct backend *backend;
    struct lessor *lessor;
    uint64_t target;
    bool written;   /* what is left of leases */
    unsigned steps; /* ... until that, and since then */
};

static uint64_t leader_of(struct backend *backend)
{
    struct backend_status status;

    backend->ops->status(backend, &status);
    return status.leader_id;
}

static void reply(struct grpc_call *call)
{
    Etcdserverpb__MoveLeaderResponse response = ETCDSERVERPB__MOVE_LEADER_RESPONSE__INIT;

    grpc_reply(call, &response.base);
}

static void go_on(struct move *move)
{
    if (!move->written) {
        move->written = lessor_wrote_all(move->lessor) || move->steps++ >= WRITE_STEPS_MAX;
        if (!move->written)
            return;
        move->steps = 0;
    }
    if (move->steps++ % ASK_AGAIN_STEPS == 0)
        move->backend->ops->hand_over(move->backend, move->target);
}

static enum errand_state step(struct errand *errand, bool stop)
{
    struct move *move = list_owner(errand, struct move, errand);
    bool moved = leader_of(move->backend) == move->target;

    if (!moved && !stop) {
        go_on(move);
        return ERRAND_WAITS;
    }
    if (errand_resume(errand, !moved))
        reply(errand->call);
    free(move);
    return ERRAND_OVER;
}

static bool is_member(struct backend *backend, uint64_t id)
{
    struct backend_member member;

    for (size_t i = 0; backend->ops->member(backend, i, &member); i++)
        if (member.id == id)
            return true;
    return false;
}

static void begin(struct grpc_call *call, uint64_t target)
{
    struct move *move = calloc(1, sizeof(*move));

    if (move == NULL) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return;
    }
    grpc_keep(call);
    *move = (struct move){.errand = {.call = call, .step = step},
                          .backend = call_backend(call),
                          .lessor = call_services(call)->lessor,
                          .target = target};
    lessor_write_all(move->lessor);
    errands_add(call_services(call)->errands, &move->errand);
}

int maintenance_move_leader(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct backend *backend = call_backend(call);
    const Etcdserverpb__MoveLeaderRequest *request = grpc_decode(
        call, &etcdserverpb__move_leader_request__descriptor, message, size);

    if (request == NULL)
        return 0;
    if (leader_of(backend) != backend->member_id)
        etcd_fail(call, ETCD_NOT_LEADING);
    else if (!is_member(backend, request->targetid))
        etcd_fail(call, ETCD_BAD_TRANSFEREE);
    else if (request->targetid == backend->member_id)
        reply(call);
    else
        begin(call, request->targetid);
    return 0;
}
