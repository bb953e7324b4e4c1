/* SPDX-License-Identifier: MIT */
/* maintenance_service.c -- etcdserverpb.Maintenance: how this member is, and what it is told.
 *
 *     Alarm       GET: backend.read -> the alarms of the store; else: command -> backend.propose
 *     Hash(KV), MoveLeader, Downgrade    in files of their own
 *     Defragment  nothing needs it: the store gives back what compaction leaves by itself
 */
#include <inttypes.h>
#include <stdio.h>

#include "kv_checks.h"
#include "kv_propose.h"
#include "maintenance_inside.h"

/* The version that the stored form is said to have: that of the API without its patch number. */
#define STORAGE_VERSION "3.6.0"
#define ALARM_TEXT_BYTES 64u
#define ALARMS_TOLD 16u  /* of them, in a Status */
#define ALARMS_MAX 1024u /* clients raise no more of them */

Etcdserverpb__ResponseHeader maintenance_header(struct grpc_call *call)
{
    return kv_header_message(call, kv_revision(call_kv(call)));
}

/* ---- Status ---- */

/* In the words of etcd, where the text ends with a space. */
static size_t alarm_texts(struct backend *backend, char texts[ALARMS_TOLD][ALARM_TEXT_BYTES])
{
    size_t count;
    const struct kv_alarm *alarms = kv_alarms(backend->ops->kv(backend), &count);

    count = count < ALARMS_TOLD ? count : ALARMS_TOLD;
    for (size_t i = 0; i < count; i++)
        snprintf(texts[i], ALARM_TEXT_BYTES, "memberID:%" PRIu64 " alarm:%s ", alarms[i].member,
                 alarms[i].type == ALARM_NOSPACE ? "NOSPACE" : "CORRUPT");
    return count;
}

static void fill_status(Etcdserverpb__StatusResponse *response, const struct backend_status *now)
{
    response->version = (char *)(uintptr_t)ETCD_VERSION;
    response->storageversion = (char *)(uintptr_t)STORAGE_VERSION;
    response->dbsize = (int64_t)now->storage_bytes;
    response->dbsizeinuse = (int64_t)now->storage_in_use_bytes;
    response->dbsizequota = now->storage_quota_bytes;
    response->leader = now->leader_id;
    response->raftindex = now->decided;
    response->raftterm = now->term;
    response->raftappliedindex = now->applied;
}

static int status(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct backend *backend = call_backend(call);
    struct backend_status now;
    Etcdserverpb__ResponseHeader header;
    Etcdserverpb__StatusResponse response = ETCDSERVERPB__STATUS_RESPONSE__INIT;
    Etcdserverpb__DowngradeInfo downgrade = ETCDSERVERPB__DOWNGRADE_INFO__INIT;
    char alarms[ALARMS_TOLD][ALARM_TEXT_BYTES];
    char *errors[ALARMS_TOLD + 2];
    size_t alarm_count;

    if (grpc_decode(call, &etcdserverpb__status_request__descriptor, message, size) == NULL)
        return 0;
    backend->ops->status(backend, &now);
    header = maintenance_header(call);
    response.header = &header;
    response.downgradeinfo = &downgrade;
    response.errors = errors;
    fill_status(&response, &now);
    if (now.leader_id == 0)
        errors[response.n_errors++] = (char *)(uintptr_t) "etcdserver: no leader";
    if (now.trouble != NULL)
        errors[response.n_errors++] = (char *)(uintptr_t)now.trouble;
    alarm_count = alarm_texts(backend, alarms);
    for (size_t i = 0; i < alarm_count; i++)
        errors[response.n_errors++] = alarms[i];
    grpc_reply(call, &response.base);
    return 0;
}

/* ---- Alarm ---- */

struct pending { /* in the state of a call */
    uint64_t member;
    uint32_t type; /* GET: 0 is any */
};

static struct pending *pending_of(struct grpc_call *call)
{
    _Static_assert(sizeof(struct pending) <= GRPC_STATE_BYTES, "a call has room for it");
    return (struct pending *)(void *)call->state;
}

