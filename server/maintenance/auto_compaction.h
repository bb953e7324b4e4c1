/* SPDX-License-Identifier: MIT */
/* auto_compaction.h -- up to which revision the past is to be given up, and when: the rules of etcd,
 * as a function of a clock that is handed in.
 *
 *     periodic   keeps what was read within the last period. The store's revision is noted ten times
 *                a period, and ten times an hour if the period is longer. Once the period is over,
 *                and then every period, or every hour if that is shorter, all before the oldest of
 *                the notes of one period is given up. What failed is tried again at the next note.
 *     revision   keeps the last so many revisions. Looked at every five minutes.
 *
 * Every member takes notes, so that one that comes to lead knows what to do; only who leads
 * compacts.
 */
#ifndef DECREE_SERVER_AUTO_COMPACTION_H
#define DECREE_SERVER_AUTO_COMPACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTO_COMPACTION_PERIOD_MS_MAX (UINT64_C(100) * 365 * 24 * 3600 * 1000)

enum auto_compaction_mode {
    AUTO_COMPACTION_OFF,
    AUTO_COMPACTION_PERIODIC,
    AUTO_COMPACTION_REVISION
};

struct auto_compaction_options {
    enum auto_compaction_mode mode;
    uint64_t period_ms; /* of AUTO_COMPACTION_PERIODIC; 1 to AUTO_COMPACTION_PERIOD_MS_MAX */
    int64_t revisions;  /* of AUTO_COMPACTION_REVISION; 1 or more */
};

struct auto_compaction {
    struct auto_compaction_options options;
    int64_t *notes; /* a ring, the oldest at first */
    size_t note_count, note_first, notes_max;
    uint64_t done_ms; /* when the last one was done, or all began */
    uint64_t wait_ms; /* from then to the next */
    int64_t done;     /* the revision of the last one */
};

/* Not for AUTO_COMPACTION_OFF. revision: the store's, as of now. Errors: NOMEM. */
int auto_compaction_init(struct auto_compaction *compaction,
                         const struct auto_compaction_options *options, uint64_t now_ms,
                         int64_t revision);

/* How often auto_compaction_tick() is to be called. */
uint64_t auto_compaction_interval_ms(const struct auto_compaction *compaction);

/* Takes note of the store's revision. Returns the revision to compact at, 0 for none; what became of
 * it is to be told with auto_compaction_done() if it was done. */
int64_t auto_compaction_tick(struct auto_compaction *compaction, uint64_t now_ms, int64_t revision,
                             bool leads);

/* All before this revision is gone, whoever did it. */
void auto_compaction_done(struct auto_compaction *compaction, uint64_t now_ms, int64_t revision);

void auto_compaction_release(struct auto_compaction *compaction);

#endif
