/* SPDX-License-Identifier: MIT */
/* publisher.h -- has the log tell all members where clients reach this one.
 *
 *     the store has it otherwise, or not at all --> COMMAND_MEMBER to the log --> looks again
 *
 * What the store says of this member is looked at once a second (more often until it serves), which
 * costs nothing, and a command is made only if it is not what it should be. So a restart with the same
 * addresses adds nothing to the log, and whatever an earlier run had under way is put right.
 *
 * It is also who notices that the cluster works: once the store has it, and a read that saw all that
 * was decided came back, the log says that requests are served.
 */
#ifndef DECREE_SERVER_PUBLISHER_H
#define DECREE_SERVER_PUBLISHER_H

#include <uv.h>

#include "backend.h"
#include "logger.h"

struct publisher {
    struct backend *backend;
    const char *name, *urls;
    size_t url_count;
    const struct logger *logger;
    uv_timer_t timer;
    bool open, under_way;
    bool told; /* that requests are served, in the log */
};

/* Starts. urls: so many strings, one behind the other. All is borrowed until the backend has nothing
 * of it any more. */
void publisher_open(struct publisher *publisher, uv_loop_t *loop, struct backend *backend,
                    const char *name, const char *urls, size_t url_count,
                    const struct logger *logger);

/* Its timer is closed when the loop runs next. One that was not opened need not be closed. */
void publisher_close(struct publisher *publisher);

/* What a member told of itself, or NULL. */
const struct kv_member *publisher_find(const struct kv *kv, uint64_t member_id);

#endif
