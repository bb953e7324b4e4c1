/* SPDX-License-Identifier: MIT */
/* demo_load.h -- a client that writes without pause, reads each write back, and remembers what was
 * acknowledged.
 *
 * It runs in a thread of its own, with a connection of its own; the main thread looks at
 * demo_load_progress(). After demo_load_stop() what was acknowledged can be compared with what a
 * node has.
 */
#ifndef DECREE_CMD_DEMO_LOAD_H
#define DECREE_CMD_DEMO_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_REASON_BYTES 256u

struct demo_load;

struct demo_progress {
    uint64_t writes, reads; /* acknowledged */
    uint64_t last_ns;       /* when the last write was acknowledged, by uv_hrtime() */
    uint64_t gap_ns; /* the longest time between two of them since the last demo_load_begin_gap() */
    bool has_failed;
    char reason[DEMO_REASON_BYTES]; /* why it has */
};

/* NULL when out of memory or threads. */
struct demo_load *demo_load_start(const char *endpoints);

void demo_load_progress(struct demo_load *load, struct demo_progress *ret_progress);

/* Measures the longest gap afresh, from the last acknowledged write on. */
void demo_load_begin_gap(struct demo_load *load);

/* Ends the thread. NULL is fine; so is a second time. */
void demo_load_stop(struct demo_load *load);

/* Compares every acknowledged write with what this endpoint alone has: value and revision. True
 * when all are there; else ret_reason (DEMO_REASON_BYTES) says what is not. */
bool demo_load_verify(const struct demo_load *load, const char *endpoint, char *ret_reason);

void demo_load_free(struct demo_load *load);

#endif
