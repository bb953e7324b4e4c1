/* SPDX-License-Identifier: MIT */
/* memory_backend.h -- a backend for tests: a kv store without a cluster, in one process.
 *
 * What is asked in a turn of the loop is done at its end, in order. A test may hold everything
 * back, bound how much is taken, or let there be no leader.
 */
#ifndef DECREE_TESTS_SERVER_MEMORY_BACKEND_H
#define DECREE_TESTS_SERVER_MEMORY_BACKEND_H

#include <uv.h>

#include "backend.h"
#include "kv_quota.h"

struct memory_operation {
    struct decree_value *command; /* NULL: a read */
    decree_done *done;
    void *argument;
};

struct memory_backend {
    struct backend base;
    struct kv *kv;
    uv_check_t check;
    uv_idle_t awake;
    struct memory_operation *operations; /* a ring */
    uint32_t first, count;
    uint32_t room;         /* FULL past it */
    unsigned long refused; /* how often it was */
    bool held;             /* nothing is done */
    bool leaderless;
    uint64_t leader_id; /* 0: this member */
    struct kv_quota quota;
    uint64_t applied;
    struct kv_result result; /* of the last query */
};

void memory_backend_init(struct memory_backend *backend, uv_loop_t *loop,
                         const struct kv_options *store);

/* Completes what is open with LOST and closes the handles; the loop must run once more. */
void memory_backend_close(struct memory_backend *backend);
void memory_backend_release(struct memory_backend *backend);

#endif
