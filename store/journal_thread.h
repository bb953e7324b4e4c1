/* SPDX-License-Identifier: MIT */
/* journal_thread.h -- the journal port on a real disk: a thread around disk_journal.h.
 *
 *     owner's thread                          journal thread
 *     append(), fetch()   -- queue -->        write, sync, read back
 *     journal_thread_poll()  <-- wake() --    what has become of it
 *
 * Group commit: while one batch is being synced new records pile up, and the next batch takes all
 * of them. What nobody waits for (sync_lsn 0) goes with the next batch, or alone once the journal
 * has been idle for a moment. Values are counted on the owner's thread only: a reference is taken
 * by append() and dropped by the poll() that reports the record persisted.
 *
 * When a write fails, the sink's trouble() gets the errno and a sentence, the batch is kept and
 * tried again after a while, up to one second apart, until it works. When a sync fails, fatal() is
 * called: what the kernel holds can then not be trusted.
 */
#ifndef DECREE_STORE_JOURNAL_THREAD_H
#define DECREE_STORE_JOURNAL_THREAD_H

#include "histogram.h"
#include "journal.h"
#include "logger.h"

#include "disk_journal.h"

struct journal_thread;

struct journal_thread_options {
    struct journal_sink sink; /* called by journal_thread_poll() only; trouble may be NULL */
    /* Asks the owner to call journal_thread_poll() soon. Called on the journal thread; must not
     * block and must not call back (uv_async_send). */
    void (*wake)(void *context);
    void *wake_context;
    /* A sync failed; called on the journal thread. Must end the process. NULL: writes the sentence
     * to standard error and exits with 74, EX_IOERR. If it returns all the same (tests), nothing is
     * written any more. */
    void (*fatal)(void *context, const char *sentence);
    void *fatal_context;
    const struct logger *logger; /* may be NULL */
};

/* Starts the threads. disk is open and recovered, and belongs to the journal from here on; on
 * failure it still belongs to the caller. Errors: NOMEM, IO. */
int journal_thread_start(struct journal_thread **ret_thread, struct disk_journal *disk,
                         const struct journal_thread_options *options);

/* The port: hand this to the engine. Its close() writes and syncs what is queued if the disk lets
 * it, joins the threads, drops all references and frees; no callback comes from it or after it. */
struct journal *journal_thread_port(struct journal_thread *thread);

/* How the disk does: each batch that was made durable. */
struct journal_metrics {
    struct histogram sync_ns;       /* of the sync alone */
    struct histogram batch_ns;      /* writing and sync */
    struct histogram batch_records; /* how many records a sync made durable */
};

/* A copy; on any thread. */
void journal_thread_metrics(struct journal_thread *thread, struct journal_metrics *ret_metrics);

/* Delivers what has happened since the last call: persisted, fetched, trouble. On the owner's
 * thread; cheap when there is nothing. May be called without a wake. */
void journal_thread_poll(struct journal_thread *thread);

#endif
