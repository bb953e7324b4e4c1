/* SPDX-License-Identifier: MIT */
/* waker.h -- wakes a loop from any thread, as uv_async_t does, without making anybody spin.
 *
 * libuv's own lets the loop spin until the sender is back from its system call; with a journal that
 * wakes the loop for every sync, that was a twentieth of the node's CPU time.
 */
#ifndef DECREE_NODE_WAKER_H
#define DECREE_NODE_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <uv.h>

struct waker {
    uv_poll_t poll; /* poll.data is the owner's */
    int descriptor;
    atomic_bool asked; /* since the loop last woke */
};

/* Returns 0 or libuv's error, and then there is nothing to close. */
int waker_init(struct waker *waker, uv_loop_t *loop);

/* Any thread, until waker_release(). The loop makes an iteration after this call; several calls may
 * be one wake. */
void waker_wake(struct waker *waker);

/* Wakes no more. Calls closed(handle) later, with poll's handle. */
void waker_close(struct waker *waker, uv_close_cb closed);

/* After closed() was called, and when no thread is left that could call waker_wake(). */
void waker_release(struct waker *waker);

#endif
