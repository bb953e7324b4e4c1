/* SPDX-License-Identifier: MIT */
/* lock_contender.c -- see lock_contender.h.
 *
 * Nothing frees a contender while the backend has something of his under way: it comes back to him, and
 * he then sees that he was left. While the hall closes he goes at once.
 */
#include "lock_contender.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kv_checks.h"
#include "kv_propose.h"
#include "services.h"
#include "watch_hub.h"

#define GRANTED_SECONDS 60u /* as etcd's sessions have by default */

enum contender_state {
    GRANTING = 1, /* of these the task or the operation under way */
    ENTERING,
    WAITING, /* for a key to go, or, with a task, to look who is before him */
    CONFIRMING,
    FAILING, /* for want of memory */
    LEAVING,
};

struct lock_contender {
    struct lock_task task;
    struct lock_hall *hall;
    struct list_link link;                      /* in the hall */
    const struct lock_contender_events *events; /* NULL: he was left */
    void *context;
    enum contender_state state;
    bool under_way; /* an operation of the backend */
    bool granted;   /* the lease is his own */
    bool entered;   /* there is a key */
    bool joined;    /* ... which was there before */
    bool sets_value;
    bool watching;
    struct watch_stream stream;
    int64_t lease, made, entry_revision;
    struct lock_prefix prefix;
    struct kv_bytes key, value;
    uint8_t bytes[]; /* the prefix, the key, the value */
};

struct kv_bytes lock_contender_name(const struct lock_contender *contender)
{
    return (struct kv_bytes){contender->prefix.begin, contender->prefix.size - 1};
}

struct kv_bytes lock_contender_key(const struct lock_contender *contender)
{
    return contender->key;
}

int64_t lock_contender_lease(const struct lock_contender *contender)
{
    return contender->lease;
}

int64_t lock_contender_made(const struct lock_contender *contender)
{
    return contender->made;
}

int64_t lock_contender_entered(const struct lock_contender *contender)
{
    return contender->entry_revision;
}

static const struct kv *kv_of(const struct lock_contender *contender)
{
    return contender->hall->backend->ops->kv(contender->hall->backend);
}

static void unwatch(struct lock_contender *contender)
{
    if (contender->watching)
        watch_stream_close(&contender->stream);
    contender->watching = false;
}

static void forget(struct lock_contender *contender)
{
    assert(!contender->under_way);
    unwatch(contender);
    list_remove(&contender->task.link);
    list_remove(&contender->link);
    contender->hall->joined_count -= contender->joined ? 1 : 0;
    free(contender);
}

static void drop(struct lock_task *task)
{
    forget(list_owner(task, struct lock_contender, task));
}

/* ---- the end ---- */

/* Another call that waits with the same key: a look at all, and so nothing but tasks may ask for it. */
static bool is_shared(const struct lock_contender *contender)
{
    const struct list_link *head = &contender->hall->contenders;

    if (contender->hall->joined_count == 0)
        return false;
    for (const struct list_link *at = head->next; at != head; at = at->next) {
        const struct lock_contender *other = list_owner(at, struct lock_contender, link);

        if (other != contender && other->events != NULL && other->made == contender->made &&
            other->key.size == contender->key.size &&
            memcmp(other->key.data, contender->key.data, other->key.size) == 0)
            return true;
    }
    return false;
}

static void go_on(struct lock_contender *contender, enum contender_state state)
{
    contender->state = state;
    lock_hall_add(contender->hall, &contender->task);
}

/* Takes back what was made, then forgets him. */
static void leave(struct lock_contender *contender)
{
    contender->events = NULL;
    unwatch(contender);
    if (contender->granted || contender->entered)
        go_on(contender, LEAVING);
    else
        forget(contender);
}

static void win(struct lock_contender *contender, int64_t revision)
{
    if (contender->events->won(contender->context, contender, revision))
        forget(contender);
    else
        leave(contender);
}

static void lose(struct lock_contender *contender, enum etcd_error error)
{
    contender->events->lost(contender->context, error);
    leave(contender);
}

void lock_contender_leave(struct lock_contender *contender)
{
    assert(contender->events != NULL);
    contender->events = NULL;
    if (!contender->under_way)
        leave(contender);
}

