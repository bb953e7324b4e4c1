/* SPDX-License-Identifier: MIT */
/* register_disk.c -- see register_disk.h. */
#include "register_disk.h"

#include <assert.h>
#include <stdlib.h>

#include "draw.h"

#define DISK_IDLE_NS (20 * SIM_MILLISECOND)

void register_disk_init(struct register_disk *disk, struct world *world, uint64_t seed,
                        uint64_t sync_time_ns)
{
    *disk = (struct register_disk){.world = world, .sync_time_ns = sync_time_ns};
    prng_init(&disk->prng, seed);
}

static void drop_from(struct register_disk *disk, uint64_t count)
{
    while (disk->count > count)
        decree_value_unref(disk->records[--disk->count].value);
}

void register_disk_release(struct register_disk *disk)
{
    drop_from(disk, 0);
    free(disk->records);
}

static void sync_begin(struct register_disk *disk);

static void on_synced(void *context, uint64_t life, void *memory)
{
    struct register_disk *disk = context;

    (void)memory;
    if (life != disk->life)
        return;
    if (disk->stalled_until_ns > disk->world->now_ns) {
        world_at(disk->world, disk->stalled_until_ns, on_synced, disk, life, NULL);
        return;
    }
    disk->busy = false;
    disk->synced = disk->syncing;
    disk->durable(disk->context, disk->synced);
    sync_begin(disk);
}

static void sync_begin(struct register_disk *disk)
{
    uint64_t time_ns = draw_between(&disk->prng, disk->sync_time_ns / 2,
                                    disk->sync_time_ns * 3 / 2);

    if (disk->busy || disk->synced == disk->count)
        return;
    disk->busy = true;
    disk->syncing = disk->count;
    world_at(disk->world, disk->world->now_ns + time_ns, on_synced, disk, disk->life, NULL);
}

static void on_idle(void *context, uint64_t life, void *memory)
{
    struct register_disk *disk = context;

    (void)memory;
    if (life != disk->life)
        return;
    disk->asked = false;
    sync_begin(disk);
}

void register_disk_append(struct register_disk *disk, const struct decree_register_record *records,
                          uint32_t count, uint64_t wanted)
{
    for (uint32_t i = 0; i < count; i++) {
        if (disk->count == disk->room) {
            disk->room = disk->room == 0 ? 64 : 2 * disk->room;
            disk->records = realloc(disk->records, disk->room * sizeof(*disk->records));
            assert(disk->records != NULL);
        }
        assert(records[i].number == disk->count + 1);
        decree_value_ref(records[i].value);
        disk->records[disk->count++] = records[i];
    }
    if (wanted > disk->synced) {
        sync_begin(disk);
    } else if (count > 0 && !disk->asked) {
        disk->asked = true;
        world_at(disk->world, disk->world->now_ns + DISK_IDLE_NS, on_idle, disk, disk->life, NULL);
    }
}

void register_disk_crash(struct register_disk *disk)
{
    uint64_t kept = draw_between(&disk->prng, disk->synced, disk->count);

    /* Most crashes lose all that they can. */
    drop_from(disk, prng_below(&disk->prng, 3) == 0 ? kept : disk->synced);
    disk->synced = disk->count;
    disk->busy = disk->asked = false;
    disk->life++;
}

void register_disk_stall(struct register_disk *disk, uint64_t until_ns)
{
    disk->stalled_until_ns = until_ns;
}
