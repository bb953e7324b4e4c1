/* SPDX-License-Identifier: MIT */
/* lessor.c -- see lessor.h.
 *
 *     follows -- this member leads --> begins -- lease_renew 0 applied --> arms -- all have their time --> leads
 *        ^------------------------------- another leader, or another term ----------------------------------'
 *
 *     asked --> confirming, while the read is under way --> renewed, or to the log
 *     wheel --> due ------------------------------------> lease_expire to the log
 *       \---- half of its time is gone ----------------> lease_checkpoint to the log
 */
#include "lessor.h"

#include <assert.h>
#include <stdlib.h>

#include "kv_propose.h"
#include "lessor_inside.h"
#include "random_seed.h"

#define TICK_MS 100u
#define EXPIRIES_PER_TICK 100u
#define CHECKPOINTS_PER_TICK 8u
#define STEP_MS_MAX 500u
#define LEAVE_MS_MAX 500u

static void on_awake(uv_idle_t *awake)
{
    assert(awake->data != NULL);
}

void lessor_wake(struct lessor *lessor)
{
    lessor->woken = true;
    if (!lessor->closing)
        uv_idle_start(&lessor->awake, on_awake);
}

/* Also when a lease begins: the loop may have slept since its last turn, and that is not of its time. */
static void move_clock(struct lessor *lessor)
{
    uint64_t clock_ms = uv_hrtime() / 1000000;
    uint64_t passed = clock_ms - lessor->clock_ms;

    lessor->clock_ms = clock_ms;
    lessor->now_ms += passed < STEP_MS_MAX ? passed : STEP_MS_MAX;
}

uint64_t lessor_ends_of(const struct lessor *lessor, const struct kv_lease *lease)
{
    int64_t seconds = lease->remaining > 0 ? lease->remaining : lease->granted;

    return lessor->now_ms + (uint64_t)seconds * SECOND_MS;
}

/* ---- what the log says ---- */

static void take_off(struct lessor *lessor, struct lease_entry *entry)
{
    if (entry->due)
        list_remove(&entry->deadline.link);
    else
        deadline_disarm(&lessor->wheel, &entry->deadline);
    entry->due = false;
}

static void put_on(struct lessor *lessor, struct lease_entry *entry, uint64_t ends_ms,
                   uint64_t step_ms)
{
    take_off(lessor, entry);
    entry->revoked = false;
    entry->ends_ms = ends_ms;
    if (lessor->state >= LESSOR_ARMS)
        deadline_arm(&lessor->wheel, &entry->deadline, lessor_next_look(lessor, ends_ms, step_ms));
}

void lessor_put_on(struct lessor *lessor, struct lease_entry *entry, uint64_t ends_ms)
{
    put_on(lessor, entry, ends_ms, CHECKPOINT_MS_MAX);
}

static void note_wanted(struct lessor *lessor, int64_t id)
{
    if (lessor->wanted_count == LESSOR_WANTED_MAX)
        return; /* it is asked for again */
    lessor->wanted[lessor->wanted_count++] = id;
    lessor_wake(lessor);
}

static void note_news(struct lessor *lessor, struct lease_entry *entry)
{
    entry->news = ++lessor->news;
    if (entry->asked)
        lessor_wake(lessor);
    entry->asked = false;
}

static void on_lease_applied(void *context, int64_t id, enum lease_event event)
{
    struct lessor *lessor = context;
    struct lease_entry *entry = lease_table_find(&lessor->table, id);
    struct kv_lease lease;

    move_clock(lessor);
    if (event != LEASE_ASKED && entry != NULL)
        note_news(lessor, entry);
    if (event == LEASE_ASKED && lessor->state != LESSOR_FOLLOWS)
        note_wanted(lessor, id);
    if (event == LEASE_ASKED || event == LEASE_WRITTEN_DOWN)
        return;
    if (kv_lease(lessor->backend->ops->kv(lessor->backend), id, &lease)) {
        if (entry == NULL)
            entry = lease_table_add(&lessor->table, id);
        if (entry == NULL)
            lessor->incomplete = lessor->missing = true;
        else if (event == LEASE_RENEWED)
            lessor_put_on(lessor, entry, lessor_ends_of(lessor, &lease));
    } else if (entry != NULL) {
        take_off(lessor, entry);
        lease_table_remove(&lessor->table, entry);
    }
}

/* ---- leading ---- */

