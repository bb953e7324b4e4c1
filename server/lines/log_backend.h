/* SPDX-License-Identifier: MIT */
/* log_backend.h -- the ordered log on a node of this process: the log itself, and its engine. */
#ifndef DECREE_SERVER_LOG_BACKEND_H
#define DECREE_SERVER_LOG_BACKEND_H

#include "host.h"
#include "machines.h"
#include "ordered_log.h"

struct log_backend {
    struct host *host; /* NULL: not yet, no more, or just being opened again */
    struct ordered_log *items;
    struct ordered_log_result result; /* of the last command applied */
    const struct machines *machines;  /* of which it is one, for the status */
    const struct cluster_spec *cluster;
    decree_node_id self;
    uint32_t item_bytes_max; /* of a whole command */
};

/* cluster is borrowed, and so is machines, which gets this one. Errors: NOMEM. */
int log_backend_init(struct log_backend *backend, const struct cluster_spec *cluster,
                     decree_node_id self, struct machines *machines);
void log_backend_release(struct log_backend *backend);

/* Forgets all items: they are about to be replayed. Errors: NOMEM. */
int log_backend_restart(struct log_backend *backend);

/* A command of these values, to be proposed; one reference. Errors: TOO_LARGE, NOMEM. */
int log_backend_make(const struct log_backend *backend, uint64_t request_id,
                     const struct decree_log_value *values, uint32_t value_count,
                     struct decree_value **ret_command);

/* done gets a const struct ordered_log_result, borrowed for the call. Errors: FULL, also while there
 * is no node. */
int log_backend_propose(struct log_backend *backend, struct decree_value *command,
                        decree_done *done, void *argument);
int log_backend_read(struct log_backend *backend, decree_done *done, void *argument);

#endif
