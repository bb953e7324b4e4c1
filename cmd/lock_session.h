/* SPDX-License-Identifier: MIT */
/* lock_session.h -- a lease that lives as long as the process needs it: what lock and elect share.
 *
 * A thread of its own renews the lease, and takes the signals, so that the command may wait for a server
 * meanwhile. When Ctrl-C or SIGTERM comes it revokes the lease, with which goes all that hangs on it, and
 * ends the process; if a program runs under the lock it is told instead, and its end is waited for. When
 * the lease is lost the process ends with a sentence.
 */
#ifndef DECREE_CMD_LOCK_SESSION_H
#define DECREE_CMD_LOCK_SESSION_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include <uv.h>

#include "client_options.h"

struct lock_session {
    const struct client_settings *settings;
    struct client *client; /* the thread's own */
    const char *command;   /* such as "decree lock", for sentences */
    int64_t lease, seconds;
    uv_thread_t thread;
    _Atomic int program; /* its process id; 0: none runs */
    atomic_bool held;    /* a signal is then no failure */
    sigset_t signals;
    sigset_t old_signals;
};

#define LOCK_WAIT_MS 86400000u /* of a call that waits: as long as there is, then it asks again */

/* Grants the lease and starts the thread; settings and command are borrowed for good. EXIT_OK, or an exit status after a sentence. */
int lock_session_begin(struct lock_session *session, const struct client_settings *settings,
                       const char *command, int64_t seconds);

/* A client for calls that wait. */
int lock_session_connect(const struct client_settings *settings, struct client **ret_client);

/* Waits for a signal. Does not return. */
_Noreturn void lock_session_rest(struct lock_session *session);

/* Revokes the lease and ends the process. */
_Noreturn void lock_session_end(struct lock_session *session, int status);

/* Is it worth while to ask again? Then it has waited a little. */
bool lock_session_again(enum grpc_status code);

/* Prints the pair that is under the key, which is held from now on; EXIT_OK, or an exit status after a
 * sentence. */
int lock_session_print(struct lock_session *session, const void *key, size_t size);

#endif
