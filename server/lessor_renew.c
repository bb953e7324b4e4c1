/* SPDX-License-Identifier: MIT */
/* lessor_renew.c -- renewals: here, when this member is known to lead, or through the log. */
#include <assert.h>

#include "lessor_inside.h"

void lessor_finish(struct lease_renewal *renewal, int error, int64_t seconds)
{
    list_remove(&renewal->age_link);
    renewal->done(renewal, error, seconds);
}

static void on_renewed(void *argument, int error, decree_slot slot, void *result)
{
    struct lease_renewal *renewal = argument;
    struct lessor *lessor = renewal->lessor;
    const struct kv_result *outcome = result;
    struct kv_lease lease = {0};

    (void)slot;
    if (error == 0 && outcome->error == KV_OK)
        (void)kv_lease(lessor->backend->ops->kv(lessor->backend), renewal->id, &lease);
    lessor_finish(renewal, error, lease.granted);
}

/* False: the backend is full. */
bool lessor_renew_by_log(struct lessor *lessor, struct lease_renewal *renewal)
{
    const struct command command = {.op = COMMAND_LEASE_RENEW, .u.lease_renew = renewal->id};
    int error = renewal->id != 0 ? lessor_propose(lessor, &command, on_renewed, renewal) : 0;

    if (error == DECREE_FULL)
        return false;
    list_remove(&renewal->link);
    if (error != 0 || renewal->id == 0)
        lessor_finish(renewal, error, 0);
    return true;
}

/* It was confirmed that this member leads. False: the backend is full. */
bool lessor_renew_here(struct lessor *lessor, struct lease_renewal *renewal)
{
    struct lease_entry *entry = lease_table_find(&lessor->table, renewal->id);
    struct kv_lease lease;

    if (!kv_lease(lessor->backend->ops->kv(lessor->backend), renewal->id, &lease)) {
        list_remove(&renewal->link);
        lessor_finish(renewal, 0, 0);
        return true;
    }
    if (entry == NULL || entry->revoked || lease.remaining > 0 || lessor->checkpoints_open > 0)
        return lessor_renew_by_log(lessor, renewal);
    lessor_put_on(lessor, entry, lessor_ends_of(lessor, &lease));
    list_remove(&renewal->link);
    lessor_finish(renewal, 0, lease.granted);
    return true;
}

void lessor_renew_all(struct lessor *lessor, struct list_link *renewals,
                      bool (*renew)(struct lessor *lessor, struct lease_renewal *renewal))
{
    struct list_link taken;

    list_init(&taken);
    list_move_all(&taken, renewals);
    while (!list_alone(&taken))
        if (!renew(lessor, list_owner(taken.next, struct lease_renewal, link)))
            break;
    list_move_all(&lessor->asked, &taken);
}

void lessor_renew(struct lessor *lessor, struct lease_renewal *renewal)
{
    renewal->lessor = lessor;
    renewal->since_ms = lessor->now_ms;
    list_init(&renewal->link);
    list_init(&renewal->age_link);
    list_append(&lessor->asked, &renewal->link);
    list_append(&lessor->open, &renewal->age_link);
    lessor_wake(lessor);
}

void lessor_tell_late_ones(struct lessor *lessor)
{
    while (!list_alone(&lessor->open)) {
        struct lease_renewal *oldest = list_owner(lessor->open.next, struct lease_renewal,
                                                  age_link);

        if (oldest->since_ms + lessor->late_ms > lessor->now_ms)
            return;
        list_remove(&oldest->age_link);
        oldest->late(oldest);
    }
}
