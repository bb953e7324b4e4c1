/* SPDX-License-Identifier: MIT */
/* election_observe.c -- v3electionpb.Election.Observe: what leaders proclaim, one after the other.
 *
 *     ASKING -- read --> LOOKING -- there is a leader ----> FOLLOWING his key -- it is deleted --> ASKING
 *                             \---- nobody --> AWAITING a key under the prefix --^
 *
 * All that a leader proclaims is told, in order; of leaders that came and went between two looks nothing
 * is, as in etcd. A client that does not read is waited for by the watch hub, which gives what he missed
 * later; what he has got already is known by its revision.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kv_propose.h"
#include "lock_call.h"
#include "watch_hub.h"

enum observer_state { ASKING = 1, LOOKING, FOLLOWING, AWAITING };

struct observer {
    struct lock_task task;
    struct lock_hall *hall;
    struct grpc_call *call; /* NULL: it is gone */
    enum observer_state state;
    bool under_way;      /* the read */
    bool watching, deaf; /* nothing more is wanted of this watch */
    bool failed;         /* there was no memory for it */
    struct watch_stream stream;
    int64_t told;           /* the revision of what was sent last */
    int64_t from;           /* FOLLOWING: from this revision on */
    struct byte_buffer key; /* ... this key */
    struct byte_buffer out;
    struct lock_prefix prefix;
    uint8_t bytes[];
};

static struct observer **state_of(struct grpc_call *call)
{
    return (struct observer **)(void *)call->state;
}

static const struct kv *kv_of(const struct observer *observer)
{
    return observer->hall->backend->ops->kv(observer->hall->backend);
}

static void unwatch(struct observer *observer)
{
    if (observer->watching)
        watch_stream_close(&observer->stream);
    observer->watching = false;
}

static void forget(struct observer *observer)
{
    assert(!observer->under_way);
    unwatch(observer);
    list_remove(&observer->task.link);
    byte_buffer_release(&observer->key);
    byte_buffer_release(&observer->out);
    free(observer);
}

static void drop(struct lock_task *task)
{
    forget(list_owner(task, struct observer, task));
}

static void fail(struct observer *observer, enum etcd_error error)
{
    observer->deaf = true;
    if (observer->call != NULL)
        etcd_fail_bare(observer->call, error);
}

static void go_on(struct observer *observer, enum observer_state state)
{
    observer->state = state;
    observer->deaf = true;
    lock_hall_add(observer->hall, &observer->task);
}

/* ---- telling ---- */

/* kv is the bytes of an mvccpb.KeyValue. Errors: as of grpc_stream_send(). */
static int tell(struct observer *observer, int64_t revision, struct kv_bytes kv, int64_t modified)
{
    struct response_header header = kv_header(observer->call, revision);
    struct byte_buffer *out = &observer->out;
    size_t begun;
    int error;

    byte_buffer_reset(out, SIZE_MAX);
    response_header_write(out, &header);
    begun = message_begin(out, 2);
    byte_buffer_append(out, kv.data, kv.size);
    message_end(out, begun);
    error = out->failed ? DECREE_NOMEM : grpc_stream_send(observer->call, out->data, out->size);
    if (error == 0)
        observer->told = modified;
    return error;
}

/* ---- what the hub tells ---- */

struct event {
    bool deleted;
    int64_t modified;
    struct kv_bytes kv, key;
};

/* The hub writes them, so they are well-formed. */
static struct event read_event(struct kv_bytes bytes)
{
    struct event event = {0};
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, bytes.data, bytes.size);
    while (wire_next(&reader, &item)) {
        if (item.field == 1)
            event.deleted = item.number != 0;
        else if (item.field == 2)
            event.kv = item.bytes;
    }
    reader_init(&reader, event.kv.data, event.kv.size);
    while (wire_next(&reader, &item)) {
        if (item.field == 1)
            event.key = item.bytes;
        else if (item.field == 3)
            event.modified = (int64_t)item.number;
    }
    return event;
}

static void follow(struct observer *observer, struct kv_bytes key, int64_t from)
{
    byte_buffer_reset(&observer->key, SIZE_MAX);
    byte_buffer_append(&observer->key, key.data, key.size);
    observer->failed = observer->key.failed;
    observer->from = from;
    go_on(observer, FOLLOWING);
}

static int on_event(struct observer *observer, const struct event *event, int64_t revision)
{
    int error;

    if (observer->state == AWAITING) {
        error = tell(observer, event->modified, event->kv, event->modified);
        if (error == 0)
            follow(observer, event->key, event->modified + 1);
        return error;
    }
    if (event->deleted) {
        go_on(observer, ASKING);
        return 0;
    }
    return event->modified > observer->told ? tell(observer, revision, event->kv, event->modified)
                                            : 0;
}

static int64_t read_revision(struct kv_bytes header)
{
    struct reader reader;
    struct wire_item item;
    int64_t revision = 0;

    reader_init(&reader, header.data, header.size);
    while (wire_next(&reader, &item))
        if (item.field == 3)
            revision = (int64_t)item.number;
    return revision;
}

/* A watch that is cancelled, since the past that it needs was given up, begins anew. */
static int on_response(struct watch_stream *stream, const uint8_t *response, size_t size)
{
    struct observer *observer = list_owner(stream, struct observer, stream);
    struct reader reader;
    struct wire_item item;
    int64_t revision = 0;
    int error = 0;

    reader_init(&reader, response, size);
    while (error == 0 && !observer->deaf && wire_next(&reader, &item)) {
        if (item.field == 1) {
            revision = read_revision(item.bytes);
        } else if (item.field == WATCH_RESPONSE_CANCELLED) {
            go_on(observer, ASKING);
        } else if (item.field == WATCH_RESPONSE_EVENTS) {
            struct event event = read_event(item.bytes);

            error = on_event(observer, &event, revision);
        }
    }
    return error;
}

