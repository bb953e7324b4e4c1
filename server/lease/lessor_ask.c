/* SPDX-License-Identifier: MIT */
/* lessor_ask.c -- calls that ask how much time a lease has left: the leader knows, and at any other member
 * the question goes into the log. The leader's answer is a checkpoint; whatever the log says of the
 * lease behind the question is as good. */
#include <assert.h>

#include "lessor_inside.h"

#define QUESTIONS_PER_COMMAND 1000u
#define ASK_AGAIN_MS 1000u

static const struct kv *kv_of(const struct lessor *lessor)
{
    return lessor->backend->ops->kv(lessor->backend);
}

uint64_t lessor_ends_ms(const struct lessor *lessor, int64_t id)
{
    const struct lease_entry *entry = lease_table_find(&lessor->table, id);

    return entry == NULL ? UINT64_MAX : entry->ends_ms;
}

void lessor_ask(struct lessor *lessor, struct lease_question *question)
{
    if (lessor->closing) {
        question->done(question, DECREE_LOST, 0);
        return;
    }
    question->since_ms = lessor->now_ms;
    question->asked_ms = 0;
    list_init(&question->link);
    list_append(&lessor->questions, &question->link);
    lessor_wake(lessor);
}

static void finish(struct lease_question *question, int error, int64_t seconds)
{
    list_remove(&question->link);
    question->done(question, error, seconds);
}

/* Has the log said something of the lease since it had the question? */
static bool is_answered(const struct lessor *lessor, const struct lease_question *question)
{
    const struct lease_entry *entry = lease_table_find(&lessor->table, question->id);

    return question->asked_ms != 0 && entry != NULL && entry->news > question->news;
}

/* In whole seconds that are left for sure. A checkpoint tells the time rounded up; one that was void
 * means that the lease had its whole time a moment ago. False: it is not known yet. */
static bool answer(struct lessor *lessor, struct lease_question *question)
{
    struct kv_lease lease;

    if (!kv_lease(kv_of(lessor), question->id, &lease))
        finish(question, 0, -1);
    else if (lessor->state == LESSOR_LEADS)
        finish(question, 0, lessor_left(lessor, &lease));
    else if (is_answered(lessor, question))
        finish(question, 0, (lease.remaining > 0 ? lease.remaining : lease.granted) - 1);
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

/* Without an entry there is no news: one that is missing is made here. */
static void note_asked(struct lessor *lessor, struct lease_question *question)
{
    struct lease_entry *entry = lease_table_find(&lessor->table, question->id);

    if (entry == NULL) {
        entry = lease_table_add(&lessor->table, question->id);
        if (entry != NULL)
            entry->ends_ms = UINT64_MAX; /* it is not known here */
    }
    question->asked_ms = lessor->now_ms;
    question->news = lessor->news;
    if (entry != NULL)
        entry->asked = true;
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
        note_asked(lessor, question);
        ids[count++] = question->id;
    }
    ask_leader(lessor, ids, count);
}

void lessor_drop_questions(struct lessor *lessor)
{
    while (!list_alone(&lessor->questions))
        finish(list_owner(lessor->questions.next, struct lease_question, link), DECREE_LOST, 0);
}
