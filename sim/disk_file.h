/* SPDX-License-Identifier: MIT */
/* disk_file.h -- a file on a disk of the simulator: what processes see, and what the platter
 * holds. */
#ifndef DECREE_SIM_DISK_FILE_H
#define DECREE_SIM_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prng.h"

struct disk_file {
    uint8_t *cache, *platter;
    uint64_t size, platter_size, capacity;
    bool *dirty; /* per sector of the capacity */
    bool is_directory, locked;
};

struct disk_file *disk_file_new(bool is_directory);
void disk_file_free(struct disk_file *file);

/* Writes to what processes see. */
void disk_file_put(struct disk_file *file, const void *data, size_t size, uint64_t offset);

/* The platter gets everything. */
void disk_file_sync(struct disk_file *file);

/* Each sector that was not synced is old, new or torn; so is the size, though not torn. */
void disk_file_crash(struct disk_file *file, struct prng *prng);

uint64_t disk_file_unsynced_bytes(const struct disk_file *file);

#endif