/* An operation came back. False: he is no more. */
static bool came_back(struct lock_contender *contender, int error)
{
    assert(contender->under_way);
    contender->under_way = false;
    if (contender->hall->closing)
        forget(contender);
    else if (contender->events == NULL)
        leave(contender);
    else if (error != 0)
        lose(contender, services_error(error));
    else
        return true;
    return false;
}

/* What became of asking the backend. */
static void asked(struct lock_contender *contender, int error)
{
    contender->under_way = error == 0;
    if (error == DECREE_FULL)
        lock_hall_add_later(contender->hall, &contender->task);
    else if (error != 0 && contender->state == LEAVING)
        forget(contender);
    else if (error != 0)
        lose(contender, services_error(error));
}

/* ---- a lease ---- */

static void set_lease(struct lock_contender *contender, int64_t lease)
{
    uint8_t *digits = (uint8_t *)(uintptr_t)contender->key.data + contender->prefix.size;

    contender->lease = lease;
    contender->key.size = contender->prefix.size + lock_lease_write((char *)digits, lease);
}

static void on_granted(void *argument, int error, decree_slot slot, void *result)
{
    struct lock_contender *contender = argument;
    const struct kv_result *outcome = result;

    (void)slot;
    contender->granted = error == 0 && outcome->error == KV_OK;
    if (!came_back(contender, error))
        return;
    if (contender->granted)
        go_on(contender, ENTERING);
    else
        lose(contender, etcd_error_of_kv(outcome->error));
}

static void grant(struct lock_contender *contender)
{
    struct command command = {.op = COMMAND_LEASE_GRANT};

    set_lease(contender, lease_choose_id(kv_of(contender)));
    command.u.lease_grant = (struct command_lease_grant){contender->lease, GRANTED_SECONDS};
    asked(contender, kv_offer(contender->hall->backend, &command, on_granted, contender));
}

/* ---- waiting ---- */

/* Any event is that the key is gone, and whoever is told that there is no watch any more looks for
 * himself, too. */
static int on_response(struct watch_stream *stream, const uint8_t *response, size_t size)
{
    struct lock_contender *contender = list_owner(stream, struct lock_contender, stream);
    struct reader reader;
    struct wire_item item;
    bool wake = false;

    reader_init(&reader, response, size);
    while (wire_next(&reader, &item))
        wake = wake || item.field == WATCH_RESPONSE_CANCELLED ||
               item.field == WATCH_RESPONSE_EVENTS;
    if (wake && contender->state == WAITING)
        go_on(contender, WAITING);
    return 0;
}

static void on_watch_failed(struct watch_stream *stream, enum etcd_error error)
{
    struct lock_contender *contender = list_owner(stream, struct lock_contender, stream);

    assert(error == ETCD_NO_MEMORY);
    go_on(contender, FAILING);
}

static const struct watch_sink SINK = {on_response, on_watch_failed};

static void watch(struct lock_contender *contender, struct kv_bytes key)
{
    const struct watch_request request = {.kind = WATCH_CREATE,
                                          .key = key,
                                          .start_revision = kv_revision(kv_of(contender)) + 1,
                                          .no_put = true};

    unwatch(contender);
    contender->watching = true;
    watch_stream_open(&contender->stream, contender->hall->watch_hub, &SINK);
    (void)watch_stream_request(&contender->stream, &request);
}

/* Who is before him? False: nobody. */
static bool waits(struct lock_contender *contender)
{
    struct kv_pair before;

    contender->state = WAITING;
    if (!lock_before(kv_of(contender), &contender->prefix, contender->made, &before))
        return false;
    watch(contender, before.key);
    return true;
}

static void on_confirmed(void *argument, int error, decree_slot slot, void *result)
{
    struct lock_contender *contender = argument;

    (void)slot;
    (void)result;
    if (!came_back(contender, error))
        return;
    if (lock_is_there(kv_of(contender), contender->key, contender->made)) {
        win(contender, kv_revision(kv_of(contender)));
        return;
    }
    contender->entered = false;
    lose(contender, ETCD_SESSION_EXPIRED);
}

