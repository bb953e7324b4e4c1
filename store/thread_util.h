/* SPDX-License-Identifier: MIT */
/* thread_util.h -- what the two threads of the journal share: a clock, waits with a deadline, quiet
 * threads. */
#ifndef DECREE_STORE_THREAD_UTIL_H
#define DECREE_STORE_THREAD_UTIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Monotonic time. */
uint64_t thread_now_ns(void);

/* A condition variable whose deadlines are in monotonic time. */
void thread_condition_init(pthread_cond_t *condition);

/* False: the deadline passed. UINT64_MAX: waits without one. */
bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline_ns);

/* Starts a thread that no signal is delivered to. 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument), void *argument);

#endif
