/* SPDX-License-Identifier: MIT */
/* lock_contender.h -- one who wants a lock, or to lead an election: from his wish to his having it, or
 * to his giving up.
 *
 *     [GRANTING -->] ENTERING --> [WAITING <--> looks -->] CONFIRMING --> won, lost
 *          \-------------\--------------\---------------------\--> LEAVING, if he gives up
 *
 * He enters with a key that hangs on his lease; without one he is granted a lease of a minute, as etcd
 * does. If others are before him he watches the last of them, and no other, so that a key that goes
 * wakes one contender only. When nobody is before him any more, a linearizable read shows whether his own
 * key has outlived the wait.
 *
 * Who gives up takes back what he made: the lease that was granted for him, or the key, unless another
 * call of this member stands there with the same lease.
 */
#ifndef DECREE_SERVER_LOCK_CONTENDER_H
#define DECREE_SERVER_LOCK_CONTENDER_H

#include "etcd_errors.h"
#include "lock_hall.h"
#include "lock_keys.h"

struct lock_contender;

/* Called once, later, unless he left before; the contender is gone after it. */
struct lock_contender_events {
    /* The store's revision when he was seen to have won. False: nobody heard it, and he gives up. */
    bool (*won)(void *context, const struct lock_contender *contender, int64_t revision);
    void (*lost)(void *context, enum etcd_error error);
};

struct lock_wish { /* bytes are borrowed for the call */
    struct kv_bytes name, value;
    int64_t lease;   /* 0: one is to be granted */
    bool sets_value; /* see lock_entry */
};

/* NULL: no memory. */
struct lock_contender *lock_contender_new(struct lock_hall *hall, const struct lock_wish *wish,
                                          const struct lock_contender_events *events,
                                          void *context);

/* Nobody waits for it any more. */
void lock_contender_leave(struct lock_contender *contender);

/* In won. */
struct kv_bytes lock_contender_name(const struct lock_contender *contender);
struct kv_bytes lock_contender_key(const struct lock_contender *contender);
int64_t lock_contender_lease(const struct lock_contender *contender);
/* At which the key was made, and that of the store when he entered. */
int64_t lock_contender_made(const struct lock_contender *contender);
int64_t lock_contender_entered(const struct lock_contender *contender);

#endif