static void confirm(struct lock_contender *contender)
{
    struct backend *backend = contender->hall->backend;

    contender->state = CONFIRMING;
    unwatch(contender);
    asked(contender, backend->ops->read(backend, on_confirmed, contender));
}

/* ---- entering ---- */

static void note_entry(struct lock_contender *contender, const struct kv_result *outcome)
{
    bool made;

    contender->made = lock_entered(outcome, &made);
    contender->entry_revision = outcome->revision;
    contender->entered = true;
    contender->joined = !made;
    contender->hall->joined_count += made ? 0 : 1;
}

/* Who finds nobody else has it without another word: his key was there a moment ago. */
static void on_entered(void *argument, int error, decree_slot slot, void *result)
{
    struct lock_contender *contender = argument;
    const struct kv_result *outcome = result;

    (void)slot;
    if (error == 0 && outcome->error == KV_OK)
        note_entry(contender, outcome);
    if (!came_back(contender, error))
        return;
    if (outcome->error != KV_OK)
        lose(contender, etcd_error_of_kv(outcome->error));
    else if (!lock_is_alone(kv_of(contender), &contender->prefix))
        go_on(contender, WAITING);
    else
        win(contender, outcome->revision);
}

static void enter(struct lock_contender *contender)
{
    const struct lock_entry entry = {contender->key, contender->value, contender->lease,
                                     contender->sets_value};

    asked(contender, lock_enter(contender->hall->backend, &entry, on_entered, contender));
}

/* ---- leaving ---- */

static void on_left(void *argument, int error, decree_slot slot, void *result)
{
    struct lock_contender *contender = argument;

    (void)error;
    (void)slot;
    (void)result;
    contender->under_way = false;
    forget(contender);
}

/* With the lease goes the key. */
static void take_back(struct lock_contender *contender)
{
    struct backend *backend = contender->hall->backend;
    struct command revoke = {.op = COMMAND_LEASE_REVOKE, .u.lease_revoke = contender->lease};

    if (contender->granted)
        asked(contender, kv_offer(backend, &revoke, on_left, contender));
    else if (is_shared(contender))
        forget(contender);
    else
        asked(contender,
              lock_release(backend, contender->key, contender->made, on_left, contender));
}

/* ---- the task ---- */

static void run(struct lock_task *task)
{
    struct lock_contender *contender = list_owner(task, struct lock_contender, task);

    assert(!contender->under_way);
    switch (contender->state) {
    case GRANTING:
        grant(contender);
        return;
    case ENTERING:
        enter(contender);
        return;
    case WAITING:
        if (!waits(contender))
            confirm(contender);
        return;
    case CONFIRMING:
        confirm(contender);
        return;
    case FAILING:
        lose(contender, ETCD_NO_MEMORY);
        return;
    case LEAVING:
        take_back(contender);
        return;
    }
}

struct lock_contender *lock_contender_new(struct lock_hall *hall, const struct lock_wish *wish,
                                          const struct lock_contender_events *events, void *context)
{
    size_t prefix_bytes = 2 * (wish->name.size + 1);
    size_t key_bytes = wish->name.size + 1 + LOCK_LEASE_DIGITS;
    struct lock_contender *contender = calloc(1, sizeof(*contender) + prefix_bytes + key_bytes +
                                                     wish->value.size);
    uint8_t *key;

    if (contender == NULL)
        return NULL;
    contender->hall = hall;
    contender->events = events;
    contender->context = context;
    contender->sets_value = wish->sets_value;
    contender->prefix = lock_prefix_write(contender->bytes, wish->name);
    key = contender->bytes + prefix_bytes;
    memcpy(key, contender->prefix.begin, contender->prefix.size);
    contender->key.data = key;
    contender->value = (struct kv_bytes){key + key_bytes, wish->value.size};
    if (wish->value.size > 0)
        memcpy(key + key_bytes, wish->value.data, wish->value.size);
    if (wish->lease != 0)
        set_lease(contender, wish->lease);
    list_init(&contender->link);
    list_append(&hall->contenders, &contender->link);
    lock_task_init(&contender->task, run, drop);
    go_on(contender, wish->lease != 0 ? ENTERING : GRANTING);
    return contender;
}
