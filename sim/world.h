/* SPDX-License-Identifier: MIT */
/* world.h -- virtual time: a heap of things that will happen, by time, then in the order they were
 * asked for.
 *
 *     world_at(world, at_ns, action, ...) --> heap --world_run_until()--> action(...)
 *
 * One thread, no clock: a whole cluster lives in it, and the same seed gives the same run, byte for
 * byte. Nothing in a run may depend on an address, on the machine's clock or on another run. digest
 * sums up what happened: two runs with equal digests did the same things in the same order.
 */
#ifndef DECREE_SIM_WORLD_H
#define DECREE_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MICROSECOND UINT64_C(1000)
#define SIM_MILLISECOND UINT64_C(1000000)
#define SIM_SECOND UINT64_C(1000000000)

/* number and memory mean what context's owner wants; memory is freed by the world after the call.
 */
typedef void world_action(void *context, uint64_t number, void *memory);

struct world_event;

struct world {
    uint64_t now_ns;
    uint64_t seed;
    uint64_t digest;
    uint64_t happened; /* events run so far */
    uint64_t asked;    /* events asked for so far: the order among equals */
    struct world_event *events;
    size_t count, capacity;
    bool stopped;
};

void world_init(struct world *world, uint64_t seed);
void world_release(struct world *world);

/* A seed for one part of the world, so that parts draw independently of each other. */
uint64_t world_seed(const struct world *world, const char *part, uint64_t number);

/* action is called at at_ns, or now if that is past. memory: from malloc() or NULL, now the
 * world's. */
void world_at(struct world *world, uint64_t at_ns, world_action *action, void *context,
              uint64_t number, void *memory);

/* Runs what happens up to until_ns, then stands at until_ns; earlier if world_stop() was called. */
void world_run_until(struct world *world, uint64_t until_ns);

/* No further event is run, ever: a checker has found what it looked for. */
void world_stop(struct world *world);

/* Mixes something that happened into the digest. */
void world_note(struct world *world, uint64_t what);

#endif
