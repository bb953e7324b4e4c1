/* SPDX-License-Identifier: MIT */
/* voter.h -- the acceptor of one key, as in "Paxos Made Simple", for all its versions.
 *
 *     query    -> state                        what stands there, without a promise
 *     prepare  -> promise | refused
 *     accept   -> accepted | refused | decided
 *     decided                                  learned
 *     compact  -> state                        forgets, below what is known to be chosen
 *
 * A promise, a vote or the end of old versions is answered for when its record is durable. A state
 * waits for the records of its key too: it may be counted as a vote. What is decided needs no
 * record to be true; the record saves asking again after a restart.
 *
 * COMPACTION. An acceptor that has forgotten a version never promises, votes or reports there
 * again: to that instance it is like one that has failed for good, so nothing can be chosen there
 * that was not before. It only forgets below a version that it knows to be chosen, and that one it
 * reports for ever, or a later one: so whoever asks for the latest version misses nothing, whatever
 * is forgotten meanwhile. Who is in the middle of an old version is told so, and whose instance it
 * is: a reader of that version gives up, a reader of the latest asks again, a proposer asks for a
 * new promise. A restart after a compaction that is not in a record brings the versions back, votes
 * and all, as if it had not happened.
 */
#ifndef DECREE_REGISTER_VOTER_H
#define DECREE_REGISTER_VOTER_H

#include "cell.h"
#include "register_record.h"
#include "tray.h"

struct voter {
    struct tray *tray;
    uint64_t keep; /* versions of a key; 0: all */
};

/* One of the messages above, from a member, this node, or an outsider (node 0). NOMEM: nothing has
 * changed. */
int voter_on_message(struct voter *voter, struct cell *cell,
                     const struct decree_register_message *message);

/* A record of an earlier run, oldest first. NOMEM, or CORRUPT: it contradicts those before. */
int voter_restore(struct voter *voter, struct cell *cell, const struct register_record *record);

#endif
