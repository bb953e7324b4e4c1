/* SPDX-License-Identifier: MIT */
/* host_inside.h -- what host.c, host_open.c and host_observe.c share; nobody else includes it. */
#ifndef DECREE_NODE_HOST_INSIDE_H
#define DECREE_NODE_HOST_INSIDE_H

#include "host.h"
#include "host_metrics.h"
#include "journal_thread.h"
#include "waker.h"

#define HOST_TROUBLE_BYTES 512u

struct host {
    uv_loop_t *loop;
    struct waker waker; /* for threads that submit, the journal's and the hub's */
    bool waker_open;
    uv_prepare_t prepare;
    uv_idle_t
        asked; /* active: the engine was asked something since the last turn, so the loop must not sleep */
    uv_timer_t timer;
    uint32_t handles;     /* opened, not yet closed; the transport counts as one */
    uint64_t timer_at_ns; /* when the timer will fire; UINT64_MAX: not set */
    uv_thread_t thread;   /* the loop's */
    bool running;         /* turns may be made */

    struct engine *engine;
    struct disk_journal *disk;             /* while opening */
    struct journal_thread *journal_thread; /* NULL: nothing is kept */
    struct journal *journal;
    struct transport *transport;
    struct transport *peers;   /* the same, if it is one over a network, and not what wraps it */
    enum peer_network network; /* ... of this kind */
    bool (*poll_transport)(struct transport *transport); /* of one that needs it, else NULL */

    struct request_queue requests;
    atomic_bool closing;
    uint32_t value_bytes_max;
    uint32_t register_value_bytes_max; /* 0: without registers */

    uv_mutex_t status_lock;
    struct decree_status status;

    struct cluster_spec cluster;
    decree_node_id self;
    const struct logger *logger;
    struct failpoints *failpoints; /* NULL: none */
    char trouble[HOST_TROUBLE_BYTES];
    uint64_t restored;
    struct histogram turn_ns;
    uint64_t traces[HOST_TRACES], votes, leader_changes;
    void (*after_turn)(void *context);
    void *after_turn_context;
    void (*closed)(void *context);
    void *closed_context;
};

/* The hooks that turn what happens inside into log lines; context is the host. */
void host_on_trace(void *context, const struct decree_trace *trace);
void host_on_trouble(void *context, int system_errno, const char *what);
/* Set only when there are failpoints. */
void host_on_decision(void *context, decree_slot slot, const struct decree_command *command);

/* host_metrics.c */
void host_metrics_init(struct host *host);
void host_count_trace(struct host *host, const struct decree_trace *trace);

/* Tells how restoring goes on, now and then. */
void host_restored_one(struct host *host);

/* Opens the engine, which knows from here on how much a register may hold. Errors: as engine_open(),
 * with a sentence. */
int host_open_engine(struct host *host, const struct host_options *options, char *sentence);

/* The largest that will be written as one record. */
uint32_t host_record_bytes_max(const struct host *host, const struct host_options *options);

/* One turn. */
void host_turn(struct host *host);

/* The timer fired: the turn of this iteration looks at the clock and sets it again. */
void host_on_timer(uv_timer_t *timer);

#endif
