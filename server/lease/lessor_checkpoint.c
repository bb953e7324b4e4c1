/* SPDX-License-Identifier: MIT */
/* lessor_checkpoint.c -- what is left of leases, written into the log by the leader: of each when half of
 * it is gone, of those that others ask for, and of all before somebody else leads.
 *
 *     wheel, questions --> wanted --> lease_checkpoint, one command for many
 *
 * Looks at leases come at whole seconds of the clock, so that one command has all of a second.
 */
#include <assert.h>

#include "lessor_inside.h"

#define FIRST_MS 2000u

static const struct kv *kv_of(const struct lessor *lessor)
{
    return lessor->backend->ops->kv(lessor->backend);
}

int64_t lessor_left(const struct lessor *lessor, const struct kv_lease *lease)
{
    const struct lease_entry *entry = lease_table_find(&lessor->table, lease->id);
    int64_t left = 0;

    assert(lessor->state == LESSOR_LEADS);
    if (entry != NULL && entry->ends_ms > lessor->now_ms)
        left = (int64_t)((entry->ends_ms - lessor->now_ms - 1) / SECOND_MS);
    return left < lease->granted ? left : lease->granted - 1;
}

/* ---- when ---- */

uint64_t lessor_step_ms(const struct lessor *lessor)
{
    uint64_t age_ms = lessor->now_ms - lessor->begun_ms;

    assert(lessor->now_ms >= lessor->begun_ms);
    return age_ms > FIRST_MS ? age_ms : FIRST_MS;
}

/* At the end, or before it when there is something to be written down. */
uint64_t lessor_next_look(const struct lessor *lessor, uint64_t ends_ms, uint64_t step_ms)
{
    uint64_t half_ms = ends_ms > lessor->now_ms ? (ends_ms - lessor->now_ms) / 2 : 0;
    uint64_t look_ms;

    if (step_ms > half_ms)
        step_ms = half_ms;
    if (step_ms > CHECKPOINT_MS_MAX)
        step_ms = CHECKPOINT_MS_MAX;
    look_ms = (lessor->now_ms + step_ms + SECOND_MS - 1) / SECOND_MS * SECOND_MS;
    return step_ms >= SECOND_MS && look_ms < ends_ms ? look_ms : ends_ms;
}

/* ---- what ---- */

static void on_checkpoint(void *argument, int error, decree_slot slot, void *result)
{
    struct lessor *lessor = argument;

    (void)slot;
    (void)result;
    assert(lessor->checkpoints_open > 0);
    lessor->checkpoints_open--;
    if (error != 0) { /* the member stops */
        lessor->writing_all = false;
        lessor->wanted_count = 0;
    }
    if (lessor->writing_all)
        lessor_wake(lessor);
}

/* False: it was not taken. While it is under way, renewals go through the log, behind it. */
static bool write_down(struct lessor *lessor, const struct command_lease_grant *leases,
                       size_t count)
{
    const struct command command = {.op = COMMAND_LEASE_CHECKPOINT,
                                    .u.checkpoint = {.stamp = kv_lease_stamp(kv_of(lessor)),
                                                     .leases = leases,
                                                     .lease_count = count}};

    if (count == 0)
        return true;
    if (lessor_propose(lessor, &command, on_checkpoint, lessor) != 0)
        return false;
    lessor->checkpoints_open++;
    lessor->checkpoints_left--;
    return true;
}

/* What is left of the entry's lease: never less than there is, nor more than was granted. False: it is
 * about to end. */
static bool describe(const struct lessor *lessor, const struct lease_entry *entry,
                     struct kv_lease *ret_lease, struct command_lease_grant *ret_left)
{
    if (entry == NULL || entry->revoked || !kv_lease(kv_of(lessor), entry->id, ret_lease))
        return false;
    *ret_left = (struct command_lease_grant){entry->id,
                                             (uint64_t)lessor_left(lessor, ret_lease) + 1};
    return true;
}

static void write_wanted(struct lessor *lessor)
{
    struct command_lease_grant leases[LESSOR_WANTED_MAX];
    struct kv_lease lease;
    size_t count = 0;

    if (lessor->checkpoints_left == 0)
        return;
    for (size_t i = 0; i < lessor->wanted_count; i++)
        count += describe(lessor, lease_table_find(&lessor->table, lessor->wanted[i]), &lease,
                          &leases[count]);
    if (write_down(lessor, leases, count))
        lessor->wanted_count = 0;
}

bool lessor_want(struct lessor *lessor, int64_t id)
{
    if (lessor->wanted_count == LESSOR_WANTED_MAX)
        write_wanted(lessor);
    if (lessor->wanted_count == LESSOR_WANTED_MAX)
        return false;
    lessor->wanted[lessor->wanted_count++] = id;
    return true;
}

/* ---- all ---- */

/* Would somebody else who leads give it more time than it has? */
static bool is_worth_writing(const struct lessor *lessor, const struct lease_entry *entry)
{
    struct command_lease_grant left;
    struct kv_lease lease;

    return describe(lessor, entry, &lease, &left) &&
           (int64_t)left.seconds < (lease.remaining > 0 ? lease.remaining : lease.granted);
}

/* Some of them. */
static void want_all(struct lessor *lessor)
{
    size_t end = lessor->bucket + LESSOR_BUCKETS_PER_TURN;

    for (; lessor->bucket < lessor->table.bucket_count && lessor->bucket < end; lessor->bucket++)
        for (const struct lease_entry *entry = lessor->table.buckets[lessor->bucket]; entry != NULL;
             entry = entry->next)
            if (is_worth_writing(lessor, entry) && !lessor_want(lessor, entry->id))
                return;
    lessor->writing_all = lessor->bucket < lessor->table.bucket_count;
    if (lessor->writing_all)
        lessor_wake(lessor);
}

void lessor_write(struct lessor *lessor)
{
    assert(lessor->state == LESSOR_LEADS);
    if (lessor->writing_all)
        want_all(lessor);
    write_wanted(lessor);
}

void lessor_write_all(struct lessor *lessor)
{
    lessor->writing_all = lessor->state == LESSOR_LEADS;
    lessor->bucket = 0;
    lessor_wake(lessor);
}

bool lessor_wrote_all(const struct lessor *lessor)
{
    return lessor->state != LESSOR_LEADS ||
           (!lessor->writing_all && lessor->wanted_count == 0 && lessor->checkpoints_open == 0);
}
