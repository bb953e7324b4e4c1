/* SPDX-License-Identifier: MIT */
/* segment_maker.h -- a thread that makes the next segment while the journal thread goes on writing.
 *
 * It writes a piece, syncs it and rests for as long as that took, so that the batches of the
 * journal thread do not queue behind it; in a hurry it does not rest.
 */
#ifndef DECREE_STORE_SEGMENT_MAKER_H
#define DECREE_STORE_SEGMENT_MAKER_H

#include <pthread.h>

#include "segment.h"

enum segment_maker_state {
    SEGMENT_MAKER_IDLE = 1,
    SEGMENT_MAKER_BUSY,
    SEGMENT_MAKER_DONE /* until segment_maker_collect() */
};

struct segment_maker {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    enum segment_maker_state state;
    bool hurry, stopping;
    struct segment_order order;
    uint64_t piece_began_ns; /* the thread's own */
    int result;
    struct store_error error;
};

/* Starts the thread. Error: IO. */
int segment_maker_start(struct segment_maker *maker);

/* Hands over an order; only when idle. */
void segment_maker_give(struct segment_maker *maker, const struct segment_order *order);

/* True if an order was done with since the last call; the maker is then idle again. wait: if it is
 * busy, wait until it is done, without rests. result and error as of segment_prepare(). */
bool segment_maker_collect(struct segment_maker *maker, bool wait, int *ret_result,
                           struct store_error *ret_error);

/* Gives up what is being made and joins the thread. */
void segment_maker_stop(struct segment_maker *maker);

#endif
