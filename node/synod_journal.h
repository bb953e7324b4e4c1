/* SPDX-License-Identifier: MIT */
/* synod_journal.h -- the state of a synod on stable storage: a journal for a log of one slot.
 *
 *     synod  -- record: promise, vote, value -->  synod_journal  -- records -->  journal port
 *     synod  <-- version that is durable --                      <-- lsn --
 *
 * Why the journal, and not a small file of its own: what a promise needs of the disk is what the
 * log needs, and the journal has it: one write and one sync in a thread of its own, a torn write
 * that is told from damage, a full disk that is a pause, a lock, and the owner's name.
 *
 * A synod's record is the whole of its state, and becomes what of it is new:
 *
 *     PROMISE  ballot                      promised
 *     ACCEPT   ballot, slot 1, value       voted, and promised if that was lower
 *     DECIDE   slot 1, value               decided; what was promised and voted is then of no use
 *
 * While one write is on its way, later records wait, and the newest of them stands for all: so a
 * disk that hangs is owed one record, however many ballots come meanwhile.
 */
#ifndef DECREE_NODE_SYNOD_JOURNAL_H
#define DECREE_NODE_SYNOD_JOURNAL_H

#include <decree/synod.h>

#include "journal.h"

struct synod_journal {
    struct journal *port;
    struct decree_synod_record written; /* the last one given to the port */
    struct decree_synod_record waiting; /* version 0: none */
    decree_lsn written_lsn, persisted_lsn;
};

void synod_journal_init(struct synod_journal *journal);

/* Drops the values; the port is the owner's. */
void synod_journal_release(struct synod_journal *journal);

/* Takes in one record of the journal, oldest first. CORRUPT: it is none of a synod's. */
int synod_journal_restore(struct synod_journal *journal, const struct decree_record *record);

/* What all of them came to, borrowed; NULL: there was none. */
const struct decree_synod_record *synod_journal_restored(const struct synod_journal *journal);

/* Nothing more to restore: records go to this port, whose last one has that lsn. */
void synod_journal_start(struct synod_journal *journal, struct journal *port, decree_lsn last_lsn);

/* Keeps a record, now or when the one before is durable. */
void synod_journal_keep(struct synod_journal *journal, const struct decree_synod_record *record);

/* The port says that everything up to lsn is durable. Returns the version that therefore is. */
uint64_t synod_journal_persisted(struct synod_journal *journal, decree_lsn lsn);

#endif
