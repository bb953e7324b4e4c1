/* SPDX-License-Identifier: MIT */
/* master_script.h -- the lines of a script for `decree master`.
 *
 *     ID start N PORT          run process ID of N; again after a crash
 *     ID msg NAME TEXT         give it a text for the log
 *     -1 waitForAck NAME       wait until that text is in the log; an ID in place of -1: who is to
 *                              be asked should the first have crashed
 *     ID get chatLog           print the log as that process has it
 *     ID crash | crashAfterP1b | crashAfterP2b | crashP1a [IDS] | crashP2a [IDS] | crashDecision [IDS]
 *     exit
 *
 * Words are known in any case. What follows a # at the beginning of a line or after a space is for
 * the reader, except in a TEXT.
 */
#ifndef DECREE_CMD_MASTER_SCRIPT_H
#define DECREE_CMD_MASTER_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "sentence.h"

enum script_verb {
    SCRIPT_NOTHING = 1, /* an empty line, or a comment */
    SCRIPT_START,
    SCRIPT_MSG,
    SCRIPT_WAIT,
    SCRIPT_GET,
    SCRIPT_CRASH, /* at once */
    SCRIPT_ARM,   /* at a point */
    SCRIPT_EXIT
};

struct script_line { /* texts point into the line */
    enum script_verb verb;
    int id; /* -1: anybody, with WAIT only */
    uint32_t count;
    uint16_t port;
    const char *name; /* of a message */
    const char *text; /* of a message, or the words for the process */
};

/* Takes the line apart, in place. False: sentence says why it makes no sense. */
bool script_parse(char *line, struct script_line *ret_line, char *sentence);

#endif
