/* SPDX-License-Identifier: MIT */
/* user_program.h -- a program of the user's that a command runs: under a lock, or for an event. */
#ifndef DECREE_CMD_USER_PROGRAM_H
#define DECREE_CMD_USER_PROGRAM_H

#include <signal.h>
#include <sys/types.h>

/* Looks for program[0] in PATH, and starts it with these arguments and the SIGPIPE that it would have
 * without us. mask: the signals that it blocks; NULL: those that we do. Returns 0 or an errno. */
int user_program_start(char **program, char **environment, const sigset_t *mask, pid_t *ret_pid);

#endif
