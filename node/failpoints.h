/* SPDX-License-Identifier: MIT */
/* failpoints.h -- places where a node can be made to stop as if its power was cut.
 *
 *     core --> engine --> [failpoints] --> transport        p1a p1b p2a p2b decision
 *                         [failpoints] --> files            journal-write journal-sync
 *
 * A point is armed with before or after. The next time the node comes by, the process kills itself:
 * nothing is flushed, closed or answered. A point where messages are sent may name receivers: then
 * it is passed for these alone, what was for others is lost, and the process ends. So a message that
 * reached some and not others, the hard case of every proof, can be had at will.
 *
 * Failpoints are put around what a node uses, so a node without them has nothing of them in it. A
 * node's messages to itself are never sent; its own promise counts as given when its first p1a is
 * about to leave, its own vote once it is on disk. A leader tells of decisions late and on the back
 * of other messages; the point named decision is where it knows, before its own client is answered,
 * and whoever is named is told there.
 *
 * All on the loop's thread, except where the journal's thread comes by a journal point.
 */
#ifndef DECREE_NODE_FAILPOINTS_H
#define DECREE_NODE_FAILPOINTS_H

#include "fs.h"
#include "logger.h"
#include "transport.h"

/* X(name, text, sends: it has receivers, help) */
#define FAILPOINT_TABLE(X)                                                               \
    X(P1A, "p1a", true, "asks for promises: phase 1 of a ballot of its own")             \
    X(P1B, "p1b", true, "answers a p1a, with its promise")                               \
    X(P2A, "p2a", true, "asks for votes: phase 2")                                       \
    X(P2B, "p2b", true, "answers a p2a, with its vote")                                  \
    X(DECISION, "decision", true, "has led to a decision, and tells of it")              \
    X(JOURNAL_WRITE, "journal-write", false, "writes a batch of records to its journal") \
    X(JOURNAL_SYNC, "journal-sync", false, "makes the journal durable")

enum failpoint {
    FAILPOINT_NONE = 0,
#define FAILPOINT_ENUM(name, text, sends, help) FAILPOINT_##name,
    FAILPOINT_TABLE(FAILPOINT_ENUM)
#undef FAILPOINT_ENUM
        FAILPOINTS
};

enum failpoint_when { FAILPOINT_NEVER = 0, FAILPOINT_BEFORE, FAILPOINT_AFTER };

#define FAILPOINT_TO_ALL UINT32_MAX

struct failpoints;

struct failpoints_options {
    decree_node_id self;
    uint32_t member_count;
    const char *name;            /* for log lines; borrowed */
    const struct logger *logger; /* borrowed; may be NULL */
    /* Instead of SIGKILL, for tests; afterwards nothing is let through. On any thread. */
    void (*die)(void *context, enum failpoint point, enum failpoint_when when);
    void *die_context;
};

/* Errors: NOMEM. */
int failpoints_new(struct failpoints **ret_failpoints, const struct failpoints_options *options);

/* After the node is closed. NULL is fine. */
void failpoints_free(struct failpoints *failpoints);

/* receivers: a bit for each member, 1 << (id - 1); looked at with AFTER where messages are sent.
 * Arming a point again replaces what was said before. */
void failpoints_arm(struct failpoints *failpoints, enum failpoint point, enum failpoint_when when,
                    uint32_t receivers);
void failpoints_disarm(struct failpoints *failpoints, enum failpoint point);

/* NEVER: it is not armed. ret_receivers may be NULL. */
enum failpoint_when failpoints_armed(const struct failpoints *failpoints, enum failpoint point,
                                     uint32_t *ret_receivers);

/* Whether all of these members, self aside, have answered this node since they could be reached
 * last: what is sent to them then does not wait in this process when it dies. */
bool failpoints_reaches(const struct failpoints *failpoints, uint32_t receivers);

/* Here and now. */
void failpoints_crash(struct failpoints *failpoints);

/* NONE for what is no point; static texts. */
enum failpoint failpoint_find(const char *text);
const char *failpoint_name(enum failpoint point);
const char *failpoint_help(enum failpoint point);
bool failpoint_sends(enum failpoint point);

/* ---- for who puts a node together ---- */

/* The system's files with the journal's points; as long as failpoints live. */
struct fs *failpoints_fs(struct failpoints *failpoints);

/* The transport with the points of messages in front; once. status tells how the core is. */
struct transport *failpoints_transport(struct failpoints *failpoints, struct transport *transport,
                                       void (*status)(void *context,
                                                      struct decree_status *ret_status),
                                       void *status_context);

/* The sink for that transport: hears who answers, and hands on. sink is copied. */
struct transport_sink failpoints_sink(struct failpoints *failpoints,
                                      const struct transport_sink *sink);

/* For the engine's hook of this name. */
void failpoints_on_decision(struct failpoints *failpoints, decree_slot slot);

#endif
