/* SPDX-License-Identifier: MIT */
/* register_bed.h -- a few nodes with registers in one process, with their journals and the links
 * between them, moved by hand.
 *
 *     node 1 --records--> journal [ synced | lost by a crash ]
 *            --messages-> links[from][to]  queues: deliver, drop, copy, any place first
 *            --answers--> kept here
 *
 * Nothing happens unless the test says so. Link [0] is for outsiders.
 */
#ifndef DECREE_TESTS_REGISTER_BED_H
#define DECREE_TESTS_REGISTER_BED_H

#include <decree/register.h>

#define BED_NODES_MAX 7u
#define BED_MS UINT64_C(1000000)
#define BED_ANSWERS_MAX 256u
#define BED_VERSIONS_MAX 16u
#define BED_TEXT_MAX 64u

struct bed_link {
    struct decree_register_message *messages; /* oldest first, each with its own key */
    uint32_t count, room;
    bool cut; /* what is sent is lost */
};

struct bed_answer {
    uint64_t name;
    int error;
    uint64_t latest;
    uint32_t rounds, version_count;
    uint64_t versions[BED_VERSIONS_MAX];
    char values[BED_VERSIONS_MAX][BED_TEXT_MAX];
};

struct bed_node {
    struct decree_registers *registers; /* NULL: down */
    struct decree_register_record *journal;
    uint64_t journal_count, journal_room, synced;
    uint64_t sync_number, wake_at_ns;
    bool hangs; /* its disk does nothing while the bed runs */
    struct bed_answer answers[BED_ANSWERS_MAX];
    uint32_t answer_count;
};

struct bed {
    struct decree_registers_config config; /* of all; self and seed differ */
    decree_node_id members[BED_NODES_MAX];
    uint32_t count;
    uint64_t now_ns;
    uint64_t requests; /* names given so far */
    struct bed_node nodes[BED_NODES_MAX + 1];
    struct bed_link links[BED_NODES_MAX + 1][BED_NODES_MAX + 1];
    void *context;
    void (*on_effects)(void *context, decree_node_id node,
                       const struct decree_register_effects *effects); /* may be NULL */
};

/* Members 1 to count, none of them running. */
void bed_init(struct bed *bed, uint32_t count, const struct decree_registers_config *config);
void bed_release(struct bed *bed);

/* Opens the node, gives it its journal back and starts it. */
int bed_start(struct bed *bed, decree_node_id id);
void bed_start_all(struct bed *bed); /* and makes their starts durable */

/* The node is gone, with the records that were not synced. */
void bed_crash(struct bed *bed, decree_node_id id);

/* One event at bed->now_ns, and a take. */
int bed_step(struct bed *bed, decree_node_id id, struct decree_register_event *event);

/* A request; its name, by which bed_answer() finds the answer. 0: it was refused. */
uint64_t bed_set(struct bed *bed, decree_node_id id, const char *key, const char *value,
                 uint64_t version);
uint64_t bed_get(struct bed *bed, decree_node_id id, const char *key, uint64_t version);
uint64_t bed_cas(struct bed *bed, decree_node_id id, const char *key, uint64_t expected,
                 const char *value);
uint64_t bed_history(struct bed *bed, decree_node_id id, const char *key, uint64_t version,
                     uint32_t limit);
uint64_t bed_forget(struct bed *bed, decree_node_id id, const char *key, uint64_t version);
int bed_request(struct bed *bed, decree_node_id id, struct decree_register_request *request);

/* NULL: not yet. */
const struct bed_answer *bed_answer(const struct bed *bed, decree_node_id id, uint64_t name);

/* Everything up to number is durable, all for 0. */
int bed_persist(struct bed *bed, decree_node_id id, uint64_t number);
int bed_deliver(struct bed *bed, decree_node_id from, decree_node_id to, uint32_t place);
void bed_drop(struct bed *bed, decree_node_id from, decree_node_id to, uint32_t place);
void bed_copy(struct bed *bed, decree_node_id from, decree_node_id to, uint32_t place);
/* Puts a message on a link, as if from had sent it. */
void bed_send(struct bed *bed, const struct decree_register_message *message);
int bed_wake(struct bed *bed, decree_node_id id);

/* Until nothing is left to deliver or to sync; no time passes. */
void bed_drain(struct bed *bed);
/* The same, with time: who asked for it is woken. */
void bed_run(struct bed *bed, uint64_t duration_ns);
/* Runs until the answer is there, at most for 10 s; NULL: it did not come. */
const struct bed_answer *bed_await(struct bed *bed, decree_node_id id, uint64_t name);

struct decree_register_key bed_key(const char *text);

#endif
