/* SPDX-License-Identifier: MIT */
/* volatile_journal.c -- says at once that everything is kept, and keeps nothing.
 *
 * Such a node is as safe as the process is alive: one that comes back has forgotten its votes, and
 * must not take the same place again while a quorum could count them. A peer that is so far behind
 * that it asks for slots which the core has let go cannot be helped; a log line says so.
 */
#include "volatile_journal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct volatile_journal {
    struct journal base;
    const struct journal_sink *sink;
    const struct logger *logger;
    decree_lsn appended;
};

static void append(struct journal *journal, const struct decree_record *records, uint32_t count,
                   decree_lsn sync_lsn)
{
    struct volatile_journal *self = (struct volatile_journal *)journal;

    (void)sync_lsn;
    (void)records;
    self->appended += count;
    if (count > 0)
        self->sink->persisted(self->sink->context, self->appended);
}

static void fetch(struct journal *journal, const struct decree_fetch *fetch)
{
    struct volatile_journal *self = (struct volatile_journal *)journal;

    log_warn(self->logger, "peer_too_far_behind",
             "peer=%" PRIu32 " slot=%" PRIu64
             " reason=\"this node has no data directory and no longer holds it\"",
             fetch->to, fetch->first);
}

static void close_journal(struct journal *journal)
{
    free(journal);
}

static const struct journal_ops ops = {append, fetch, close_journal};

int volatile_journal_open(struct journal **ret_journal, const struct journal_sink *sink,
                          const struct logger *logger)
{
    struct volatile_journal *self = malloc(sizeof(*self));

    assert(sink != NULL);
    if (self == NULL)
        return DECREE_NOMEM;
    *self = (struct volatile_journal){.base = {.ops = &ops}, .sink = sink, .logger = logger};
    *ret_journal = &self->base;
    return 0;
}
