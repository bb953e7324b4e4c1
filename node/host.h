/* SPDX-License-Identifier: MIT */
/* host.h -- an engine on a libuv loop, with a real clock, disk and network.
 *
 *     sockets, timers, threads --> the callbacks of one iteration of the loop --> one turn
 *
 *     turn:  journal_thread_poll, poll_transport            what the other threads have done
 *            requests -> engine until it is full            in order; the rest stays queued
 *            engine_turn
 *            status for other threads, timer, after_turn
 *
 * The turn hangs on a uv_prepare handle, so it runs once, after all callbacks of an iteration and
 * just before the loop would sleep: many steps, one take, one write to the disk and one to each
 * peer.
 *
 * All on the loop's thread unless said otherwise. The loop's thread must ignore or block SIGPIPE.
 */
#ifndef DECREE_NODE_HOST_H
#define DECREE_NODE_HOST_H

#include <uv.h>

#include "cluster_spec.h"
#include "engine.h"
#include "failpoints.h"
#include "logger.h"
#include "peer_network.h"
#include "request_queue.h"

struct host;

struct host_options { /* copied, strings too; 0 and NULL take the defaults */
    struct cluster_spec cluster;
    decree_node_id self;
    const char *cluster_token; /* default "decree" */
    const char *data_dir;      /* NULL: nothing is kept */
    enum peer_network network; /* between members that have an address; default tcp */
    const char *listen_host;   /* for the other members; NULL: at this one's own address */
    uint16_t listen_port;
    struct decree_hub *hub;             /* talk through memory instead */
    struct decree_transport *transport; /* talk over this instead */
    struct decree_machine machine;
    uint32_t prepare_quorum, vote_quorum;
    uint32_t heartbeat_ms, election_ms;
    uint32_t value_bytes_max;
    bool without_registers;
    uint64_t register_versions;    /* kept of each key; default: all */
    bool scout_on_demand;          /* as in decree_config */
    struct failpoints *failpoints; /* borrowed; NULL: none; not with a hub */
    struct fs *fs;                 /* of the journal; borrowed; default: fs_system() */
    const struct logger *logger;   /* borrowed; may be NULL */
    /* A sync failed; called on the journal's thread. Nothing is written from then on: the owner
     * closes the host, and may open it again, which reads back what is surely on disk. NULL: the
     * process ends, with 74. */
    void (*journal_failed)(void *context, const char *sentence);
    void *journal_failed_context;
    /* After completions were called; may be NULL. May ask more of the engine: another turn
     * follows. */
    void (*after_turn)(void *context);
    void *after_turn_context;
};

/* Opens the data directory, replays it, listens and starts; does not run the loop, except to clean
 * up after a failure. sentence holds SENTENCE_BYTES. Errors: as decree_node_open(). */
int host_open(struct host **ret_host, uv_loop_t *loop, const struct host_options *options,
              char *sentence);

/* Any thread. Takes a request on its way; it is completed with 0 or LOST, or, of a
 * register, with its answer. Errors, and the request is still the caller's: FULL, TOO_LARGE,
 * INVALID, MISUSE, CLOSED. */
int host_submit(struct host *host, struct request *request);

/* The engine, its clock set, for engine_propose() and engine_read() outside of completions: what is
 * asked of it is handed out when this iteration of the loop ends. NULL: the host is closing. */
struct engine *host_engine(struct host *host);

/* After host_engine(): what was asked found no room, so the loop need not stay awake for it. */
void host_not_taken(struct host *host);

/* Any thread. The status as of the last turn. */
void host_status(struct host *host, struct decree_status *ret_status);

/* The same for the loop's thread, without a copy; borrowed until the next turn. */
const struct decree_status *host_latest_status(const struct host *host);

/* What the journal complains of, or NULL when all is well; borrowed until the next turn. */
const char *host_trouble(const struct host *host);

/* Begins to close: no more turns; the disk gets what is queued; everything open completes with
 * LOST; then closed(context) is called, from the loop, and the host is gone. Not from a
 * completion. */
void host_close(struct host *host, void (*closed)(void *context), void *context);

#endif
