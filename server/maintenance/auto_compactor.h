/* SPDX-License-Identifier: MIT */
/* auto_compactor.h -- compacts by itself, if this member leads, as auto_compaction.h says: through
 * the log, as a client's request would be. All on the loop's thread. */
#ifndef DECREE_SERVER_AUTO_COMPACTOR_H
#define DECREE_SERVER_AUTO_COMPACTOR_H

#include <uv.h>

#include "auto_compaction.h"
#include "backend.h"
#include "logger.h"

struct auto_compactor {
    struct auto_compaction compaction;
    struct backend *backend;
    const struct logger *logger;
    uv_timer_t timer;
    uint64_t began_ms; /* of the one under way */
    int64_t revision;  /* of the one under way; 0: there is none */
    bool open;
};

/* Starts, unless the mode is AUTO_COMPACTION_OFF. backend and logger are borrowed until the backend has
 * nothing of it any more. Errors: NOMEM. */
int auto_compactor_open(struct auto_compactor *compactor, uv_loop_t *loop, struct backend *backend,
                        const struct auto_compaction_options *options, const struct logger *logger);

/* Its timer is closed when the loop runs next. One that was not opened need not be closed. */
void auto_compactor_close(struct auto_compactor *compactor);

#endif
