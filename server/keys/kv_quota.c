/* SPDX-License-Identifier: MIT */
/* kv_quota.c -- see kv_quota.h. */
#include "kv_quota.h"

#include <assert.h>

#include "kv_propose.h"

void kv_quota_init(struct kv_quota *quota, struct backend *backend, int64_t bytes)
{
    assert(backend != NULL);
    *quota = (struct kv_quota){.backend = backend,
                               .bytes = bytes == 0 ? KV_QUOTA_BYTES_DEFAULT : bytes};
}

static bool fits(const struct kv_quota *quota, size_t size)
{
    struct kv_stats stats;

    if (quota->bytes < 0)
        return true;
    kv_stats(quota->backend->ops->kv(quota->backend), &stats);
    return stats.record_bytes + size <= (uint64_t)quota->bytes;
}

/* Whoever raised it: one alarm is enough to stop the writes of all. */
static bool rings(const struct kv_quota *quota)
{
    size_t count;
    const struct kv_alarm *alarms = kv_alarms(quota->backend->ops->kv(quota->backend), &count);

    for (size_t i = 0; i < count; i++)
        if (alarms[i].type == ALARM_NOSPACE)
            return true;
    return false;
}

/* If it was lost, the next check raises it again. */
static void on_raised(void *argument, int error, decree_slot slot, void *result)
{
    struct kv_quota *quota = argument;

    (void)error;
    (void)slot;
    (void)result;
    assert(quota->raising);
    quota->raising = false;
}

static void raise_alarm(struct kv_quota *quota)
{
    struct command command = {
        .op = COMMAND_ALARM,
        .u.alarm = {.member = quota->backend->member_id, .type = ALARM_NOSPACE, .activate = true}};
    struct decree_value *value;

    if (quota->raising || rings(quota))
        return;
    value = command_value(&command);
    if (value == NULL)
        return;
    quota->raising = quota->backend->ops->propose(quota->backend, value, on_raised, quota) == 0;
    decree_value_unref(value);
}

bool kv_quota_room(struct kv_quota *quota, size_t size)
{
    if (fits(quota, size))
        return true;
    raise_alarm(quota);
    return false;
}

void kv_quota_check(struct kv_quota *quota)
{
    if (!fits(quota, 0))
        raise_alarm(quota);
}
