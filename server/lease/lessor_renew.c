/* SPDX-License-Identifier: MIT */
/* lessor_renew.c -- renewals: here, when this member is known to lead, or through the log. */
#include <stdlib.h>

#include "lessor_inside.h"

#define RENEWALS_PER_COMMAND 4096u

void lessor_finish(struct lease_renewal *renewal, int error, int64_t seconds)
{
    list_remove(&renewal->age_link);
    renewal->done(renewal, error, seconds);
}

struct batch {
    struct lessor *lessor;
    struct list_link renewals;
    size_t count;
    int64_t ids[];
};

static void finish_batch(struct batch *batch, int error)
{
    struct lessor *lessor = batch->lessor;

    lessor->batch_open = false;
    while (!list_alone(&batch->renewals)) {
        struct lease_renewal *renewal = list_owner(batch->renewals.next, struct lease_renewal,
                                                   link);
        struct kv_lease lease = {0};

        list_remove(&renewal->link);
        if (error == 0)
            (void)kv_lease(lessor->backend->ops->kv(lessor->backend), renewal->id, &lease);
        lessor_finish(renewal, error, lease.granted);
    }
    free(batch);
    lessor_wake(lessor);
}

/* The store is as it was right behind the command: what is there was renewed. */
static void on_renewed(void *argument, int error, decree_slot slot, void *result)
{
    (void)slot;
    (void)result;
    finish_batch(argument, error);
}

/* As many as a command may have; NULL: no memory. */
static struct batch *gather(struct lessor *lessor)
{
    struct batch *batch = malloc(sizeof(*batch) + RENEWALS_PER_COMMAND * sizeof(batch->ids[0]));

    if (batch == NULL)
        return NULL;
    batch->lessor = lessor;
    batch->count = 0;
    list_init(&batch->renewals);
    while (!list_alone(&lessor->by_log) && batch->count < RENEWALS_PER_COMMAND) {
        struct list_link *first = lessor->by_log.next;

        batch->ids[batch->count++] = list_owner(first, struct lease_renewal, link)->id;
        list_remove(first);
        list_append(&batch->renewals, first);
    }
    return batch;
}

void lessor_renew_batch(struct lessor *lessor)
{
    struct command command = {.op = COMMAND_LEASE_RENEWALS};
    struct batch *batch;
    int error;

    if (lessor->batch_open || list_alone(&lessor->by_log))
        return;
    batch = gather(lessor);
    if (batch == NULL)
        return; /* there may be memory later, and they are told when they are late */
    command.u.lease_ids = (struct command_ids){.ids = batch->ids, .id_count = batch->count};
    lessor->batch_open = true;
    error = lessor_propose(lessor, &command, on_renewed, batch);
    if (error == DECREE_FULL) {
        list_move_all(&batch->renewals, &lessor->by_log);
        list_move_all(&lessor->by_log, &batch->renewals);
        lessor->batch_open = false;
        free(batch);
    } else if (error != 0) {
        finish_batch(batch, error);
    }
}

/* Later, with others. */
void lessor_renew_by_log(struct lessor *lessor, struct lease_renewal *renewal)
{
    list_remove(&renewal->link);
    if (renewal->id == 0)
        lessor_finish(renewal, 0, 0);
    else
        list_append(&lessor->by_log, &renewal->link);
}

void lessor_renew_here(struct lessor *lessor, struct lease_renewal *renewal)
{
    struct lease_entry *entry = lease_table_find(&lessor->table, renewal->id);
    struct kv_lease lease;

    if (!kv_lease(lessor->backend->ops->kv(lessor->backend), renewal->id, &lease)) {
        list_remove(&renewal->link);
        lessor_finish(renewal, 0, 0);
    } else if (entry == NULL || entry->revoked || lease.remaining > 0 ||
               lessor->checkpoints_open > 0) {
        lessor_renew_by_log(lessor, renewal);
    } else {
        lessor_put_on(lessor, entry, lessor_ends_of(lessor, &lease));
        list_remove(&renewal->link);
        lessor_finish(renewal, 0, lease.granted);
    }
}

void lessor_renew_all(struct lessor *lessor, struct list_link *renewals,
                      void (*renew)(struct lessor *lessor, struct lease_renewal *renewal))
{
    struct list_link taken;

    list_init(&taken);
    list_move_all(&taken, renewals);
    while (!list_alone(&taken))
        renew(lessor, list_owner(taken.next, struct lease_renewal, link));
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
