/* SPDX-License-Identifier: MIT */
/* exit_status.h -- how a process that serves ends: sysexits.h, so that a supervisor can tell what
 * is worth another try. */
#ifndef DECREE_CMD_EXIT_STATUS_H
#define DECREE_CMD_EXIT_STATUS_H

/* The status for 0 or a decree_error. */
int exit_status(int error);

#endif
