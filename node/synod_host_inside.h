/* SPDX-License-Identifier: MIT */
/* synod_host_inside.h -- what synod_host.c and synod_host_open.c share; nobody else includes it. */
#ifndef DECREE_NODE_SYNOD_HOST_INSIDE_H
#define DECREE_NODE_SYNOD_HOST_INSIDE_H

#include "disk_journal.h"
#include "journal_thread.h"
#include "synod_host.h"
#include "synod_journal.h"
#include "transport.h"
#include "value_source.h"
#include "waker.h"

struct synod_host {
    uv_loop_t *loop;
    struct synod_spec spec;
    struct decree_synod *synod;
    struct synod_journal journal;
    struct journal_thread *thread;
    struct disk_journal *disk; /* until the thread has it */
    struct transport *transport;
    struct value_source value_source;
    const struct logger *logger;
    void (*observe)(void *context, const struct synod_happening *happening);
    void *observe_context;

    bool restored; /* from the disk, and nobody was told yet */
    struct decree_value *first;
    struct decree_value *decided; /* borrowed from the core */
    bool everyone_knows;
    uint64_t propose_at_ns, ask_at_ns, wake_at_ns; /* UINT64_MAX: never */
    uint64_t ask_again_ns;                         /* the wait before the next question */
    decree_node_id told_by;                        /* who said what is decided */

    bool running;
    uint32_t handles; /* that must be closed before the rest */
    bool waker_open;
    struct waker waker;
    uv_prepare_t prepare;
    uv_timer_t timer;
    void (*closed)(void *context);
    void *closed_context;
};

void synod_host_turn(struct synod_host *host);
void synod_host_on_message(void *context, const struct peer_message *message);
void synod_host_on_persisted(void *context, decree_lsn lsn);
void synod_host_notice(struct synod_host *host, const struct synod_happening *happening);

#endif