static bool is_leader(const struct lessor *lessor, uint64_t *ret_term)
{
    struct backend_status status;

    lessor->backend->ops->status(lessor->backend, &status);
    *ret_term = status.term;
    return status.leader_id == lessor->backend->member_id;
}

/* Entries for those leases that have none. False: there is no memory. */
static bool find_missing(struct lessor *lessor)
{
    const struct kv *kv = lessor->backend->ops->kv(lessor->backend);
    struct kv_lease lease;
    size_t at = 0;

    while (kv_next_lease(kv, &at, &lease))
        if (lease_table_find(&lessor->table, lease.id) == NULL &&
            lease_table_add(&lessor->table, lease.id) == NULL)
            return false;
    return true;
}

static void on_begun(void *argument, int error, decree_slot slot, void *result)
{
    struct lessor *lessor = argument;

    (void)slot;
    (void)result;
    if (lessor->state != LESSOR_BEGINS)
        return;
    lessor->state = LESSOR_FOLLOWS;
    if (error != 0)
        return;
    lessor->state = LESSOR_ARMS;
    move_clock(lessor);
    lessor->begun = kv_leases_begun(lessor->backend->ops->kv(lessor->backend));
    lessor->begun_ms = lessor->now_ms;
    lessor->bucket = 0;
    lessor->missing = lessor->missing && !find_missing(lessor);
    lessor->incomplete = lessor->missing;
    lessor->confirmed_ms = 0;
    lessor->writing_all = false;
    lessor_wake(lessor);
}

/* When so many leases before it that want to be written down have been. */
static uint64_t queue_ms(size_t before)
{
    return before / (CHECKPOINTS_PER_TICK * LESSOR_WANTED_MAX) * TICK_MS;
}

/* Some leases, by their remaining time, and by as much more as the last renewals of an earlier leader
 * may have come behind its last proof. */
static void arm_some(struct lessor *lessor)
{
    const struct kv *kv = lessor->backend->ops->kv(lessor->backend);
    size_t end = lessor->bucket + LESSOR_BUCKETS_PER_TURN;
    struct kv_lease lease;

    for (; lessor->bucket < lessor->table.bucket_count && lessor->bucket < end; lessor->bucket++)
        for (struct lease_entry *entry = lessor->table.buckets[lessor->bucket]; entry != NULL;
             entry = entry->next)
            if (kv_lease(kv, entry->id, &lease))
                put_on(lessor, entry, lessor_ends_of(lessor, &lease) + PROOF_MS_MAX,
                       lessor_step_ms(lessor) + queue_ms(lessor->bucket));
    if (lessor->bucket < lessor->table.bucket_count)
        lessor_wake(lessor);
    else
        lessor->state = LESSOR_LEADS;
}

int lessor_propose(struct lessor *lessor, const struct command *command, decree_done *done,
                   void *argument)
{
    struct decree_value *value = command_value(command);
    int error = value == NULL
                    ? DECREE_NOMEM
                    : lessor->backend->ops->propose(lessor->backend, value, done, argument);

    decree_value_unref(value);
    return error;
}

/* Somebody else has begun behind this member's own beginning: he leads, and this one has yet to
 * hear of it. */
static bool is_overtaken(const struct lessor *lessor)
{
    return lessor->state >= LESSOR_ARMS &&
           kv_leases_begun(lessor->backend->ops->kv(lessor->backend)) != lessor->begun;
}

/* A completion of an earlier reign may come while the next one begins: it says that all that was
 * applied, which is what matters. */
static void look_who_leads(struct lessor *lessor)
{
    const struct command begin = {.op = COMMAND_LEASE_RENEW, .u.lease_renew = 0};
    uint64_t term;
    bool leads = is_leader(lessor, &term);

    if (!leads || term != lessor->term || lessor->incomplete || is_overtaken(lessor))
        lessor->state = LESSOR_FOLLOWS;
    lessor->incomplete = false;
    if (!leads || lessor->state != LESSOR_FOLLOWS)
        return;
    lessor->term = term;
    if (lessor_propose(lessor, &begin, on_begun, lessor) == 0)
        lessor->state = LESSOR_BEGINS;
}

/* ---- expiring ---- */

