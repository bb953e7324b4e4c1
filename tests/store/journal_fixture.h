/* SPDX-License-Identifier: MIT */
/* journal_fixture.h -- records that can be made again from their lsn, and a journal over the fake
 * disk that checks everything that it is given back.
 */
#ifndef DECREE_TESTS_STORE_JOURNAL_FIXTURE_H
#define DECREE_TESTS_STORE_JOURNAL_FIXTURE_H

#include "disk_journal.h"
#include "fake_disk.h"

#define FIXTURE_DIRECTORY "data"
#define FIXTURE_SEGMENT_BYTES 20480u
#define FIXTURE_VALUE_MAX 2000u
#define FIXTURE_BATCH_MAX 32u

/* The record with that lsn; its value is new and for the caller to drop. */
struct decree_record fixture_record(decree_lsn lsn, uint32_t value_max);

/* count records from lsn on; drop them with fixture_drop(). */
void fixture_records(struct decree_record *records, uint32_t count, decree_lsn lsn,
                     uint32_t value_max);
void fixture_drop(struct decree_record *records, uint32_t count);

struct fixture {
    struct fake_disk *disk;
    struct disk_journal *journal;
    uint32_t value_max;
    decree_lsn restored; /* highest lsn given back by the last open, each asserted to be right */
    decree_lsn refuse;   /* the restore of this lsn answers CORRUPT */
    struct store_error error;
};

void fixture_init(struct fixture *fixture, uint64_t seed, uint32_t value_max);
void fixture_release(struct fixture *fixture);

/* Opens and recovers; on failure nothing is open. */
int fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* The process is gone, without a word: memory is freed, the disk sees nothing of it. */
void fixture_kill(struct fixture *fixture);
void fixture_crash(struct fixture *fixture);

/* Appends the next count records, and syncs. */
int fixture_append(struct fixture *fixture, uint32_t count);
int fixture_write(struct fixture *fixture, uint32_t count);

#endif
