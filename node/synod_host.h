/* SPDX-License-Identifier: MIT */
/* synod_host.h -- one synod on a libuv loop, with a real clock, disk and network.
 *
 *     sockets, timer, journal thread --> the callbacks of one iteration of the loop --> one turn
 *
 *     turn:  journal_thread_poll               what has become durable
 *            propose, ask                      when their time has come
 *            take -> journal, transport        a record; messages
 *            observer                          what happened, for people
 *
 * The turn hangs on a uv_prepare handle: once, after all callbacks of an iteration. What this node
 * has not heard of it asks for: at the start, and again and again until it knows the value. All on
 * the loop's thread, which must ignore or block SIGPIPE.
 */
#ifndef DECREE_NODE_SYNOD_HOST_H
#define DECREE_NODE_SYNOD_HOST_H

#include <uv.h>

#include <decree/synod.h>

#include "fs.h"
#include "logger.h"
#include "peer_network.h"
#include "synod_spec.h"

#define SYNOD_VALUE_BYTES_MAX (1u << 20)

/* X(name, text, what): ballot and value as they apply; peer: the other node, or 0. */
#define SYNOD_HAPPENING_TABLE(X)                                                                  \
    X(RESTORED, "restored")     /* from disk: ballot promised, voted, value; decided: chosen */   \
    X(PROPOSING, "propose")     /* the time has come to propose value */                          \
    X(PREPARING, "prepare")     /* ballot begun and claimed here; asks the others for promises */ \
    X(PROMISE_HEARD, "promise") /* by peer for our ballot; voted, value: its last vote */         \
    X(PROMISE_GIVEN, "promise") /* to peer's ballot; voted, value: our last vote */               \
    X(ACCEPTING, "accept")      /* enough promises: asks the others to vote for value */          \
    X(VOTE_HEARD, "vote")       /* by peer, in our ballot */                                      \
    X(VOTE_GIVEN, "vote")       /* for value, in peer's ballot */                                 \
    X(REFUSAL_HEARD, "refuse")  /* by peer; ballot: the higher one that it promised */            \
    X(REFUSAL_GIVEN, "refuse")  /* to peer; ballot: the higher one that we promised */            \
    X(CHOSEN, "chosen")         /* value; peer told us, or 0: we counted the votes */             \
    X(TOLD, "told")             /* everyone has the value on disk */

enum synod_happening_type {
    SYNOD_HAPPENING_NONE = 0,
#define SYNOD_HAPPENING_ENUM(name, text) SYNOD_##name,
    SYNOD_HAPPENING_TABLE(SYNOD_HAPPENING_ENUM)
#undef SYNOD_HAPPENING_ENUM
};

struct synod_happening { /* borrowed for the call */
    enum synod_happening_type type;
    decree_node_id peer;
    struct decree_ballot ballot, voted;
    const struct decree_value *value;
    bool decided;
};

struct synod_host;

struct synod_host_options { /* copied, but fs and logger */
    struct synod_spec spec;
    enum peer_network kind;
    const char *data_dir;       /* made if missing, with its parents */
    struct decree_value *first; /* to be proposed; NULL: only helps. A reference is taken */
    uint64_t propose_after_ns;  /* unless the value is known by then */
    struct fs *fs;              /* NULL: the system's */
    const struct logger *logger;
    void (*observe)(void *context, const struct synod_happening *happening); /* may be NULL */
    void *observe_context;
};

/* Opens the data directory, restores the state, listens; does not run the loop, except to clean up
 * after a failure. sentence holds SENTENCE_BYTES. Errors: INVALID, NOMEM, IO, LOCKED,
 * IDENTITY, VERSION, CORRUPT. */
int synod_host_open(struct synod_host **ret_host, uv_loop_t *loop,
                    const struct synod_host_options *options, char *sentence);

/* The value, borrowed; NULL: not known to be chosen. */
struct decree_value *synod_host_value(const struct synod_host *host);

/* Begins to close: the disk gets what is queued; then closed(context) is called, from the loop,
 * and the host is gone. Not from observe. */
void synod_host_close(struct synod_host *host, void (*closed)(void *context), void *context);

/* "propose" and the like. */
const char *synod_happening_name(enum synod_happening_type type);

#endif