/* Not renewed for long: it is to be written down, and looked at again. */
static void write_down_later(struct lessor *lessor, struct lease_entry *entry)
{
    uint64_t look_ms;

    if (lessor_want(lessor, entry->id))
        look_ms = lessor_next_look(lessor, entry->ends_ms, lessor_step_ms(lessor));
    else
        look_ms = lessor->now_ms + TICK_MS + queue_ms(lessor->put_off++);
    if (look_ms > entry->ends_ms)
        look_ms = entry->ends_ms;
    deadline_arm(&lessor->wheel, &entry->deadline, look_ms);
}

static void on_due(void *context, struct deadline *deadline)
{
    struct lessor *lessor = context;
    struct lease_entry *entry = list_owner(deadline, struct lease_entry, deadline);

    if (entry->ends_ms > lessor->now_ms) {
        write_down_later(lessor, entry);
        return;
    }
    entry->due = true;
    list_append(&lessor->due, &deadline->link);
}

/* Applied, or refused for the store's own reasons: then all is begun anew. */
static void on_expired(void *argument, int error, decree_slot slot, void *result)
{
    struct lessor *lessor = argument;
    const struct kv_result *outcome = result;

    (void)slot;
    if (error != 0 || (outcome->error != KV_OK && outcome->error != KV_LEASE_NOT_FOUND))
        lessor->incomplete = true;
}

/* It was confirmed that this member leads. */
static void expire_due(struct lessor *lessor)
{
    const struct kv *kv = lessor->backend->ops->kv(lessor->backend);

    for (; lessor->expiries_left > 0 && !list_alone(&lessor->due); lessor->expiries_left--) {
        struct lease_entry *entry = list_owner(lessor->due.next, struct lease_entry, deadline.link);
        const struct command command = {.op = COMMAND_LEASE_EXPIRE,
                                        .u.lease_expire = {entry->id, kv_lease_stamp(kv)}};

        if (lessor_propose(lessor, &command, on_expired, lessor) != 0)
            return;
        take_off(lessor, entry);
        entry->revoked = true;
    }
}

/* ---- turns ---- */

static void on_read(void *argument, int error, decree_slot slot, void *result)
{
    struct lessor *lessor = argument;

    (void)error; /* LOST: the member stops */
    (void)slot;
    (void)result;
    lessor->reading = false;
    lessor->read_done = true;
    lessor_wake(lessor);
}

static void confirm(struct lessor *lessor)
{
    bool expiring = lessor->expiries_left > 0 && !list_alone(&lessor->due);

    if (lessor->reading || (list_alone(&lessor->asked) && !expiring))
        return;
    if (lessor->backend->ops->read(lessor->backend, on_read, lessor) != 0)
        return;
    lessor->reading = true;
    lessor->read_ms = lessor->clock_ms;
    list_move_all(&lessor->confirming, &lessor->asked);
}

static bool is_confirmed(const struct lessor *lessor)
{
    return lessor->confirmed_ms > 0 && lessor->clock_ms - lessor->confirmed_ms <= CONFIRMED_MS_MAX;
}

/* A proof that was long on its way says nothing of now: somebody else may lead since. */
static void act_upon_proof(struct lessor *lessor)
{
    bool is_young = lessor->clock_ms - lessor->read_ms <= PROOF_MS_MAX;

    lessor->confirmed_ms = lessor->read_ms;
    lessor_renew_all(lessor, &lessor->confirming,
                     is_young ? lessor_renew_here : lessor_renew_by_log);
    expire_due(lessor);
}

static void lead(struct lessor *lessor)
{
    if (lessor->read_done)
        act_upon_proof(lessor);
    lessor->read_done = false;
    lessor->put_off = 0;
    deadline_wheel_turn(&lessor->wheel, lessor->now_ms, on_due, lessor);
    lessor_write(lessor);
    if (is_confirmed(lessor))
        lessor_renew_all(lessor, &lessor->asked, lessor_renew_here);
    confirm(lessor);
}

static void leave(struct lessor *lessor);

void lessor_turn(struct lessor *lessor)
{
    if (lessor->closing) {
        leave(lessor);
        return;
    }
    uv_idle_stop(&lessor->awake);
    move_clock(lessor);
    if (!lessor->look && !lessor->woken && list_alone(&lessor->asked) &&
        list_alone(&lessor->by_log))
        return;
    lessor->woken = false;
    look_who_leads(lessor);
    if (lessor->state == LESSOR_ARMS)
        arm_some(lessor);
    if (lessor->state == LESSOR_LEADS) {
        lead(lessor);
    } else {
        lessor->read_done = false;
        list_move_all(&lessor->asked, &lessor->confirming);
    }
    if (lessor->state == LESSOR_FOLLOWS) {
        lessor_renew_all(lessor, &lessor->asked, lessor_renew_by_log);
        lessor->wanted_count = 0;
    }
    lessor_renew_batch(lessor);
    lessor_answer(lessor);
    lessor->look = false;
}

