/* SPDX-License-Identifier: MIT */
/* journal.h -- the port to stable storage.
 *
 *     node  -- append(records, sync_lsn), fetch() -->  journal
 *     node  <-- persisted(lsn), fetched(), trouble() --
 *
 * An adapter embeds struct journal as its first member. Calls and callbacks happen on the owner's
 * thread (the loop's; in the simulator, the only one). append() never blocks and never fails: what
 * cannot be written stays queued, nothing of it is reported persisted, and trouble() says why; when
 * writing works again the adapter goes on by itself and trouble(0) says so.
 */
#ifndef DECREE_PORT_JOURNAL_H
#define DECREE_PORT_JOURNAL_H

#include <decree/paxos.h>

struct journal {
    const struct journal_ops *ops;
};

struct journal_ops {
    /* Queues records for the next batch, in order; takes its own references on the values and drops
     * them when they are durable. The journal numbers what it gets, on from its last record: the
     * lsn in a record is that of its writer, of which there may be several, and is not looked at.
     * sync_lsn, by the journal's numbers, is not 0: make everything up to it durable as soon as
     * possible. */
    void (*append)(struct journal *journal, const struct decree_record *records, uint32_t count,
                   decree_lsn sync_lsn);

    /* Reads back decided slots [first, last], as many as fit into about 1 MiB; answered by
     * fetched(), perhaps later, or never. Only slots that a DECIDE record has covered are asked
     * for. */
    void (*fetch)(struct journal *journal, const struct decree_fetch *fetch);

    /* Writes and syncs what is queued if it can, stops its thread, drops the lock, frees. */
    void (*close)(struct journal *journal);
};

struct journal_sink {
    void *context;
    /* Everything up to lsn is on stable storage. */
    void (*persisted)(void *context, decree_lsn lsn);
    void (*fetched)(void *context, decree_node_id to, const struct decree_pvalue *pvalues,
                    uint32_t count);
    /* Writing fails, or, with 0, is possible again; what: a sentence. */
    void (*trouble)(void *context, int system_errno, const char *what);
};

#endif
