/* SPDX-License-Identifier: MIT */
/* sim_journal.h -- the journal port over the shipped journal code, a disk of the simulator, and
 * virtual time.
 *
 *     append -- queue --> disk_journal_write() ... time ... disk_journal_sync() --> persisted
 *
 * Plays the part of journal_thread.h: one batch is under way at a time, and what comes meanwhile
 * forms the next. A crash between write and sync loses what the disk likes to lose. The struct
 * outlives the lives of its node.
 */
#ifndef DECREE_SIM_JOURNAL_H
#define DECREE_SIM_JOURNAL_H

#include "disk_journal.h"
#include "journal.h"

#include "disk.h"
#include "world.h"

struct sim_journal_owner {
    void *context;
    void (*notify)(void *context);                  /* the sink was called: take a turn */
    void (*synced)(void *context);                  /* records have become durable */
    void (*fatal)(void *context, const char *text); /* a sync failed: the node must end */
};

struct sim_journal {
    struct journal port; /* first */
    struct world *world;
    struct disk *disk;
    struct disk_journal *journal;
    const struct journal_sink *sink;
    struct sim_journal_owner owner;
    struct prng prng;
    uint64_t life; /* grows with every opening and closing: events of before are void */
    uint64_t sync_time_ns, stalled_until_ns;
    struct decree_record *queue;
    size_t count, capacity;
    bool busy, frozen, troubled;
    uint64_t start_at_ns;    /* the next try that was asked for; UINT64_MAX: none */
    decree_lsn owed_lsn;     /* to be reported when no longer frozen */
    decree_lsn appended_lsn; /* the last that was queued */
};

/* Once per node. world and disk are borrowed. */
void sim_journal_init(struct sim_journal *journal, struct world *world, struct disk *disk,
                      uint64_t seed, uint64_t sync_time_ns, const struct sim_journal_owner *owner);
void sim_journal_release(struct sim_journal *journal);

/* A run begins: opens the directory and hands every record to restore. Errors as
 * disk_journal_recover(). */
int sim_journal_open(struct sim_journal *journal, const struct disk_journal_options *options,
                     const struct journal_sink *sink, disk_journal_restore *restore, void *context,
                     struct store_error *ret_error);

/* The run ends as in a crash: nothing more reaches the disk. */
void sim_journal_kill(struct sim_journal *journal);

/* No sync ends before until_ns. */
void sim_journal_stall(struct sim_journal *journal, uint64_t until_ns);

/* A frozen node hears nothing of its disk, which goes on. */
void sim_journal_freeze(struct sim_journal *journal);
void sim_journal_thaw(struct sim_journal *journal);

#endif
