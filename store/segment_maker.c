/* SPDX-License-Identifier: MIT */
/* segment_maker.c -- a thread that makes the next segment in the background. */
#include "segment_maker.h"

#include <assert.h>
#include <decree/error.h>

#include "thread_util.h"

#define REST_MIN_NS UINT64_C(1000000)
#define REST_MAX_NS UINT64_C(20000000)

/* Between two pieces: rests for as long as the last piece took, unless there is a hurry. False:
 * give up. */
static bool maker_pace(void *context)
{
    struct segment_maker *maker = context;
    uint64_t now_ns = thread_now_ns(), rest_ns = now_ns - maker->piece_began_ns;
    bool go_on;

    rest_ns = rest_ns < REST_MIN_NS ? REST_MIN_NS : rest_ns > REST_MAX_NS ? REST_MAX_NS : rest_ns;
    pthread_mutex_lock(&maker->mutex);
    while (!maker->hurry && !maker->stopping &&
           thread_wait(&maker->changed, &maker->mutex, now_ns + rest_ns))
        continue;
    go_on = !maker->stopping;
    pthread_mutex_unlock(&maker->mutex);
    maker->piece_began_ns = thread_now_ns();
    return go_on;
}

static void *maker_run(void *argument)
{
    struct segment_maker *maker = argument;

    pthread_mutex_lock(&maker->mutex);
    while (!maker->stopping) {
        if (maker->state != SEGMENT_MAKER_BUSY) {
            pthread_cond_wait(&maker->changed, &maker->mutex);
            continue;
        }
        pthread_mutex_unlock(&maker->mutex);
        maker->piece_began_ns = thread_now_ns();
        maker->result = segment_prepare(&maker->order, &maker->error);
        pthread_mutex_lock(&maker->mutex);
        maker->state = SEGMENT_MAKER_DONE;
        pthread_cond_broadcast(&maker->changed);
    }
    pthread_mutex_unlock(&maker->mutex);
    return NULL;
}

int segment_maker_start(struct segment_maker *maker)
{
    *maker = (struct segment_maker){.state = SEGMENT_MAKER_IDLE};
    pthread_mutex_init(&maker->mutex, NULL);
    thread_condition_init(&maker->changed);
    if (thread_start(&maker->thread, "decree-segment", maker_run, maker) == 0)
        return 0;
    pthread_cond_destroy(&maker->changed);
    pthread_mutex_destroy(&maker->mutex);
    return DECREE_IO;
}

void segment_maker_give(struct segment_maker *maker, const struct segment_order *order)
{
    pthread_mutex_lock(&maker->mutex);
    assert(maker->state == SEGMENT_MAKER_IDLE);
    maker->order = *order;
    maker->order.pace = maker_pace;
    maker->order.pace_context = maker;
    maker->state = SEGMENT_MAKER_BUSY;
    maker->hurry = false;
    pthread_cond_broadcast(&maker->changed);
    pthread_mutex_unlock(&maker->mutex);
}

bool segment_maker_collect(struct segment_maker *maker, bool wait, int *ret_result,
                           struct store_error *ret_error)
{
    bool done;

    pthread_mutex_lock(&maker->mutex);
    if (wait && maker->state == SEGMENT_MAKER_BUSY) {
        maker->hurry = true;
        pthread_cond_broadcast(&maker->changed);
        while (maker->state == SEGMENT_MAKER_BUSY)
            pthread_cond_wait(&maker->changed, &maker->mutex);
    }
    done = maker->state == SEGMENT_MAKER_DONE;
    if (done) {
        *ret_result = maker->result;
        *ret_error = maker->error;
        maker->state = SEGMENT_MAKER_IDLE;
    }
    pthread_mutex_unlock(&maker->mutex);
    return done;
}

void segment_maker_stop(struct segment_maker *maker)
{
    int result;

    pthread_mutex_lock(&maker->mutex);
    maker->stopping = true;
    pthread_cond_broadcast(&maker->changed);
    pthread_mutex_unlock(&maker->mutex);
    result = pthread_join(maker->thread, NULL);
    assert(result == 0);
    (void)result;
    pthread_cond_destroy(&maker->changed);
    pthread_mutex_destroy(&maker->mutex);
}