static void on_watch_failed(struct watch_stream *stream, enum etcd_error error)
{
    struct observer *observer = list_owner(stream, struct observer, stream);

    fail(observer, error);
}

static const struct watch_sink SINK = {on_response, on_watch_failed};

static void watch(struct observer *observer, struct watch_request *request)
{
    unwatch(observer);
    observer->watching = true;
    observer->deaf = false;
    watch_stream_open(&observer->stream, observer->hall->watch_hub, &SINK);
    request->kind = WATCH_CREATE;
    (void)watch_stream_request(&observer->stream, request);
}

/* ---- the task ---- */

static void on_read(void *argument, int error, decree_slot slot, void *result)
{
    struct observer *observer = argument;

    (void)slot;
    (void)result;
    observer->under_way = false;
    if (observer->call == NULL || observer->hall->closing)
        forget(observer);
    else if (error != 0)
        fail(observer, services_error(error));
    else
        go_on(observer, LOOKING);
}

static void ask(struct observer *observer)
{
    struct backend *backend = observer->hall->backend;
    int error;

    unwatch(observer);
    error = backend->ops->read(backend, on_read, observer);
    observer->under_way = error == 0;
    if (error == DECREE_FULL)
        lock_hall_add_later(observer->hall, &observer->task);
    else if (error != 0)
        fail(observer, services_error(error));
}

/* The first word about a leader. FULL: it is to be said when there is room. */
static int introduce(struct observer *observer, const struct kv_pair *pair)
{
    struct byte_buffer kv = {0};
    int error = DECREE_NOMEM;

    pair_write(&kv, 2, pair, false);
    if (!kv.failed) {
        struct reader reader;
        struct wire_item item;

        reader_init(&reader, kv.data, kv.size);
        (void)wire_next(&reader, &item);
        error = tell(observer, kv_revision(kv_of(observer)), item.bytes, pair->mod_revision);
    }
    byte_buffer_release(&kv);
    return error;
}

static void look(struct observer *observer)
{
    int64_t next = kv_revision(kv_of(observer)) + 1;
    struct kv_pair pair;
    int error;

    if (!lock_first(kv_of(observer), &observer->prefix, &pair)) {
        struct watch_request request = {
            .key = {observer->prefix.begin, observer->prefix.size},
            .range_end = {observer->prefix.end, observer->prefix.size},
            .start_revision = next,
            .no_delete = true,
        };

        observer->state = AWAITING;
        watch(observer, &request);
        return;
    }
    error = introduce(observer, &pair);
    if (error == 0)
        follow(observer, pair.key, next);
    else if (error == DECREE_NOMEM)
        fail(observer, ETCD_NO_MEMORY);
}

static void follow_key(struct observer *observer)
{
    struct watch_request request = {.key = {observer->key.data, observer->key.size},
                                    .start_revision = observer->from};

    if (observer->failed)
        fail(observer, ETCD_NO_MEMORY);
    else
        watch(observer, &request);
}

static void run(struct lock_task *task)
{
    struct observer *observer = list_owner(task, struct observer, task);

    assert(observer->call != NULL);
    assert(!observer->under_way);
    switch (observer->state) {
    case ASKING:
        ask(observer);
        return;
    case LOOKING:
        look(observer);
        return;
    case FOLLOWING:
        follow_key(observer);
        return;
    case AWAITING:
        return;
    }
}

/* ---- the call ---- */

static void on_open(struct grpc_call *call)
{
    *state_of(call) = NULL;
}

static int on_message(struct grpc_call *call, const uint8_t *message, size_t size)
{
    static const struct wire_field fields[] = {{WIRE_BYTES, 0}};
    struct observer *observer;
    struct kv_bytes name = {NULL, 0};

    if (*state_of(call) != NULL)
        return 0;
    if (!wire_read(message, size, fields, 1, &name)) {
        grpc_fail_malformed(call);
        return 0;
    }
    observer = calloc(1, sizeof(*observer) + 2 * (name.size + 1));
    if (observer == NULL) {
        etcd_fail_bare(call, ETCD_NO_MEMORY);
        return 0;
    }
    *state_of(call) = observer;
    observer->hall = call_services(call)->lock_hall;
    observer->call = call;
    observer->prefix = lock_prefix_write(observer->bytes, name);
    lock_task_init(&observer->task, run, drop);
    go_on(observer, ASKING);
    return 0;
}

static void on_half_close(struct grpc_call *call)
{
    if (*state_of(call) == NULL)
        grpc_fail(call, GRPC_INTERNAL, "unexpected EOF");
}

static void on_writable(struct grpc_call *call)
{
    struct observer *observer = *state_of(call);

    if (observer->state == LOOKING)
        go_on(observer, ASKING);
    else if (observer->watching)
        watch_stream_writable(&observer->stream);
}

static void on_gone(struct grpc_call *call)
{
    struct observer *observer = *state_of(call);

    if (observer == NULL)
        return;
    *state_of(call) = NULL;
    observer->call = NULL;
    if (!observer->under_way)
        forget(observer);
}

static const struct grpc_stream_handler OBSERVE = {
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .writable = on_writable,
    .gone = on_gone,
};

const struct grpc_stream_route observe_routes[] = {
    {"/v3electionpb.Election/Observe", &OBSERVE},
    {NULL, NULL},
};