static void on_prepare(uv_prepare_t *prepare)
{
    lessor_turn(prepare->data);
}

void lessor_begin_tick(struct lessor *lessor)
{
    lessor->look = true;
    lessor->expiries_left = EXPIRIES_PER_TICK;
    lessor->checkpoints_left = CHECKPOINTS_PER_TICK;
}

static void on_tick(uv_timer_t *timer)
{
    struct lessor *lessor = timer->data;

    lessor_begin_tick(lessor);
    lessor_tell_late_ones(lessor);
}

/* ---- the rest ---- */

struct lessor *lessor_new(struct backend *backend)
{
    struct lessor *lessor = calloc(1, sizeof(*lessor));
    struct kv_stats stats;

    if (lessor == NULL)
        return NULL;
    lessor->backend = backend;
    lessor->table.seed = random_seed();
    lessor->clock_ms = lessor->now_ms = uv_hrtime() / 1000000;
    deadline_wheel_init(&lessor->wheel, lessor->now_ms);
    list_init(&lessor->due);
    list_init(&lessor->asked);
    list_init(&lessor->confirming);
    list_init(&lessor->open);
    list_init(&lessor->by_log);
    list_init(&lessor->questions);
    kv_stats(backend->ops->kv(backend), &stats);
    lessor->missing = stats.leases > 0; /* of a restored store */
    backend->lease_applied = on_lease_applied;
    backend->lease_context = lessor;
    return lessor;
}

void lessor_start(struct lessor *lessor, uv_loop_t *loop, uint32_t late_ms)
{
    lessor->late_ms = late_ms;
    uv_prepare_init(loop, &lessor->prepare);
    uv_idle_init(loop, &lessor->awake);
    uv_timer_init(loop, &lessor->timer);
    lessor->prepare.data = lessor->awake.data = lessor->timer.data = lessor;
    lessor->open_handles = 3;
    uv_prepare_start(&lessor->prepare, on_prepare);
    uv_timer_start(&lessor->timer, on_tick, TICK_MS, TICK_MS);
}

/* ---- closing ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct lessor *lessor = handle->data;

    assert(lessor->open_handles > 0);
    if (--lessor->open_handles == 0)
        lessor->closed(lessor->closed_context);
}

/* What is left of leases is in the log, or will not be. */
static void leave(struct lessor *lessor)
{
    if (uv_is_closing((uv_handle_t *)&lessor->prepare))
        return;
    if (is_overtaken(lessor))
        lessor->state = LESSOR_FOLLOWS;
    if (lessor->state == LESSOR_LEADS)
        lessor_write(lessor);
    if (!lessor_wrote_all(lessor) && uv_hrtime() / 1000000 < lessor->leave_ms)
        return;
    uv_close((uv_handle_t *)&lessor->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&lessor->awake, on_handle_closed);
    uv_close((uv_handle_t *)&lessor->timer, on_handle_closed);
}

void lessor_close(struct lessor *lessor, void (*closed)(void *context), void *context)
{
    assert(!lessor->closing);
    lessor->closed = closed;
    lessor->closed_context = context;
    lessor_drop_questions(lessor);
    list_move_all(&lessor->asked, &lessor->confirming);
    list_move_all(&lessor->asked, &lessor->by_log);
    while (!list_alone(&lessor->asked)) {
        struct list_link *first = lessor->asked.next;

        list_remove(first);
        lessor_finish(list_owner(first, struct lease_renewal, link), DECREE_LOST, 0);
    }
    lessor->leave_ms = uv_hrtime() / 1000000 + LEAVE_MS_MAX;
    lessor_write_all(lessor);
    lessor->closing = true;
    leave(lessor);
}

void lessor_free(struct lessor *lessor)
{
    if (lessor == NULL)
        return;
    assert(lessor->open_handles == 0);
    assert(list_alone(&lessor->asked));
    assert(list_alone(&lessor->questions));
    lessor->backend->lease_applied = NULL;
    lease_table_release(&lessor->table);
    free(lessor);
}
