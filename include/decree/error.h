/* SPDX-License-Identifier: MIT */
/* error.h -- every error that decree reports, from one table.
 *
 * Functions return 0 or one of these negative codes. decree_error_text() gives the sentence for
 * people, decree_error_name() the word for programs. Both return static strings and may be called
 * by any thread.
 */
#ifndef DECREE_ERROR_H
#define DECREE_ERROR_H

/* X(name, code, text) */
#define DECREE_ERROR_TABLE(X)                                                                      \
    X(FULL, -1, "no room now: take effects or wait, then offer the same again")                    \
    X(MISUSE, -2, "the caller broke a rule of the interface")                                      \
    X(NOMEM, -3, "out of memory")                                                                  \
    X(CORRUPT, -4, "stored records are damaged or contradict each other: do not run")              \
    X(QUORUM, -5, "unsafe quorum: prepare_quorum + vote_quorum must exceed the number of members") \
    X(INVALID, -6, "an argument is out of range")                                                  \
    X(TOO_LARGE, -7, "the command is larger than the configured maximum")                          \
    X(CLOSED, -8, "the node is closing")                                                           \
    X(LOCKED, -9, "another process uses this data directory")                                      \
    X(IDENTITY, -10, "the data directory belongs to another cluster or member")                    \
    X(IO, -11, "an input or output operation failed")                                              \
    X(VERSION, -12, "written by another, unknown version of the format")                           \
    X(LOST, -13, "outcome unknown: the node restarted or gave up before the command was decided")  \
    X(NOT_FOUND, -14, "no such thing")                                                             \
    X(COMPACTED, -15, "compacted: so old a version is not kept any more")                          \
    X(CONFLICT, -16, "something else is there already")

enum decree_error {
    DECREE_OK = 0,
#define DECREE_ERROR_ENUM(name, code, text) DECREE_##name = (code),
    DECREE_ERROR_TABLE(DECREE_ERROR_ENUM)
#undef DECREE_ERROR_ENUM
};

/* A sentence for people, never NULL; unknown codes get a sentence too. */
const char *decree_error_text(int error);

/* The name without its prefix, such as "FULL"; "OK" for 0, "UNKNOWN" for a code not in the
 * table. */
const char *decree_error_name(int error);

#endif
