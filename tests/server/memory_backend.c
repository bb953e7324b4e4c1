/* SPDX-License-Identifier: MIT */
/* memory_backend.c -- see memory_backend.h. */
#include "memory_backend.h"

#include <assert.h>
#include <stdlib.h>

#define RING_OPERATIONS 16384u
#define MEMBER_READY 2u

static struct memory_backend *memory_of(struct backend *backend)
{
    return (struct memory_backend *)backend;
}

static int take(struct memory_backend *backend, struct decree_value *command, decree_done *done,
                void *argument)
{
    struct memory_operation *operation;

    if (backend->count >= backend->room) {
        backend->refused++;
        return DECREE_FULL;
    }
    operation = &backend->operations[(backend->first + backend->count++) % RING_OPERATIONS];
    *operation = (struct memory_operation){decree_value_ref(command), done, argument};
    return 0;
}

static void on_awake(uv_idle_t *idle)
{
    assert(idle->data != NULL);
}

static int propose(struct backend *backend, struct decree_value *command, decree_done *done,
                   void *argument)
{
    uv_idle_start(&memory_of(backend)->awake, on_awake);
    return take(memory_of(backend), command, done, argument);
}

static int read_now(struct backend *backend, decree_done *done, void *argument)
{
    uv_idle_start(&memory_of(backend)->awake, on_awake);
    return take(memory_of(backend), NULL, done, argument);
}

static void finish_first(struct memory_backend *backend, int error)
{
    struct memory_operation operation = backend->operations[backend->first];
    struct kv_result result;

    backend->first = (backend->first + 1) % RING_OPERATIONS;
    backend->count--;
    if (operation.command != NULL && error == 0) {
        kv_apply(backend->kv, operation.command->data, operation.command->size, &result);
        backend_tell_leases(&backend->base, operation.command->data, operation.command->size,
                            &result);
        operation.done(operation.argument, 0, ++backend->applied, &result);
    } else {
        operation.done(operation.argument, error, 0, NULL);
    }
    decree_value_unref(operation.command);
}

static void on_check(uv_check_t *check)
{
    struct memory_backend *backend = check->data;

    uv_idle_stop(&backend->awake);
    while (backend->count > 0 && !backend->held)
        finish_first(backend, 0);
}

static const struct kv *get_kv(struct backend *backend)
{
    return memory_of(backend)->kv;
}

static const struct kv_result *query(struct backend *backend, const struct decree_value *command)
{
    struct memory_backend *memory = memory_of(backend);

    kv_query(memory->kv, command->data, command->size, &memory->result);
    return &memory->result;
}

static uint64_t get_term(struct backend *backend)
{
    (void)backend;
    return 7;
}

static void get_status(struct backend *backend, struct backend_status *ret_status)
{
    struct memory_backend *memory = memory_of(backend);

    *ret_status = (struct backend_status){
        .leader_id = memory->leaderless       ? 0
                     : memory->leader_id != 0 ? memory->leader_id
                                              : backend->member_id,
        .term = 7,
        .decided = memory->applied,
        .applied = memory->applied,
        .storage_bytes = 65536,
        .storage_in_use_bytes = 4096,
        .storage_quota_bytes = memory->quota.bytes,
    };
}

static bool get_member(struct backend *backend, size_t index, struct backend_member *ret_member)
{
    static const struct backend_member MEMBERS[] = {
        {0, "n1", "http://127.0.0.1:2380", "http://127.0.0.1:2379"},
        {MEMBER_READY, "n2", "http://127.0.0.1:2382", NULL},
        {3, "n3", "http://127.0.0.1:2384", NULL},
    };

    if (index >= sizeof(MEMBERS) / sizeof(MEMBERS[0]))
        return false;
    *ret_member = MEMBERS[index];
    if (index == 0)
        ret_member->id = backend->member_id;
    return true;
}

static bool room(struct backend *backend, size_t size)
{
    return kv_quota_room(&memory_of(backend)->quota, size);
}

/* Only one is ready to lead. */
static void hand_over(struct backend *backend, uint64_t member_id)
{
    if (member_id == MEMBER_READY)
        memory_of(backend)->leader_id = member_id;
}

static const struct backend_ops OPS = {.propose = propose,
                                       .read = read_now,
                                       .kv = get_kv,
                                       .query = query,
                                       .term = get_term,
                                       .status = get_status,
                                       .member = get_member,
                                       .room = room,
                                       .hand_over = hand_over};

void memory_backend_init(struct memory_backend *backend, uv_loop_t *loop,
                         const struct kv_options *store)
{
    *backend = (struct memory_backend){
        .base = {.ops = &OPS,
                 .cluster_id = backend_cluster_id("decree"),
                 .member_id = backend_member_id("decree", "n1")},
        .kv = kv_new(store),
        .operations = calloc(RING_OPERATIONS, sizeof(struct memory_operation)),
        .room = RING_OPERATIONS,
    };
    kv_quota_init(&backend->quota, &backend->base, 0);
    assert(backend->kv != NULL);
    assert(backend->operations != NULL);
    uv_check_init(loop, &backend->check);
    uv_idle_init(loop, &backend->awake);
    backend->check.data = backend;
    backend->awake.data = backend;
    uv_check_start(&backend->check, on_check);
}

void memory_backend_close(struct memory_backend *backend)
{
    while (backend->count > 0)
        finish_first(backend, DECREE_LOST);
    uv_close((uv_handle_t *)&backend->check, NULL);
    uv_close((uv_handle_t *)&backend->awake, NULL);
}

void memory_backend_release(struct memory_backend *backend)
{
    kv_free(backend->kv);
    free(backend->operations);
}
