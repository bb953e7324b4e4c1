/* SPDX-License-Identifier: MIT */
/* lessor_checkpoint.c -- what is left of leases, written into the log: by the leader from time to
 * time, and when somebody asks for it at a member that can not know. */
#include <assert.h>

#include "lessor_inside.h"

#define CHECKPOINT_SECONDS 60
#define CHECKPOINT_LEASES_MAX 1000u
#define QUESTIONS_PER_COMMAND 1000u
#define ASK_AGAIN_MS 1000u

static const struct kv *kv_of(const struct lessor *lessor)
{
    return lessor->backend->ops->kv(lessor->backend);
}

int64_t lessor_left(const struct lessor *lessor, const struct kv_lease *lease)
{
    const struct lease_entry *entry = lease_table_find(&lessor->table, lease->id);

    assert(lessor->state == LESSOR_LEADS);
    if (entry != NULL && entry->ends_ms > lessor->now_ms)
        return (int64_t)((entry->ends_ms - lessor->now_ms) / SECOND_MS);
    return 0;
}

/* ---- by the leader ---- */

static void on_checkpoint(void *argument, int error, decree_slot slot, void *result)
{
    struct lessor *lessor = argument;

    (void)error;
    (void)slot;
    (void)result;
    assert(lessor->checkpoints_open > 0);
    lessor->checkpoints_open--;
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
    return true;
}

/* What is left of the entry's lease: never less than there is, nor more than was granted. False: it is
 * about to end. */
static bool describe(const struct lessor *lessor, const struct lease_entry *entry,
                     struct kv_lease *ret_lease, struct command_lease_grant *ret_left)
{
    int64_t left;

    if (entry == NULL || entry->revoked || !kv_lease(kv_of(lessor), entry->id, ret_lease))
        return false;
    left = lessor_left(lessor, ret_lease) + 1;
    if (left > ret_lease->granted)
        left = ret_lease->granted;
    *ret_left = (struct command_lease_grant){entry->id, (uint64_t)left};
    return true;
}

static bool is_worth_writing(const struct lessor *lessor, const struct lease_entry *entry,
                             struct command_lease_grant *ret_left)
{
    struct kv_lease lease;
    int64_t known;

    if (entry->due || !describe(lessor, entry, &lease, ret_left))
        return false;
    known = lease.remaining > 0 ? lease.remaining : lease.granted;
    return (int64_t)ret_left->seconds < known && known > CHECKPOINT_SECONDS;
}

/* As many as one command may have, each tick. */
void lessor_checkpoint(struct lessor *lessor)
{
    struct command_lease_grant leases[CHECKPOINT_LEASES_MAX];
    size_t count = 0, at = lessor->checkpoint_bucket;

    if (lessor->now_ms < lessor->checkpoint_ms)
        return;
    for (; at < lessor->table.bucket_count && count < CHECKPOINT_LEASES_MAX; at++)
        for (struct lease_entry *entry = lessor->table.buckets[at];
             entry != NULL && count < CHECKPOINT_LEASES_MAX; entry = entry->next)
            count += is_worth_writing(lessor, entry, &leases[count]);
    if (!write_down(lessor, leases, count))
        return;
    lessor->checkpoint_bucket = at;
    if (at < lessor->table.bucket_count)
        return;
    lessor->checkpoint_bucket = 0;
    lessor->checkpoint_ms = lessor->now_ms + CHECKPOINT_SECONDS * SECOND_MS;
}

void lessor_write_wanted(struct lessor *lessor)
{
    struct command_lease_grant leases[LESSOR_WANTED_MAX];
    struct kv_lease lease;
    size_t count = 0;

    for (size_t i = 0; i < lessor->wanted_count; i++)
        count += describe(lessor, lease_table_find(&lessor->table, lessor->wanted[i]), &lease,
                          &leases[count]);
    if (write_down(lessor, leases, count))
        lessor->wanted_count = 0;
}

/* ---- for calls here ---- */

void lessor_ask(struct lessor *lessor, struct lease_question *question)
{
    question->since_ms = lessor->now_ms;
    question->asked_ms = 0;
    question->answered = false;
    list_init(&question->link);
    list_append(&lessor->questions, &question->link);
    lessor_wake(lessor);
}

void lessor_note_answer(struct lessor *lessor, int64_t id)
{
    for (struct list_link *link = lessor->questions.next; link != &lessor->questions;
         link = link->next) {
        struct lease_question *question = list_owner(link, struct lease_question, link);

        if (question->id != id || question->asked_ms == 0)
            continue;
        question->answered = true;
        lessor_wake(lessor);
    }
}

static void finish(struct lease_question *question, int error, int64_t seconds)
{
    list_remove(&question->link);
    question->done(question, error, seconds);
}

/* A checkpoint tells a second more than there is; one that was void means that the lease has its whole
 * time again. False: it is not known yet. */
static bool answer(struct lessor *lessor, struct lease_question *question)
{
    struct kv_lease lease;

    if (!kv_lease(kv_of(lessor), question->id, &lease))
        finish(question, 0, -1);
    else if (lessor->state == LESSOR_LEADS)
        finish(question, 0, lessor_left(lessor, &lease));
    else if (question->answered)
        finish(question, 0, lease.remaining > 0 ? lease.remaining - 1 : lease.granted);
    else if (lessor->now_ms - question->since_ms >= lessor->late_ms)
        finish(question, LESSOR_LATE, 0);
    else
        return false;
    return true;
}

static void on_asked(void *argument, int error, decree_slot slot, void *result)
{
    (void)argument; /* the leader's answer is waited for, not this */
    (void)error;
    (void)slot;
    (void)result;
}

static void ask_leader(struct lessor *lessor, const int64_t *ids, size_t count)
{
    const struct command command = {.op = COMMAND_LEASE_QUESTION,
                                    .u.lease_ids = {.ids = ids, .id_count = count}};

    if (count > 0)
        (void)lessor_propose(lessor, &command, on_asked, lessor); /* else it is asked again */
}

void lessor_answer(struct lessor *lessor)
{
    int64_t ids[QUESTIONS_PER_COMMAND];
    size_t count = 0;
    struct list_link *next;

    for (struct list_link *link = lessor->questions.next; link != &lessor->questions; link = next) {
        struct lease_question *question = list_owner(link, struct lease_question, link);

        next = link->next;
        if (answer(lessor, question) || lessor->state != LESSOR_FOLLOWS ||
            count == QUESTIONS_PER_COMMAND)
            continue;
        if (question->asked_ms != 0 && lessor->now_ms - question->asked_ms < ASK_AGAIN_MS)
            continue;
        question->asked_ms = lessor->now_ms;
        ids[count++] = question->id;
    }
    ask_leader(lessor, ids, count);
}

void lessor_drop_questions(struct lessor *lessor)
{
    while (!list_alone(&lessor->questions))
        finish(list_owner(lessor->questions.next, struct lease_question, link), DECREE_LOST, 0);
}
