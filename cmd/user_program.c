/* SPDX-License-Identifier: MIT */
/* user_program.c -- see user_program.h. */
#include "user_program.h"

#include <spawn.h>

#include "output.h"

int user_program_start(char **program, char **environment, const sigset_t *mask, pid_t *ret_pid)
{
    posix_spawnattr_t attributes;
    sigset_t defaults;
    short flags = 0;
    int error = posix_spawnattr_init(&attributes);

    if (error != 0)
        return error;
    sigemptyset(&defaults);
    if (output_keeps_sigpipe()) {
        sigaddset(&defaults, SIGPIPE);
        flags |= POSIX_SPAWN_SETSIGDEF;
    }
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (mask != NULL) {
        posix_spawnattr_setsigmask(&attributes, mask);
        flags |= POSIX_SPAWN_SETSIGMASK;
    }
    posix_spawnattr_setflags(&attributes, flags);
    error = posix_spawnp(ret_pid, program[0], NULL, &attributes, program, environment);
    posix_spawnattr_destroy(&attributes);
    return error;
}
