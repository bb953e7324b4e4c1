/* SPDX-License-Identifier: MIT */
/* lessor_inside.h -- what the parts of the lessor share: its state, and lessor.c's and
 * lessor_renew.c's functions for each other. */
#ifndef DECREE_SERVER_LESSOR_INSIDE_H
#define DECREE_SERVER_LESSOR_INSIDE_H

#include "lease_table.h"
#include "lessor.h"

#define CONFIRMED_MS_MAX 50u /* how long a proof that this member leads serves later renewals */
#define PROOF_MS_MAX 250u    /* since it was asked for; after that it serves none */

#define LESSOR_WANTED_MAX 1024u
#define LESSOR_BUCKETS_PER_TURN 16384u
#define CHECKPOINT_MS_MAX 60000u /* between two of a lease that is not renewed */
#define SECOND_MS 1000u

/* What others have under way is void from BEGINS on, when that is applied; from ARMS on renewals by the
 * log count here; what is left of leases is known when it LEADS. */
enum lessor_state { LESSOR_FOLLOWS, LESSOR_BEGINS, LESSOR_ARMS, LESSOR_LEADS };

struct lessor {
    struct backend *backend;
    struct lease_table table;
    struct deadline_wheel wheel;        /* only while it leads */
    struct list_link due;               /* lease entries whose time is up, the first one first */
    struct list_link asked, confirming; /* renewals */
    struct list_link by_log;            /* ... for the next batch */
    bool batch_open;                    /* one is under way */
    struct list_link questions;         /* of calls here */
    uint64_t news;                      /* how often the log has said something of a lease */
    int64_t wanted[LESSOR_WANTED_MAX];  /* what is left of them is to be written down */
    size_t wanted_count;
    struct list_link open; /* ... and those that are not late, the oldest first */
    enum lessor_state state;
    uint64_t term;   /* in which it begins or leads */
    uint64_t begun;  /* the stamp of its beginning: with another one somebody else has begun */
    bool incomplete; /* something was not done that had to be: begin again */
    bool missing;    /* some leases have no entry: they were there before, or there was no memory */
    bool reading, read_done;
    bool look;                 /* a tick has passed */
    bool woken;                /* there is something to do */
    unsigned expiries_left;    /* of this tick */
    unsigned checkpoints_left; /* likewise */
    unsigned checkpoints_open; /* under way */
    size_t put_off;   /* leases, in this turn, that there are too many to be written down */
    bool writing_all; /* of all leases that are worth it, by the table's buckets */
    uint64_t now_ms, clock_ms; /* of leases; of the loop */
    uint64_t read_ms;          /* by the loop's, when the read under way, or done, was asked */
    uint64_t confirmed_ms;     /* likewise, of the last one that proved that this member leads */
    uint64_t begun_ms;         /* of leases: when it began to lead */
    size_t bucket;             /* of the table: where arming, or writing all, goes on */
    uint64_t leave_ms;         /* of the loop: closing does not wait for longer */
    uint32_t late_ms;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_idle_t awake; /* active while something was completed and is to be acted upon */
    unsigned open_handles;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

/* lessor.c */
void lessor_begin_tick(struct lessor *lessor);
void lessor_wake(struct lessor *lessor);
uint64_t lessor_ends_of(const struct lessor *lessor, const struct kv_lease *lease);
void lessor_put_on(struct lessor *lessor, struct lease_entry *entry, uint64_t ends_ms);
int lessor_propose(struct lessor *lessor, const struct command *command, decree_done *done,
                   void *argument);

/* lessor_renew.c: one renewal, that is in a list: here, now that it was confirmed that this member
 * leads; or through the log, later. */
void lessor_renew_here(struct lessor *lessor, struct lease_renewal *renewal);
void lessor_renew_by_log(struct lessor *lessor, struct lease_renewal *renewal);

/* Has the log renew what waits for it, in one command, unless the last one is still under way. */
void lessor_renew_batch(struct lessor *lessor);

void lessor_renew_all(struct lessor *lessor, struct list_link *renewals,
                      void (*renew)(struct lessor *lessor, struct lease_renewal *renewal));
void lessor_finish(struct lease_renewal *renewal, int error, int64_t seconds);
void lessor_tell_late_ones(struct lessor *lessor);

/* lessor_checkpoint.c: by a leader, what is left of leases. */
uint64_t lessor_next_look(const struct lessor *lessor, uint64_t ends_ms, uint64_t step_ms);
uint64_t lessor_step_ms(const struct lessor *lessor); /* for a lease that nobody renewed so far */
bool lessor_want(struct lessor *lessor, int64_t id);  /* false: not now, there are too many */
void lessor_write(struct lessor *lessor);             /* what is wanted */

/* lessor_ask.c, questions of calls here: answers what can be answered, and asks the leader for the
 * rest. */
void lessor_answer(struct lessor *lessor);
void lessor_drop_questions(struct lessor *lessor);

/* The whole seconds left, as a leader knows them. What it gave a lease beyond its time when it began to
 * lead is not told. */
int64_t lessor_left(const struct lessor *lessor, const struct kv_lease *lease);

#endif
