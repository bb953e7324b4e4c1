/* SPDX-License-Identifier: MIT */
/* register_world.h -- engines with both cores, their journals, and messages in flight, for a test.
 *
 * Each step does one thing at hand: delivers or loses a message, syncs a part of what a journal has,
 * lets time pass, asks for something. A run is told by its seed.
 */
#ifndef TESTS_NODE_REGISTER_WORLD_H
#define TESTS_NODE_REGISTER_WORLD_H

#include "engine.h"
#include "lsn_map.h"
#include "prng.h"

#define MS UINT64_C(1000000)
#define NODES_MAX 3u
#define RECORDS_MAX 20000u
#define FLIGHT_MAX 512u
#define ASKED_MAX 4096u

struct world;

struct node {
    struct journal journal; /* first */
    struct transport transport;
    struct world *world;
    struct engine *engine;
    decree_node_id id;
    struct decree_record records[RECORDS_MAX];
    uint32_t appended, synced;
    uint32_t commands[ASKED_MAX]; /* how often each was applied in this life */
};

struct flight {
    struct decree_register_message message;
    uint8_t key[8];
};

struct asked {
    struct node *node;
    bool is_set, is_answered, is_lost;
    uint64_t version;
};

struct world {
    struct node nodes[NODES_MAX];
    uint32_t node_count;
    bool many_keys; /* a register for each set, and a set, a proposal, and so on */
    uint64_t now_ns;
    struct prng prng;
    struct flight flight[FLIGHT_MAX];
    uint32_t flight_count;
    struct asked asked[ASKED_MAX]; /* the value of the register, and the command, is the number */
    uint32_t asked_count;
    uint32_t crashes;
    /* What the checks at the end found. */
    uint32_t got_count;
    uint64_t got_version;
    int got_error;
    uint32_t got_number;
};

struct world *world_new(uint32_t node_count, uint64_t seed);
void world_free(struct world *world);

/* The node loses what was not synced, and comes back; what is in flight is in flight. */
void world_crash(struct world *world, struct node *node);

/* Asks the node for a set or proposes, with the number as value; it may be refused. */
void world_ask(struct world *world, struct node *node);

/* Syncs up to so many of the node's records. */
void world_sync(struct node *node, uint32_t count);

void world_step(struct world *world);

/* From here on all works, until *count is as wanted. */
void world_settle(struct world *world, const uint32_t *count, uint32_t wanted);

/* Gets a version of the register "k"; what came of it is in the got_... */
void world_get(struct world *world, struct node *node, uint64_t version);

/* What was answered is there, through every node; what was decided is applied, once. */
void world_check(struct world *world);

uint32_t world_answered(const struct world *world);

#endif
