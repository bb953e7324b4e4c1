/* SPDX-License-Identifier: MIT */
/* cores.h -- a few cores in one process, with their journals and the links between them, moved by
 * hand.
 *
 *     core 1 --records--> journal [ synced | lost by a crash ]
 *            --messages-> links[from][to]  queues: deliver, drop, copy, any place first
 *            --decisions, reads, fetches-> kept here
 *
 * Nothing happens unless the test says so. Whatever comes out is judged at once, by rules that know
 * nothing of how the core works: see the list in cores.c. The first offence is kept in failure.
 */
#ifndef DECREE_TESTS_CORES_H
#define DECREE_TESTS_CORES_H

#include <decree/paxos.h>

#include "invariants.h"

#define CORES_MAX 7u
#define CORES_MS UINT64_C(1000000)

struct cores_journal {
    struct decree_record *records; /* lsn is the index plus one */
    uint64_t count, synced, room;
};

struct cores_link {
    struct decree_message *messages; /* oldest first, each with its own pvalues */
    uint32_t count, room;
    bool cut; /* what is sent is lost */
};

struct cores_read {
    uint64_t name;
    uint64_t floor; /* slots that somebody had delivered when the read was asked */
    bool answered;
};

struct cores_node {
    struct cores *cores;
    decree_node_id id;
    struct decree_paxos *core; /* NULL: down */
    struct cores_journal journal;
    bool hangs;         /* its disk does nothing while the world runs */
    uint64_t delivered; /* in this run */
    struct invariants_past past;
    uint64_t wake_at_ns;
    decree_lsn sync_lsn;
    struct cores_read reads[256];
    uint32_t read_count;
    struct decree_fetch fetches[16];
    uint32_t fetch_count;
};

struct cores_proposal { /* a value that was sent in a p2a */
    struct decree_ballot ballot;
    decree_slot slot;
    struct decree_command command;
};

struct cores {
    struct decree_config config; /* of all; self and seed differ */
    decree_node_id members[CORES_MAX];
    uint32_t count;
    uint64_t now_ns;
    uint64_t takes;
    bool lazy; /* while the world runs, disks sync only what somebody waits for */
    struct cores_node nodes[CORES_MAX];
    struct cores_link links[CORES_MAX][CORES_MAX];
    struct decree_pvalue *decided; /* slot is the index plus one */
    uint64_t decided_count, decided_room;
    struct cores_proposal *proposals;
    uint32_t proposal_count, proposal_room;
    char failure[200]; /* empty: no rule was broken */
    void *context;
    void (*on_trace)(void *context, decree_node_id node, const struct decree_trace *trace);
    void (*on_effects)(void *context, decree_node_id node, const struct decree_effects *effects);
};

/* Members 1 to count, none of them running. limits: self, members, trace, alloc and context are
 * ours. */
void cores_init(struct cores *cores, uint32_t count, const struct decree_config *limits);
void cores_release(struct cores *cores);

struct cores_node *cores_node(struct cores *cores, decree_node_id id);

/* Opens the core, gives it its journal back and starts it. An error of open or restore. */
int cores_start(struct cores *cores, decree_node_id id);

/* The node is gone, with the records past kept; those up to the last sync are always kept. */
void cores_crash(struct cores *cores, decree_node_id id, decree_lsn kept);

/* One event at cores->now_ns; what a take would then hand out stays inside. */
int cores_offer(struct cores *cores, decree_node_id id, struct decree_event *event);
void cores_take(struct cores *cores, decree_node_id id);

/* The common events, each followed by a take. */
int cores_propose(struct cores *cores, decree_node_id id, const char *text);
int cores_read(struct cores *cores, decree_node_id id, uint64_t name);
int cores_wake(struct cores *cores, decree_node_id id);
/* Everything up to lsn is durable, all for 0. */
int cores_persist(struct cores *cores, decree_node_id id, decree_lsn lsn);
/* The message at this place of the queue; a message that meets FULL stays there. */
int cores_deliver(struct cores *cores, decree_node_id from, decree_node_id to, uint32_t place);
void cores_drop(struct cores *cores, decree_node_id from, decree_node_id to, uint32_t place);
/* Puts a copy of a queued message behind the others. */
void cores_copy(struct cores *cores, decree_node_id from, decree_node_id to, uint32_t place);
/* Puts a message on a link, as if from had sent it; its pvalues are copied, their values referred
 * to. */
void cores_send(struct cores *cores, const struct decree_message *message);
/* Answers the oldest fetch from the node's journal. */
int cores_fetch(struct cores *cores, decree_node_id id);

/* A quick network and disk: everything is delivered and durable at once, and who asked for it is
 * woken. */
void cores_run(struct cores *cores, uint64_t duration_ns);
/* The same without time: until nothing is left to deliver or to sync. */
void cores_drain(struct cores *cores);

/* The running node that leads, in the highest ballot if several think so; 0: none. */
decree_node_id cores_leader(const struct cores *cores);
/* Runs until some node leads, at most for this long. */
decree_node_id cores_elect(struct cores *cores, uint64_t limit_ns);
struct decree_status cores_status(const struct cores *cores, decree_node_id id);

/* Mixes everything that the effects say, values too, into a digest. */
uint64_t cores_digest(uint64_t digest, const struct decree_effects *effects);

bool cores_same_command(const struct decree_command *a, const struct decree_command *b);

#endif
