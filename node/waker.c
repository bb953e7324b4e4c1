/* SPDX-License-Identifier: MIT */
/* waker.c -- an eventfd that the loop polls; a flag keeps all but the first of many wakes off the
 * kernel.
 *
 * The flag falls before the loop's turn looks for work, so what is handed over after that raises it
 * again and writes again: no wake is lost, at worst one comes for nothing.
 */
#include "waker.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct waker *waker = (struct waker *)((char *)poll - offsetof(struct waker, poll));
    uint64_t count;

    (void)status;
    (void)events;
    if (read(waker->descriptor, &count, sizeof(count)) < 0)
        assert(errno == EAGAIN || errno == EINTR);
    (void)atomic_exchange_explicit(&waker->asked, false,
                                   memory_order_acq_rel); /* sees what the asker did before */
}

int waker_init(struct waker *waker, uv_loop_t *loop)
{
    int error;

    waker->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (waker->descriptor < 0)
        return uv_translate_sys_error(errno);
    atomic_init(&waker->asked, false);
    error = uv_poll_init(loop, &waker->poll, waker->descriptor);
    if (error != 0) {
        close(waker->descriptor);
        return error;
    }
    error = uv_poll_start(&waker->poll, UV_READABLE, on_readable);
    assert(error == 0);
    return 0;
}

void waker_wake(struct waker *waker)
{
    static const uint64_t one = 1;

    if (atomic_exchange_explicit(&waker->asked, true, memory_order_acq_rel))
        return;
    while (write(waker->descriptor, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void waker_close(struct waker *waker, uv_close_cb closed)
{
    uv_poll_stop(&waker->poll);
    uv_close((uv_handle_t *)&waker->poll, closed);
}

void waker_release(struct waker *waker)
{
    close(waker->descriptor);
    waker->descriptor = -1;
}
