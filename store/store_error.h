/* SPDX-License-Identifier: MIT */
/* store_error.h -- what went wrong with the disk, as a code for the caller and a sentence for
 * people. */
#ifndef DECREE_STORE_ERROR_H
#define DECREE_STORE_ERROR_H

#include <stdbool.h>

struct store_error {
    int code;         /* decree_error: IO, CORRUPT, LOCKED, IDENTITY, VERSION, INVALID, NOMEM */
    int system_errno; /* of the file operation that failed, positive; else 0 */
    bool fatal;       /* a sync failed: what was written since the last one is in doubt; stop */
    char text[512];   /* a sentence that names the file; no full stop, no newline */
};

/* Fills in a code and a sentence and returns code, so that it can end a function. */
__attribute__((format(printf, 4, 5))) int store_error_set(struct store_error *error, int code,
                                                          int system_errno, const char *format,
                                                          ...);

#endif
