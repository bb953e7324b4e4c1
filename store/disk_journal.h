/* SPDX-License-Identifier: MIT */
/* disk_journal.h -- the journal on disk, without threads: open, recover, write, sync, fetch.
 *
 *     open()  --> lock and identity
 *     recover() --> every record, oldest first, once
 *     write(records) ... sync()         a batch: one write, one sync
 *     fetch(first, last)                decided slots read back
 *     seal()                            when idle: what is synced is marked as such
 *     close()
 *
 * Synchronous and for one thread at a time: journal_thread.h runs it beside the loop, the simulator
 * calls it directly over a disk of its own. format.h defines the bytes; only fs.h is used to reach
 * them.
 */
#ifndef DECREE_STORE_DISK_JOURNAL_H
#define DECREE_STORE_DISK_JOURNAL_H

#include <decree/paxos.h>

#include "fs.h"
#include "store_error.h"

struct disk_journal;
struct segment_order;

struct disk_journal_options {  /* strings are copied; 0 and NULL take the defaults */
    struct fs *fs;             /* default: fs_system() */
    const char *directory;     /* required; made if missing, its parent must exist */
    const char *cluster_token; /* default "decree" */
    const char *member_name;   /* required; no control characters */
    decree_node_id member_id;  /* required */
    uint64_t segment_bytes; /* of a segment; default 64 MiB, at most 1 GiB; the first are smaller */
    /* Of the very first, so that a new directory opens fast; default 8 MiB, or segment_bytes if
     * that is smaller. */
    uint64_t first_segment_bytes;
    /* Of a usual record; default 2 MiB; a segment must hold it. A larger one gets a larger segment. */
    uint32_t value_bytes_max;
};

/* Locks the directory and checks its identity; a new directory gets its first segment and its
 * identity here. Errors, with a sentence: INVALID, NOMEM, IO, LOCKED, IDENTITY, VERSION, CORRUPT
 * (of the identity). */
int disk_journal_open(struct disk_journal **ret_journal, const struct disk_journal_options *options,
                      struct store_error *ret_error);

/* Takes in one record while recovering. The record and its value are borrowed for the call; to keep
 * the value, take a reference. Not 0 ends the recovery with that code. */
typedef int disk_journal_restore(void *context, const struct decree_record *record);

/* Reads the whole journal, hands out every record in order, drops a torn tail, and makes all that
 * was handed out durable. Call once, before anything below. Errors: CORRUPT (damage that may hide
 * what was promised: the text has file and offset; nothing was changed), VERSION, IO, NOMEM, or
 * what restore returned. */
int disk_journal_recover(struct disk_journal *journal, disk_journal_restore *restore, void *context,
                         struct store_error *ret_error);

/* Writes records as one batch, in one go, without syncing; as many as fit into one: *ret_count, at
 * least 1. Lsns go on where the last write ended; asserted. Values are only read during the call.
 * Error IO: nothing of it counts as written; call again with the same records, when space is back.
 * If ret_error->fatal, do not. */
int disk_journal_write(struct disk_journal *journal, const struct decree_record *records,
                       uint32_t count, uint32_t *ret_count, struct store_error *ret_error);

/* Makes everything written durable; a no-op when it is. Error IO, always fatal. */
int disk_journal_sync(struct disk_journal *journal, struct store_error *ret_error);

/* write() until all are written, then sync(): for who has no thread to feed. On IO without fatal,
 * disk_journal_written_lsn() says where to go on. */
int disk_journal_append(struct disk_journal *journal, const struct decree_record *records,
                        uint32_t count, struct store_error *ret_error);

/* Notes on disk, without waiting for it, that everything synced was synced, so that later damage
 * there is known from a torn write. Worth doing when idle; close() does it too. Failure is harmless
 * and unsaid. */
void disk_journal_seal(struct disk_journal *journal);

decree_lsn disk_journal_written_lsn(const struct disk_journal *journal);
decree_lsn disk_journal_synced_lsn(const struct disk_journal *journal);

/* Bytes of a torn tail that recover() dropped, for the log; 0: the journal ended cleanly. */
uint64_t disk_journal_dropped_bytes(const struct disk_journal *journal);

/* Reads back what slots first, first + 1, ... last accepted last, without gaps, until there is
 * none, there are pvalues_max (at least 1), or their values exceed about 1 MiB; at least one if
 * first is there. Each pvalue comes with a value of its own, one reference, for the caller to drop.
 * Sees what write() has taken so far: what a slot accepted last may still wait to be given to it.
 * 0, also for none; errors: IO, CORRUPT, NOMEM; then none are given. */
int disk_journal_fetch(struct disk_journal *journal, decree_slot first, decree_slot last,
                       struct decree_pvalue *pvalues, uint32_t pvalues_max, uint32_t *ret_count,
                       struct store_error *ret_error);

/* The next segment, made ahead of its need: order_segment() says whether one is wanted by now and
 * fills in the order; segment_prepare() (segment.h) carries it out, on any thread; order_done()
 * reports whether it was made. Between the two, no write() may need a new segment: asserted, see
 * needs_segment(). Who never orders lets write() make segments when they are needed. */
bool disk_journal_order_segment(struct disk_journal *journal, struct segment_order *ret_order);
void disk_journal_order_done(struct disk_journal *journal, bool made);

/* True if write() of these records would have to make a segment first. */
bool disk_journal_needs_segment(const struct disk_journal *journal,
                                const struct decree_record *records, uint32_t count);

/* Syncs and seals what was written, if it can, and drops the lock. NULL is fine. */
void disk_journal_close(struct disk_journal *journal);

#endif
