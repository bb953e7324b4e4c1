/* SPDX-License-Identifier: MIT */
/* lock_hall.c -- see lock_hall.h. */
#include "lock_hall.h"

#include <assert.h>

#define TURN_NS UINT64_C(5000000)

void lock_hall_init(struct lock_hall *hall, struct backend *backend, struct watch_hub *watch_hub)
{
    assert(backend != NULL);
    *hall = (struct lock_hall){.backend = backend, .watch_hub = watch_hub};
    list_init(&hall->due);
    list_init(&hall->later);
    list_init(&hall->contenders);
}

void lock_task_init(struct lock_task *task, void (*run)(struct lock_task *task),
                    void (*drop)(struct lock_task *task))
{
    assert(run != NULL);
    assert(drop != NULL);
    list_init(&task->link);
    task->run = run;
    task->drop = drop;
}

static void on_awake(uv_idle_t *awake)
{
    assert(awake->data != NULL);
}

void lock_hall_add(struct lock_hall *hall, struct lock_task *task)
{
    list_remove(&task->link);
    if (hall->closing) {
        task->drop(task);
        return;
    }
    list_append(&hall->due, &task->link);
    uv_idle_start(&hall->awake, on_awake);
}

void lock_hall_add_later(struct lock_hall *hall, struct lock_task *task)
{
    assert(!hall->closing);
    list_remove(&task->link);
    list_append(&hall->later, &task->link);
}

/* Those of this turn, as far as there is time; each may look through all keys of its lock. What they add
 * is for the next. */
static void run_tasks(struct lock_hall *hall)
{
    uint64_t until_ns = uv_hrtime() + TURN_NS;
    struct list_link tasks;

    list_init(&tasks);
    list_move_all(&tasks, &hall->later);
    list_move_all(&tasks, &hall->due);
    while (!list_alone(&tasks) && uv_hrtime() < until_ns) {
        struct lock_task *task = list_owner(tasks.next, struct lock_task, link);

        list_remove(&task->link);
        task->run(task);
    }
    list_move_all(&tasks, &hall->due);
    list_move_all(&hall->due, &tasks);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct lock_hall *hall = prepare->data;

    if (list_alone(&hall->due) && list_alone(&hall->later))
        return;
    run_tasks(hall);
    if (list_alone(&hall->due))
        uv_idle_stop(&hall->awake);
    else
        uv_idle_start(&hall->awake, on_awake);
}

void lock_hall_start(struct lock_hall *hall, uv_loop_t *loop)
{
    uv_prepare_init(loop, &hall->prepare);
    uv_idle_init(loop, &hall->awake);
    hall->prepare.data = hall->awake.data = hall;
    hall->open_handles = 2;
    uv_prepare_start(&hall->prepare, on_prepare);
}

static void drop_all(struct list_link *tasks)
{
    while (!list_alone(tasks)) {
        struct lock_task *task = list_owner(tasks->next, struct lock_task, link);

        list_remove(&task->link);
        task->drop(task);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct lock_hall *hall = handle->data;

    assert(hall->open_handles > 0);
    if (--hall->open_handles == 0)
        hall->closed(hall->closed_context);
}

void lock_hall_close(struct lock_hall *hall, void (*closed)(void *context), void *context)
{
    hall->closing = true;
    hall->closed = closed;
    hall->closed_context = context;
    drop_all(&hall->due);
    drop_all(&hall->later);
    uv_close((uv_handle_t *)&hall->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&hall->awake, on_handle_closed);
}
