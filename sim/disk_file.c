/* SPDX-License-Identifier: MIT */
/* disk_file.c -- two arrays of bytes, and which sectors of them differ. */
#include "disk_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"

struct disk_file *disk_file_new(bool is_directory)
{
    struct disk_file *file = calloc(1, sizeof(*file));

    assert(file != NULL);
    file->is_directory = is_directory;
    return file;
}

void disk_file_free(struct disk_file *file)
{
    free(file->cache);
    free(file->platter);
    free(file->dirty);
    free(file);
}

static uint64_t file_sectors(const struct disk_file *file)
{
    return file->capacity / FS_SECTOR_BYTES;
}

/* Room for size bytes; new bytes are zero on both sides. */
static void file_grow(struct disk_file *file, uint64_t size)
{
    uint64_t capacity = (size + FS_SECTOR_BYTES - 1) / FS_SECTOR_BYTES * FS_SECTOR_BYTES;
    uint64_t old = file->capacity;

    if (capacity <= old)
        return;
    if (capacity < 2 * old)
        capacity = 2 * old;
    file->cache = realloc(file->cache, capacity);
    file->platter = realloc(file->platter, capacity);
    file->dirty = realloc(file->dirty, capacity / FS_SECTOR_BYTES * sizeof(*file->dirty));
    assert(file->cache != NULL && file->platter != NULL && file->dirty != NULL);
    memset(file->cache + old, 0, capacity - old);
    memset(file->platter + old, 0, capacity - old);
    memset(file->dirty + old / FS_SECTOR_BYTES, 0,
           (capacity - old) / FS_SECTOR_BYTES * sizeof(*file->dirty));
    file->capacity = capacity;
}

void disk_file_put(struct disk_file *file, const void *data, size_t size, uint64_t offset)
{
    if (size == 0)
        return;
    file_grow(file, offset + size);
    memcpy(file->cache + offset, data, size);
    for (uint64_t sector = offset / FS_SECTOR_BYTES;
         sector <= (offset + size - 1) / FS_SECTOR_BYTES; sector++)
        file->dirty[sector] = true;
    if (offset + size > file->size)
        file->size = offset + size;
}

void disk_file_sync(struct disk_file *file)
{
    for (uint64_t sector = 0; sector < file_sectors(file); sector++) {
        if (!file->dirty[sector])
            continue;
        memcpy(file->platter + sector * FS_SECTOR_BYTES, file->cache + sector * FS_SECTOR_BYTES,
               FS_SECTOR_BYTES);
        file->dirty[sector] = false;
    }
    file->platter_size = file->size;
}

void disk_file_crash(struct disk_file *file, struct prng *prng)
{
    for (uint64_t sector = 0; sector < file_sectors(file); sector++) {
        uint8_t *kept = file->platter + sector * FS_SECTOR_BYTES;
        uint8_t *written = file->cache + sector * FS_SECTOR_BYTES;
        uint64_t fate;

        if (!file->dirty[sector])
            continue;
        fate = prng_below(prng, 5);
        if (fate < 2) /* as written */
            memcpy(kept, written, FS_SECTOR_BYTES);
        else if (fate == 2) /* torn */
            memcpy(kept, written, prng_below(prng, FS_SECTOR_BYTES));
        memcpy(written, kept, FS_SECTOR_BYTES);
        file->dirty[sector] = false;
    }
    if (prng_below(prng, 2) == 0)
        file->platter_size = file->size;
    file->size = file->platter_size;
    if (file->capacity >
        file->size) /* what lies past the end reads as zeros once the file grows again */
        memset(file->cache + file->size, 0, file->capacity - file->size);
    if (file->capacity > file->size)
        memset(file->platter + file->size, 0, file->capacity - file->size);
}

uint64_t disk_file_unsynced_bytes(const struct disk_file *file)
{
    uint64_t bytes = 0;

    for (uint64_t sector = 0; sector < file_sectors(file); sector++)
        bytes += file->dirty[sector] ? FS_SECTOR_BYTES : 0;
    return bytes;
}
