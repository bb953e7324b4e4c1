/* SPDX-License-Identifier: MIT */
/* requests.h -- which requests have been seen: the set behind exactly-once.
 *
 * A command is named <origin, incarnation, sequence>. An origin numbers its commands without holes
 * and has at most proposals_max of them open, so a low-water mark and that many bits say it all.
 * Used twice: by the replica for commands performed, where it is a function of the decided log and
 * so the same on all nodes (PMMC section 2.1: a command decided again in a later slot is not
 * performed again), and by the leader for commands that it has proposed in its ballot.
 */
#ifndef DECREE_PAXOS_REQUESTS_H
#define DECREE_PAXOS_REQUESTS_H

#include "quorum.h"

struct request_window {
    uint64_t incarnation;
    uint64_t low;   /* every sequence up to it was seen */
    uint64_t *bits; /* for the proposals_max sequences past it, a ring */
};

struct requests {
    struct request_window windows[DECREE_MEMBERS_MAX];
    uint32_t width; /* bits, a power of two */
};

bool requests_seen(const struct requests *requests, uint32_t member,
                   const struct decree_command *command);
void requests_mark(struct requests *requests, uint32_t member,
                   const struct decree_command *command);
void requests_copy(struct requests *requests, const struct requests *from);

#endif
