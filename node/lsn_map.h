/* SPDX-License-Identifier: MIT */
/* lsn_map.h -- one journal, two writers, each with dense numbers of its own.
 *
 *     core        1   2   3           4   5             6
 *     registers               1   2           3   4
 *     journal     1   2   3   4   5   6   7   8   9    10
 *
 * The map keeps how many records the journal has and how many of them are foreign, that is, the
 * registers'. Where the foreign ones stand is remembered, as runs, only until they are durable: so
 * a journal that is persisted up to 8 is, for the core, persisted up to 5 and for the registers up
 * to 3. The queue of runs is bounded; when it is full nothing foreign may be appended until the
 * disk has caught up. For a core alone all three numbers are the same and nothing is remembered.
 */
#ifndef DECREE_NODE_LSN_MAP_H
#define DECREE_NODE_LSN_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define LSN_RUNS_MAX 512u /* a power of two */

struct lsn_run {
    uint64_t first, count; /* of journal lsns, all foreign */
};

struct lsn_map { /* all zero: an empty journal */
    uint64_t appended;
    uint64_t foreign;           /* of these */
    uint64_t foreign_persisted; /* of these in turn */
    struct lsn_run runs[LSN_RUNS_MAX];
    uint32_t run_first, run_count;
};

/* A record was read back at restore: it is durable. */
void lsn_map_restored(struct lsn_map *map, bool foreign);

/* So many records more of the one or the other were appended; foreign ones need room. */
void lsn_map_append_own(struct lsn_map *map, uint32_t count);
void lsn_map_append_foreign(struct lsn_map *map, uint32_t count);
bool lsn_map_has_room(const struct lsn_map *map);

/* The journal is durable up to lsn: up to where is the core, by its own numbers? The registers' is
 * in foreign_persisted. */
uint64_t lsn_map_persisted(struct lsn_map *map, uint64_t lsn);

#endif
