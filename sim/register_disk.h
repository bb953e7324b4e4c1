/* SPDX-License-Identifier: MIT */
/* register_disk.h -- the journal of a node with registers: records in a row, of which a first part
 * is durable.
 *
 *     [ synced | being synced | queued ]     a crash keeps the first part and some of the rest
 *
 * One sync at a time, begun at once when somebody waits and a little later when nobody does. The
 * shipped journal has a simulation of its own; this one is about what registers may lose.
 */
#ifndef DECREE_SIM_REGISTER_DISK_H
#define DECREE_SIM_REGISTER_DISK_H

#include <decree/register.h>

#include "prng.h"
#include "world.h"

struct register_disk {
    struct world *world;
    struct prng prng;
    uint64_t sync_time_ns, stalled_until_ns;
    uint64_t life; /* grows with every crash: syncs of before are void */
    struct decree_register_record *records;
    uint64_t count, room, synced, syncing;
    bool busy, asked;
    void *context;
    void (*durable)(void *context, uint64_t number);
};

void register_disk_init(struct register_disk *disk, struct world *world, uint64_t seed,
                        uint64_t sync_time_ns);
void register_disk_release(struct register_disk *disk);

/* Queues records; wanted: the one that somebody waits for, or 0. */
void register_disk_append(struct register_disk *disk, const struct decree_register_record *records,
                          uint32_t count, uint64_t wanted);

/* Whatever was not synced is in doubt: some of it is gone. */
void register_disk_crash(struct register_disk *disk);

/* No sync ends before until_ns. */
void register_disk_stall(struct register_disk *disk, uint64_t until_ns);

#endif
