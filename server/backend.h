/* SPDX-License-Identifier: MIT */
/* backend.h -- the port through which the services of the server reach the replicated store.
 *
 *     kv_service, cluster_service, ...  -- propose, read, kv, status, member -->  backend
 *     register_service, paxoskv_service -- ask_register, call_acceptor -------->
 *                                       <-- done -------------------------------
 *
 * An adapter embeds struct backend as its first member. All calls and completions happen on the
 * loop thread. propose and read may be called at any time but from inside a completion; the adapter
 * sees to it that a turn follows. A completion is called exactly once, always later, never from
 * inside propose or read.
 */
#ifndef DECREE_SERVER_BACKEND_H
#define DECREE_SERVER_BACKEND_H

#include <decree/node.h>

#include "kv.h"

enum lease_event {
    LEASE_RENEWED = 1, /* granted, too */
    LEASE_ENDED,
    LEASE_WRITTEN_DOWN, /* how much time it has left */
    LEASE_ASKED         /* somebody wants it written down */
};

struct host_metrics;

struct backend {
    const struct backend_ops *ops;
    uint64_t cluster_id; /* see backend_cluster_id(); neither changes */
    uint64_t member_id;
    /* Told of each lease that a command was about, after it was applied; perhaps there is no such
     * lease. NULL: nobody is. */
    void (*lease_applied)(void *context, int64_t id, enum lease_event event);
    void *lease_context;
    uint64_t leases_granted, leases_revoked, leases_expired; /* expired ones are revoked too */
    /* What the node below counts; false, or NULL: nothing. */
    bool (*metrics)(struct backend *backend, struct host_metrics *ret_metrics);
};

struct backend_member { /* strings are borrowed until the next turn of the loop */
    uint64_t id;
    const char *name;
    const char *peer_url;   /* such as "http://127.0.0.1:2380" */
    const char *client_url; /* NULL: not known yet */
};

struct backend_status {
    uint64_t leader_id;            /* 0: none known */
    uint64_t term;                 /* the round of the leader's ballot */
    uint64_t decided;              /* slots known to be decided */
    uint64_t applied;              /* slots applied to the store */
    uint64_t storage_bytes;        /* on disk, or in memory if there is no disk */
    uint64_t storage_in_use_bytes; /* of these, what is still needed */
    int64_t storage_quota_bytes;   /* writes fail when more are in use; negative: there is none */
    const char
        *trouble; /* a sentence for people, borrowed until the next turn; NULL: all is well */
};

/* Called once; reply is borrowed for the call. error: 0, or LOST, and then reply is NULL. */
typedef void backend_replied(void *argument, int error,
                             const struct decree_register_message *reply);

#define BACKEND_NO_SPACE 1 /* beside the errors below, of one who asked room() first */

struct backend_ops {
    /* Orders a command of kv/command.h. command is borrowed; the adapter takes its own reference.
     * done gets a const struct kv_result as result, borrowed for the call; on an error, nothing.
     * Errors, without a call of done: FULL (offer again later), TOO_LARGE, CLOSED, NOMEM. */
    int (*propose)(struct backend *backend, struct decree_value *command, decree_done *done,
                   void *argument);

    /* done is called when the store shows all that was decided before this call. Errors: FULL,
     * CLOSED. */
    int (*read)(struct backend *backend, decree_done *done, void *argument);

    /* The store as of now. */
    const struct kv *(*kv)(struct backend *backend);

    /* The outcome, by the store as of now, of a txn command that only reads; borrowed until the next
     * of these calls or the next turn. */
    const struct kv_result *(*query)(struct backend *backend, const struct decree_value *command);

    /* The round of the leader's ballot: cheap, asked for with every response. */
    uint64_t (*term)(struct backend *backend);

    void (*status)(struct backend *backend, struct backend_status *ret_status);

    /* The members, index from 0; false past the last. */
    bool (*member)(struct backend *backend, size_t index, struct backend_member *ret_member);

    /* Asks something of the registers. Errors, without a call of done: FULL, INVALID, TOO_LARGE,
     * NOMEM, CLOSED; MISUSE: there are none. */
    int (*ask_register)(struct backend *backend, const struct decree_register_request *request,
                        decree_register_done *done, void *argument);

    /* Asks this member's acceptor of registers: a PREPARE or an ACCEPT of a proposer that is no
     * member. Errors, without a call of done: as before. */
    int (*call_acceptor)(struct backend *backend, const struct decree_register_message *message,
                         backend_replied *done, void *argument);

    /* Does a command that takes so many bytes of room fit into the store? If not, the alarm that
     * tells so is raised. Asked for before propose. */
    bool (*room)(struct backend *backend, size_t size);

    /* Asks another member to lead, if this one does. It may come to nothing. */
    void (*hand_over)(struct backend *backend, uint64_t member_id);
};

/* For adapters, after each command: counts what it did to a lease, and tells lease_applied. */
void backend_tell_leases(struct backend *backend, const uint8_t *command, size_t size,
                         const struct kv_result *result);

/* Ids as clients see them: the same on every member and after every restart. Never 0. */
uint64_t backend_cluster_id(const char *cluster_token);
uint64_t backend_member_id(const char *cluster_token, const char *member_name);

#endif
