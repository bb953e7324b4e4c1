/* SPDX-License-Identifier: MIT */
/* lock_hall.h -- where those stand who want a lock, lead an election, or look on: what they do next is
 * done from here.
 *
 * A completion of the backend and a sink of the watch hub may not ask for anything new. So they leave a
 * task, and tasks are run once a turn of the loop, outside of both. Who found the backend full leaves his
 * task for a later turn, and the loop may sleep until then.
 *
 * All on the loop's thread.
 */
#ifndef DECREE_SERVER_LOCK_HALL_H
#define DECREE_SERVER_LOCK_HALL_H

#include <uv.h>

#include "backend.h"
#include "linked_list.h"

struct watch_hub;

struct lock_task { /* part of its owner */
    struct list_link link;
    void (*run)(struct lock_task *task);
    /* Instead of run, when the hall closes: the owner, whom nobody needs any more, frees itself. */
    void (*drop)(struct lock_task *task);
};

struct lock_hall {
    struct backend *backend;
    struct watch_hub *watch_hub;
    struct list_link due, later; /* tasks */
    struct list_link contenders; /* see lock_contender.h */
    uint32_t joined_count;       /* of these, how many share another's key */
    uv_prepare_t prepare;
    uv_idle_t awake; /* active while a task is due */
    unsigned open_handles;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

void lock_hall_init(struct lock_hall *hall, struct backend *backend, struct watch_hub *watch_hub);
void lock_hall_start(struct lock_hall *hall, uv_loop_t *loop);

void lock_task_init(struct lock_task *task, void (*run)(struct lock_task *task),
                    void (*drop)(struct lock_task *task));

/* Runs the task soon. It may be due already. */
void lock_hall_add(struct lock_hall *hall, struct lock_task *task);

/* Runs the task when the loop next has something to do. */
void lock_hall_add_later(struct lock_hall *hall, struct lock_task *task);

/* There are no calls any more. What is under way with the backend comes back later still, to owners
 * that find the hall closing; then the hall may be given up. */
void lock_hall_close(struct lock_hall *hall, void (*closed)(void *context), void *context);

#endif
