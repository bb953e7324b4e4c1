/* SPDX-License-Identifier: MIT */
/* master.h -- plays scripts: starts processes of the chat log, talks to them, crashes them.
 *
 * A line is done when what it asks for has happened, so nothing needs to sleep: a process that is
 * started answers, one that is crashed is gone, a point is armed, an ack is here. A message goes on
 * its way without waiting, except to a process whose crash was ordered: that is waited for.
 *
 *     waitForAck   If the process that has the message is gone, the message is given to another, as
 *                  the client of any replicated service would do it; a text is never entered twice.
 *                  As long as fewer than a majority run no ack can come: then the wait is put off
 *                  until enough run again, which a later line may see to.
 *     get chatLog  Waits until that process has everything that was acknowledged so far.
 */
#ifndef DECREE_CMD_MASTER_H
#define DECREE_CMD_MASTER_H

#include "master_child.h"

struct master_options {   /* borrowed until master_run() returns */
    const char *script;   /* a file; NULL or "-": standard input */
    const char *folder;   /* NULL: a fresh one, removed at the end */
    bool keep;            /* the fresh folder stays */
    bool quiet;           /* nothing is told but logs and errors */
    uint64_t patience_ms; /* for anything that is waited for */
};

/* Returns the exit status: 0, EXIT_FAILED or EXIT_USAGE, with sentences on standard error; 130 when
 * it was interrupted. */
int master_run(const struct master_options *options);

#endif