/* Those of the type; 0 is any. */
static void reply_alarms(struct grpc_call *call, const struct kv_alarm *alarms, size_t count,
                         uint32_t type)
{
    static Etcdserverpb__AlarmMember members[ALARMS_MAX]; /* one thread; used up in this call */
    static Etcdserverpb__AlarmMember *pointers[ALARMS_MAX];
    Etcdserverpb__ResponseHeader header = maintenance_header(call);
    Etcdserverpb__AlarmResponse response = ETCDSERVERPB__ALARM_RESPONSE__INIT;

    response.header = &header;
    response.alarms = pointers;
    for (size_t i = 0; i < count && response.n_alarms < ALARMS_MAX; i++) {
        Etcdserverpb__AlarmMember *member = &members[response.n_alarms];

        if (type != 0 && alarms[i].type != type)
            continue;
        etcdserverpb__alarm_member__init(member);
        member->memberid = alarms[i].member;
        member->alarm = (Etcdserverpb__AlarmType)alarms[i].type;
        pointers[response.n_alarms++] = member;
    }
    grpc_reply(call, &response.base);
}

static void list_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    uint32_t type = pending_of(call)->type; /* the call may be gone after services_resume() */
    const struct kv_alarm *alarms;
    size_t count;

    (void)slot;
    (void)result;
    if (!services_resume(call, error))
        return;
    alarms = kv_alarms(call_kv(call), &count);
    reply_alarms(call, alarms, count, type);
}

/* What was raised is told, though it may have been ringing; what was disarmed, only if it rang. */
static void change_done(void *argument, int error, decree_slot slot, void *result)
{
    struct grpc_call *call = argument;
    struct pending pending = *pending_of(call);
    const struct kv_result *outcome = kv_proposed(call, error, result);
    struct kv_alarm alarm = {pending.member, (enum alarm_type)pending.type};

    (void)slot;
    if (outcome != NULL)
        reply_alarms(call, &alarm, outcome->succeeded ? 1 : 0, 0);
}

static int change_alarm(struct grpc_call *call, bool activate)
{
    struct command command = {.op = COMMAND_ALARM,
                              .u.alarm = {.member = pending_of(call)->member,
                                          .type = (enum alarm_type)pending_of(call)->type,
                                          .activate = activate}};
    size_t count;

    if (pending_of(call)->type == 0) {
        reply_alarms(call, NULL, 0, 0);
        return 0;
    }
    (void)kv_alarms(call_kv(call), &count);
    if (activate && count >= ALARMS_MAX) {
        etcd_fail(call, ETCD_NO_MEMORY);
        return 0;
    }
    return kv_propose(call, &command, change_done);
}

static int ask_alarm(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Etcdserverpb__AlarmRequest *request = grpc_decode(
        call, &etcdserverpb__alarm_request__descriptor, message, size);
    int action, type;

    if (request == NULL)
        return 0;
    action = (int)request->action;
    type = (int)request->alarm;
    if (action < 0 || action > ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__DEACTIVATE || type < 0 ||
        type > ETCDSERVERPB__ALARM_TYPE__CORRUPT) {
        grpc_fail(call, GRPC_INVALID_ARGUMENT, "decree: there is no such alarm, or action on it");
        return 0;
    }
    *pending_of(call) = (struct pending){request->memberid, (uint32_t)type};
    if (action != ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__GET)
        return change_alarm(call, action == ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__ACTIVATE);
    return services_read(call, list_done);
}

/* ---- Defragment ---- */

static int defragment(struct grpc_call *call, const uint8_t *message, size_t size)
{
    Etcdserverpb__DefragmentResponse response = ETCDSERVERPB__DEFRAGMENT_RESPONSE__INIT;

    if (grpc_decode(call, &etcdserverpb__defragment_request__descriptor, message, size) == NULL)
        return 0;
    grpc_reply(call, &response.base);
    return 0;
}

const struct grpc_route maintenance_routes[] = {
    {"/etcdserverpb.Maintenance/Status", status},
    {"/etcdserverpb.Maintenance/Alarm", ask_alarm},
    {"/etcdserverpb.Maintenance/Hash", maintenance_hash},
    {"/etcdserverpb.Maintenance/HashKV", maintenance_hash_kv},
    {"/etcdserverpb.Maintenance/Defragment", defragment},
    {"/etcdserverpb.Maintenance/MoveLeader", maintenance_move_leader},
    {"/etcdserverpb.Maintenance/Downgrade", maintenance_downgrade},
    {NULL, NULL},
};
