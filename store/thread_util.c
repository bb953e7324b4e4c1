/* SPDX-License-Identifier: MIT */
/* thread_util.c -- a clock, waits with a deadline, quiet threads. */
#include "thread_util.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

uint64_t thread_now_ns(void)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(result == 0);
    (void)result;
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void thread_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline_ns)
{
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    int result;

    if (deadline_ns == UINT64_MAX)
        result = pthread_cond_wait(condition, mutex);
    else
        result = pthread_cond_timedwait(condition, mutex, &deadline);
    assert(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0)
        pthread_setname_np(*thread, name);
    return result;
}
