/* SPDX-License-Identifier: MIT */
/* lsn_map.c -- see lsn_map.h. */
#include "lsn_map.h"

#include <assert.h>
#include <stddef.h>

static struct lsn_run *run_at(struct lsn_map *map, uint32_t index)
{
    return &map->runs[(map->run_first + index) & (LSN_RUNS_MAX - 1)];
}

void lsn_map_restored(struct lsn_map *map, bool foreign)
{
    assert(map->run_count == 0);
    map->appended++;
    if (!foreign)
        return;
    map->foreign++;
    map->foreign_persisted++;
}

void lsn_map_append_own(struct lsn_map *map, uint32_t count)
{
    map->appended += count;
}

bool lsn_map_has_room(const struct lsn_map *map)
{
    return map->run_count < LSN_RUNS_MAX;
}

void lsn_map_append_foreign(struct lsn_map *map, uint32_t count)
{
    struct lsn_run *last = map->run_count > 0 ? run_at(map, map->run_count - 1) : NULL;

    assert(lsn_map_has_room(map));
    assert(count > 0);
    if (last != NULL && last->first + last->count == map->appended + 1)
        last->count += count;
    else
        *run_at(map, map->run_count++) = (struct lsn_run){map->appended + 1, count};
    map->appended += count;
    map->foreign += count;
}

uint64_t lsn_map_persisted(struct lsn_map *map, uint64_t lsn)
{
    assert(lsn <= map->appended);
    while (map->run_count > 0) {
        struct lsn_run *run = run_at(map, 0);
        uint64_t durable = lsn < run->first ? 0 : lsn - run->first + 1;

        if (durable < run->count) {
            run->first += durable;
            run->count -= durable;
            map->foreign_persisted += durable;
            break;
        }
        map->foreign_persisted += run->count;
        map->run_first++;
        map->run_count--;
    }
    assert(map->foreign_persisted <= lsn);
    return lsn - map->foreign_persisted;
}
