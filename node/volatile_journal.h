/* SPDX-License-Identifier: MIT */
/* volatile_journal.h -- the journal of a node without a data directory: nothing is kept. */
#ifndef DECREE_NODE_VOLATILE_JOURNAL_H
#define DECREE_NODE_VOLATILE_JOURNAL_H

#include "journal.h"
#include "logger.h"

/* sink and logger are borrowed. Errors: NOMEM. */
int volatile_journal_open(struct journal **ret_journal, const struct journal_sink *sink,
                          const struct logger *logger);

#endif
