/* SPDX-License-Identifier: MIT */
/* process_server.h -- one process of the replicated chat log: a node with all roles, and the port
 * where a master talks to it.
 *
 * To the process, lines; the words are known in any case:
 *
 *     msg ID TEXT          put the text into the log; ID is the sender's name for it
 *     get chatLog [SLOT]   the log; with SLOT, as soon as every slot up to it is there
 *     crash                stop at once
 *     crashAfterP1b        ... after the next promise
 *     crashAfterP2b        ... after the next vote
 *     crashP1a [IDS]       ... when it next asks for promises, having asked only the processes named
 *     crashP2a [IDS]       ... when it next asks for votes, likewise
 *     crashDecision [IDS]  ... when it next has led to a decision, having told only those named
 *     ping, help
 *
 * From the process, each with its length before it and nothing between them:
 *
 *     LENGTH-ack ID SLOT       the text stands in SLOT; a text that was there before, in its old one
 *     LENGTH-chatLog A,B,C     the texts in the order of their slots
 *     LENGTH-pong, LENGTH-help ..., LENGTH-error SENTENCE
 *
 * A point that only who leads can reach makes the next msg at this process open a ballot of its
 * own. Apart from that a process opens one only while a message of its own waits, so what a crash
 * left undecided stays so until somebody has something to say.
 */
#ifndef DECREE_CMD_PROCESS_SERVER_H
#define DECREE_CMD_PROCESS_SERVER_H

#include "logger.h"
#include "run_folder.h"

struct process_options { /* borrowed until process_run() returns */
    uint32_t id, count;
    uint16_t port;
    bool any_port; /* if port is taken, another will do */
    const char *folder;
    const struct logger *logger;
};

/* Prints one line that begins with 'ready' on standard output when the port answers, and serves
 * until SIGTERM or SIGINT; then it returns 0. A decree_error if it could not start; sentence, of
 * SENTENCE_BYTES, says why. */
int process_run(const struct process_options *options, char *sentence);

#endif
