/* SPDX-License-Identifier: MIT */
/* exit_status.c -- from errors to statuses. */
#include "exit_status.h"

#include <sysexits.h>

#include <decree/error.h>

#include "commands.h"

int exit_status(int error)
{
    switch ((enum decree_error)error) {
    case DECREE_OK:
        return EXIT_OK;
    case DECREE_INVALID:
    case DECREE_MISUSE:
        return EXIT_USAGE;
    case DECREE_FULL:
    case DECREE_NOMEM:
    case DECREE_LOCKED:
        return EX_TEMPFAIL;
    case DECREE_QUORUM:
    case DECREE_IDENTITY:
    case DECREE_VERSION:
    case DECREE_CORRUPT:
        return EX_CONFIG;
    case DECREE_TOO_LARGE:
    case DECREE_CLOSED:
    case DECREE_IO:
    case DECREE_LOST:
    case DECREE_NOT_FOUND:
    case DECREE_COMPACTED:
    case DECREE_CONFLICT:
        return EX_IOERR;
    }
    return EX_IOERR;
}
