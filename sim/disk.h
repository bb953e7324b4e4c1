/* SPDX-License-Identifier: MIT */
/* disk.h -- a disk as the journal knows it (fs.h), in memory: what was not synced may be lost in a
 * crash.
 *
 *     write --> cache of the file  --sync-->            what the platter holds
 *     create, rename, unlink --> names --sync_directory--> names on the platter
 *
 * disk_crash() leaves of each unsynced sector of 512 bytes the old bytes, the new ones, or new ones
 * up to some byte; of unsynced sizes the old or the new; and does or drops each unsynced change of
 * a name. disk_stop() ends the process that used it: nothing works any more until the next restart
 * or crash. Operations take no virtual time: who calls sync() decides when (sim_journal.h).
 */
#ifndef DECREE_SIM_DISK_H
#define DECREE_SIM_DISK_H

#include "fs.h"
#include "prng.h"

struct disk_faults { /* chances are per million, for each call */
    uint32_t write_fails, write_short, sync_fails;
    bool full; /* whatever makes a file larger fails with ENOSPC */
};

struct disk;

int disk_new(struct disk **ret_disk, uint64_t seed);
void disk_free(struct disk *disk);

/* What a journal is to be given. */
struct fs *disk_fs(struct disk *disk);

/* May be changed at any time. */
struct disk_faults *disk_faults(struct disk *disk);

/* Every operation fails from now on, with EIO. */
void disk_stop(struct disk *disk);

/* The process that used it has ended; what it wrote is there, as the machine has not failed. Files
 * and locks of before are gone. */
void disk_restart(struct disk *disk);

/* The power is back: what the platter holds is what there is. Files and locks of before are gone.
 */
void disk_crash(struct disk *disk);

/* Bytes that a crash now could lose. */
uint64_t disk_unsynced_bytes(const struct disk *disk);

#endif
